"""A new run that starts from a state: weights, buffers and step count are taken over, and no more."""

import json
from pathlib import Path

import numpy as np

import checkpoint
import reference
from support import TestCase, checkpoints, files_and_bytes, newest, write_structured

RULES = {
    "momentum with groups": "--rule pytorch --lr 0.1 --momentum 0.9 --weight-decay 0.01"
    " --group *.bias:weight_decay=0,learning_rate=0.2",
    "Nesterov, clipped": "--rule pytorch --lr 0.1 --nesterov --clip-norm 0.5",
    "no momentum": "--rule pytorch --lr 0.3 --momentum 0",
    "Nielsen": "--rule nielsen --lr 0.2 --momentum 0.5 --weight-decay 0.1",
    "Adam": "--rule adam --lr 0.01 --amsgrad",
    "RMSprop": "--rule rmsprop --lr 0.01 --momentum 0.5 --centered",
}
SAMPLES, BATCH, BATCHES, SEED = 5, 2, 3, 7


def seed_of_the_next_epoch() -> int:
    """A seed whose first epoch visits the samples as the second one of `SEED` does."""
    expected = reference.epoch_order(SEED, 1, SAMPLES)
    return next(
        seed
        for seed in range(100_000)
        if np.array_equal(reference.epoch_order(seed, 0, SAMPLES), expected)
    )


class StartTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = write_structured(self.folder / "data", SAMPLES + 2, 4, 3)
        self.common = [
            "--data", self.data, "--training", SAMPLES, "--validation", 2, "--batch-size", BATCH,
            "--activation", "tanh",
        ]  # fmt: skip

    def run_of(self, *settings, epochs: int = 1) -> Path:
        return self.train(
            *self.common, "--layers", "16-6-4-3", "--seed", SEED, "--epochs", epochs, *settings
        )

    def start_from(self, state: Path, *settings, epochs: int = 1, **options) -> Path:
        return self.train(
            *self.common, "--from", state, "--epochs", epochs, *settings, **options
        )

    def assert_same_state(self, found: Path, expected: Path) -> None:
        found, expected = checkpoint.read(found), checkpoint.read(expected)
        self.assertEqual(found.step, expected.step)
        self.assertEqual(list(found.model), list(expected.model))
        self.assertEqual(list(found.slots), list(expected.slots))
        for group in ("model", "optimizer"):
            for name, value in expected.below(group).items():
                self.assertEqual(found.below(group)[name].dtype, value.dtype, name)
                self.assertEqual(found.below(group)[name].tobytes(), value.tobytes(), name)


