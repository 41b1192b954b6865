"""`flywheel diff`: what is the same, what differs and how far, and in whose convention."""

import json
from pathlib import Path

import h5py
import jsonschema
import numpy as np

from frameworks import Keras, Task, Torch
from support import SCHEMAS, TestCase, checkpoints, newest, write_structured


class Diff(TestCase):
    """Two files, the verdicts, and the exit status."""

    @classmethod
    def setUpClass(cls):
        cls.validator = jsonschema.Draft202012Validator(
            json.loads((SCHEMAS / "diff.schema.json").read_text())
        )

    def file(self, arrays: dict, kind: str = ".npz"):
        path = self.path("arrays").with_suffix(kind)
        if kind == ".npz":
            np.savez(path, **arrays)
        else:
            with h5py.File(path, "w") as file:
                for name, value in arrays.items():
                    file[name] = value
        return path

    def diff(self, first, second, *arguments, status: int = 0) -> dict:
        """The document, once it is as the schema says and the other way round has the same status."""
        document = self.flywheel("diff", first, second, *arguments, "--json", status=status).json
        self.validator.validate(document)
        self.assertEqual(document["same"], status == 0)
        quiet = self.flywheel("diff", first, second, *arguments, "-q", status=status)
        self.assertEqual((quiet.stdout, quiet.stderr), ("", ""))
        text = self.flywheel("diff", first, second, *arguments, "--all", status=status).stdout
        names = [str(first), str(second), document["first"]["file"], document["second"]["file"]]
        for line in text.splitlines():
            if not any(name in line for name in names):
                self.assertLessEqual(len(line), 80, text)
        return document

    def verdicts(self, first: dict, second: dict, *arguments, status: int = 1) -> dict:
        """The verdict on each array, which is the same either way but for the sides."""
        files = self.file(first), self.file(second, ".h5")
        found = [
            {
                entry["name"]: entry["verdict"]
                for entry in self.diff(*pair, *arguments, status=status)["tensors"]
            }
            for pair in (files, files[::-1])
        ]
        exchanged = {"only_first": "only_second", "only_second": "only_first"}
        self.assertEqual(
            found[0], {name: exchanged.get(word, word) for name, word in found[1].items()}
        )
        return found[0]


