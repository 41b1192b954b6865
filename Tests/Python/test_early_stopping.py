"""Early stopping: where training ends, and that an interruption does not move it."""

import json
import random
import signal

import checkpoint
from support import TestCase, checkpoints, newest, newest_step, write_structured


class EarlyStopping(TestCase):
    EPOCHS = 60
    RULE = "validation_loss:patience=2,min_delta=0.01"

    def setUp(self):
        super().setUp()
        # Few, noisy images: the validation loss soon stops falling.
        folder = write_structured(self.folder / "data", 60, 4, 3)
        self.settings = (
            "--data", folder, "--layers", "16-12-3", "--batch-size", 5, "--validation", 20,
            "--learning-rate", 0.1, "--epochs", self.EPOCHS, "--save-every-steps", 3,
            "--keep", 1000,
        )  # fmt: skip

    def losses(self, run) -> list[float]:
        lines = (run / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line)["validation_loss"] for line in lines]

    def expected(self, losses: list[float], patience: int, delta: float) -> tuple[int, int]:
        """The epoch after which training ends, and that of the last improvement."""
        best, since = 0, 0
        for epoch, loss in enumerate(losses[1:], 1):
            if loss < losses[best] - delta:
                best, since = epoch, 0
            else:
                since += 1
            if since >= patience:
                return epoch + 1, best + 1
        self.fail("the losses never stop to improve; choose other data")

    def test_training_ends_when_patience_does_and_says_so(self):
        whole = self.train(*self.settings)
        end, best = self.expected(self.losses(whole), 2, 0.01)
        self.assertLess(end, self.EPOCHS)
        run = self.path()
        result = self.flywheel(
            "train", *self.settings, "--early-stopping", self.RULE, "--json", "--output", run
        )
        self.assertEqual(self.losses(run), self.losses(whole)[:end])
        self.assertEqual(result.json["epoch"], end)
        self.assertTrue(result.json["finished"])
        stopped = result.json["stopped_early"]
        self.assertEqual(stopped["metric"], "validation_loss")
        self.assertEqual(stopped["epoch"], best)
        self.assertEqual(stopped["value"], self.losses(whole)[best - 1])
        self.assertIn(f"stopped early after epoch {end}: validation_loss", result.stderr)
        # The best follows the watched metric, and takes small improvements too.
        least = min(self.losses(run))
        self.assertEqual(result.json["best"]["metric"], "validation_loss")
        self.assertEqual(result.json["best"]["value"], least)
        document = checkpoint.read(newest(run)).document
        self.assertEqual(document["progress"]["best"], result.json["best"])
        self.assertEqual(document["progress"]["epoch"], end)

    def test_an_interruption_anywhere_never_moves_the_end(self):
        whole = self.train(*self.settings, "--early-stopping", self.RULE)
        expected = checkpoint.read(newest(whole))
        choice = random.Random(1)
        for file in choice.sample(checkpoints(whole)[:-1], 6):
            with self.subTest(file=file.name):
                run = self.path()
                self.resume(file, "--output", run, "--quiet")
                self.assertEqual(
                    (run / "metrics.jsonl").read_text(), (whole / "metrics.jsonl").read_text()
                )
                found = checkpoint.read(newest(run))
                self.assertEqual(found.document["progress"], expected.document["progress"])
                for name, value in expected.model.items():
                    self.assertEqual(value.tobytes(), found.model[name].tobytes())

    def test_a_signal_and_a_resume_do_not_move_it_either(self):
        whole = self.train(*self.settings, "--early-stopping", self.RULE)
        run = self.path()
        process = self.start(
            "train", *self.settings, "--early-stopping", self.RULE, "--quiet", "--output", run
        )
        self.wait_until(lambda: newest_step(run) >= 6 or process.poll() is not None, "some steps")
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.resume(run, "--quiet")
        self.assertEqual(
            (run / "metrics.jsonl").read_text(), (whole / "metrics.jsonl").read_text()
        )

    def test_a_stopped_run_goes_on_only_if_told(self):
        run = self.train(*self.settings, "--early-stopping", self.RULE)
        end = len(self.losses(run))
        before = newest(run)
        for arguments in ((), ("--epochs", self.EPOCHS + 5)):
            result = self.resume(run, *arguments, "--json")
            self.assertIn(f"stopped early after epoch {end}", result.stderr)
            self.assertIn("--no-early-stopping", result.stderr)
            self.assertIsNotNone(result.json["stopped_early"])
            self.assertEqual(newest(run), before)
        # More patience in the configuration: on to where that ends.
        path = run / "configuration.json"
        configuration = json.loads(path.read_text())
        configuration["early_stopping"]["patience"] = 4
        path.write_text(json.dumps(configuration))
        self.resume(run, "--quiet")
        whole = self.train(*self.settings)
        longer, _ = self.expected(self.losses(whole), 4, 0.01)
        self.assertEqual(self.losses(run), self.losses(whole)[:longer])
        # And without any: to the last epoch.
        result = self.resume(run, "--no-early-stopping", "--epochs", self.EPOCHS, "--json")
        self.assertIsNone(result.json["stopped_early"])
        self.assertEqual(result.json["epoch"], self.EPOCHS)
        self.assertEqual(self.losses(run), self.losses(whole))
        self.assertIsNone(json.loads(path.read_text())["early_stopping"])

    def test_an_accuracy_should_rise(self):
        run = self.path()
        result = self.flywheel(
            "train", *self.settings, "--early-stopping", "validation_accuracy:patience=1", "--json",
            "--output", run,
        )  # fmt: skip
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        accuracies = [line["validation_accuracy"] for line in lines]
        rises = [b > a for a, b in zip(accuracies, accuracies[1:])]
        self.assertEqual(rises, [True] * (len(rises) - 1) + [False])
        self.assertEqual(result.json["best"]["value"], max(accuracies))

    def test_a_metric_that_is_not_measured_is_refused_with_those_that_are(self):
        run = self.path()
        result = self.flywheel(
            "train", *self.settings, "--validation", 0, "--early-stopping", self.RULE,
            "--output", run, status=2,
        )  # fmt: skip
        self.assert_error(
            result, "'validation_loss'", "holds out no samples", "training_loss, training_accuracy."
        )
        self.assertFalse(run.exists())
        for text, words in (
            ("speed", "direction"),
            ("validation_loss:patience=0", "at least 1"),
            ("validation_loss:patience", "name=value"),
            ("validation_loss:min_delta=-1", "at least 0"),
            ("validation_loss:mode=min", "takes no mode"),
        ):
            with self.subTest(text=text):
                result = self.flywheel("train", "--early-stopping", text, status=64)
                self.assert_error(result, words)
