"""safetensors files of the real library, alone and as shards, through `flywheel convert` and back."""

import json
import random
import shutil
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

import checkpoint
from support import SCHEMAS, TestCase, flip_bit, newest, temporary_files, write_structured

DOCUMENT = "flywheel.metadata"
SHAPES = [(), (1,), (0,), (7,), (3, 5), (4, 0), (2, 3, 4)]
NUMPY = [
    "bool", "uint8", "int8", "uint16", "int16", "float16", "uint32", "int32", "float32", "uint64",
    "int64", "float64", "complex64",
]  # fmt: skip
TORCH = [
    "bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32", "uint32", "float32",
    "complex64", "float64", "int64", "uint64", "float8_e4m3fn", "float8_e5m2",
]  # fmt: skip
# Flywheel carries these, and does not look into them.
CARRIED = ["float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


def content(count: int, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(count)


def numpy_arrays() -> dict[str, np.ndarray]:
    arrays = {}
    for number, name in enumerate(NUMPY):
        for shape in SHAPES:
            dtype = np.dtype(name)
            count = int(np.prod(shape, dtype=int))
            array = np.frombuffer(content(count * dtype.itemsize, number), dtype)
            if dtype == bool:
                array = np.frombuffer(content(count, number), np.uint8) % 2 == 1
            arrays[f"{name}.{len(shape)}.{count}"] = array.reshape(shape).copy()
    return arrays


def torch_tensors(names: list[str]) -> dict[str, torch.Tensor]:
    tensors = {}
    for number, name in enumerate(names):
        for shape in SHAPES:
            dtype = getattr(torch, name)
            count = int(np.prod(shape, dtype=int))
            raw = bytearray(content(count * dtype.itemsize, number))
            if name == "bool":
                raw = bytearray(byte % 2 for byte in raw)
            tensor = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
            tensors[f"{name}.{len(shape)}.{count}"] = tensor.reshape(shape)
    return tensors


def handmade(members: dict, data: bytes, **metadata) -> bytes:
    """A file by hand, for what the library cannot write."""
    header = json.dumps(({"__metadata__": metadata} if metadata else {}) | members).encode()
    return struct.pack("<Q", len(header)) + header + data


def same(first: dict, second: dict) -> bool:
    """Whether tensors are the same, bit for bit."""

    def bits(tensor: torch.Tensor) -> bytes:
        return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()

    return first.keys() == second.keys() and all(
        value.dtype == second[name].dtype
        and value.shape == second[name].shape
        and bits(value) == bits(second[name])
        for name, value in first.items()
    )


def texts(attributes) -> dict:
    """Attributes of an HDF5 file, whose texts of fixed length h5py gives as bytes."""
    return {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in attributes.items()
    }


class SafetensorsTestCase(TestCase):
    def convert(self, source, target, *arguments, **options):
        return self.flywheel("convert", source, target, *arguments, **options)

    def refuses(self, source, target, *arguments, words: list = ()):
        result = self.flywheel("convert", source, target, *arguments, status=2)
        self.assert_error(result, *words)
        self.assertEqual(temporary_files(self.folder), [])
        self.assertFalse(Path(target).exists())


class Files(SafetensorsTestCase):
    def test_numpy_arrays_there_and_back_are_the_same_bytes(self):
        arrays = numpy_arrays()
        original = self.folder / "a.safetensors"
        safetensors.numpy.save_file(arrays, original)
        for middle in ("a.npz", "a.h5", "b.safetensors", "d/"):
            with self.subTest(middle=middle):
                self.convert(original, f"{self.folder}/{middle}")
                back = self.path("back").with_suffix(".safetensors")
                self.convert(f"{self.folder}/{middle}", back)
                self.assertEqual(back.read_bytes(), original.read_bytes())
        with np.load(self.folder / "a.npz") as found:
            self.assertEqual(set(found.files), set(arrays))
            for name, array in arrays.items():
                self.assertEqual(found[name].dtype, array.dtype)
                self.assertEqual(found[name].tobytes(), array.tobytes())
                self.assertEqual(found[name].shape, array.shape)

    def test_what_numpy_saves_otherwise_becomes_what_the_library_writes(self):
        arrays = numpy_arrays()
        for number in range(20):
            names = random.Random(number).sample(sorted(arrays), number)
            some = {f"{name}/é\"{number}": arrays[name] for name in names}
            source = self.folder / f"{number}.npz"
            np.savez(source, **some)
            target = source.with_suffix(".safetensors")
            self.convert(source, target)
            self.assertEqual(target.read_bytes(), safetensors.numpy.save(some))

    def test_torch_tensors_there_and_back_are_the_same_bytes(self):
        tensors = torch_tensors(TORCH)
        original = self.folder / "a.safetensors"
        safetensors.torch.save_file(tensors, original, {"format": "pt"})
        for middle in ("a.npz", "a.h5", "b.safetensors", "d/"):
            with self.subTest(middle=middle):
                self.convert(original, f"{self.folder}/{middle}")
                back = self.path("back").with_suffix(".safetensors")
                self.convert(f"{self.folder}/{middle}", back)
                self.assertEqual(back.read_bytes(), original.read_bytes())
                self.assertTrue(same(safetensors.torch.load_file(back), tensors))

    def test_types_of_8_bits_that_are_only_carried_stay_what_they_are(self):
        tensors = torch_tensors(CARRIED + ["float32"])
        original = self.folder / "a.safetensors"
        safetensors.torch.save_file(tensors, original)
        self.convert(original, self.folder / "b.safetensors")
        self.assertEqual((self.folder / "b.safetensors").read_bytes(), original.read_bytes())
        rows = self.flywheel("inspect", original, "--json", "--stats").json["tensors"]
        self.assertLessEqual(set(CARRIED), {row["type"] for row in rows})
        for target in ("a.npz", "a.h5"):
            self.refuses(original, self.folder / target, words=["float8_e5m2fnuz.0.1", "--drop"])
            self.convert(original, self.folder / target, "--drop")
        with np.load(self.folder / "a.npz") as found:
            self.assertEqual({name.split(".")[0] for name in found.files}, {"float32"})

    def test_types_of_fewer_bits_are_listed_and_left_out_on_request(self):
        source = self.folder / "a.safetensors"
        source.write_bytes(
            handmade(
                {
                    "f4": {"dtype": "F4", "shape": [3, 2], "data_offsets": [0, 3]},
                    "f6": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [3, 6]},
                    "x": {"dtype": "U8", "shape": [1], "data_offsets": [6, 7]},
                },
                bytes(7),
            )
        )
        with safetensors.safe_open(source, "np") as file:
            self.assertEqual(set(file.keys()), {"f4", "f6", "x"})
        rows = self.flywheel("inspect", source, "--json").json["tensors"]
        self.assertEqual(
            [(row["name"], row["type"], row["shape"]) for row in rows],
            [("f4", "F4", [3, 2]), ("f6", "F6_E2M3", [4]), ("x", "uint8", [1])],
        )
        self.refuses(source, self.folder / "b.npz", words=["f4", "F4", "f6"])
        self.convert(source, self.folder / "b.safetensors", "--drop")
        self.assertEqual(set(safetensors.numpy.load_file(self.folder / "b.safetensors")), {"x"})
        self.assertIn("not checked", self.flywheel("verify", source).stdout)

    def test_metadata_go_along(self):
        source = self.folder / "a.safetensors"
        said = {"format": "pt", "note": 'é"\n\u2028', "empty": ""}
        safetensors.numpy.save_file({"x": np.arange(3.0)}, source, said)
        for middle in ("a.h5", "a.npz", "b.safetensors", "m.safetensors.index.json"):
            with self.subTest(middle=middle):
                self.convert(source, self.folder / middle)
                back = self.path("back").with_suffix(".safetensors")
                self.convert(self.folder / middle, back)
                with safetensors.safe_open(back, "np") as file:
                    self.assertEqual(file.metadata(), said)
                    self.assertEqual(set(file.keys()), {"x"})
        with h5py.File(self.folder / "a.h5") as file:
            self.assertEqual(texts(file.attrs), said)

    def test_what_the_header_has_no_room_for_goes_into_the_document(self):
        source, there = self.folder / "a.h5", self.folder / "a.safetensors"
        with h5py.File(source, "w") as file:
            file["g/x"] = np.arange(3, dtype=np.float32)
            file["g/x"].attrs["unit"] = "m"
            file.attrs["title"] = "a run"
            file.attrs["epochs"] = 3
            file.create_group("empty")
        self.convert(source, there)
        with safetensors.safe_open(there, "np") as file:
            self.assertEqual(file.metadata(), {"title": "a run"})
            self.assertEqual(set(file.keys()), {"g/x", DOCUMENT})
            document = json.loads(file.get_tensor(DOCUMENT).tobytes())
            self.assertEqual(document["attributes"][""], {"title": "a run", "epochs": 3})
        self.convert(there, self.folder / "b.h5")
        with h5py.File(self.folder / "b.h5") as file:
            self.assertEqual(texts(file.attrs), {"title": "a run", "epochs": 3})
            self.assertEqual(texts(file["g/x"].attrs), {"unit": "m"})
            self.assertEqual(len(file["empty"]), 0)

    def test_20000_tensors(self):
        random_numbers = np.random.default_rng(7)
        arrays = {
            f"group{number // 20}/tensor{number}": random_numbers.random(
                random_numbers.integers(8, 257), np.float32
            )
            for number in range(20_000)
        }
        source = self.folder / "many.safetensors"
        safetensors.numpy.save_file(arrays, source)
        rows = self.flywheel("inspect", source, "--json").json["tensors"]
        self.assertEqual(len(rows), 20_000)
        self.convert(source, self.folder / "many.h5")
        self.convert(self.folder / "many.h5", self.folder / "back.safetensors")
        self.assertEqual((self.folder / "back.safetensors").read_bytes(), source.read_bytes())
        self.assertIn("same", self.flywheel("diff", source, self.folder / "many.h5").stdout.lower())

    def test_what_the_library_refuses_is_refused(self):
        tensors = {"b": np.arange(4, dtype=np.float32), "a": np.ones((2, 2), np.uint8)}
        whole = safetensors.numpy.save(tensors, {"format": "pt"})
        count = len(whole) - 20
        counts = {"refused": 0, "read": 0}
        source = self.folder / "a.safetensors"
        draw = random.Random(3)
        alphabet = b'0123456789{}[]",: \x00\xffabeEFU8'
        for _ in range(400):
            changed = bytearray(whole)
            for _ in range(draw.randint(1, 3)):
                place = draw.randrange(count)
                action = draw.randrange(3)
                if action == 0:
                    changed[place] = draw.choice(alphabet)
                elif action == 1:
                    del changed[place]
                else:
                    changed.insert(place, draw.choice(alphabet))
            # A length that is right lets more of the header be looked at.
            if draw.randrange(4):
                changed[:8] = struct.pack("<Q", len(changed) - 28)
            try:
                expected = safetensors.numpy.load(bytes(changed))
            except (safetensors.SafetensorError, KeyError):
                expected = None
            source.write_bytes(changed)
            process = self.start("inspect", source, "--json")
            result = self.finish(process)
            if expected is None:
                # The library lists the types that numpy has not.
                if result.status == 0:
                    types = {row["type"] for row in result.json["tensors"]}
                    self.assertFalse(types <= {"float32", "uint8"}, bytes(changed))
                counts["refused"] += 1
            elif result.status == 0:
                rows = {row["name"]: row["shape"] for row in result.json["tensors"]}
                self.assertEqual(rows, {k: list(v.shape) for k, v in expected.items()})
                counts["read"] += 1
        self.assertGreater(counts["refused"], 100)
        self.assertGreater(counts["read"], 5)


class Checkpoints(SafetensorsTestCase):
    """A checkpoint there and back is the same file, to the last byte."""

    def trained(self, *arguments) -> Path:
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, 60, 4, 3)
        return self.train(
            "--data", data, "--layers", "16-5-3", "--batch-size", 5, "--epochs", 2, *arguments
        )

    def test_there_and_back(self):
        for number, options in enumerate(
            (["--rule", "pytorch", "--momentum", 0.9], ["--rule", "adamw", "--amsgrad"])
        ):
            source = newest(self.trained(*options))
            for target in (f"{number}.safetensors", f"{number}.safetensors.index.json"):
                there, back = self.folder / target, self.path("back").with_suffix(".h5")
                sizes = ["--shard-size", "300B"] if target.endswith("json") else []
                self.convert(source, there, *sizes)
                self.assertIn("whole", self.flywheel("verify", there).stdout)
                self.assertEqual(
                    self.flywheel("inspect", there, "--json").stdout,
                    self.flywheel("inspect", source, "--json").stdout,
                )
                self.convert(there, back)
                self.assertEqual(back.read_bytes(), source.read_bytes())

    def test_the_library_reads_it(self):
        source = newest(self.trained("--rule", "pytorch", "--momentum", 0.9))
        there = self.folder / "a.safetensors"
        self.convert(source, there)
        expected = checkpoint.read(source)
        found = safetensors.numpy.load_file(there)
        self.assertEqual(found.pop(DOCUMENT).tobytes(), expected.document_bytes)
        self.assertEqual(found.keys(), expected.tensors.keys())
        index = json.loads(expected.document_bytes)["tensors"]
        for name, value in found.items():
            self.assertEqual(value.tobytes(), expected.tensors[name].tobytes())
            self.assertEqual(zlib.crc32(value.tobytes()), int(index[name]["crc32"], 16))
        with safetensors.safe_open(there, "np") as file:
            self.assertIsNone(file.metadata())

    def test_a_dtype_that_the_format_has_not_is_named(self):
        source, there = SCHEMAS / "examples" / "dtypes-2.h5", self.folder / "a.safetensors"
        self.refuses(source, there, words=["model/complex128", "--drop"])
        self.convert(source, there, "--drop")
        found = safetensors.torch.load_file(there)
        for name in TORCH:
            self.assertEqual(found[f"model/{name}"].dtype, getattr(torch, name))

    def test_a_changed_byte_is_found(self):
        there = self.folder / "a.safetensors"
        self.convert(newest(self.trained()), there)
        length = struct.unpack("<Q", there.read_bytes()[:8])[0]
        flip_bit(there, 8 + length + 17, 3)
        result = self.flywheel("verify", there, status=1)
        self.assertIn("CRC-32", result.stdout)
        self.refuses(there, self.folder / "b.h5", words=["CRC-32"])

    def test_training_goes_on_from_it(self):
        run = self.trained("--rule", "pytorch", "--momentum", 0.9)
        longer = self.train(
            "--data", self.folder / "data", "--layers", "16-5-3", "--batch-size", 5, "--epochs", 3,
            "--rule", "pytorch", "--momentum", 0.9,
        )  # fmt: skip
        there = self.folder / "a.safetensors"
        self.convert(run, there)
        resumed = self.path()
        self.resume(there, "--epochs", 3, "--output", resumed, "--quiet")
        expected, found = (checkpoint.read(newest(path)).tensors for path in (longer, resumed))
        for name, value in expected.items():
            if name.startswith(("model/", "optimizer/")):
                self.assertEqual(found[name].tobytes(), value.tobytes(), name)