class Start(StartTestCase):
    def test_an_epoch_from_a_state_is_the_epoch_that_would_have_come_next_bit_for_bit(self):
        seed = seed_of_the_next_epoch()
        for name, settings in RULES.items():
            for precision in ("float32", "float64"):
                with self.subTest(name, precision=precision):
                    rule = [*settings.split(), "--precision", precision]
                    whole = self.run_of(*rule, epochs=2)
                    state = newest(self.run_of(*rule))
                    run = self.start_from(state, "--seed", seed)
                    self.assert_same_state(newest(run), newest(whole))
                    document, expected = (
                        checkpoint.read(newest(each)).document for each in (run, whole)
                    )
                    self.assertEqual(document["parameters"], expected["parameters"])
                    self.assertEqual(document["optimizer"], expected["optimizer"])

    def test_epochs_metrics_and_files_of_the_run_are_its_own(self):
        state = newest(self.run_of())
        run = self.start_from(state, "--save-every-steps", 1, "--keep", 9)
        self.assertEqual(
            [path.name for path in checkpoints(run)],
            [f"step-{step:012}.h5" for step in range(BATCHES, 2 * BATCHES + 1)],
        )
        first, last = (checkpoint.read(path) for path in (checkpoints(run)[0], newest(run)))
        self.assertEqual(first.document["progress"]["epoch"], 0)
        self.assertEqual(first.document["progress"]["samples"], 0)
        # A buffer that carries the rate means nothing without that of the last step.
        rate = checkpoint.read(state).document["optimizer"]["groups"][0]["learning_rate"]
        self.assertEqual(first.document["optimizer"]["groups"][0]["last_learning_rate"], rate)
        self.assertEqual(last.document["progress"]["epoch"], 1)
        self.assertEqual(last.document["progress"]["samples"], SAMPLES)
        self.assertEqual(last.history["step"].tolist(), [2 * BATCHES])
        metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual([(row["epoch"], row["step"]) for row in metrics], [(1, 2 * BATCHES)])
        start = json.loads((run / "configuration.json").read_text())["start"]
        self.assertEqual(start, {"source": str(state), "step": BATCHES})
        self.flywheel("verify", run)

    def test_a_run_that_started_from_a_state_resumes_bit_for_bit(self):
        for name, settings in RULES.items():
            with self.subTest(name):
                state = newest(self.run_of(*settings.split()))
                whole = self.start_from(state, "--save-every-steps", 1, "--keep", 9, epochs=3)
                run = self.start_from(state, epochs=1)
                self.resume(run, "--epochs", 3)
                self.assert_same_state(newest(run), newest(whole))
                # In the middle of an epoch, and before the first step, into runs of their own.
                for place in (0, 4):
                    branch = self.path("branch")
                    self.resume(checkpoints(whole)[place], "--output", branch)
                    self.assert_same_state(newest(branch), newest(whole))
                    expected = (whole / "metrics.jsonl").read_bytes()
                    self.assertEqual((branch / "metrics.jsonl").read_bytes(), expected)

    def test_a_configuration_names_a_state_as_the_flag_does(self):
        state = newest(self.run_of(*RULES["Adam"].split(), "--precision", "float64"))
        run = self.start_from(state)
        again = self.path()
        # All that a run wrote down of itself, the step of its start too.
        self.flywheel("train", run / "configuration.json", "-o", again, "--quiet")
        self.assert_same_state(newest(again), newest(run))
        file = self.path().with_suffix(".json")
        file.write_text(json.dumps({"start": {"source": str(state)}, "network": {}}))
        self.assert_same_state(newest(self.start_from(state, file)), newest(run))
        # The flag wins over the file.
        file.write_text(json.dumps({"start": {"source": "nowhere.h5", "step": 99}}))
        self.assert_same_state(newest(self.start_from(state, file)), newest(run))
        # What both leave out is the state's; what either says wins.
        file.write_text(json.dumps({"optimizer": {"learning_rate": 0.5, "amsgrad": True}}))
        run = self.start_from(state, file, "--beta1", 0.8)
        group = self.document(run)["optimizer"]["groups"][0]
        numbers = [group[name] for name in ("learning_rate", "beta1", "beta2")]
        self.assertEqual(numbers, [0.5, 0.8, 0.999])

    def document(self, run: Path) -> dict:
        return checkpoint.read(newest(run)).document

    def test_a_state_may_be_in_any_container_or_a_run(self):
        run = self.run_of()
        expected = newest(self.start_from(newest(run)))
        state = self.path("state").with_suffix(".npz")
        self.flywheel("convert", run, state)
        for source in (state, run):
            self.assert_same_state(newest(self.start_from(source)), expected)

    def test_a_cast_is_made_if_it_is_asked_for(self):
        state = newest(self.run_of("--precision", "float64"))
        first = checkpoints(self.start_from(state, "--keep", 9))[0]
        self.assertEqual(checkpoint.read(first).model["layers.0.bias"].dtype, np.float64)
        run = self.start_from(state, "--precision", "float32", "--keep", 9)
        first, source = checkpoint.read(checkpoints(run)[0]), checkpoint.read(state)
        for name, value in source.model.items():
            found = first.model[name]
            self.assertEqual(found.tobytes(), value.astype(np.float32).tobytes(), name)
            found = first.velocity[name]
            self.assertEqual(found.tobytes(), source.velocity[name].astype(np.float32).tobytes())

    def test_the_rate_goes_on_from_where_a_schedule_was_and_a_schedule_multiplies_it(self):
        state = newest(self.run_of("--lr", 0.1, "--schedule", "step:every=1,factor=0.5"))
        group = self.document(self.start_from(state))["optimizer"]["groups"][0]
        rates = [group[f"{each}learning_rate"] for each in ("", "last_", "initial_")]
        self.assertEqual(rates, [0.05, 0.05, 0.05])
        run = self.start_from(state, "--schedule", "step:every=4,factor=0.5,unit=step")
        # Four steps of the optimizer are one of the run.
        document = self.document(run)
        group = document["optimizer"]["groups"][0]
        rates = [group[f"{each}learning_rate"] for each in ("", "last_", "initial_")]
        self.assertEqual(rates, [0.025, 0.025, 0.05])
        self.assertEqual(document["schedule"]["position"], 2 * BATCHES)

    def test_what_does_not_fit_is_refused_and_nothing_is_left_behind(self):
        state = newest(self.run_of())
        before = files_and_bytes(self.folder)
        for settings, words in [
            (["--layers", "16-5-3"], ["layers.0.weight", "(6, 16)", "(5, 16)"]),
            (["--rule", "nielsen"], ["pytorch", "nielsen"]),
            (["--momentum", 0], ["velocity", "would lose"]),
        ]:
            with self.subTest(settings):
                result = self.flywheel(
                    "train", *self.common, "--from", state, "-o", self.path(), *settings, status=2
                )
                self.assert_error(result, *words)
        file = self.folder / "start.json"
        file.write_text(json.dumps({"start": {"source": str(state), "step": 4}}))
        result = self.flywheel("train", file, "-o", self.path(), *self.common, status=2)
        self.assert_error(result, "3 steps", "says 4")
        file.unlink()
        self.assertEqual(files_and_bytes(self.folder), before)
