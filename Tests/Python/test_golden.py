"""The schemas, their page and their examples agree with each other and with the binary."""

import json
import re
import runpy
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import jsonschema

import support

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
EXAMPLES = SCHEMAS / "examples"
READER = EXAMPLES / "read_checkpoint.py"

# What the reader of the documentation says of each golden file.
GOLDEN = {
    "checkpoint-1.h5": (
        "step 6, all 17 tensors whole", "layers.0.weight float32 (3, 4) velocity"
    ),
    "checkpoint-2.h5": (
        "step 6, all 21 tensors whole", "layers.0.weight float32 (3, 4) exp_avg exp_avg_sq"
    ),
    "checkpoint-3.h5": (
        "step 6, all 21 tensors whole", "layers.0.weight float32 (3, 4) exp_avg exp_avg_sq"
    ),
    "layout-3.h5": (
        "step 3, all 10 tensors whole", "layers.0.weight float32 (2, 3) velocity"
    ),
    "dtypes-2.h5": ("step 7, all 20 tensors whole", "bfloat16 |V2 (2, 3) exp_avg"),
}  # fmt: skip


def load(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = load(SCHEMAS / f"{name}.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(path: Path) -> subprocess.CompletedProcess:
    """Runs the reader of the documentation."""
    return subprocess.run([sys.executable, READER, path], capture_output=True, text=True)


class GoldenCheckpoints(unittest.TestCase):
    def test_the_reader_of_the_documentation_reads_each(self) -> None:
        self.assertEqual({path.name for path in EXAMPLES.glob("*.h5")}, set(GOLDEN))
        for name, (summary, line) in GOLDEN.items():
            with self.subTest(name):
                result = read(EXAMPLES / name)
                self.assertEqual((result.stderr, result.returncode), ("", 0))
                self.assertEqual(result.stdout.splitlines()[0], summary)
                self.assertIn(f"{line}\n", result.stdout)

    def test_the_reader_notices_a_changed_byte_in_any_tensor(self) -> None:
        whole = (EXAMPLES / "checkpoint-3.h5").read_bytes()
        reader = runpy.run_path(str(READER))
        offsets = {}
        with h5py.File(EXAMPLES / "checkpoint-3.h5") as file:
            for key in ["flywheel.metadata", *load(EXAMPLES / "checkpoint-3.json")["tensors"]]:
                offsets[key] = file[key].id.get_offset()
        with tempfile.TemporaryDirectory() as folder:
            for key, offset in offsets.items():
                with self.subTest(key):
                    damaged = bytearray(whole)
                    damaged[offset + 1] ^= 1
                    path = Path(folder) / "damaged.h5"
                    path.write_bytes(damaged)
                    with self.assertRaisesRegex(ValueError, "does not match its CRC-32"):
                        reader["read_checkpoint"](path)

    def test_what_lies_as_keras_has_it_is_read_as_flywheel_has_it(self) -> None:
        path = EXAMPLES / "layout-3.h5"
        document, parameters, slots = runpy.run_path(str(READER))["read_checkpoint"](path)
        self.assertEqual(document["layout"]["dialect"], "keras")
        validator("checkpoint").validate(document)
        with h5py.File(path) as file:
            pairs = {
                "layers/dense/vars/0": parameters["layers.0.weight"].T,
                "layers/dense/vars/1": parameters["layers.0.bias"],
                "optimizer/vars/2": slots["velocity"]["layers.0.weight"].T,
                "optimizer/vars/3": slots["velocity"]["layers.0.bias"],
            }
            for key, value in pairs.items():
                with self.subTest(key):
                    self.assertEqual(file[key][()].tolist(), value.tolist())

    def test_the_documents_beside_them_are_theirs(self) -> None:
        for path in EXAMPLES.glob("checkpoint-*.h5"):
            with self.subTest(path.name), h5py.File(path) as file:
                stored = json.loads(file["flywheel.metadata"][()].tobytes())
                self.assertEqual(stored, load(path.with_suffix(".json")))


class Schemas(unittest.TestCase):
    def setUp(self) -> None:
        self.configuration = validator("configuration")

    def versions(self):
        """Each schema of checkpoints with the golden document that is an instance of it."""
        for version, name in support.VERSIONS.items():
            yield validator(name), load(EXAMPLES / f"checkpoint-{version}.json")

    def test_the_examples_are_instances(self) -> None:
        for schema, document in self.versions():
            schema.validate(document)
            self.configuration.validate(document["trainer"])
        self.configuration.validate(load(EXAMPLES / "configuration.json"))
        self.configuration.validate({})

    def test_no_version_is_an_instance_of_another(self) -> None:
        for schema, document in self.versions():
            for other in support.VERSIONS:
                changed = document | {"schema": other}
                self.assertEqual(schema.is_valid(changed), changed == document)

    def test_the_checkpoint_schema_refuses_what_is_wrong(self) -> None:
        wrong = {
            "schema": 4,
            "crc32": "0ABCDEF0",
            "saved": {"run": "0", "time": "2026-01-02T03:04:05Z"},
            "schedule": {"kind": "constant", "more": 1},
            "tensors": {"model/a/b": {"dtype": "float32", "shape": [], "crc32": "00000000"}},
        }
        for schema, document in self.versions():
            for name, value in wrong.items():
                with self.subTest(name, schema=document["schema"]):
                    self.assertFalse(schema.is_valid(document | {name: value}))
            for name in document:
                with self.subTest(without=name, schema=document["schema"]):
                    changed = {key: value for key, value in document.items() if key != name}
                    self.assertFalse(schema.is_valid(changed))

    def test_keys_are_escaped_as_the_page_says(self) -> None:
        entry = {"dtype": "float32", "shape": [1], "crc32": "00000000"}
        names = {
            "layers.0.weight": True, "..weight": True, "a%2Fb": True, "%25": True, "%2E%2E": True,
            "ü": True, "a/b": False, "..": False, "a%b": False, "%2e": False, "": False,
        }  # fmt: skip
        for schema, document in self.versions():
            masters = ["master/"] if document["schema"] > 1 else []
            for prefix in ["model/", "optimizer/velocity/", *masters]:
                for name, valid in names.items():
                    with self.subTest(prefix + name, schema=document["schema"]):
                        changed = document | {"tensors": {prefix + name: entry}}
                        self.assertEqual(schema.is_valid(changed), valid)

    def test_a_layout_frees_the_names_of_tensors_and_must_be_whole(self) -> None:
        schema, document = list(self.versions())[-1]
        entry = {"dtype": "float32", "shape": [1], "crc32": "00000000"}
        place = {"tensor": "W/1", "arrangement": "column"}
        layout = {"dialect": "theirs", "tensors": {"model/b": place}, "counters": ["t"]}
        free = document | {"tensors": {"W/1": entry, "t": entry}}
        self.assertFalse(schema.is_valid(free))
        self.assertTrue(schema.is_valid(free | {"layout": layout}))
        for wrong in (
            layout | {"counters": ["t", "t"]}, layout | {"more": 1}, {"dialect": "theirs"},
            layout | {"tensors": {"random/order": place}}, layout | {"tensors": {"model/a/b": place}},
            layout | {"tensors": {"model/b": {"tensor": "W"}}},
            layout | {"tensors": {"model/b": place | {"arrangement": "rotated"}}},
            layout | {"tensors": {"model/b": place | {"tensor": "flywheel.metadata"}}},
        ):  # fmt: skip
            with self.subTest(wrong):
                self.assertFalse(schema.is_valid(free | {"layout": wrong}))
        for key in ("a/b/c/d/e/f/g/h/i", "/a", "a//b", "", "flywheel.metadata"):
            with self.subTest(key):
                self.assertFalse(
                    schema.is_valid(free | {"layout": layout, "tensors": {key: entry}})
                )

    def test_numbers_that_are_not_finite_are_bit_patterns(self) -> None:
        for schema, document in self.versions():
            for text, valid in {
                "0x7ff0000000000000": True, "0xfff8000000000001": True,
                "0x3ff0000000000000": False, "0x7FF0000000000000": False, "inf": False,
            }.items():  # fmt: skip
                with self.subTest(text, schema=document["schema"]):
                    document["progress"]["epoch_loss"] = {"float64": text}
                    self.assertEqual(schema.is_valid(document), valid)

    def test_the_configuration_schema_refuses_what_the_trainer_refuses(self) -> None:
        for wrong in [
            {"epochs": 0}, {"seed": -1}, {"network": {"layers": [784]}}, {"momentum": 0.9},
            {"optimizer": {"momentum": 1}}, {"optimizer": {"rule": "nielsen", "nesterov": True}},
            {"optimizer": {"rule": "nielsen", "dampening": 0.5}},
            {"optimizer": {"nesterov": True, "momentum": 0}}, {"checkpoints": {"keep": 0}},
            {"data": {"last_batch": "pad"}}, {"$schema": "../configuration.schema.json"},
        ]:  # fmt: skip
            with self.subTest(wrong):
                self.assertFalse(self.configuration.is_valid(wrong))
                self.refused(wrong)

    def refused(self, configuration) -> None:
        if support.settings.flywheel is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "configuration.json"
            path.write_text(json.dumps(configuration))
            command = [support.settings.flywheel, "train", path, "--output", Path(folder) / "run"]
            result = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(result.returncode, 2, result.stderr)

    def test_the_defaults_of_the_schema_are_those_of_the_trainer(self) -> None:
        if support.settings.flywheel is None:
            self.skipTest("no binary is given")
        def defaults_of(schema: dict) -> dict:
            # What only other rules take has no default.
            return {
                name: member["default"] if "default" in member else defaults_of(member)
                for name, member in schema["properties"].items()
                if "default" in member or "properties" in member
            }

        defaults = defaults_of(self.configuration.schema)
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            command = [support.settings.flywheel, "train", "--quiet", "--output", run]
            subprocess.run([*command, "--epochs", "1"], check=True)
            resolved = load(run / "configuration.json")
        self.configuration.validate(resolved)
        # What depends on the data is null in the schema, and a number once the data are known.
        counts = {name: resolved["data"].pop(name) for name in ("training", "validation")}
        self.assertEqual(counts, {"training": 20000, "validation": 4000})
        self.assertEqual([defaults["data"].pop(name) for name in counts], [None, None])
        both = (defaults["data"], resolved["data"])
        scales = [data["normalization"].pop("scale") for data in both]
        self.assertEqual(scales, [None, 1 / 255])
        self.assertEqual(resolved, {**defaults, "epochs": 1})


class Page(unittest.TestCase):
    def setUp(self) -> None:
        self.text = (SCHEMAS / "checkpoint.md").read_text(encoding="utf-8")

    def test_its_reader_is_the_script_of_at_most_40_lines(self) -> None:
        blocks = re.findall(r"^```python\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        script = READER.read_text(encoding="utf-8")
        self.assertEqual(blocks, [script])
        self.assertLessEqual(len(script.splitlines()), 40)

    def test_it_speaks_of_every_member_of_the_schema(self) -> None:
        def names(schema):
            if isinstance(schema, dict):
                yield from schema.get("properties", {})
                schema = schema.values()
            if not isinstance(schema, (str, int, float, type(None))):
                for part in schema:
                    yield from names(part)

        for name in set(names(load(SCHEMAS / "checkpoint.schema.json"))):
            with self.subTest(name):
                self.assertRegex(self.text, rf'[`"]{name}[`"]')


if __name__ == "__main__":
    unittest.main()
