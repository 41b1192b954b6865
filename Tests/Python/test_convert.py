"""`flywheel convert`: the same tensors in HDF5, .npz, .npy and directories, with the real numpy and h5py."""

import json
import signal
import zipfile
import zlib
from pathlib import Path

import h5py
import jsonschema
import ml_dtypes
import numpy as np

import checkpoint
from support import (
    SCHEMAS,
    TestCase,
    checkpoints,
    files_and_bytes,
    flip_bit,
    newest,
    temporary_files,
    write_structured,
)

DOCUMENT = "flywheel.metadata"


class ConvertTestCase(TestCase):
    def convert(self, source: Path, target, *arguments, **options):
        return self.flywheel("convert", source, target, *arguments, **options)

    def refuses(self, *arguments, words: list = (), status: int = 2) -> None:
        """An error that says all of the words; nothing is written."""
        before = files_and_bytes(self.folder)
        result = self.flywheel("convert", *arguments, status=status)
        self.assert_error(result, *words)
        self.assertEqual(files_and_bytes(self.folder), before)

    def trained(self, *arguments, **options) -> Path:
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, 60, 4, 3)
        return self.train(
            "--data", data, "--layers", "16-5-3", "--batch-size", 5, "--epochs", 2, *arguments,
            **options,
        )  # fmt: skip


def arrays_in(path: Path) -> dict[str, np.ndarray]:
    """What numpy finds in an .npz file or a directory of .npy files, by key."""
    if path.is_dir():
        return {
            str(file.relative_to(path).with_suffix("")): np.load(file)
            for file in path.rglob("*.npy")
        }
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def sealed(document: bytes) -> dict:
    """A document whose own checksum is right, as JSON."""
    assert document[-20:] == b',"crc32":"%08x"}' % zlib.crc32(document[:-20])
    return json.loads(document)


