"""Where `flywheel diff` says that two runs or two traces part, against numpy on their files."""

import json

import jsonschema
import numpy as np

import checkpoint
from support import SCHEMAS, TestCase, checkpoints, write_structured

# What torch.testing allows in float64.
TOLERANCE = 1e-7
WEIGHTS = [f"model/layers.{layer}.{kind}" for layer in range(2) for kind in ("weight", "bias")]
VELOCITIES = [name.replace("model/", "optimizer/velocity/") for name in WEIGHTS]


class DivergenceTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = write_structured(self.folder / "data", 60, 4, 3)
        schema = json.loads((SCHEMAS / "diff.schema.json").read_text())
        self.validator = jsonschema.Draft202012Validator(schema)

    def trained(self, *arguments, data=None, keep: int = 100, epochs: int = 5):
        return self.train(
            "--data", data or self.data, "--layers", "16-5-3", "--batch-size", 10, "--seed", 1,
            "--precision", "float64", "--keep", keep, "--epochs", epochs, *arguments,
        )  # fmt: skip

    def diff(self, first, second, *arguments, status: int = 1) -> dict:
        result = self.flywheel("diff", first, second, "--json", *arguments, status=status)
        self.validator.validate(result.json)
        self.assertEqual(result.json["same"], status == 0)
        return result.json["divergence"]


class Runs(DivergenceTestCase):
    def states(self, run) -> dict[int, dict[str, np.ndarray]]:
        """The parameters and velocities of each checkpoint under their keys."""
        states = {}
        for path in checkpoints(run):
            read = checkpoint.read(path)
            states[read.step] = {
                key: tensor
                for key, tensor in read.tensors.items()
                if key.startswith(("model/", "optimizer/"))
            }
        return states

    def test_each_step_of_two_runs_is_compared_as_numpy_does(self):
        one = self.trained("--learning-rate", 0.1)
        other = self.trained("--learning-rate", 0.100001)
        found = self.diff(one, other)
        (first, second) = (self.states(one), self.states(other))
        self.assertEqual(found["steps"], sorted(first))
        departures = {}
        for tensor in found["tensors"]:
            name = tensor["name"]
            for point in tensor["points"]:
                a, b = first[point["step"]][name], second[point["step"]][name]
                self.assertEqual(point["differing"], np.count_nonzero(a != b))
                rms = np.sqrt(np.mean((a - b) ** 2))
                np.testing.assert_allclose(point["rms"], rms, rtol=1e-12, atol=0)
                scale = 1 if name.startswith("model/") else max(np.abs(a).max(), np.abs(b).max())
                allowed = TOLERANCE * (scale + np.maximum(np.abs(a), np.abs(b)))
                beyond = np.count_nonzero(np.abs(a - b) > allowed)
                self.assertEqual(point["beyond_tolerance"], beyond)
                if beyond:
                    departures.setdefault(name, point["step"])
            self.assertEqual(tensor["departure"], departures.get(name))
        earliest = min(departures.values())
        self.assertEqual(found["parting"]["step"], earliest)
        names = [name for name, step in departures.items() if step == earliest]
        self.assertEqual(sorted(found["parting"]["tensors"]), sorted(names))
        self.assertIsNone(found["parting"]["cause"])
        setting = found["settings"][0]
        self.assertEqual([setting["step"], setting["setting"]["name"]], [0, "learning_rate"])

    def test_the_growth_is_the_slope_of_the_logarithm(self):
        one = self.trained("--learning-rate", 0.1, epochs=8)
        other = self.trained("--learning-rate", 0.1000001, epochs=8)
        grown = 0
        for tensor in self.diff(one, other)["tensors"]:
            growth = tensor["growth"]
            if growth is None:
                continue
            grown += 1
            points = [
                (point["step"], np.log(point["rms"]))
                for point in tensor["points"]
                if growth["from"] <= point["step"] <= growth["to"]
            ]
            slope = np.polyfit(*zip(*points), 1)[0]
            np.testing.assert_allclose(growth["factor"], np.exp(slope), rtol=1e-9)
        self.assertGreater(grown, 0)

    def test_equal_runs_do_not_part_however_many_checkpoints_they_keep(self):
        one, other = self.trained(), self.trained()
        for path in checkpoints(other)[:-2]:
            path.unlink()
        found = self.diff(one, other, status=0)
        self.assertEqual(found["parting"], None)
        self.assertEqual(found["first_difference"], None)
        self.assertEqual(found["steps"], [20, 25])
        self.assertEqual(found["only_first"], [0, 5, 10, 15])
        self.assertEqual(found["only_second"], [])
        self.assertEqual({tensor["departure"] for tensor in found["tensors"]}, {None})

    def test_runs_that_start_from_other_weights_part_at_the_start(self):
        one = self.trained()
        other = self.trained("--seed", 2)
        parting = self.diff(one, other)["parting"]
        self.assertEqual([parting["step"], parting["cause"]], [0, "start"])

    def test_a_rule_that_means_the_same_is_the_same_at_every_step(self):
        one = self.trained("--rule", "pytorch", "--momentum", 0.5)
        other = self.trained("--rule", "keras", "--momentum", 0.5)
        found = self.diff(one, other, status=0)
        self.assertEqual(found["parting"], None)
        names = {tensor["name"] for tensor in found["tensors"]}
        self.assertEqual(names, {*WEIGHTS, *VELOCITIES})

    def test_runs_without_a_common_step_are_compared_at_their_ends(self):
        one = self.trained(keep=1, epochs=3)
        other = self.trained(keep=1, epochs=4)
        found = self.diff(one, other)
        self.assertEqual([found["steps"], found["only_first"], found["only_second"]], [[], [15], [20]])
        self.assertEqual(found["sentences"], ["There is no step that both have."])

    def test_a_checkpoint_that_is_damaged_is_passed_over_and_said(self):
        one, other = self.trained(), self.trained()
        path = checkpoints(other)[2]
        path.write_bytes(path.read_bytes()[:2000])
        found = self.diff(one, other, status=0)
        self.assertEqual(found["steps"], [0, 5, 15, 20, 25])
        self.assertIn("passed over step 10", " ".join(found["sentences"]))

    def test_people_read_where_and_how_fast_in_80_columns(self):
        one = self.trained("--learning-rate", 0.1)
        other = self.trained("--learning-rate", 0.2)
        text = self.flywheel("diff", one, other, status=1).stdout
        self.assertIn("step by step: 6 checkpoints of both, from 0 to 25", text)
        self.assertIn("They part after 5 steps, first in the values of layers.0.weight", text)
        self.assertIn("learning_rate differs: 0.1 in A, 0.2 in B.", text)
        self.assertRegex(" ".join(text.split()), r"different: .*, parted at step 5$")
        for line in text.splitlines():
            if str(self.folder) not in line:
                self.assertLessEqual(len(line), 80, line)


