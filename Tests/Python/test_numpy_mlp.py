"""samples/numpy_mlp.py goes on with Flywheel's runs, and Flywheel with what it saves."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np

import checkpoint
from support import (
    REPOSITORY,
    SCHEMAS,
    TestCase,
    checkpoints,
    files_and_bytes,
    mnist,
    needs_mnist,
    newest,
    structured_images,
    write_idx,
)
from test_numerics import ACTIVATIONS, LOSSES, RULES

SAMPLE = REPOSITORY / "samples" / "numpy_mlp.py"
TOLERANCE = 1e-10

# 23 samples in batches of 5: the last one of an epoch is short.
SAMPLES, BATCH, EPOCHS, BATCHES = 23, 5, 3, 5
LAST = EPOCHS * BATCHES


def read_npz(path: Path) -> checkpoint.Checkpoint:
    """Reads a checkpoint from an archive of numpy's."""
    with np.load(path) as file:
        tensors = dict(file)
    return checkpoint.Checkpoint(tensors.pop(checkpoint.DOCUMENT).tobytes(), tensors, {})


class SampleTestCase(TestCase):
    def numpy(
        self, *arguments, status: int = 0, warnings: str = "error"
    ) -> subprocess.CompletedProcess:
        """Runs the sample."""
        result = subprocess.run(
            [sys.executable, "-W", warnings, SAMPLE, *map(str, arguments)],
            capture_output=True, text=True, cwd=self.folder, timeout=300,
        )  # fmt: skip
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def npz(self, file: Path) -> Path:
        """A checkpoint as an archive that numpy reads."""
        archive = self.path(file.stem).with_suffix(".npz")
        self.flywheel("convert", file, archive)
        return archive

    def gone_on_by_numpy(self, file: Path, *arguments, data: Path) -> Path:
        """Goes on from a checkpoint in numpy; what it saves."""
        archive = self.path("numpy").with_suffix(".npz")
        self.numpy(self.npz(file), archive, "--data", data, *arguments)
        return archive

    def gone_on_by_flywheel(self, archive: Path, *arguments) -> Path:
        """Goes on from what numpy saved; the newest checkpoint."""
        run = self.path("flywheel")
        self.resume(archive, "--output", run, "--quiet", *arguments)
        return newest(run)

    def difference(
        self, found: checkpoint.Checkpoint, expected: checkpoint.Checkpoint, tolerance: float
    ) -> float:
        """Checks that two are equal but for rounding; by how much a weight or velocity differs."""
        self.assertEqual(set(found.tensors), set(expected.tensors))
        largest = 0.0
        for key, value in expected.tensors.items():
            other = found.tensors[key]
            self.assertEqual((other.dtype, other.shape), (value.dtype, value.shape), key)
            if key.startswith("random/") or key == "history/step":
                self.assertEqual(other.tobytes(), value.tobytes(), key)
            elif value.size:
                distance = np.abs(other - value).max()
                self.assertLessEqual(distance, tolerance, key)
                if key.startswith(("model/", "optimizer/")):
                    largest = max(largest, float(distance))
        documents, sums = [found.document, expected.document], []
        for document in documents:
            for name in ("saved", "writer", "backend", "crc32", "tensors"):
                del document[name]
            progress = document["progress"]
            best = progress["best"] or {}
            sums.append([progress.pop("epoch_loss"), best.pop("value", 0.0)])
        np.testing.assert_allclose(*sums, rtol=tolerance, atol=tolerance)
        self.assertEqual(*documents)
        return largest