class Checkpoints(ConvertTestCase):
    """A checkpoint there and back is the same file, to the last byte."""

    RULES = {
        "pytorch": ["--momentum", 0.9, "--nesterov"],
        "nielsen": ["--momentum", 0.5, "--weight-decay", 1],
        "adamw": ["--amsgrad", "--schedule", "cosine:over=9", "--clip-norm", 1],
        "rmsprop": ["--group", "*.bias:momentum=0.5", "--precision", "float64"],
    }

    def assert_there_and_back(self, source: Path, byte_exact: bool = True) -> None:
        expected = checkpoint.read(source)
        for number, target in enumerate(("a.npz", "a/", "b.npz")):
            folder = self.path("converted")
            folder.mkdir()
            there, back = folder / target.rstrip("/"), folder / "back.h5"
            options = ["--compress", 0] if number == 2 else []
            self.convert(source, f"{folder}/{target}", *options)
            self.flywheel("verify", there)
            found = arrays_in(there)
            self.assertEqual(bytes(found.pop(DOCUMENT)), expected.document_bytes)
            self.assertEqual(found.keys(), expected.tensors.keys())
            for key, value in expected.tensors.items():
                self.assertEqual(found[key].tobytes(), value.tobytes(), key)
                self.assertEqual(found[key].shape, value.shape, key)
            self.convert(there, back)
            self.flywheel("verify", back)
            if byte_exact:
                self.assertEqual(back.read_bytes(), source.read_bytes())
            self.assertEqual(checkpoint.read(back).attributes, expected.attributes)
            self.assertEqual(
                self.flywheel("inspect", there, "--json").stdout,
                self.flywheel("inspect", source, "--json").stdout,
            )

    def laid_out_anew(self, source: Path) -> Path:
        """The same file as this version writes it: earlier ones laid it out a little differently."""
        anew = self.path(f"{source.stem}-anew").with_suffix(".h5")
        self.convert(source, anew)
        return anew

    def test_of_every_kind_of_rule(self):
        for rule, options in self.RULES.items():
            with self.subTest(rule=rule):
                run = self.trained("--rule", rule, *options)
                self.assert_there_and_back(newest(run))

    def test_of_every_schema(self):
        for example in sorted((SCHEMAS / "examples").glob("checkpoint-*.h5")):
            with self.subTest(example=example.name):
                self.assert_there_and_back(example, byte_exact=False)
                self.assert_there_and_back(self.laid_out_anew(example))

    def test_with_dtypes_that_numpy_does_not_have(self):
        source = self.laid_out_anew(SCHEMAS / "examples" / "dtypes-2.h5")
        expected = self.flywheel("inspect", source, "--json", "--stats").json["tensors"]
        for target in ("a.npz", "a/"):
            self.convert(source, f"{self.folder}/{target}")
            there = self.folder / target.rstrip("/")
            self.flywheel("verify", there)
            found = self.flywheel("inspect", there, "--json", "--stats").json["tensors"]
            rows = [{row["name"]: (row["type"], row["statistics"]) for row in rows}
                    for rows in (found, expected)]  # fmt: skip
            self.assertEqual(*rows)
            back = self.path("back").with_suffix(".h5")
            self.convert(there, back)
            self.assertEqual(back.read_bytes(), source.read_bytes())
            half = np.load(there / "model/bfloat16.npy") if there.is_dir() else \
                np.load(there)["model/bfloat16"]  # fmt: skip
            with h5py.File(source) as file:
                self.assertEqual(half.tobytes(), file["model/bfloat16"][()].tobytes())
            self.assertTrue(np.isfinite(half.view(ml_dtypes.bfloat16).astype(float)).any())

    def test_from_npz_to_a_directory_and_back_to_the_same_npz(self):
        source = newest(self.trained())
        for number, folder in enumerate((self.folder / "a", self.folder / "b")):
            folder.mkdir()
            self.convert(source, folder / "a.npz")
            self.convert(folder / "a.npz", f"{folder}/d/")
            self.convert(folder / "d", folder / "b.npz")
            self.assertEqual((folder / "a.npz").read_bytes(), (folder / "b.npz").read_bytes())
        self.assertEqual(files_and_bytes(self.folder / "a"), files_and_bytes(self.folder / "b"))

    def test_a_run_stands_for_its_newest_checkpoint(self):
        run = self.trained()
        self.convert(run, self.folder / "a.npz")
        self.convert(newest(run), self.folder / "b.npz")
        self.assertEqual(
            (self.folder / "a.npz").read_bytes(), (self.folder / "b.npz").read_bytes()
        )

    def test_a_trace(self):
        run = self.trained("--trace", "0:3")
        trace = next(run.glob("trace-*.h5"))
        self.convert(trace, self.folder / "t.npz")
        result = self.flywheel("verify", self.folder / "t.npz")
        self.assertIn("whole", result.stdout)
        self.assertIn("Flywheel trace", self.flywheel("inspect", self.folder / "t.npz").stdout)
        self.convert(self.folder / "t.npz", self.folder / "t.h5")
        self.assertEqual((self.folder / "t.h5").read_bytes(), trace.read_bytes())

    def test_every_compression_holds_the_same(self):
        source = newest(self.trained())
        expected = checkpoint.read(source)
        for level in ("0", "1", "6", "9", "fast"):
            for suffix in ("npz", "h5"):
                with self.subTest(level=level, suffix=suffix):
                    path = self.folder / f"{level}.{suffix}"
                    self.convert(source, path, "--compress", level)
                    self.flywheel("verify", path)
                    if suffix == "npz":
                        found = arrays_in(path)
                        del found[DOCUMENT]
                    else:
                        found = checkpoint.read(path).tensors
                    for key, value in expected.tensors.items():
                        self.assertEqual(found[key].tobytes(), value.tobytes(), key)

    def test_a_changed_byte_is_not_carried_on(self):
        source = newest(self.trained())
        with h5py.File(source) as file:
            offset = file["model/layers.0.weight"].id.get_offset()
        flip_bit(source, offset + 7, 3)
        for target in ("a.npz", "a.h5", "a/"):
            self.refuses(
                source, f"{self.folder}/{target}", words=["CRC-32", "model/layers.0.weight"]
            )

    def test_what_was_added_is_named_and_left_out_on_request(self):
        source = newest(self.trained())
        with h5py.File(source, "r+") as file:
            file["mine"] = [1.0]
            file.attrs["note"] = "mine"
            file.attrs["step"] = 1
        target = self.folder / "a.npz"
        self.refuses(source, target, words=["'mine'", "'note'", "'step'", "--drop"])
        result = self.convert(source, target, "--drop")
        for word in ("left out", "'mine'", "'note'", "'step'"):
            self.assertIn(word, result.stderr)
        self.flywheel("verify", target)
        self.convert(target, self.folder / "b.h5")
        self.assertNotEqual(checkpoint.read(self.folder / "b.h5").attributes["step"], 1)

    def test_a_part_is_a_plain_archive_and_said_to_be_one(self):
        source = newest(self.trained())
        target = self.folder / "weights.npz"
        result = self.convert(source, target, "--only", "model/**", "--rename", "model/=")
        self.assertIn("plain archive", result.stderr)
        found, model = arrays_in(target), checkpoint.read(source).model
        self.assertEqual(found.keys() - {DOCUMENT}, model.keys())
        for name, value in model.items():
            self.assertEqual(found[name].tobytes(), value.tobytes())
        self.assert_error(self.flywheel("resume", target, status=2))
        # All of it is still the checkpoint.
        self.assertEqual(self.convert(source, self.folder / "all.npz", "--only", "**").stderr, "")
        self.flywheel("verify", self.folder / "all.npz")