class Traces(DivergenceTestCase):
    def traced(self, *arguments, **options):
        return self.trained("--trace", "0:8", *arguments, epochs=2, **options) / "trace-0.h5"

    def test_another_momentum_shows_first_in_the_buffers_of_equal_gradients(self):
        one = self.traced("--momentum", 0.9)
        other = self.traced("--momentum", 0.8)
        found = self.diff(one, other)
        # The first velocity is the gradient under any momentum; the second is not.
        expected = {
            "step": 2,
            "tensors": VELOCITIES,
            "cause": "buffers",
        }
        self.assertEqual(found["parting"], expected)
        self.assertEqual(found["steps"], list(range(8)))
        self.assertEqual([gap["steps"] for gap in found["unpaired"]], [])
        self.assertIn("the update rule or its numbers differ", found["sentences"][0])
        self.assertIn("momentum differs: 0.9 in A, 0.8 in B.", found["sentences"])

    def test_another_learning_rate_moves_equal_weights_elsewhere(self):
        one = self.traced("--learning-rate", 0.1)
        other = self.traced("--learning-rate", 0.2)
        parting = self.diff(one, other)["parting"]
        self.assertEqual([parting["step"], parting["cause"]], [1, "weights"])
        self.assertEqual(parting["tensors"], WEIGHTS)

    def test_other_data_show_first_in_the_gradients_of_equal_weights(self):
        data = write_structured(self.folder / "other", 60, 4, 3, seed=7)
        parting = self.diff(self.traced(), self.traced(data=data))["parting"]
        self.assertEqual([parting["step"], parting["cause"]], [0, "gradient"])
        self.assertTrue(all(name.startswith("gradient/") for name in parting["tensors"]))

    def test_a_decay_too_small_for_the_tolerance_is_found_as_the_first_difference(self):
        one = self.traced()
        other = self.traced("--weight-decay", 1e-9)
        found = self.diff(one, other, "--rtol", 1e-6, "--atol", 1e-6)
        self.assertEqual(found["parting"], None)
        first = found["first_difference"]
        self.assertEqual([first["step"], first["cause"]], [1, "buffers"])
        self.assertIn("They never leave the tolerance", found["sentences"][0])

    def test_traces_of_rules_that_mean_the_same_are_the_same(self):
        one = self.traced("--rule", "pytorch", "--momentum", 0.5)
        other = self.traced("--rule", "nielsen", "--momentum", 0.5)
        found = self.diff(one, other, status=0)
        self.assertEqual(found["parting"], None)

    def test_rows_without_partners_are_a_difference(self):
        one = self.traced()
        other = self.trained("--trace", "2:8", epochs=2) / "trace-2.h5"
        found = self.diff(one, other)
        self.assertEqual(found["parting"], None)
        self.assertEqual([found["only_first"], found["only_second"]], [[0, 1], [8, 9]])