class Verdicts(Diff):
    def test_every_verdict_has_its_case(self):
        ones = np.ones((3, 4), np.float32)
        cases = {
            "identical": (ones, ones),
            "close": (ones, ones + np.float32(1e-6)),
            "different": (ones, ones + np.float32(1e-4)),
            "non_finite": (ones, np.where(np.eye(3, 4) > 0, np.nan, ones).astype(np.float32)),
            "dtype": (ones, ones.astype(np.float64)),
            "shape": (ones, ones.T.copy()),
            "only_first": (ones, None),
            "only_second": (None, ones),
        }
        sides = [
            {name: case[side] for name, case in cases.items() if case[side] is not None}
            for side in (0, 1)
        ]
        found = self.verdicts(*sides)
        self.assertEqual(found, {name: name for name in cases})
        # The worst come first.
        document = self.diff(self.file(sides[0]), self.file(sides[1]), status=1)
        order = [entry["verdict"] for entry in document["tensors"]]
        self.assertEqual(order, [
            "only_first", "only_second", "shape", "dtype", "non_finite", "different", "close",
            "identical",
        ])  # fmt: skip

    def test_each_difference_alone_is_one(self):
        ones = np.ones((3, 4), np.float32)
        for other in ({}, {"w": ones.T}, {"w": ones.astype("f8")}, {"w": ones * 2}, {"v": ones}):
            with self.subTest(other={name: value.dtype for name, value in other.items()}):
                self.verdicts({"w": ones, "x": ones}, other | {"x": ones})

    def test_types_may_differ_where_that_is_asked_for(self):
        values = np.random.default_rng(1).standard_normal(50)
        self.verdicts(
            {"w": values}, {"w": values.astype("f4")}, "--ignore-dtype", status=0
        )
        self.verdicts({"w": values}, {"w": values.astype("f4")}, "--ignore-dtype", "--exact")

    def test_figures_are_those_of_numpy(self):
        random = np.random.default_rng(2)
        left = random.standard_normal((5, 7)).astype(np.float32)
        right = left.copy()
        right[2, 3] += 0.25
        right[4, 6] *= 1.5
        entry = self.diff(self.file({"w": left}), self.file({"w": right}), status=1)["tensors"][0]
        difference = entry["difference"]
        distance = np.abs(left.astype(float) - right)
        self.assertEqual(difference["count"], 35)
        self.assertEqual(difference["differing"], 2)
        self.assertEqual(difference["bits_differing"], 2)
        self.assertEqual(difference["beyond_tolerance"], 2)
        place = tuple(difference["max_absolute"]["at"])
        self.assertEqual(place, np.unravel_index(distance.argmax(), distance.shape))
        self.assertEqual(difference["max_absolute"]["value"], distance.max())
        self.assertEqual(
            difference["elements_at_max_absolute"], [float(left[place]), float(right[place])]
        )
        allowed = 1e-5 + 1.3e-6 * max(abs(left[place]), abs(right[place]))
        self.assertAlmostEqual(difference["times_allowed"] / (distance.max() / allowed), 1)
        self.assertAlmostEqual(difference["rms"], np.sqrt((distance**2).mean()))
        self.assertAlmostEqual(
            difference["cosine"],
            (left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum()),
            places=6,
        )

    def test_files_of_every_format_are_compared_with_each_other(self):
        arrays = {"w": np.arange(6.0).reshape(2, 3), "b": np.ones(3, np.float32)}
        folder = self.path("arrays")
        folder.mkdir()
        for name, value in arrays.items():
            np.save(folder / f"{name}.npy", value)
        packed = self.path("packed").with_suffix(".npz")
        np.savez_compressed(packed, **arrays)
        files = [self.file(arrays), self.file(arrays, ".h5"), folder, packed]
        for first in files:
            for second in files:
                self.flywheel("diff", first, second, "--exact", "-q")
        self.flywheel("diff", folder / "w.npy", folder / "w.npy", "-q")
        self.flywheel("diff", folder / "w.npy", folder / "b.npy", "-q", status=1)

    def test_a_reader_of_text_sees_what_differs_and_how_much_is_the_same(self):
        ones = {f"layer.{index}": np.ones(3, np.float32) for index in range(40)}
        changed = ones | {"layer.7": np.array([1, 1.5, 1], np.float32)}
        text = self.flywheel("diff", self.file(ones), self.file(changed), status=1).stdout
        self.assertIn("layer.7", text)
        self.assertIn("0.5", text)
        self.assertIn("(1)", text)
        self.assertNotIn("layer.8", text)
        self.assertIn("39 the same bit for bit", text)
        same = self.flywheel("diff", self.file(ones), self.file(ones)).stdout
        self.assertIn("same: 40 the same bit for bit", same)
        self.assertNotIn("\x1b", same)