class Shards(SafetensorsTestCase):
    """Several files that an index joins, as transformers writes and reads them."""

    def setUp(self) -> None:
        super().setUp()
        self.tensors = torch_tensors(["float32", "bfloat16", "int64", "float8_e5m2"])

    def save(self, folder: Path, limit: int = 100) -> Path:
        """Shards as `save_pretrained` writes them."""
        folder.mkdir()
        parts, size = [{}], 0
        for name, tensor in self.tensors.items():
            if size and size + tensor.nbytes > limit:
                parts.append({})
                size = 0
            parts[-1][name] = tensor
            size += tensor.nbytes
        places = {}
        for number, part in enumerate(parts, 1):
            file = f"model-{number:05d}-of-{len(parts):05d}.safetensors"
            safetensors.torch.save_file(part, folder / file, {"format": "pt"})
            places |= {name: file for name in part}
        total = sum(tensor.nbytes for tensor in self.tensors.values())
        index = {"metadata": {"total_size": total, "total_parameters": 7}, "weight_map": places}
        path = folder / "model.safetensors.index.json"
        path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
        return path

    def load(self, index: Path) -> dict:
        """As `load_sharded_checkpoint` does it."""
        found = json.loads(index.read_text())
        tensors = {}
        for file in sorted(set(found["weight_map"].values())):
            with safetensors.safe_open(index.parent / file, "pt") as shard:
                self.assertEqual(shard.metadata(), {"format": "pt"})
                for name in shard.keys():
                    self.assertEqual(found["weight_map"][name], file)
                    tensors[name] = shard.get_tensor(name)
        self.assertEqual(tensors.keys(), found["weight_map"].keys())
        total = sum(tensor.nbytes for tensor in tensors.values())
        self.assertEqual(found["metadata"], {"total_size": total})
        return tensors

    def test_shards_open_as_one_archive(self):
        index = self.save(self.folder / "model")
        safetensors.torch.save_file(self.tensors, self.folder / "one.safetensors", {"format": "pt"})
        (self.folder / "model" / "config.json").write_text("{}")
        for source in (index, self.folder / "model"):
            target = self.path("a").with_suffix(".safetensors")
            self.convert(source, target)
            self.assertEqual(target.read_bytes(), (self.folder / "one.safetensors").read_bytes())
            rows = self.flywheel("inspect", source, "--json").json
            self.assertEqual(rows["format"], "safetensors_shards")
            files = [index, *index.parent.glob("*.safetensors")]
            self.assertEqual(rows["bytes"], sum(file.stat().st_size for file in files))
            self.assertEqual({row["name"] for row in rows["tensors"]}, set(self.tensors))
            self.assertIn("readable", self.flywheel("verify", source).stdout)
            self.flywheel("diff", source, target)

    def test_shards_of_flywheel_are_read(self):
        source = self.folder / "one.safetensors"
        safetensors.torch.save_file(self.tensors, source)
        for size, limit in ((["--shard-size", "100B"], 100), (["--shard-size", "1KB"], 1000), ([], 5e9)):
            folder = self.path("model")
            folder.mkdir()
            index = folder / "model.safetensors.index.json"
            self.convert(source, index, *size)
            self.assertTrue(same(self.load(index), self.tensors))
            files = sorted(folder.glob("*.safetensors"))
            for number, file in enumerate(files, 1):
                self.assertEqual(file.name, f"model-{number:05d}-of-{len(files):05d}.safetensors")
                held = safetensors.torch.load_file(file)
                size = sum(tensor.nbytes for tensor in held.values())
                self.assertTrue(size <= limit or len(held) == 1)
            back = self.path("back").with_suffix(".safetensors")
            self.convert(index, back)
            self.assertTrue(same(safetensors.torch.load_file(back), self.tensors))

    def test_what_does_not_fit_together_is_refused(self):
        index = self.save(self.folder / "model")
        target = self.folder / "a.npz"
        shards = sorted((self.folder / "model").glob("*.safetensors"))
        hidden = shards[1].rename(self.folder / "hidden")
        self.refuses(index, target, words=[shards[1].name])
        shutil.copy(shards[0], shards[1])
        self.refuses(index, target, words=[shards[0].name])
        shards[1].unlink()
        hidden.rename(shards[1])
        index.unlink()
        self.refuses(self.folder / "model", target, words=[f"{len(shards)} safetensors files", "name one"])

    def test_nothing_is_replaced(self):
        source = self.folder / "one.safetensors"
        safetensors.torch.save_file(self.tensors, source)
        index = self.folder / "m.safetensors.index.json"
        self.convert(source, index)
        before = index.read_bytes()
        for force in ([], ["--force"]):
            result = self.flywheel("convert", source, index, *force, status=2)
            self.assert_error(result, "already")
        self.assertEqual(index.read_bytes(), before)
        self.refuses(source, self.folder / "a.safetensors", "--shard-size", "1GB", words=["one file"])
        self.flywheel("convert", source, self.folder / "b.npz", "--shard-size", "1XB", status=64)
