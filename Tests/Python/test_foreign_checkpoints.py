"""Checkpoints that another program wrote: every checksum is right, but what they say may not be."""

import copy
import re
import resource
from pathlib import Path

import numpy as np

import checkpoint
from support import TestCase, checkpoints, newest, write_structured


class ForeignTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        data = write_structured(self.folder / "data", 60, 4, 3)
        self.run_folder = self.train(
            "--data", data, "--layers", "16-4-3", "--batch-size", 5, "--epochs", 4, "--keep", 100,
            "--save-every-steps", 3, "--momentum", 0.8, "--dampening", 0.25,
        )  # fmt: skip
        # In the middle of the second epoch.
        self.original = checkpoint.read(checkpoints(self.run_folder)[5])
        self.document = self.original.document
        self.assertEqual(self.document["progress"]["epoch"], 1)
        self.assertGreater(self.document["progress"]["batch"], 0)

    def written(self, document: dict | None = None, tensors: dict | None = None) -> Path:
        """A file with other contents, sealed as if they were meant."""
        return checkpoint.write(
            self.path("foreign.h5"),
            self.document if document is None else document,
            self.original.tensors if tensors is None else tensors,
        )


class Accepted(ForeignTestCase):
    def assert_same_end(self, path: Path) -> None:
        run = self.path()
        self.flywheel("resume", path, "--output", run)
        found, expected = (checkpoint.read(newest(folder)) for folder in (run, self.run_folder))
        self.assertEqual(set(found.tensors), set(expected.tensors))
        for name, value in expected.tensors.items():
            self.assertEqual(found.tensors[name].tobytes(), value.tobytes(), name)
        self.assertEqual(
            (run / "metrics.jsonl").read_bytes(), (self.run_folder / "metrics.jsonl").read_bytes()
        )

    def test_a_checkpoint_written_in_plain_h5py_goes_on_bit_for_bit(self):
        path = self.written()
        self.flywheel("verify", path)
        self.assert_same_end(path)

    def test_the_order_of_tensors_does_not_matter(self):
        for tensors in (
            dict(sorted(self.original.tensors.items())),
            dict(sorted(self.original.tensors.items(), reverse=True)),
        ):
            path = self.written(tensors=tensors)
            self.flywheel("verify", path)
            self.assert_same_end(path)

    def test_the_order_of_members_does_not_matter(self):
        def reversed_members(value):
            if isinstance(value, dict):
                return {name: reversed_members(value[name]) for name in reversed(value)}
            if isinstance(value, list):
                return [reversed_members(item) for item in value]
            return value

        path = self.written(reversed_members(self.document))
        self.flywheel("verify", path)
        self.assert_same_end(path)


