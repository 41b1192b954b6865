"""What a checkpoint looks like to somebody who has only h5py, zlib and the documentation."""

import copy
import json
import shutil
import time
import zlib
from pathlib import Path

import h5py
import jsonschema
import ml_dtypes
import numpy as np

import checkpoint
from support import (
    SCHEMAS,
    VERSIONS,
    Images,
    TestCase,
    checkpoints,
    newest,
    write_idx,
    write_structured,
)
from test_resume import ResumeTestCase


def schema(name: str) -> dict:
    return json.loads((SCHEMAS / name).read_text())


def validator_of(name: str) -> jsonschema.Draft202012Validator:
    contents = schema(name)
    jsonschema.Draft202012Validator.check_schema(contents)
    return jsonschema.Draft202012Validator(contents)


class LayoutTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = write_structured(self.folder / "data", 60, 4, 3)
        self.settings = [
            "--data", self.data, "--layers", "16-5-3", "--batch-size", 7, "--epochs", 2,
            "--save-every-steps", 1, "--keep", 1000,
        ]  # fmt: skip

    def files(self, *settings) -> list[Path]:
        files = checkpoints(self.train(*self.settings, *settings))
        self.assertEqual(len(files), 17)
        return files


class Datasets(LayoutTestCase):
    PARAMETERS = {
        "layers.0.weight": (5, 16),
        "layers.0.bias": (5,),
        "layers.1.weight": (3, 5),
        "layers.1.bias": (3,),
    }

    def test_every_dataset_lies_at_its_documented_path(self):
        for precision in ("float32", "float64"):
            with self.subTest(precision=precision):
                path = self.files("--precision", precision)[-1]
                expected = {"flywheel.metadata": ("uint8", None)}
                for name, shape in self.PARAMETERS.items():
                    expected[f"model/{name}"] = (precision, shape)
                    expected[f"optimizer/velocity/{name}"] = (precision, shape)
                for name in ("initialization", "order"):
                    expected[f"random/{name}"] = ("uint64", (7,))
                expected["history/step"] = ("int64", (2,))
                for name in (
                    "epoch", "learning_rate", "training_loss", "training_accuracy",
                    "validation_loss", "validation_accuracy",
                ):  # fmt: skip
                    expected[f"history/{name}"] = ("float64", (2,))
                found = {}

                def visit(name, item):
                    if isinstance(item, h5py.Dataset):
                        found[name] = (item.dtype.name, item.shape)

                with h5py.File(path) as file:
                    file.visititems(visit)
                    document = file["flywheel.metadata"]
                    self.assertEqual(document.ndim, 1)
                expected["flywheel.metadata"] = ("uint8", found["flywheel.metadata"][1])
                self.assertEqual(found, expected)

    def test_datasets_are_contiguous_aligned_and_unfiltered(self):
        path = self.files()[-1]
        data = path.read_bytes()
        looked_at = []

        def visit(name, item):
            if isinstance(item, h5py.Group):
                return
            looked_at.append(name)
            self.assertIsNone(item.chunks, name)
            self.assertIsNone(item.compression, name)
            self.assertFalse(item.shuffle or item.fletcher32, name)
            properties = item.id.get_create_plist()
            self.assertEqual(properties.get_layout(), h5py.h5d.CONTIGUOUS, name)
            self.assertEqual(properties.get_nfilters(), 0, name)
            offset = item.id.get_offset()
            self.assertEqual(offset % 64, 0, name)
            # The bytes in the file are the little-endian row-major elements themselves.
            self.assertNotEqual(item.dtype.byteorder, ">")
            self.assertEqual(data[offset : offset + item.nbytes], item[...].tobytes(), name)

        with h5py.File(path) as file:
            file.visititems(visit)
        self.assertEqual(len(looked_at), 18)

    def test_there_is_no_velocity_before_the_first_step_and_then_always(self):
        files = self.files()
        first = checkpoint.read(files[0])
        self.assertEqual(first.velocity, {})
        with h5py.File(files[0]) as file:
            self.assertNotIn("optimizer", file)
            self.assertNotIn("history", file)
        for path in files[1:]:
            velocity = checkpoint.read(path).velocity
            self.assertEqual(set(velocity), set(self.PARAMETERS))
            for value in velocity.values():
                self.assertTrue(value.any())

    def test_there_is_never_a_velocity_without_momentum(self):
        for path in self.files("--momentum", 0):
            self.assertEqual(checkpoint.read(path).velocity, {})

    def test_attributes_repeat_the_document(self):
        for rule in (["--weight-decay", 0.25], ["--rule", "nielsen", "--momentum", 0.5]):
            for path in self.files(*rule):
                found = checkpoint.read(path)
                document = found.document
                group = document["optimizer"]["groups"][0]
                axes = {f"({', '.join(entry['axes'])})" for entry in document["parameters"]}
                expected = {
                    "step": document["optimizer"]["step"],
                    "epoch": document["progress"]["epoch"],
                    "rule": document["optimizer"]["rule"],
                    "learning_rate": group["learning_rate"],
                    "momentum": group["momentum"],
                    "weight_decay": group["weight_decay"],
                    "axes": " ".join(sorted(axes)),
                }
                self.assertEqual(found.attributes, expected)

    def test_strings_are_fixed_length_utf8_and_objects_have_the_1_8_format(self):
        path = self.files()[-1]
        with h5py.File(path) as file:
            for name in ("rule", "axes"):
                kind = h5py.check_string_dtype(file.attrs.get_id(name).dtype)
                self.assertEqual(kind.encoding, "utf-8")
                self.assertIsNotNone(kind.length)
        data = path.read_bytes()
        # Version 2 object headers, which have checksums, and no global heap.
        self.assertIn(b"OHDR", data)
        self.assertNotIn(b"GCOL", data)
        self.assertNotIn(b"TREE", data)