class BothDirections(SampleTestCase):
    """A run of Flywheel's, saved after every step, beside one that numpy has taken a part of."""

    def setUp(self) -> None:
        super().setUp()
        self.data = write_idx(
            self.folder / "data",
            structured_images(1, SAMPLES + 7, 4, 4, 3),
            structured_images(2, 11, 4, 4, 3),
        )

    def files(self, *settings, precision: str = "float64") -> list[Path]:
        """The checkpoints of a whole run by the number of steps."""
        run = self.train(
            "--data", self.data, "--layers", "16-5-3", "--precision", precision,
            "--activation", "sigmoid", "--training", SAMPLES, "--validation", 7,
            "--batch-size", BATCH, "--epochs", EPOCHS, "--save-every-steps", 1, "--keep", 1000,
            *settings,
        )  # fmt: skip
        return checkpoints(run)

    def check(self, files: list[Path], start: int, end: int, tolerance: float = TOLERANCE) -> float:
        """From one step to another in numpy, and from there to the end in Flywheel."""
        archive = self.gone_on_by_numpy(
            files[start], "--epochs", EPOCHS, "--steps", end, data=self.data
        )
        self.flywheel("verify", archive)
        found = read_npz(archive)
        largest = self.difference(found, checkpoint.read(files[end]), tolerance)
        last = self.gone_on_by_flywheel(archive)
        return max(
            largest, self.difference(checkpoint.read(last), checkpoint.read(files[-1]), tolerance)
        )

    def test_an_epoch_of_every_rule_is_the_same_in_numpy(self):
        for rule, flags in RULES.items():
            with self.subTest(rule=rule):
                files = self.files(*flags.split())
                print(f"       {rule}: {self.check(files, BATCHES, 2 * BATCHES):.1e}")

    def test_numpy_goes_on_from_any_step_to_any_step(self):
        for rule, steps in (
            ("momentum with decay", ((0, 1), (1, 3), (4, 6), (5, 5), (7, 12))),
            ("Nielsen", ((0, 7), (3, LAST), (LAST, LAST))),
        ):
            files = self.files(*RULES[rule].split())
            for start, end in steps:
                with self.subTest(rule=rule, start=start, end=end):
                    self.check(files, start, end)

    def test_numpy_begins_a_run_that_has_taken_no_step(self):
        """No velocity yet is not a velocity of zeros: PyTorch damps its way into those."""
        files = self.files(*RULES["dampening with decay"].split())
        self.assertEqual(checkpoint.read(files[0]).slots, {})
        self.check(files, 0, 6)

    def test_every_activation_and_loss_agrees(self):
        for activation, loss in zip(itertools.cycle(ACTIVATIONS), LOSSES):
            with self.subTest(activation=activation, loss=loss):
                files = self.files("--activation", activation, "--loss", loss)
                self.check(files, 3, 8)

    def test_settings_of_the_data_are_kept(self):
        for settings in (
            ("--last-batch", "drop"),
            ("--mean", 0.3, "--deviation", 0.4),
            ("--validation", 0),
            ("--seed", 2**64 - 1),
            ("--layers", "16-3"),
            ("--layers", "16-6-5-4-3"),
            ("--group", "*.bias:learning_rate=0.01,momentum=0", "--group", "layers.0.*:momentum=0"),
            ("--keep-best", "validation_loss"),
            ("--schedule", "constant:unit=step"),
        ):
            with self.subTest(settings=settings):
                files = self.files(*settings)
                self.check(files, 2, 3 * len(files) // 4)

    def test_float32_agrees_to_its_own_precision(self):
        for rule in ("nesterov with decay", "Nielsen"):
            files = self.files(*RULES[rule].split(), precision="float32")
            self.check(files, BATCHES, 2 * BATCHES, tolerance=1e-5)

    def test_a_wrong_step_is_told_apart(self):
        """The negative control: the tolerance does not let another rule pass."""
        files = self.files(*RULES["nesterov"].split())
        other = self.files(*RULES["momentum"].split())
        with self.assertRaises(AssertionError):
            self.check([*other[:6], *files[6:]], 5, 10)

    def test_what_numpy_saves_is_as_the_schema_says(self):
        before = self.files()[6]
        archive = self.gone_on_by_numpy(before, data=self.data)
        document = read_npz(archive).document
        schema = json.loads((SCHEMAS / "checkpoint.schema.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(document)
        self.assertEqual(document["writer"], "numpy_mlp.py")
        run = checkpoint.read(before).document["saved"]["run"]
        self.assertNotEqual(document["saved"]["run"], run)

    def test_a_file_may_be_its_own_successor(self):
        files = self.files()
        archive = self.npz(files[5])
        self.numpy(archive, archive, "--data", self.data, "--steps", 9)
        self.difference(read_npz(archive), checkpoint.read(files[9]), TOLERANCE)
        self.assertEqual([path.name for path in self.folder.glob("*.part")], [])


class Refusals(SampleTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = write_idx(
            self.folder / "data",
            structured_images(1, 30, 4, 4, 3),
            structured_images(2, 11, 4, 4, 3),
        )

    def archive(self, *settings) -> Path:
        run = self.train(
            "--data", self.data, "--layers", "16-5-3", "--batch-size", 5, "--epochs", 1, *settings
        )
        return self.npz(newest(run))

    def check_refused(self, archive: Path, *words: str, data: Path | None = None) -> None:
        output = self.path("output").with_suffix(".npz")
        output.write_bytes(b"what was there before")
        before = files_and_bytes(self.folder)
        result = self.numpy(archive, output, "--data", data or self.data, "--epochs", 2, status=1)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        self.assertEqual(files_and_bytes(self.folder), before)

    def test_what_is_not_written_down_is_refused_by_name(self):
        for settings, word in (
            (("--rule", "adam"), "adam"),
            (("--rule", "rmsprop"), "rmsprop"),
            (("--clip-norm", 1), "clipping"),
            (("--schedule", "cosine:over=5"), "cosine"),
            (("--schedule", "constant:warmup=2"), "warm-up"),
        ):
            with self.subTest(settings=settings):
                self.check_refused(self.archive(*settings), word)

    def test_other_data_are_noticed(self):
        other = write_idx(
            self.folder / "other",
            structured_images(3, 30, 4, 4, 3),
            structured_images(2, 11, 4, 4, 3),
        )
        archive = self.archive()
        self.check_refused(archive, "other data", data=other)
        self.check_refused(archive, "no train-images", data=self.folder)

    def test_a_flipped_bit_is_noticed(self):
        archive = self.archive()
        with np.load(archive) as file:
            tensors = dict(file)
        for key in ("model/layers.0.weight", checkpoint.DOCUMENT):
            with self.subTest(key=key):
                damaged = {name: value.copy() for name, value in tensors.items()}
                damaged[key].reshape(-1).view(np.uint8)[3] ^= 1
                path = self.path("damaged").with_suffix(".npz")
                np.savez(path, **damaged)
                self.check_refused(path, "damaged")

    def test_an_archive_that_is_no_checkpoint_is_refused(self):
        path = self.folder / "plain.npz"
        np.savez(path, x=np.arange(3))
        self.check_refused(path, "no checkpoint")

    def test_a_run_that_diverges_is_not_saved(self):
        archive = self.archive("--rule", "pytorch", "--loss", "squared_error", "--learning-rate", 0)
        with np.load(archive) as file:
            tensors = dict(file)
        document = json.loads(tensors.pop(checkpoint.DOCUMENT).tobytes())
        document["optimizer"]["groups"][0]["learning_rate"] = 1e200
        path = self.path("diverging").with_suffix(".npz")
        tensors[checkpoint.DOCUMENT] = np.frombuffer(checkpoint.seal(document), np.uint8)
        np.savez(path, **tensors)
        output = self.path("output").with_suffix(".npz")
        arguments = (path, output, "--data", self.data, "--epochs", 9)
        result = self.numpy(*arguments, status=1, warnings="ignore")
        self.assertIn("nothing is saved", result.stderr)
        self.assertFalse(output.exists())


class Seed(SampleTestCase):
    """The seed's network on the seed's data."""

    @needs_mnist
    def test_an_epoch_on_mnist_is_the_same_in_numpy_and_one_after_it_in_flywheel(self):
        run = self.train(
            "--data", mnist(), "--layers", "784-30-10", "--activation", "sigmoid",
            "--loss", "sigmoid_cross_entropy", "--initialization", "network2", "--rule", "nielsen",
            "--learning-rate", 0.1, "--momentum", 0.5, "--weight-decay", 5, "--batch-size", 10,
            "--training", 50_000, "--validation", 10_000, "--precision", "float64", "--epochs", 3,
            "--keep", 9,
        )  # fmt: skip
        _, first, second, third = checkpoints(run)
        archive = self.gone_on_by_numpy(first, "--steps", 10_000, data=mnist())
        found = self.difference(read_npz(archive), checkpoint.read(second), TOLERANCE)
        last = self.gone_on_by_flywheel(archive)
        after = self.difference(checkpoint.read(last), checkpoint.read(third), TOLERANCE)
        print(f"       after numpy's epoch {found:.1e}, after one more of Flywheel's {after:.1e}")
