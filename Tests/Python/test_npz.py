"""`.npz` and `.npy` files of the real numpy, and of others who write them, through `flywheel convert`."""

import importlib.util
import io
import itertools
import shutil
import subprocess
import unittest
import warnings
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import scipy.sparse

from support import TestCase, only_full

NUMBERS = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
]  # fmt: skip
# Flywheel carries these, and does not look into them.
OPAQUE = ["S5", "U3", "V6", "M8[ns]", "m8[25s]", "M8", "longdouble", "clongdouble"]
SHAPES = [(), (1,), (0,), (7,), (3, 5), (4, 0), (2, 3, 4), (1, 6, 1, 2), (40, 33)]


class Unseekable(io.RawIOBase):
    """A stream that can only be appended to, as a pipe."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.bytes += data
        return len(data)


def random_array(random: np.random.Generator, dtype: np.dtype, shape: tuple) -> np.ndarray:
    """Any bits, but no truth values other than 0 and 1, and no text beyond Unicode."""
    count = int(np.prod(shape, dtype=int))
    if dtype == bool:
        return random.integers(0, 2, shape).astype(bool)
    if dtype.kind in "US":
        return random.integers(0, 100, shape).astype(dtype)
    return np.frombuffer(random.bytes(count * dtype.itemsize), dtype, count).reshape(shape).copy()


def every_array() -> dict[str, np.ndarray]:
    """Types x byte orders x shapes x orders of the axes."""
    random = np.random.default_rng(4)
    arrays = {}
    for name, byte_order, shape in itertools.product(NUMBERS + OPAQUE, "<>", SHAPES):
        dtype = np.dtype(name).newbyteorder(byte_order)
        if byte_order == ">" and dtype == np.dtype(name):
            continue  # one byte has no order
        array = random_array(random, dtype, shape)
        arrays[f"{name}/{byte_order}/{shape}/C"] = array
        if array.ndim > 1:
            arrays[f"{name}/{byte_order}/{shape}/F"] = np.asfortranarray(array)
            arrays[f"{name}/{byte_order}/{shape}/strided"] = array[::-1, ..., ::2]
    return arrays


def random_record(random: np.random.Generator, depth: int = 0) -> list:
    """Fields of many types, with titles, extents and records among them."""
    fields = []
    for number in range(random.integers(1, 5)):
        name = f"field {number}é" if random.integers(2) else f"f{number}"
        kind = random.integers(8)
        if kind == 0 and depth < 3:
            dtype = random_record(random, depth + 1)
        else:
            dtype = random.choice(["<f4", ">f8", "|u1", "<U2", "|S3", ">M8[us]", "<c8", "|V3"])
        field = [(f"title {number}", name) if random.integers(4) == 0 else name, dtype]
        if random.integers(3) == 0:
            field.append(tuple(int(extent) for extent in random.integers(1, 4, 2)))
        fields.append(tuple(field))
    return fields


class NPZTestCase(TestCase):
    def convert(self, source: Path, target: Path | str, *arguments, **options):
        return self.flywheel("convert", source, target, *arguments, **options)

    def assert_same(self, found: np.ndarray, expected: np.ndarray, message: str = "") -> None:
        """Bit for bit; numbers are little-endian now, all else has the type that it had."""
        dtype = expected.dtype
        if dtype.name in NUMBERS:
            dtype = dtype.newbyteorder("<")
        self.assertEqual(found.dtype, dtype, message)
        self.assertEqual(found.shape, expected.shape, message)
        self.assertEqual(found.tobytes(), expected.astype(dtype).tobytes(), message)

    def assert_archive(self, path: Path, expected: dict[str, np.ndarray]) -> None:
        """What numpy reads, in this order, and what Python's zipfile checks."""
        with zipfile.ZipFile(path) as archive:
            self.assertIsNone(archive.testzip())
        with np.load(path) as archive:
            self.assertEqual(archive.files, list(expected))
            for key, array in expected.items():
                self.assert_same(archive[key], array, key)


