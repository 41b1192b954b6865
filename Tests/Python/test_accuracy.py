"""What training reaches, on the real MNIST and on the built-in digits."""

import json
from pathlib import Path

from support import TestCase, mnist, needs_mnist, only_full


class AccuracyTestCase(TestCase):
    def train_and_read(self, *settings, timeout: float = 900) -> tuple[dict, Path]:
        """The result of a run, and its folder."""
        run = self.path()
        result = self.flywheel(
            "train", *settings, "--json", "--quiet", "--output", run, timeout=timeout
        )
        return result.json, run

    def validation(self, run: Path) -> list[float]:
        """The validation accuracy after each epoch."""
        lines = (run / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line)["validation_accuracy"] for line in lines]


@needs_mnist
class Mnist(AccuracyTestCase):
    def answer(self, hidden: int, epochs: int) -> list[float]:
        """The setting of the answer that Flywheel began with; the validation accuracies."""
        result, run = self.train_and_read(
            "--data", mnist(), "--layers", f"784-{hidden}-10", "--activation", "sigmoid",
            "--loss", "sigmoid_cross_entropy", "--initialization", "network2",
            "--rule", "nielsen", "--momentum", 0.5, "--learning-rate", 0.1, "--weight-decay", 5,
            "--batch-size", 10, "--training", 50_000, "--validation", 10_000, "--seed", 0,
            "--epochs", epochs,
        )  # fmt: skip
        self.assertEqual(result["step"], 5000 * epochs)
        accuracies = self.validation(run)
        self.assertEqual(len(accuracies), epochs)
        self.assertEqual(result["best"]["value"], max(accuracies))
        return accuracies

    def test_thirty_hidden_neurons_reach_94_8_percent_in_three_epochs(self):
        self.assertGreaterEqual(max(self.answer(30, 3)), 0.948)

    @only_full("100 epochs")
    def test_thirty_hidden_neurons_reach_96_6_percent_in_a_hundred_epochs(self):
        self.assertGreaterEqual(max(self.answer(30, 100)), 0.966)

    @only_full("30 epochs of a larger network")
    def test_a_hundred_hidden_neurons_reach_97_7_percent_in_thirty_epochs(self):
        self.assertGreaterEqual(max(self.answer(100, 30)), 0.977)

    def test_relu_and_softmax_reach_96_4_percent_of_the_test_set_in_three_epochs(self):
        result, _ = self.train_and_read(
            "--data", mnist(), "--layers", "784-100-10", "--activation", "relu",
            "--loss", "softmax_cross_entropy", "--rule", "pytorch", "--learning-rate", 0.01,
            "--momentum", 0.9, "--batch-size", 32, "--training", 60_000, "--validation", 0,
            "--epochs", 3,
        )  # fmt: skip
        self.assertEqual(result["step"], 3 * 1875)
        self.assertGreaterEqual(result["test_accuracy"], 0.964)


class Digits(AccuracyTestCase):
    """The built-in digits: too hard for a linear model, not for a small network."""

    def test_a_linear_model_stays_under_92_percent(self):
        for rate, momentum in ((0.3, 0), (0.05, 0.9), (0.02, 0.9), (0.005, 0.9)):
            with self.subTest(learning_rate=rate, momentum=momentum):
                result, run = self.train_and_read(
                    "--layers", "784-10", "--learning-rate", rate, "--momentum", momentum,
                    "--epochs", 20,
                )  # fmt: skip
                # It has learned what it can: far above chance.
                self.assertGreater(max(self.validation(run)), 0.6)
                self.assertLess(result["test_accuracy"], 0.92)
                self.assertLess(max(self.validation(run)), 0.92)

    def test_a_small_network_gets_over_97_percent(self):
        result, _ = self.train_and_read("--layers", "784-100-10", "--epochs", 5)
        self.assertGreater(result["test_accuracy"], 0.97)

    def test_every_class_of_digits_is_there_equally_often(self):
        """A classifier that always says the same gets one in ten."""
        result, _ = self.train_and_read(
            "--layers", "784-10", "--learning-rate", 0, "--momentum", 0, "--epochs", 1
        )
        self.assertLess(result["test_accuracy"], 0.2)