class Refused(ForeignTestCase):
    """Each is refused with an error or gone on with; none of them ends the program by a trap."""

    def looked_at(self, path: Path) -> list[int]:
        """The exit statuses of all commands; a signal fails in `finish`."""
        statuses = []
        for command in (
            ["inspect", path], ["inspect", path, "--json"], ["verify", path],
            ["resume", path, "--output", self.path(), "--quiet"],
        ):  # fmt: skip
            result = self.finish(self.start(*command), timeout=60)
            self.assertIn(result.status, (0, 1, 2), result.stderr)
            if result.status == 2:
                self.assert_error(result)
            statuses.append(result.status)
        return statuses

    def numbers(self, value, path=()):
        """The paths of all numbers in a document."""
        if isinstance(value, dict):
            for name, member in value.items():
                yield from self.numbers(member, (*path, name))
        elif isinstance(value, list):
            for index, member in enumerate(value):
                yield from self.numbers(member, (*path, index))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield path

    def test_no_number_in_a_document_makes_it_trap(self):
        extremes = [0, -1, 2**53, 2**62, 2**63 - 1, 2**64 - 1, 1e308]
        # The trainer's own numbers are those of a configuration, which other tests go through.
        paths = [
            path
            for path in self.numbers(self.document)
            if path[0] not in ("tensors", "trainer")
        ]
        self.assertGreater(len(paths), 20)
        tried = 0
        for path in paths:
            for value in extremes:
                document = copy.deepcopy(self.document)
                parent = document
                for name in path[:-1]:
                    parent = parent[name]
                if isinstance(parent[path[-1]], float):
                    value = float(value)
                parent[path[-1]] = value
                with self.subTest(member=path, value=value):
                    file = self.written(document)
                    result = self.finish(
                        self.start("resume", file, "--output", self.path(), "--quiet"), timeout=60
                    )
                    self.assertIn(result.status, (0, 2), result.stderr)
                    tried += 1
        self.assertGreater(tried, 100)

    def test_no_tensor_in_the_wrong_place_makes_it_trap(self):
        tensors = self.original.tensors

        def without(*keys):
            return {key: value for key, value in tensors.items() if key not in keys}

        cases = {
            "a metric is missing": without("history/validation_loss"),
            "a metric is unknown": tensors | {"history/mood": np.array([1.0])},
            "the epochs of the history are no numbers": tensors
            | {"history/epoch": np.array([np.nan])},
            "the epochs of the history are huge": tensors | {"history/epoch": np.array([1e300])},
            "the history is of another length": tensors | {"history/epoch": np.array([1.0, 2.0])},
            "the history has two axes": tensors | {"history/epoch": np.array([[1.0]])},
            "the steps are missing": without("history/step"),
            "a metric without rows or steps": without(
                *(key for key in tensors if key.startswith("history/"))
            )
            | {"history/epoch": np.array([])},
            "the steps are negative": tensors | {"history/step": np.array([-5])},
            "one stream is missing": without("random/order"),
            "a stream is too short": tensors | {"random/order": np.arange(6, dtype=np.uint64)},
            "a stream has consumed too much": tensors
            | {"random/order": np.array([1, 2, 3, 4, 5, 6, 99], np.uint64)},
            "a parameter is not finite": tensors
            | {"model/layers.0.bias": np.full(4, np.nan, np.float32)},
            "a parameter of another type": tensors
            | {"model/layers.0.bias": np.zeros(4, np.float64)},
            "a parameter of integers": tensors | {"model/layers.0.bias": np.zeros(4, np.int32)},
            "a parameter of another shape": tensors
            | {"model/layers.0.bias": np.zeros(5, np.float32)},
            "an empty parameter": tensors | {"model/layers.0.bias": np.zeros(0, np.float32)},
            "a scalar parameter": tensors | {"model/layers.0.bias": np.float32(1).reshape(())},
            "a velocity of another shape": tensors
            | {"optimizer/velocity/layers.0.bias": np.zeros((2, 2), np.float32)},
            "a velocity of another type": tensors
            | {"optimizer/velocity/layers.0.bias": np.zeros(4, np.float64)},
            "a buffer of another optimizer": tensors
            | {"optimizer/exp_avg/layers.0.bias": np.zeros(4, np.float32)},
        }
        for name, changed in cases.items():
            with self.subTest(change=name):
                self.looked_at(self.written(tensors=changed))

    def test_what_does_not_fit_the_network_is_refused_by_name(self):
        tensors = self.original.tensors
        for change, words in (
            ({"model/layers.0.bias": np.zeros(5, np.float32)}, ["layers.0.bias"]),
            ({"model/layers.0.bias": np.zeros(4, np.float64)}, ["layers.0.bias"]),
            ({"optimizer/velocity/layers.0.bias": np.zeros(4, np.float64)}, ["layers.0.bias"]),
        ):
            with self.subTest(change=list(change)):
                changed = tensors | change
                if "model/layers.0.bias" in change:
                    changed["optimizer/velocity/layers.0.bias"] = change["model/layers.0.bias"]
                path = self.written(tensors=changed)
                result = self.flywheel("resume", path, "--output", self.path(), status=2)
                self.assert_error(result, *words)

    def test_a_missing_velocity_is_refused_not_taken_for_zeros(self):
        """PyTorch treats no buffer and a buffer of zeros differently; a guess would be silent."""
        tensors = dict(self.original.tensors)
        del tensors["optimizer/velocity/layers.0.bias"]
        path = self.written(tensors=tensors)
        result = self.flywheel("resume", path, "--output", self.path(), status=2)
        self.assert_error(result, "layers.0.bias")

    def test_a_buffer_that_the_trainer_would_lose_is_refused(self):
        tensors = self.original.tensors | {
            "optimizer/exp_avg/layers.0.bias": np.zeros(4, np.float32)
        }
        path = self.written(tensors=tensors)
        result = self.flywheel("resume", path, "--output", self.path(), status=2)
        self.assert_error(result, "exp_avg")

    def test_a_document_without_a_trainer_is_refused_and_says_why(self):
        path = self.written(self.document | {"trainer": None})
        self.flywheel("verify", path)
        self.flywheel("inspect", path)
        result = self.flywheel("resume", path, "--output", self.path(), status=2)
        self.assert_error(result, path, "how it was trained")

    def test_a_network_of_another_size_is_refused_before_memory_is_asked_for(self):
        document = copy.deepcopy(self.document)
        document["trainer"]["network"]["layers"] = [16, 16777216, 3]
        path = self.written(document)
        result = self.finish(
            self.start(
                "resume", path, "--output", self.path(),
                before=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29)),
            )
        )  # fmt: skip
        self.assertEqual(result.status, 2)
        self.assert_error(result, "layers.0.weight")

    def test_a_stream_or_a_count_that_is_not_the_runs_is_refused(self):
        tensors = dict(self.original.tensors)
        tensors["random/order"] = tensors["random/order"] + np.uint64(1)
        cases = [(self.document, tensors, "random stream")]
        for section, member in (("progress", "samples"), ("progress", "batch")):
            document = copy.deepcopy(self.document)
            document[section][member] += 1
            cases.append((document, self.original.tensors, "does not fit"))
        for document, changed, word in cases:
            path = self.written(document, changed)
            result = self.flywheel("resume", path, "--output", self.path(), status=2)
            self.assert_error(result, word)

    def test_hyperparameters_that_contradict_the_trainer_are_refused(self):
        """The document says the learning rate twice; going on with either would be a guess."""
        document = copy.deepcopy(self.document)
        document["optimizer"]["groups"][0]["momentum"] = 1.5
        path = self.written(document)
        result = self.flywheel("resume", path, "--output", self.path(), status=2)
        self.assertTrue(re.search("momentum", result.stderr))