class Arrays(NPZTestCase):
    def test_numpy_reads_what_was_converted_of_every_type_shape_and_order(self):
        arrays = every_array()
        for save in (np.savez, np.savez_compressed):
            source = self.path("source").with_suffix(".npz")
            save(source, **arrays)
            for level in ("0", "fast", "6"):
                target = self.path("target").with_suffix(".npz")
                self.convert(source, target, "--compress", level)
                self.assert_archive(target, arrays)

    def test_for_the_same_array_the_bytes_are_numpys(self):
        arrays = {
            key: array
            for key, array in every_array().items()
            if key.endswith("C") and (array.dtype.byteorder != ">" or array.dtype.name not in NUMBERS)
        }
        arrays["bfloat16"] = np.arange(5).astype(ml_dtypes.bfloat16)
        arrays["float8"] = np.arange(5).astype(ml_dtypes.float8_e4m3fn)
        random = np.random.default_rng(5)
        for number in range(40):
            arrays[f"record/{number}"] = np.zeros(3, random_record(random))
        source, target = self.folder / "arrays.npz", self.folder / "arrays"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the third version of the format comes with one
            np.savez(source, **arrays)
            self.convert(source, f"{target}/")
            for key, array in arrays.items():
                stream = io.BytesIO()
                np.save(stream, array)
                with self.subTest(key=key):
                    self.assertEqual((target / f"{key}.npy").read_bytes(), stream.getvalue())

    def test_records_come_back_bit_for_bit(self):
        random = np.random.default_rng(6)
        arrays = {}
        for number in range(60):
            dtype = np.dtype(random_record(random))
            bytes_ = random.integers(0, 100, 12 * dtype.itemsize, dtype="u1").tobytes()
            array = np.frombuffer(bytes_, dtype, 12).reshape(3, 4)
            arrays[f"record {number}"] = np.asfortranarray(array) if number % 2 else array
        source, target = self.folder / "records.npz", self.folder / "converted.npz"
        np.savez(source, **arrays)
        self.convert(source, target)
        with np.load(target) as archive:
            self.assertEqual(archive.files, list(arrays))
            for key, array in arrays.items():
                self.assertEqual(archive[key].dtype, array.dtype)
                self.assertEqual(archive[key].tobytes(), array.tobytes(), key)

    def test_hdf5_holds_the_numbers_and_gives_them_back(self):
        arrays = {
            key.replace("()", "scalar"): array
            for key, array in every_array().items()
            if array.dtype.name in NUMBERS
        }
        source, middle = self.folder / "arrays.npz", self.folder / "arrays.h5"
        target = self.folder / "back.npz"
        np.savez(source, **arrays)
        self.convert(source, middle)
        self.convert(middle, target)
        with np.load(target) as archive:
            self.assertEqual(set(archive.files), set(arrays))
            for key, array in arrays.items():
                self.assert_same(archive[key], array, key)

    def test_a_single_file_can_be_mapped_by_numpy(self):
        source, target = self.folder / "a.npz", self.folder / "b.npy"
        array = np.asfortranarray(np.arange(600, dtype=">f8").reshape(20, 30))
        np.savez(source, array=array)
        self.convert(source, target)
        mapped = np.load(target, mmap_mode="r")
        self.assertIsInstance(mapped, np.memmap)
        self.assertEqual(mapped.offset % 64, 0)
        self.assert_same(np.asarray(mapped), array)

    def test_stored_arrays_can_be_mapped_by_their_offset(self):
        source, target = self.folder / "a.npz", self.folder / "b.npz"
        arrays = {f"layer {n}": np.arange(n, dtype="f4") for n in range(1, 9)}
        np.savez(source, **arrays)
        self.convert(source, target, "--compress", 0)
        with zipfile.ZipFile(target) as archive, target.open("rb") as file:
            for key, array in arrays.items():
                file.seek(archive.getinfo(f"{key}.npy").header_offset)
                header = file.read(30)
                name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
                file.seek(name + extra, io.SEEK_CUR)
                np.lib.format.read_magic(file)
                np.lib.format.read_array_header_1_0(file)
                self.assertEqual(file.tell() % 64, 0)
                mapped = np.memmap(target, "f4", "r", file.tell(), array.shape)
                self.assert_same(np.asarray(mapped), array)

    def test_equal_arrays_give_equal_bytes(self):
        arrays = every_array()
        np.savez(self.folder / "a.npz", **arrays)
        np.savez_compressed(self.folder / "b.npz", **arrays)
        for name in "ab":
            self.convert(self.folder / f"{name}.npz", self.folder / f"out-{name}.npz")
        one, other = (self.folder / f"out-{name}.npz" for name in "ab")
        self.assertEqual(one.read_bytes(), other.read_bytes())

    def test_python_objects_are_refused_with_what_to_do(self):
        source, target = self.folder / "a.npz", self.folder / "b.npz"
        np.savez(source, good=np.zeros(3), bad=np.array([None, 1], dtype=object))
        result = self.convert(source, target, status=2)
        self.assert_error(result, "bad", "pickle", "astype")
        self.assertFalse(target.exists())
        self.convert(source, target, "--only", "good")
        self.assert_archive(target, {"good": np.zeros(3)})

    def test_a_damaged_member_is_damage_whatever_its_checksum_says(self):
        header = io.BytesIO()
        np.save(header, np.arange(3.0))
        path = self.folder / "damaged.npz"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", b"\0" + header.getvalue()[1:])
        verified = self.flywheel("verify", path, status=1)
        self.assertIn("NOT WHOLE", verified.stdout)
        for options in ([], ["--drop"]):
            result = self.flywheel("convert", path, self.folder / "out.h5", *options, status=2)
            self.assert_error(result, "signature", "'x'", path)
        self.assertFalse((self.folder / "out.h5").exists())

    @only_full("writes 70,000 members")
    def test_more_members_than_zip_can_count_in_16_bits(self):
        source, target = self.folder / "many.npz", self.folder / "converted.npz"
        arrays = {f"a/{number}": np.float32(number) for number in range(70_000)}
        np.savez(source, **arrays)
        self.convert(source, target)
        with np.load(target) as archive:
            self.assertEqual(archive.files, list(arrays))
            self.assertEqual(archive["a/69999"], 69_999)

    @only_full("reads and writes more than 4 GiB")
    def test_an_array_beyond_4_gib(self):
        source, target = self.folder / "large.npy", self.folder / "large.npz"
        shape = (9 << 17, 1 << 12)
        array = np.lib.format.open_memmap(source, "w+", "u1", shape)
        array[0, 0], array[-1, -1] = 1, 2
        array.flush()
        for level in ("fast", "0"):
            self.convert(source, target, "--compress", level, "--force", timeout=600)
            with np.load(target) as archive:
                found = archive["large"]
                self.assertEqual(found.shape, shape)
                self.assertEqual((found[0, 0], found[-1, -1], found.sum(dtype="i8")), (1, 2, 3))
                del found