class Tolerances(Diff):
    def test_nan_and_negative_zero_are_as_asked(self):
        values = np.array([np.nan, 0.0, np.inf, 1.0])
        other = np.array([np.nan, -0.0, np.inf, 1.0])
        self.verdicts({"w": values}, {"w": other}, status=0)
        self.verdicts({"w": values}, {"w": other}, "--nan-differs")
        self.verdicts({"w": values}, {"w": other}, "--exact")
        self.verdicts({"w": values}, {"w": values}, "--exact", status=0)
        self.verdicts({"w": values[2:]}, {"w": -values[2:]}, "--atol", "1e300")

    def test_tolerances_allow_what_they_say(self):
        ones = np.ones(4, np.float32)
        for change, arguments, status in (
            (1e-3, [], 1),
            (1e-3, ["--rtol", "2e-3"], 0),
            (1e-3, ["--rtol", "0", "--atol", "2e-3"], 0),
            (1e-3, ["--tolerance", "w:rtol=2e-3"], 0),
            (1e-3, ["--tolerance", "v:rtol=2e-3", "--tolerance", "**:rtol=0"], 1),
            (2**-23, ["--ulp", "1"], 0),
            (2**-22, ["--ulp", "1"], 1),
            (2**-23, ["--exact"], 1),
            (2**-23, ["--exact", "--tolerance", "w:ulp=1"], 0),
            (1e-3, ["--rtol", "1", "--tolerance", "w:exact=true"], 1),
        ):
            with self.subTest(change=change, arguments=arguments):
                self.verdicts({"w": ones}, {"w": ones + np.float32(change)}, *arguments, status=status)

    def test_what_makes_no_sense_is_refused(self):
        file = self.file({"w": np.ones(2)})
        for arguments in (
            ["--rtol", "-1"], ["--atol", "nan"], ["--ulp", "-1"], ["--tolerance", "w"],
            ["--tolerance", "w:colour=1"], ["--only", "nothing"], ["--rename", "nothing=w"],
        ):  # fmt: skip
            with self.subTest(arguments=arguments):
                result = self.finish(self.start("diff", file, file, *arguments))
                self.assertIn(result.status, (2, 64))
                self.assert_error(result)


class Partners(Diff):
    def network(self, seed: int = 3) -> dict:
        random = np.random.default_rng(seed)
        shapes = {"w1": (6, 6), "b1": (6,), "w2": (3, 6), "b2": (3,)}
        return {name: random.standard_normal(shape) for name, shape in shapes.items()}

    def keras_named(self, arrays: dict) -> dict:
        return {
            f"layers/dense{suffix}/vars/{place}": arrays[name].T
            for name, suffix, place in (("w1", "", 0), ("b1", "", 1), ("w2", "_1", 0), ("b2", "_1", 1))
        }

    def test_by_shape_and_order_with_transposes(self):
        arrays = self.network()
        keras = self.file(self.keras_named(arrays), ".h5")
        plain = self.file(arrays)
        self.diff(plain, keras, "--align", "name", status=1)
        for pair in ((plain, keras), (keras, plain)):
            document = self.diff(*pair, "--align", "shape")
            self.assertEqual(document["partners_by"], "shape")
            changes = [entry["second"]["changes"] for entry in document["tensors"]]
            # The square one, too: nobody could tell by its shape.
            self.assertEqual(changes.count(["transposed"]), 2)
        arrays["w2"][1, 2] += 1
        document = self.diff(self.file(arrays), keras, "--align", "shape", status=1)
        self.assertEqual(document["tensors"][0]["name"], "w2")
        self.assertEqual(document["tensors"][0]["difference"]["max_absolute"]["at"], [1, 2])

    def test_by_dialect_which_is_recognised(self):
        arrays = self.network()
        names = [f"layers.{index}.{kind}" for index in (0, 1) for kind in ("weight", "bias")]
        torch = self.file(dict(zip(names, arrays.values())))
        keras = self.file(self.keras_named(arrays), ".h5")
        for arguments in ([], ["--align", "dialect"], ["--dialect-b", "keras"]):
            document = self.diff(torch, keras, *arguments)
            self.assertEqual(document["partners_by"], "dialect")
            self.assertEqual(document["second"]["dialect"], "keras")

    def test_by_renaming_and_by_rules(self):
        arrays = self.network()
        renamed = self.file({f"net/{name}": value for name, value in arrays.items()})
        plain = self.file(arrays)
        self.diff(plain, renamed, status=1)
        self.diff(plain, renamed, "--rename", "net/=")
        transposed = self.file({f"net/{name}": value.T for name, value in arrays.items()})
        rules = self.folder / "map.json"
        rules.write_text(json.dumps([
            {"pattern": "net/w*", "rename": "w{1}", "transpose": True},
            {"pattern": "net/*", "rename": "{1}"},
        ]))  # fmt: skip
        self.diff(plain, transposed, "--map", rules)

    def test_a_selection_is_all_that_counts(self):
        arrays = self.network()
        other = arrays | {"w2": arrays["w2"] + 1, "more": np.ones(2)}
        files = self.file(arrays), self.file(other)
        self.diff(*files, status=1)
        document = self.diff(*files, "--only", "*1")
        self.assertEqual(len(document["tensors"]), 2)
        self.diff(*files, "--only", "more", status=1)