class Checksums(LayoutTestCase):
    def test_zlib_confirms_every_entry_of_the_index(self):
        confirmed = 0
        for path in self.files():
            found = checkpoint.read(path)
            index = found.document["tensors"]
            self.assertEqual(set(index), set(found.tensors))
            for key, entry in index.items():
                value = found.tensors[key]
                self.assertEqual(entry["dtype"], value.dtype.name)
                self.assertEqual(tuple(entry["shape"]), value.shape)
                self.assertEqual(entry["crc32"], f"{zlib.crc32(value.tobytes()):08x}", key)
                confirmed += 1
        self.assertGreater(confirmed, 100)

    def test_zlib_confirms_the_document(self):
        for path in self.files():
            stated, computed = checkpoint.sealed_checksum(checkpoint.read(path).document_bytes)
            self.assertEqual(stated, computed)

    def test_the_document_is_canonical(self):
        """Without spaces; it survives being written anew by Python, which spells floats its way."""
        for path in self.files():
            data = checkpoint.read(path).document_bytes
            self.assertNotIn(b"\n", data)
            self.assertNotIn(b": ", data)
            again = checkpoint.seal(json.loads(data))
            self.assertEqual(json.loads(again) | {"crc32": 0}, json.loads(data) | {"crc32": 0})