class Resuming(ConvertTestCase):
    def test_a_converted_checkpoint_goes_on_bit_for_bit(self):
        run = self.trained(
            "--rule", "adam", "--save-every-steps", 5, "--keep", 99, "--epochs", 3
        )
        middle = checkpoints(run)[2]
        targets = [self.folder / "m.npz", self.folder / "m", self.folder / "stored.npz"]
        self.convert(middle, targets[0])
        self.convert(middle, f"{targets[1]}/")
        self.convert(middle, targets[2], "--compress", 0)
        expected = checkpoint.read(newest(run))
        for source in [middle, *targets]:
            with self.subTest(source=source.name):
                end = self.path()
                self.flywheel("resume", source, "--output", end)
                found = checkpoint.read(newest(end))
                self.assertEqual(found.tensors.keys(), expected.tensors.keys())
                for key, value in expected.tensors.items():
                    self.assertEqual(found.tensors[key].tobytes(), value.tobytes(), key)
                documents = [found.document, expected.document]
                for document in documents:
                    del document["saved"], document["crc32"]
                self.assertEqual(*documents)
                self.assertEqual(
                    (end / "metrics.jsonl").read_bytes(), (run / "metrics.jsonl").read_bytes()
                )

    def test_damage_is_found(self):
        source = self.folder / "a.npz"
        self.convert(self.trained(), source, "--compress", 0)
        with zipfile.ZipFile(source) as file:
            info = file.getinfo("model/layers.0.weight.npy")
        flip_bit(source, info.header_offset + 300, 3)
        self.assertIn("NOT WHOLE", self.flywheel("verify", source, status=1).stdout)
        self.assert_error(
            self.flywheel("resume", source, "--output", self.path(), status=2), source
        )