class States(Diff):
    """Checkpoints, and states of one run in two conventions."""

    def trained(self, *settings, epochs: int = 2, seed: int = 1):
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, 20, 4, 3)
        return self.train(
            "--data", data, "--layers", "16-6-3", "--training", 20, "--validation", 0,
            "--batch-size", 5, "--epochs", epochs, "--seed", seed, "--save-every-steps", 1,
            "--keep", 99, *settings,
        )  # fmt: skip

    def convert(self, source, *arguments, kind: str = ".npz"):
        target = self.path("converted").with_suffix(kind)
        self.flywheel("convert", source, target, *arguments)
        return target

    def differing(self, document: dict) -> set:
        return {
            f"{entry['section']}/{entry['name']}"
            for entry in document["settings"]
            if entry["verdict"] == "different"
        }

    def test_equal_runs_are_the_same_whoever_wrote_them_and_when(self):
        first, second = self.trained(), self.trained()
        document = self.diff(first, second, "--exact")
        self.assertEqual(document["first"]["file"], str(newest(first)))
        self.assertEqual({entry["verdict"] for entry in document["tensors"]}, {"identical"})
        self.assertEqual({entry["verdict"] for entry in document["settings"]}, {"same"})
        self.diff(first, self.convert(second, kind=".h5"), "--exact")

    def test_what_is_no_tensor_is_told(self):
        run = self.trained()
        for settings, expected in (
            (["--lr", "0.01"], {"hyperparameters/learning_rate"}),
            (["--momentum", "0.5"], {"hyperparameters/momentum"}),
            (["--schedule", "cosine:over=9"], {"schedule/kind", "schedule/over"}),
        ):
            with self.subTest(settings=settings):
                document = self.diff(run, self.trained(*settings), status=1)
                self.assertLessEqual(expected, self.differing(document))
        document = self.diff(run, self.trained(seed=2), status=1)
        self.assertLessEqual({"random/order", "trainer/seed"}, self.differing(document))
        document = self.diff(run, self.trained(epochs=3), status=1)
        self.assertLessEqual({"optimizer/step", "progress/epoch"}, self.differing(document))

    def test_a_run_in_another_convention_is_the_same(self):
        for settings, target in (
            (["--momentum", "0.9"], ["--to", "keras"]),
            (["--momentum", "0.9", "--nesterov"], ["--to", "keras"]),
            (["--momentum", "0.9"], ["--rule", "caffe"]),
            (["--weight-decay", "0.01", "--group", "*.bias:weight_decay=0"], ["--to", "nielsen"]),
            (["--weight-decay", "0.01"], ["--rule", "keras"]),
            (["--rule", "adam"], ["--to", "pytorch"]),
            (["--rule", "adam"], ["--to", "optax"]),
            (["--schedule", "cosine:over=20,unit=step,end=0.1"], ["--to", "keras"]),
        ):
            run = self.trained(*settings)
            for place in (0, 1, 6):
                with self.subTest(settings=settings, target=target, place=place):
                    source = run / "checkpoints" / f"step-{place:012}.h5"
                    converted = self.convert(source, *target)
                    for pair in ((source, converted), (converted, source)):
                        document = self.diff(*pair)
                        self.assertEqual(self.differing(document), set())

    def test_another_rule_is_a_difference_and_its_buffers_are_not_compared(self):
        document = self.diff(self.trained(), self.trained("--rule", "adam"), status=1)
        self.assertIn("optimizer/rule", self.differing(document))
        verdicts = {entry["name"]: entry["verdict"] for entry in document["tensors"]}
        self.assertEqual(verdicts["optimizer/velocity/layers.0.weight"], "only_first")
        self.assertEqual(verdicts["optimizer/exp_avg/layers.0.weight"], "only_second")
        self.assertIn("families", document["conversions"][0]["explanation"])

    def test_a_changed_buffer_is_found_in_any_unit(self):
        """However small buffers are, one that is off by a part in a thousand differs."""
        for rate in ("1e-6", "0.1"):
            run = self.trained("--lr", rate)
            keras = self.convert(run, "--to", "keras", kind=".npz")
            with np.load(keras) as file:
                arrays = dict(file)
            self.diff(run, keras)
            plain = {
                key: value
                for key, value in arrays.items()
                if key.startswith(("layers/", "optimizer/"))
            }
            plain["optimizer/vars/2"] = plain["optimizer/vars/2"] * np.float32(1.001)
            document = self.diff(
                run, self.file(plain), "--rule-b", f"keras.SGD({rate}, momentum=.9)", status=1
            )
            worst = document["tensors"][0]
            self.assertEqual(worst["name"], "optimizer/velocity/layers.0.weight")
            self.assertEqual(worst["second"]["key"], "optimizer/vars/2")

    def test_torch_and_keras_of_one_run_are_the_same(self):
        random = np.random.default_rng(4)
        shapes = {
            "layers.0.weight": (5, 8), "layers.0.bias": (5,),
            "layers.1.weight": (3, 5), "layers.1.bias": (3,),
        }  # fmt: skip
        start = {name: random.standard_normal(shape) for name, shape in shapes.items()}
        task = Task(start, [({"learning_rate": 0.05, "momentum": 0.9}, list(start))])
        runs = Torch("pytorch", task), Keras("keras", task)
        for _ in range(7):
            inputs, labels = random.standard_normal((4, 8)), random.integers(0, 3, 4)
            for run in runs:
                run.step(inputs, labels)
        torch, keras = (self.file(run.save()) for run in runs)
        torch_rule = "torch.optim.SGD(lr=.05, momentum=.9)"
        keras_rule = "keras.optimizers.SGD(learning_rate=.05, momentum=.9)"
        document = self.diff(torch, keras, "--rule-a", torch_rule, "--rule-b", keras_rule)
        self.assertEqual(document["conversions"][0]["buffers"][0]["scale"], -20)
        self.diff(keras, torch, "--rule-a", keras_rule, "--rule-b", torch_rule)
        # Without the rules nobody knows that the buffers mean the same.
        document = self.diff(torch, keras, status=1)
        self.assertTrue(any("buffers" in note for note in document["notes"]))
        # With other numbers it is another run, though the parameters are the same.
        other = torch_rule.replace(".9", ".8")
        document = self.diff(torch, keras, "--rule-a", other, "--rule-b", keras_rule, status=1)
        self.assertIn("hyperparameters/momentum", self.differing(document))