class Schemas(LayoutTestCase):
    """The JSON Schemas accept what Flywheel writes, and nothing else."""

    def documents(self) -> list[dict]:
        files = self.files() + self.files("--rule", "nielsen", "--momentum", 0.5)
        files += self.files("--momentum", 0, "--validation", 3, "--training", 56)
        return [checkpoint.read(path).document for path in files]

    def test_every_document_is_an_instance_of_the_schema(self):
        validator = validator_of("checkpoint.schema.json")
        configurations = validator_of("configuration.schema.json")
        for document in self.documents():
            validator.validate(document)
            configurations.validate(document["trainer"])

    def test_mutated_documents_are_no_instances(self):
        validator = validator_of("checkpoint.schema.json")
        document = self.documents()[-1]
        validator.validate(document)
        mutations = 0
        for path in _objects(document):
            # The trainer's member is in its own words; the schema of configurations is for it.
            if path[:1] == ("trainer",):
                continue
            for name in list(_at(document, path)):
                for change in ("removed", "retyped", "added"):
                    mutated = copy.deepcopy(document)
                    members = _at(mutated, path)
                    if change == "added":
                        members["no such member"] = 1
                    elif change == "retyped":
                        members[name] = [{"wrong": True}]
                    else:
                        del members[name]
                    # What is in `tensors` is named by the network, not by the schema.
                    if change == "removed" and path == ("tensors",):
                        continue
                    with self.subTest(change=change, member=[*path, name]):
                        mutations += 1
                        self.assertFalse(validator.is_valid(mutated))
        self.assertGreater(mutations, 150)

    def test_values_out_of_range_are_no_instances(self):
        validator = validator_of("checkpoint.schema.json")
        document = self.documents()[-1]
        for path, value in [
            (("format",), "other"),
            (("schema",), 4),
            (("crc32",), "xyz"),
            (("crc32",), "0123456"),
            (("optimizer", "step"), -1),
            (("optimizer", "gradient"), "median"),
            (("optimizer", "groups"), []),
            (("progress", "epoch"), 1.5),
            (("random", "generator"), ""),
            (("random", "generator"), 19937),
            (("tensors", "random/order", "shape"), [6]),
            (("data", "last_batch"), "pad"),
            (("tensors", "random/order", "crc32"), "ABCDEF01"),
            (("tensors", "random/order", "dtype"), "complex64"),
            (("tensors", "random/order", "shape"), [-1]),
        ]:
            with self.subTest(member=path, value=value):
                mutated = copy.deepcopy(document)
                _at(mutated, path[:-1])[path[-1]] = value
                self.assertFalse(validator.is_valid(mutated))

    def test_every_configuration_is_an_instance_of_its_schema(self):
        validator = validator_of("configuration.schema.json")
        for settings in ([], ["--rule", "nielsen"], ["--seed", 2**64 - 1, "--keep", 1]):
            run = self.train(*self.settings, *settings)
            validator.validate(json.loads((run / "configuration.json").read_text()))
        validator.validate({})
        validator.validate({"epochs": 3})
        validator.validate({"optimizer": {"learning_rate": 1}})

    def test_the_schemas_know_exactly_what_each_rule_takes(self):
        documents, configurations = map(
            validator_of, ("checkpoint.schema.json", "configuration.schema.json")
        )
        rules = self.flywheel("rules", "--json").json["rules"]
        every = {item["name"] for rule in rules for item in rule["hyperparameters"]}
        for rule in rules:
            with self.subTest(rule=rule["name"]):
                taken = {item["name"] for item in rule["hyperparameters"]}
                run = self.train(*self.settings, "--rule", rule["name"])
                document = checkpoint.read(newest(run)).document
                documents.validate(document)
                group = document["optimizer"]["groups"][0]
                for name in every | set(group):
                    changed = copy.deepcopy(document)
                    groups = changed["optimizer"]["groups"]
                    groups[0] = {key: value for key, value in group.items() if key != name}
                    if name not in group:
                        groups[0][name] = 0.0
                    self.assertFalse(documents.is_valid(changed), name)
                configuration = json.loads((run / "configuration.json").read_text())
                configurations.validate(configuration)
                optimizer = configuration["optimizer"]
                self.assertEqual(every & set(optimizer), taken)
                for name in every - taken:
                    # What is off is 0 or false, whichever it would be.
                    found = []
                    for value in (0, False, 0.5, True):
                        optimizer[name] = value
                        found.append(configurations.is_valid(configuration))
                    self.assertIn(found, ([True, False] + [False] * 2, [False, True] + [False] * 2))
                    del optimizer[name]

    def test_mutated_configurations_are_no_instances_and_are_refused(self):
        """The schema and the program agree on what is wrong."""
        validator = validator_of("configuration.schema.json")
        run = self.train(*self.settings)
        configuration = json.loads((run / "configuration.json").read_text())
        validator.validate(configuration)
        mutations = []
        for path in _objects(configuration):
            for name in list(_at(configuration, path)):
                mutated = copy.deepcopy(configuration)
                _at(mutated, path)[name] = [{"wrong": True}]
                mutations.append(mutated)
            mutated = copy.deepcopy(configuration)
            _at(mutated, path)["no such member"] = 1
            mutations.append(mutated)
        for path, value in [
            (("epochs",), 0),
            (("seed",), -1),
            (("network", "layers"), [16]),
            (("network", "layers"), [16, 0, 3]),
            (("network", "activation"), "gelu"),
            (("optimizer", "rule"), "adam"),
            (("optimizer", "momentum"), 1),
            (("optimizer", "learning_rate"), -1),
            (("optimizer", "dampening"), 2),
            (("data", "batch_size"), 0),
            (("data", "last_batch"), "pad"),
            (("checkpoints", "keep"), 0),
        ]:
            mutated = copy.deepcopy(configuration)
            _at(mutated, path[:-1])[path[-1]] = value
            mutations.append(mutated)
        self.assertGreater(len(mutations), 30)
        file = self.folder / "mutated.json"
        for mutated in mutations:
            with self.subTest(configuration=mutated):
                self.assertFalse(validator.is_valid(mutated))
                file.write_text(json.dumps(mutated))
                result = self.flywheel("train", file, "--output", self.path(), status=2)
                self.assert_error(result, file)