class PlainArchives(ConvertTestCase):
    """Files of h5py and numpy: names, attributes and groups stay."""

    def setUp(self) -> None:
        super().setUp()
        random = np.random.default_rng(1)
        self.source = self.folder / "source.h5"
        with h5py.File(self.source, "w", track_order=True) as file:
            for dtype in ("?", "i1", ">i4", "u8", "f2", ">f4", "f8", "c8", "c16"):
                values = random.integers(0, 2, (3, 4)).astype(dtype)
                file[f"numbers/{dtype.replace('>', 'big-')}"] = values
            file["scalar"] = np.float32(1.5)
            file["empty"] = np.zeros((0, 3), "i2")
            file["text"] = np.array([b"ab", b"cde"], "S3")
            times = np.array(["2026-01-02T03", "NaT"], "M8[h]")
            file["times"] = times.astype(h5py.opaque_dtype(times.dtype))
            half = random.standard_normal(5).astype(ml_dtypes.bfloat16)
            # As Keras writes it: bytes with a tag.
            file["half"] = half.view("V2")
            file["half"].attrs["dtype"] = "bfloat16"
            file.create_dataset("packed", data=random.standard_normal((50, 20)), chunks=(7, 6),
                                compression="gzip", shuffle=True)  # fmt: skip
            file.create_group("nothing/here")
            file.attrs["title"] = "größer"
            file.attrs["count"] = 7
            file.attrs["rate"] = 0.1
            file.attrs["nan"] = np.float64("nan")
            file["numbers"].attrs["names"] = ["a", "bb"]
            file["scalar"].attrs["vector"] = np.arange(3, dtype="f4")
            file["scalar"].attrs["small"] = np.int16(-3)

    def contents(self, path: Path) -> tuple[dict, dict, set]:
        """Datasets as dtype, shape and bytes; attributes; groups."""
        datasets, attributes, groups = {}, {}, set()

        def add(name, item):
            attributes[name] = {
                # Texts of fixed length, as Flywheel writes them, come as bytes.
                key: np.char.decode(value, "utf-8").tolist() if value.dtype.kind == "S"
                else value.tolist() if value.dtype.kind in "OU"
                else (value.dtype.str, value.shape, value.tobytes())
                for key, value in ((key, np.asarray(value)) for key, value in item.attrs.items())
            }  # fmt: skip
            if isinstance(item, h5py.Dataset):
                data = np.asarray(item[()])
                data = data.astype(data.dtype.newbyteorder("<")) if data.dtype.kind != "V" else data
                datasets[name] = (data.dtype.str, data.shape, data.tobytes())
            else:
                groups.add(name)

        with h5py.File(path) as file:
            add("", file)
            file.visititems(add)
        return datasets, attributes, groups

    def test_there_and_back(self):
        expected = self.contents(self.source)
        for target in ("a.npz", "a/"):
            with self.subTest(target=target):
                there = self.folder / target.rstrip("/")
                back = self.path("back").with_suffix(".h5")
                self.convert(self.source, f"{self.folder}/{target}")
                self.convert(there, back)
                datasets, attributes, groups = self.contents(back)
                self.assertEqual(datasets, expected[0])
                self.assertEqual(attributes, expected[1])
                self.assertEqual(groups, expected[2])
                with h5py.File(back) as file:
                    self.assertNotIn(DOCUMENT, file)

    def test_numpy_reads_the_arrays_and_the_document_is_as_the_schema_says(self):
        self.convert(self.source, self.folder / "a.npz")
        found = arrays_in(self.folder / "a.npz")
        document = sealed(found.pop(DOCUMENT).tobytes())
        schema = json.loads((SCHEMAS / "archive.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(document)
        self.assertEqual(document["tensors"], {"half": {"dtype": "bfloat16"}})
        self.assertEqual(document["groups"], ["nothing/here"])
        self.assertEqual(document["attributes"][""]["title"], "größer")
        self.assertEqual(document["attributes"]["numbers"], {"names": ["a", "bb"]})
        vector = document["attributes"]["scalar"]["vector"]
        self.assertEqual(bytes.fromhex(vector["bytes"]), np.arange(3, dtype="<f4").tobytes())
        self.assertEqual(found["times"].dtype.str, "<M8[h]")
        self.assertEqual(found["text"].tolist(), [b"ab", b"cde"])
        self.assertEqual(found["numbers/big-f4"].dtype.str, "<f4")
        self.assertEqual(found["empty"].shape, (0, 3))

    def test_an_archive_with_nothing_more_to_say_has_no_document(self):
        arrays = {"a": np.arange(3), "b/c": np.eye(2, dtype="f4"), "text": np.array(["ä", "bc"])}
        np.savez(self.folder / "a.npz", **arrays)
        self.convert(self.folder / "a.npz", self.folder / "b.h5")
        self.convert(self.folder / "b.h5", self.folder / "c.npz", "--compress", 0)
        found = arrays_in(self.folder / "c.npz")
        self.assertEqual(list(found), list(arrays))
        for key, value in arrays.items():
            self.assertEqual(found[key].dtype, value.dtype)
            self.assertEqual(found[key].tobytes(), value.tobytes())
        with h5py.File(self.folder / "b.h5") as file:
            self.assertEqual(set(file), {"a", "b", "text"})

    def test_one_array_in_a_npy_file(self):
        array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        np.save(self.folder / "w.npy", array)
        self.convert(self.folder / "w.npy", self.folder / "w.h5")
        with h5py.File(self.folder / "w.h5") as file:
            np.testing.assert_array_equal(file["w"][()], array)
        self.convert(self.folder / "w.h5", self.folder / "back.npy")
        np.save(self.folder / "c.npy", np.ascontiguousarray(array))
        self.assertEqual(
            (self.folder / "back.npy").read_bytes(), (self.folder / "c.npy").read_bytes()
        )

    def test_what_the_target_cannot_hold_is_refused_by_name(self):
        path = self.folder / "odd.h5"
        with h5py.File(path, "w") as file:
            file["fine"] = [1.0]
            file["point"] = np.zeros(2, [("x", "f4"), ("y", "f4")])
            file["reference"] = np.array([file["fine"].ref], dtype=h5py.ref_dtype)
            file["enumeration"] = np.zeros(2, h5py.enum_dtype({"RED": 0, "BLUE": 1}))
            file["words"] = ["of", "any", "length"]
            file["link"] = h5py.SoftLink("/fine")
            file["fine"].attrs["to"] = file["point"].ref
        target = self.folder / "a.npz"
        self.refuses(path, target, words=["'reference'", "more", "--drop"])
        result = self.convert(path, target, "--drop")
        self.assertEqual(list(arrays_in(target)), ["fine"])
        for word in ("point", "reference", "enumeration", "words", "link", "'to'"):
            self.assertIn(word, result.stderr)
        facts = self.convert(path, target, "--drop", "--force", "--json").json
        self.assertEqual(len(facts["left_out"]), 6)
        self.assertEqual([row["name"] for row in facts["tensors"]], ["fine"])

        both = self.folder / "both.npz"
        np.savez(both, **{"a": np.zeros(1), "a/b": np.zeros(1)})
        self.refuses(both, self.folder / "b.h5", words=["'a/b'"])
        self.refuses(both, self.folder / "b.npy", words=["'a/b'", "one array"])
        self.convert(both, self.folder / "b.npy", "--only", "a/b")

    def test_attributes_have_no_room_in_a_single_npy_file(self):
        self.refuses(
            self.source, self.folder / "a.npy", "--only", "scalar",
            words=["'vector'", "'small'", "of 'scalar'"],
        )
        result = self.convert(self.source, self.folder / "a.npy", "--only", "scalar", "--drop")
        self.assertIn("'vector'", result.stderr)
        self.assertEqual(np.load(self.folder / "a.npy"), np.float32(1.5))


class Options(ConvertTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.arrays = {
            "net/0/kernel": np.arange(6, dtype="f4").reshape(2, 3),
            "net/0/bias": np.array([0.1, 0.2]),
            "net/10/kernel": np.arange(4, dtype="f4").reshape(2, 2),
            "step": np.int64(7),
        }
        self.source = self.folder / "source.npz"
        np.savez(self.source, **self.arrays)

    def converted(self, *arguments) -> dict[str, np.ndarray]:
        target = self.path("converted").with_suffix(".npz")
        self.convert(self.source, target, *arguments)
        return arrays_in(target)

    def map(self, *rules) -> Path:
        path = self.path("map").with_suffix(".json")
        path.write_text(json.dumps(rules))
        return path

    def test_only_what_matches(self):
        for patterns, expected in {
            ("net/*/bias",): ["net/0/bias"],
            ("net/?/*",): ["net/0/kernel", "net/0/bias"],
            ("**/kernel", "step"): ["net/0/kernel", "net/10/kernel", "step"],
            ("*",): ["step"],
        }.items():
            arguments = [word for pattern in patterns for word in ("--only", pattern)]
            self.assertEqual(list(self.converted(*arguments)), expected)
        self.refuses(self.source, self.folder / "t.npz", "--only", "nothing*", words=["'nothing*'"])

    def test_new_names(self):
        found = self.converted("--rename", "net/=model/", "--rename", "step=steps/taken")
        self.assertEqual(
            list(found), ["model/0/kernel", "model/0/bias", "model/10/kernel", "steps/taken"]
        )
        self.refuses(self.source, self.folder / "t.npz", "--rename", "no=x", words=["'no'"])
        self.refuses(
            self.source, self.folder / "t.npz", "--rename", "step=net/0/bias",
            words=["step", "net/0/bias"],
        )  # fmt: skip
        for text in ("step", "net/=model", "=a"):
            self.refuses(self.source, self.folder / "t.npz", "--rename", text, status=64)

    def test_a_map(self):
        rules = [
            {"pattern": "net/*/kernel", "rename": "W{1}", "transpose": True, "cast": "float64"},
            {"pattern": "net/*/bias", "rename": "b{1}", "reshape": [-1, 1]},
        ]
        found = self.converted("--map", self.map(*rules))
        self.assertEqual(list(found), ["W0", "b0", "W10", "step"])
        for name, key in (("W0", "net/0/kernel"), ("W10", "net/10/kernel")):
            np.testing.assert_array_equal(found[name], self.arrays[key].T)
            self.assertEqual(found[name].dtype, np.float64)
        np.testing.assert_array_equal(found["b0"], self.arrays["net/0/bias"][:, None])

    def test_casts_that_round_are_refused_unless_allowed(self):
        rule = {"pattern": "net/0/bias", "cast": "float32"}
        self.refuses(
            self.source, self.folder / "t.npz", "--map", self.map(rule),
            words=["net/0/bias", "float32", "exact"],
        )  # fmt: skip
        found = self.converted("--map", self.map(rule | {"exact": False}))
        np.testing.assert_array_equal(
            found["net/0/bias"], self.arrays["net/0/bias"].astype("f4")
        )

    def test_the_example_is_as_the_schema_says(self):
        schema = json.loads((SCHEMAS / "map.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        example = json.loads((SCHEMAS / "examples" / "map.json").read_text())
        validator.validate(example)
        np.savez(
            self.source,
            **{
                "layers.0.weight": np.ones((4, 3)), "layers.0.bias": np.ones(4),
                "steps": np.int64(3),
            },
        )  # fmt: skip
        found = self.converted("--map", SCHEMAS / "examples" / "map.json")
        self.assertEqual(list(found), ["dense_0/kernel", "dense_0/bias", "iterations"])
        self.assertEqual(found["dense_0/kernel"].shape, (3, 4))
        for wrong in (
            {}, [], [{}], [{"pattern": "a", "renames": "b"}], [{"pattern": "a", "exact": False}],
            [{"pattern": "a", "cast": "float"}], [{"pattern": "a", "reshape": [-2]}],
        ):  # fmt: skip
            self.assertTrue(list(validator.iter_errors(wrong)), wrong)
            path = self.path("wrong")
            path.write_text(json.dumps(wrong))
            self.refuses(self.source, self.folder / "t.npz", "--map", path, words=[path])

    def test_the_result_is_one_line_and_facts_for_scripts(self):
        result = self.convert(self.source, self.folder / "t.h5")
        self.assertEqual(result.stderr, "")
        self.assertRegex(
            result.stdout, r"\A.*t\.h5: archive of 4 tensors, .*\(HDF5\) from .*\(\.npz\).*\n\Z"
        )
        quiet = self.convert(self.source, self.folder / "q.h5", "--quiet")
        self.assertEqual(quiet.stdout + quiet.stderr, "")
        facts = self.convert(self.source, self.folder / "j.h5", "--json").json
        self.assertEqual(facts["content"], "archive")
        self.assertEqual(facts["source"]["format"], "npz")
        self.assertEqual(facts["target"]["bytes"], (self.folder / "j.h5").stat().st_size)
        self.assertEqual(
            facts["tensors"][0],
            {
                "source": "net/0/kernel", "name": "net/0/kernel", "type": "float32",
                "shape": [2, 3], "bytes": 24, "changed": False,
            },
        )  # fmt: skip


class Safety(ConvertTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.source = self.folder / "source.npz"
        np.savez(self.source, a=np.arange(5.0))

    def test_what_is_there_stays_unless_forced(self):
        target = self.folder / "t.h5"
        target.write_bytes(b"mine")
        self.refuses(self.source, target, words=[target, "--force"])
        self.convert(self.source, target, "--force")
        self.flywheel("inspect", target)
        (self.folder / "d").mkdir()
        (self.folder / "d" / "mine").write_bytes(b"mine")
        for arguments in ([], ["--force"]):
            self.refuses(self.source, f"{self.folder}/d/", *arguments, words=["never overwritten"])
        (self.folder / "e").mkdir()
        self.convert(self.source, self.folder / "e")
        self.assertEqual([path.name for path in (self.folder / "e").iterdir()], ["a.npy"])

    def test_a_file_may_replace_itself(self):
        before = arrays_in(self.source)
        self.refuses(self.source, self.source)
        self.convert(self.source, self.source, "--force", "--compress", "9")
        np.testing.assert_array_equal(arrays_in(self.source)["a"], before["a"])

    def test_names_that_do_not_say_a_format_are_refused(self):
        for name in ("t", "t.txt", "t.npz.gz"):
            self.refuses(self.source, self.folder / name, words=[".npz", ".h5"])
        self.refuses(self.source, self.folder / "t.npy", "--compress", "fast", words=[".npy"])
        self.refuses(self.source, self.folder / "t.h5", "--compress", "10", status=64)
        self.refuses(self.folder / "no.npz", self.folder / "t.h5", words=["no.npz"])
        self.refuses(self.source, self.folder / "no" / "t.h5", words=["no"])

    def test_content_counts_and_not_the_name(self):
        wrong = self.folder / "wrong.h5"
        wrong.write_bytes(self.source.read_bytes())
        self.convert(wrong, self.folder / "t.h5")
        self.assertIn(".npz", self.flywheel("inspect", wrong).stdout)
        other = self.folder / "other.npz"
        other.write_bytes(b"\x7fELF and so on")
        self.refuses(other, self.folder / "u.h5", words=["7f 45 4c 46", "HDF5", ".npz"])

    def large(self) -> Path:
        path = self.folder / "large.npy"
        np.save(path, np.random.default_rng(1).standard_normal(12_000_000))
        return path

    def test_killed_in_the_middle_it_leaves_nothing_under_the_name(self):
        source, target = self.large(), self.folder / "t.npz"
        process = self.start("convert", source, target, "--compress", 9)
        self.wait_until(lambda: temporary_files(self.folder), "the temporary file")
        process.kill()
        process.wait()
        self.assertFalse(target.exists())

    def test_signals_end_it_and_leave_nothing(self):
        source = self.large()
        for target in ("t.npz", "d/"):
            process = self.start("convert", source, f"{self.folder}/{target}")
            self.wait_until(lambda: temporary_files(self.folder), "the temporary file")
            process.send_signal(signal.SIGTERM)
            result = self.finish(process)
            if result.status == 0:
                continue  # it was done already
            self.assertEqual(result.status, 143)
            self.assertFalse((self.folder / target.rstrip("/")).exists())
            self.assertEqual(temporary_files(self.folder), [])

    def test_signals_end_the_conversion_of_a_state(self):
        source, target = self.folder / "torch.npz", self.folder / "state.npz"
        random = np.random.default_rng(1)
        arrays = {
            f"layers.{layer}.{kind}": random.standard_normal(shape)
            for layer in range(4)
            for kind, shape in (("weight", (1500, 1500)), ("bias", (1500,)))
        }
        np.savez(source, **arrays)
        process = self.start(
            "convert", source, target, "--from", "pytorch", "--rule", "pytorch", "--lr", 0.1, "--momentum", 0,
            "--to", "flywheel", "--compress", 9,
        )  # fmt: skip
        self.wait_until(lambda: temporary_files(self.folder), "the temporary file")
        process.send_signal(signal.SIGINT)
        result = self.finish(process)
        self.assertEqual(result.status, 130, result.stderr)
        self.assertFalse(target.exists())
        self.assertEqual(temporary_files(self.folder), [])

    def test_memory_does_not_grow_with_the_file(self):
        import resource

        source = self.large()

        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, (90 << 20, 90 << 20))

        for target in ("t.h5", "t.npz", "d/"):
            self.convert(source, f"{self.folder}/{target}", before=limit)
            self.assertEqual(
                self.flywheel("verify", self.folder / target.rstrip("/")).status, 0
            )


class Verifying(ConvertTestCase):
    def test_plain_files_say_what_was_checked(self):
        np.savez(self.folder / "a.npz", a=np.arange(1000.0))
        self.convert(self.folder / "a.npz", self.folder / "a.h5")
        self.convert(self.folder / "a.npz", self.folder / "a.npy")
        self.convert(self.folder / "a.npz", f"{self.folder}/d/")
        self.assertIn("checksums", self.flywheel("verify", self.folder / "a.npz").stdout)
        for name in ("a.h5", "a.npy", "d"):
            result = self.flywheel("verify", self.folder / name)
            self.assertIn("no checksums", result.stdout)
            facts = self.flywheel("verify", self.folder / name, "--json").json["files"][0]
            self.assertEqual([facts["whole"], facts["tensors"], facts["checksums"]], [True, 1, None])
        flip_bit(self.folder / "a.npz", 1000)
        self.assertIn("NOT WHOLE", self.flywheel("verify", self.folder / "a.npz", status=1).stdout)

    def test_what_cannot_be_read_is_named(self):
        with h5py.File(self.folder / "a.h5", "w") as file:
            file["a"] = [1.0]
            file["words"] = ["a", "bc"]
        result = self.flywheel("verify", self.folder / "a.h5")
        self.assertIn("not checked", result.stdout)
        self.assertIn("'words'", result.stdout)