class Facts(Diff):
    """Numbers that files without a document say besides their arrays."""

    def saved(self, name: str, **changes) -> Path:
        import torch

        weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
        optimizer = torch.optim.Adamax([weight], lr=changes.get("lr", 0.01))
        path = self.folder / f"{name}.pt"
        state = {"model": {"weight": weight.detach()}, "optimizer": optimizer.state_dict()}
        state |= {"epoch": changes.get("epoch", 7), "note": changes.get("note", "x")}
        torch.save(state | {"scheduler": {"T_max": changes.get("T_max", 50), "rates": [0.5, 0.25]}}, path)
        return path

    def test_numbers_that_both_say_are_compared(self):
        one = self.saved("one")
        self.flywheel("diff", one, self.saved("same", note="another"))
        for changes, row in [
            ({"lr": 0.3}, r"optimizer\.param_groups\.0/lr +0\.01 +0\.3 +differs"),
            ({"epoch": 8}, r"epoch +7 +8 +differs"),
            ({"T_max": 99}, r"scheduler/T_max +50 +99 +differs"),
        ]:
            with self.subTest(changes=changes):
                result = self.flywheel("diff", one, self.saved("other", **changes), status=1)
                self.assertRegex(result.stdout, row)
                self.assertIn("1 other difference", result.stdout)

    def test_what_a_format_has_no_room_for_is_no_difference(self):
        one = self.saved("one")
        self.flywheel("convert", one, self.folder / "plain.npz", "--only", "model.weight")
        self.flywheel("diff", one, self.folder / "plain.npz", "--only", "model.weight")