def _objects(value, path: tuple = ()):
    """The paths of all objects within a JSON value."""
    if isinstance(value, dict):
        yield path
        for name, member in value.items():
            yield from _objects(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _objects(member, (*path, index))


def _at(value, path: tuple):
    for name in path:
        value = value[name]
    return value


class Inspect(LayoutTestCase):
    def test_inspect_as_json_equals_the_document_in_the_file(self):
        for path in self.files():
            printed = self.flywheel("inspect", path, "--json").json
            document = checkpoint.read(path).document
            self.assertEqual(printed, document)
            self.assertEqual(list(printed), list(document))

    def test_inspect_of_a_run_shows_its_newest_checkpoint(self):
        run = self.train(*self.settings)
        self.assertEqual(
            self.flywheel("inspect", run, "--json").json, checkpoint.read(newest(run)).document
        )

    def test_inspect_names_every_dataset_with_its_type_and_shape(self):
        path = self.files()[-1]
        shown = self.flywheel("inspect", path).stdout
        for name, value in checkpoint.read(path).tensors.items():
            line = next(line for line in shown.splitlines() if line.startswith(f"{name} "))
            self.assertIn(value.dtype.name, line)
            self.assertIn(f"({', '.join(map(str, value.shape))}", line)
        for words in ("rule pytorch", "lr 0.05", "momentum 0.9", "step 16", "2 epochs"):
            self.assertIn(words, shown)


class Equality(LayoutTestCase):
    def test_equal_runs_give_equal_bytes_apart_from_who_and_when(self):
        first = self.files()
        time.sleep(1.1)
        second = self.files()
        for one, other in zip(first, second):
            found = [checkpoint.read(path) for path in (one, other)]
            self.assertNotEqual(found[0].document["saved"], found[1].document["saved"])
            blank = []
            for path, contents in zip((one, other), found):
                data = path.read_bytes()
                document = contents.document
                for text in (
                    document["saved"]["run"], document["saved"]["time"], document["crc32"]
                ):  # fmt: skip
                    self.assertEqual(data.count(text.encode()), 1)
                    data = data.replace(text.encode(), b"-" * len(text))
                blank.append(data)
            self.assertTrue(blank[0] == blank[1], f"{one.name}: other bytes differ")

    def test_the_run_directory_holds_what_is_documented(self):
        run = self.train(*self.settings)
        self.assertEqual(
            sorted(path.name for path in run.iterdir()),
            ["checkpoints", "configuration.json", "lock", "metrics.jsonl", "timing.jsonl"],
        )
        for line in (run / "metrics.jsonl").read_text().splitlines():
            for member in json.loads(line):
                self.assertNotIn("second", member)


class Golden(ResumeTestCase):
    """Checkpoints of every schema version ever released are read for ever."""

    def documents(self):
        for version in VERSIONS:
            path = self.folder / f"checkpoint-{version}.h5"
            shutil.copy(SCHEMAS / "examples" / path.name, path)
            yield version, path, checkpoint.read(path).document

    def golden_data(self) -> Path:
        """The images that golden checkpoints were trained on, as scripts/make-golden draws them."""
        image, pixel = np.ogrid[:24, :4]
        pixels = np.where((image + pixel // 2) % 2, 160, 32) + (image * 37 + pixel * 59) % 64
        labels = np.arange(24) % 2
        images = Images(pixels.reshape(24, 2, 2).astype(np.uint8), labels.astype(np.uint8))
        return write_idx(self.folder / "data", images[:20], images[20:])

    def test_every_golden_checkpoint_verifies_and_reads(self):
        names = {path.name for path in (SCHEMAS / "examples").glob("checkpoint-*.h5")}
        self.assertEqual(names, {f"checkpoint-{version}.h5" for version in VERSIONS})
        for version, path, document in self.documents():
            with self.subTest(schema=version):
                self.flywheel("verify", path)
                validator_of(f"{VERSIONS[version]}.schema.json").validate(document)
                found = checkpoint.read(path)
                self.assertEqual(*checkpoint.sealed_checksum(found.document_bytes))
                for key, entry in found.document["tensors"].items():
                    value = found.tensors[key]
                    self.assertEqual(entry["crc32"], f"{zlib.crc32(value.tobytes()):08x}")
                    self.assertTrue(np.isfinite(value.astype(np.float64)).all())

    def test_that_of_every_dtype_by_another_trainer_verifies_and_reads(self):
        path = self.folder / "dtypes-2.h5"
        shutil.copy(SCHEMAS / "examples" / path.name, path)
        self.flywheel("verify", path)
        found = checkpoint.read(path)
        validator_of("checkpoint-2.schema.json").validate(found.document)
        self.assertEqual(self.flywheel("inspect", path, "--json").json, found.document)
        dtypes = schema("checkpoint.schema.json")["$defs"]["dtype"]["enum"]
        index = found.document["tensors"]
        self.assertEqual({entry["dtype"] for entry in index.values()}, set(dtypes))
        for key, entry in index.items():
            self.assertEqual(entry["crc32"], f"{zlib.crc32(found.tensors[key].tobytes()):08x}", key)

    def test_inspect_shows_each_as_it_is(self):
        for version, path, document in self.documents():
            with self.subTest(schema=version):
                self.assertEqual(self.flywheel("inspect", path, "--json").json, document)
                shown = self.flywheel("inspect", path).stdout
                for words in (
                    f"schema {version}, by {document['writer']}", "step 6,",
                    f"rule {document['optimizer']['rule']}",
                ):  # fmt: skip
                    self.assertIn(words, shown)

    def test_each_goes_on_as_if_it_had_been_trained_today(self):
        """As a run, and as a file that a new run starts from."""
        data = self.golden_data()
        for version, path, document in self.documents():
            with self.subTest(schema=version):
                configuration = self.folder / "configuration.json"
                configuration.write_text(json.dumps(document["trainer"]))
                straight = self.train(configuration, "--data", data)
                run, branch = self.path("run"), self.path("branch")
                (run / "checkpoints").mkdir(parents=True)
                shutil.copy(configuration, run)
                shutil.copy(path, run / "checkpoints" / "step-000000000006.h5")
                self.resume(run, "--data", data)
                self.resume(path, "--data", data, "--output", branch)
                for resumed in (run, branch):
                    self.flywheel("verify", resumed)
                    found = checkpoint.read(newest(resumed)).document
                    self.assertEqual(found["schema"], max(VERSIONS))
                    self.assertEqual(found["optimizer"]["step"], 8)
                    # Another processor rounds otherwise, and so did the first six steps.
                    if found["backend"] == document["backend"]:
                        self.assert_same_end(resumed, straight)


def somebodys_checkpoint(kind: str) -> tuple[dict, dict[str, np.ndarray]]:
    """A document and tensors of a trainer of somebody else's: a parameter of every dtype, a master
    copy, and a rule and a random generator of its own. `kind` is numpy's byte order."""
    random = np.random.default_rng(3)
    names = schema("checkpoint.schema.json")["$defs"]["dtype"]["enum"]
    tensors = {}
    for name in names:
        dtype = np.dtype(getattr(ml_dtypes, name, name))
        values = random.standard_normal((3, 5)) * 4
        if dtype.kind == "c":
            values = values + 1j * random.standard_normal((3, 5))
        if dtype.kind == "u":
            values = np.abs(values)
        tensors[f"model/{name}"] = values.astype(dtype)
    master = random.standard_normal((3, 5)).astype(np.float32)
    tensors["model/bfloat16"] = master.astype(ml_dtypes.bfloat16)
    tensors["master/bfloat16"] = master
    tensors["optimizer/heat/bfloat16"] = np.abs(master)
    tensors["random/own"] = np.arange(5, dtype=np.uint64)
    tensors["history/step"] = np.array([1, 3], np.int64)
    tensors["history/energy"] = np.array([2.5, -np.inf])
    for key, value in tensors.items():
        if value.dtype.name not in checkpoint.OPAQUE:
            tensors[key] = value.astype(value.dtype.newbyteorder(kind))
    group = {"learning_rate": 0.5, "last_learning_rate": None, "initial_learning_rate": 0.5}
    document = {
        "format": "flywheel.checkpoint",
        "schema": 3,
        "writer": "somebody's trainer 7",
        "saved": {"run": "0123456789abcdef" * 2, "time": "2026-01-02T03:04:05Z"},
        "parameters": [{"name": name, "group": 0, "axes": ["row", "column"]} for name in names],
        "optimizer": {
            "rule": "annealing", "dialect": "own", "step": 3, "gradient": "sum", "clipping": None,
            "batch_size": None, "training_size": None,
            "groups": [group | {"temperature": 1e-3, "greedy": True}],
        },
        "schedule": None,
        "progress": {
            "epoch": 0, "batch": 3, "samples": 3, "epoch_loss": 0.0, "epoch_hits": 0, "best": None
        },
        "random": {"generator": "own"},
        "data": None,
        "backend": None,
        "trainer": None,
        "layout": None,
    }  # fmt: skip
    return document, tensors


class Somebodys(TestCase):
    """Checkpoints that only h5py had a hand in."""

    LAYOUTS = {
        "little-endian": ("<", {}),
        "big-endian": (">", {}),
        "compressed": ("<", {"compression": "gzip", "shuffle": True, "fletcher32": True}),
    }

    def test_one_with_every_dtype_is_an_instance_and_verifies_and_is_shown(self):
        validator = validator_of("checkpoint.schema.json")
        for name, (order, filters) in self.LAYOUTS.items():
            with self.subTest(layout=name):
                document, tensors = somebodys_checkpoint(order)
                self.assertEqual(len(document["parameters"]), 17)
                path = checkpoint.write(self.path(), document, tensors, **filters)
                result = self.flywheel("verify", path)
                self.assertIn(f"whole, {len(tensors) + 1} tensors", result.stdout)
                found = self.flywheel("inspect", path, "--json").json
                validator.validate(found)
                self.assertEqual(found, checkpoint.read(path).document)
                shown = self.flywheel("inspect", path).stdout
                for words in ("schema 3, by somebody's trainer 7", "rule annealing", "0.001"):
                    self.assertIn(words, shown)
                for key, value in tensors.items():
                    line = next(line for line in shown.splitlines() if line.startswith(f"{key} "))
                    self.assertIn(value.dtype.name, line)

    def test_the_statistics_of_each_tensor_are_numpys(self):
        for name, (order, filters) in self.LAYOUTS.items():
            document, tensors = somebodys_checkpoint(order)
            path = checkpoint.write(self.path(), document, tensors, **filters)
            rows = self.flywheel("inspect", path, "--stats", "--json").json["tensors"]
            found = {row["name"]: row["statistics"] for row in rows if "statistics" in row}
            # The words of a generator are no numbers to take a mean of.
            self.assertIsNone(found["random/own"])
            for key, value in tensors.items():
                if key.startswith("random/"):
                    continue
                with self.subTest(layout=name, tensor=key):
                    is_complex = value.dtype.kind == "c"
                    finite = (
                        np.abs(value.astype(complex)) if is_complex else value.astype(np.float64)
                    )
                    finite = finite[np.isfinite(finite)]
                    statistics = found[key]
                    self.assertEqual(statistics["count"], value.size)
                    self.assertEqual(statistics["negative_infinity"], value.size - finite.size)
                    for member, expected in {
                        "minimum": finite.min(), "maximum": finite.max(), "mean": finite.mean(),
                        "norm": np.linalg.norm(finite),
                    }.items():  # fmt: skip
                        self.assertAlmostEqual(statistics[member], expected, places=6, msg=member)

    def test_damage_in_any_tensor_is_found_in_any_layout(self):
        for name, (order, filters) in self.LAYOUTS.items():
            document, tensors = somebodys_checkpoint(order)
            for key in tensors:
                with self.subTest(layout=name, tensor=key):
                    path = checkpoint.write(self.path(), document, tensors, **filters)
                    with h5py.File(path, "r+") as file:
                        stored = file[key][()]
                        stored.view(np.uint8)[..., 0] ^= 1
                        file[key][...] = stored
                    result = self.flywheel("verify", path, status=1)
                    self.assertIn(key, result.stdout)