class OtherWriters(NPZTestCase):
    ARRAYS = {
        "weight": np.arange(12, dtype="f4").reshape(3, 4),
        "layers/0.bias": np.asfortranarray(np.arange(600, dtype=">f8").reshape(20, 30)),
        "größe": np.array("text"),
    }

    def test_a_zip_file_that_was_written_to_a_pipe(self):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            stream = Unseekable()
            with zipfile.ZipFile(stream, "w", method) as archive:
                for key, array in self.ARRAYS.items():
                    with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array)
            source, target = (self.path(name).with_suffix(".npz") for name in ("a", "b"))
            source.write_bytes(stream.bytes)
            self.convert(source, target)
            self.assert_archive(target, self.ARRAYS)

    @unittest.skipUnless(shutil.which("zip"), "Info-ZIP's zip is not installed")
    def test_info_zip(self):
        folder = self.folder / "arrays"
        for key, array in self.ARRAYS.items():
            file = folder / f"{key}.npy"
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, array)
        for level in ("-0", "-9"):
            source, target = (self.path(name).with_suffix(".npz") for name in ("a", "b"))
            subprocess.run(["zip", "-qr", level, source, "."], cwd=folder, check=True)
            self.convert(source, target)
            # Outside of ASCII, what the names are depends on zip's locale, and is what numpy says.
            with np.load(source) as archive:
                files = {key: archive[key] for key in archive.files if not key.endswith("/")}
            self.assertEqual(len(files), len(self.ARRAYS))
            self.assert_archive(target, files)

    def test_scipys_sparse_matrices_are_what_they_were(self):
        random = np.random.default_rng(7)
        for kind in ("csr", "csc", "coo", "bsr", "dia"):
            matrix = scipy.sparse.random(30, 40, 0.1, kind, random_state=random)
            source, target = (self.path(name).with_suffix(".npz") for name in ("a", "b"))
            scipy.sparse.save_npz(source, matrix)
            self.convert(source, target)
            found = scipy.sparse.load_npz(target)
            self.assertEqual(found.format, matrix.format)
            self.assertTrue((found != matrix).nnz == 0)

    @unittest.skipUnless(importlib.util.find_spec("jax"), "jax is not installed")
    def test_jax(self):
        import jax.numpy as jnp

        source, target = self.folder / "a.npz", self.folder / "b.npz"
        half = jnp.arange(6, dtype=jnp.bfloat16).reshape(2, 3)
        jnp.savez(source, weight=jnp.arange(12, dtype=jnp.float32).reshape(3, 4), half=half)
        self.convert(source, target)
        with np.load(target) as archive:
            self.assert_same(archive["weight"], np.arange(12, dtype="f4").reshape(3, 4))
            # numpy has no such type: the bits are all there, and the reader knows what they are.
            self.assertEqual(archive["half"].dtype, np.dtype("V2"))
            found = archive["half"].view(ml_dtypes.bfloat16)
            self.assertEqual(found.tobytes(), np.asarray(half).tobytes())


if __name__ == "__main__":
    unittest.main()