class Hostile(Diff):
    def test_damage_is_trouble_whichever_side_it_is_on(self):
        run = self.train("--layers", "784-4-10", "--epochs", 1, "--training", 64, "--validation", 0)
        good = newest(run)
        content = good.read_bytes()
        damaged = {
            "a flipped bit": bytearray(content),
            "half a file": content[: len(content) // 2],
            "nothing": b"",
            "something else": b"not a file of tensors at all",
        }
        with h5py.File(good) as file:
            place = file["model/layers.0.weight"].id.get_offset()
        damaged["a flipped bit"][place + 5] ^= 4
        for name, data in damaged.items():
            with self.subTest(name):
                path = self.path("damaged").with_suffix(".h5")
                path.write_bytes(data)
                for pair in ((good, path), (path, good), (path, path)):
                    self.assert_error(self.flywheel("diff", *pair, status=2), path.name)
        self.assert_error(self.flywheel("diff", good, self.folder / "nowhere", status=2), "nowhere")

    def test_of_a_run_the_newest_whole_checkpoint_counts_and_that_is_said(self):
        run = self.train(
            "--layers", "784-4-10", "--epochs", 2, "--training", 64, "--validation", 0,
        )  # fmt: skip
        *_, older, damaged = checkpoints(run)
        content = bytearray(damaged.read_bytes())
        content[-9] ^= 1
        damaged.write_bytes(content)
        document = self.diff(run, older)
        self.assertEqual(document["first"]["file"], str(older))
        self.assertTrue(any(damaged.name in note for note in document["notes"]))

    def test_a_damaged_member_is_trouble(self):
        good = self.file({"w": np.arange(1000.0), "v": np.ones(3)})
        content = bytearray(good.read_bytes())
        content[500] ^= 1
        path = self.path("damaged").with_suffix(".npz")
        path.write_bytes(content)
        for pair in ((good, path), (path, good)):
            self.assert_error(self.flywheel("diff", *pair, status=2), path.name)

    def test_what_cannot_be_read_is_never_the_same(self):
        path = self.folder / "reference.h5"
        with h5py.File(path, "w") as file:
            file["w"] = np.ones(3)
            file["reference"] = file["w"].ref
        document = self.diff(path, path, status=1)
        self.assertEqual(document["tensors"][0]["verdict"], "incomparable")
        self.assertTrue(document["tensors"][0]["reason"])
        self.diff(path, path, "--only", "w")

    def test_what_is_no_number_is_the_same_byte_for_byte_or_not(self):
        texts = [np.array(words) for words in (["a", "b"], ["a", "c"], ["a", "bc"], [["a"], ["b"]])]
        files = [self.file({"w": np.ones(3), "layers.0.weight": text}) for text in texts]
        self.diff(files[0], files[0], "--exact")
        for other, verdict in zip(files[1:], ("different", "dtype", "shape")):
            for pair in ((files[0], other), (other, files[0])):
                for arguments in ([], ["--ignore-dtype"]):
                    document = self.diff(*pair, *arguments, status=1)
                    self.assertEqual(document["tensors"][0]["verdict"], verdict)
                self.diff(*pair, "--align", "shape", status=1)

    def test_nothing_is_the_same_as_nothing_only(self):
        empty = self.file({}, ".h5")
        self.diff(empty, empty)
        self.diff(empty, self.file({"w": np.ones(0)}, ".h5"), status=1)
