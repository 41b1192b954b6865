"""`flywheel explain` on traces of hand-written numpy trainers, right ones and wrong ones."""

import sys
import unittest
from dataclasses import dataclass

import numpy as np

import trainers
from support import REPOSITORY, TestCase, newest, write_structured
from trainers import BATCH, DECAY, MOMENTUM, RATE, SAMPLES, Batches, fill_gradients, first_weights

sys.path.insert(0, str(REPOSITORY / "samples" / "explain"))

from numpy_dump import dump  # noqa: E402

DECLARED = (
    "--learning-rate", RATE, "--momentum", MOMENTUM, "--weight-decay", DECAY,
    "--batch-size", BATCH, "--train-size", SAMPLES,
)  # fmt: skip


def trace(folder, trainer: type, dtype: str, steps: int = 8, keep=lambda name: True) -> list:
    """Trains and dumps by the sample's own lines; the files in order."""
    layers = [trainer(weights) for weights in first_weights(dtype)]
    batches = Batches()
    for step in range(steps):
        fill_gradients(layers, *batches.next())
        dump(folder, step, layers)
        for layer in layers:
            layer.update(layers)
    files = sorted(folder.glob("*.npz"))
    for file in files:
        with np.load(file) as arrays:
            kept = {name: array for name, array in arrays.items() if keep(name)}
        np.savez(file, **kept)
    return files


# What of a trainer's dump is kept.
KEEP = {
    "whole": lambda name: True,
    "without_gradient": lambda name: not name.startswith("d"),
    "without_velocity": lambda name: not name.startswith("v"),
}


@dataclass
class Case:
    """A trainer, and what must be said of it."""

    trainer: type
    # A rule that must be among the names; none if no rule may be named by its numbers.
    rule: str | None
    # Whether its velocity moves a weight: if not, nothing can be told without gradients.
    keeps_velocity: bool = True
    # The kinds of findings that must be there.
    findings: tuple[str, ...] = ()
    # The kinds that need more than weights, buffers or gradients alone.
    only_whole: tuple[str, ...] = ()


CASES = [
    Case(trainers.Question, "question"),
    Case(trainers.Answer, "question"),
    Case(trainers.QuestionSummed, "question_summed", only_whole=("gradient_summed",)),
    Case(trainers.Plain, "pytorch", keeps_velocity=False),
    Case(trainers.Nielsen, "nielsen"),
    Case(trainers.CS230, "cs230"),
    Case(trainers.CS231nNesterov, "cs231n"),
    Case(trainers.DecayTwice, None, only_whole=("decay_applied_twice",)),
    Case(trainers.DecayDoubled, None, only_whole=("decay_applied_twice",)),
    Case(
        trainers.VelocityNotStored, "pytorch", keeps_velocity=False,
        only_whole=("velocity_not_stored",),
    ),  # fmt: skip
    Case(trainers.BiasDecayed, None),
    Case(trainers.WrongLookAhead, None, findings=("look_ahead_wrong",)),
    Case(trainers.RateTwice, None, only_whole=("learning_rate_twice",)),
    Case(trainers.Climbs, None, only_whole=("climbs",)),
    Case(trainers.DecaySignWrong, None),
]


class ExplainNumpyTests(TestCase):
    def explain(self, files, *options, status: int | None = None) -> dict:
        process = self.start("explain", "--json", *files, *options)
        result = self.finish(process)
        self.assertIn(result.status, (0, 1) if status is None else (status,), result.stderr)
        return result.json

    def assert_measured(self, found: dict, truth: dict, case: str, reach: float = 5) -> None:
        """What is measured is true within its errors, and what is true is measured or not told apart."""
        coefficients = found["coefficients"]
        for name, estimate in coefficients.items():
            self.assertIn(name, truth, case)
            error = abs(estimate["value"] - truth[name])
            self.assertLessEqual(
                error,
                reach * estimate["standard_error"] + 1e-15,
                f"{case}: {name} is {estimate}, the truth {truth[name]}",
            )

    def names(self, found: dict, match: str | None = None) -> set[str]:
        return {name["rule"] for name in found["names"] if match in (None, name["match"])}

    def kinds(self, found: dict) -> set[str]:
        return {finding["kind"] for finding in found["findings"]}

    def test_every_trainer_is_measured_and_named_right(self):
        for case in CASES:
            for dtype in ("float64", "float32"):
                for evidence, keep in KEEP.items():
                    label = f"{case.trainer.__name__}, {dtype}, {evidence}"
                    if evidence == "without_gradient" and not case.keeps_velocity:
                        continue
                    with self.subTest(label):
                        files = trace(self.path("trace"), case.trainer, dtype, keep=keep)
                        found = self.explain(files, *DECLARED)
                        self.check(case, found, evidence, label)

    def check(self, case: Case, found: dict, evidence: str, label: str) -> None:
        for part, is_weight in (("weights", True), ("biases", False)):
            form = case.trainer.form(is_weight)
            self.assertEqual(found[part]["evidence"], evidence, label)
            self.assert_measured(found[part], getattr(form, evidence), f"{label}, {part}")
        wanted = set(case.findings) | (set(case.only_whole) if evidence == "whole" else set())
        self.assertLessEqual(wanted, self.kinds(found), label)
        if case.rule is not None:
            self.assertIn(case.rule, self.names(found), label)
        elif evidence == "whole":
            self.assertEqual(self.names(found, "numbers"), set(), label)

    def test_what_is_measured_is_useful(self):
        """The errors are small enough to tell a decay of 3e-4 a step in float32."""
        files = trace(self.path("trace"), trainers.Question, "float32")
        found = self.explain(files, *DECLARED)["weights"]["coefficients"]
        self.assertLessEqual(set("abcpqr"), set(found))
        for name, limit in (("a", 1e-5), ("b", 1e-5), ("c", 1e-5), ("r", 1e-6)):
            self.assertLess(found[name]["standard_error"], limit, name)

    def test_velocities_of_the_wrong_layer_are_found(self):
        files = trace(self.path("trace"), trainers.WrongLayer, "float64")
        found = self.explain(files, *DECLARED)
        finding = next(f for f in found["findings"] if f["kind"] == "wrong_layer")
        self.assertRegex(finding["text"], "W2.*W3|W3.*W2")

    def test_a_gradient_one_step_late_is_found(self):
        files = trace(self.path("trace"), trainers.GradientLate, "float64")
        found = self.explain(files, *DECLARED)
        self.assertEqual(found["alignment"]["gradient_shift"], -1)
        self.assertIn("gradient_late", self.kinds(found))
        self.assert_measured(found["weights"], trainers.Question.form(True).whole, "late")

    def test_dumps_made_after_the_step_are_aligned(self):
        layers = [trainers.Question(weights) for weights in first_weights("float64")]
        batches, folder = Batches(), self.path("trace")
        for step in range(8):
            fill_gradients(layers, *batches.next())
            for layer in layers:
                layer.update(layers)
            dump(folder, step, layers)
        found = self.explain(sorted(folder.glob("*.npz")), *DECLARED, status=0)
        self.assertEqual(found["alignment"]["gradient_shift"], 1)
        self.assert_measured(found["weights"], trainers.Question.form(True).whole, "after")

    def test_a_schedule_is_found_step_by_step(self):
        for dtype in ("float64", "float32"):
            files = trace(self.path("trace"), trainers.Halving, dtype)
            found = self.explain(
                files, "--momentum", MOMENTUM, "--weight-decay", DECAY, "--batch-size", BATCH
            )
            rates = [RATE / 2 ** (step // 2) for step in range(7)]
            np.testing.assert_allclose(found["learning_rates"], rates, rtol=1e-3, err_msg=dtype)
            self.assertIn("schedule", self.kinds(found))
            self.assertIn("question", self.names(found))

    def test_weights_alone_show_momentum_and_decay_where_inputs_are_always_zero(self):
        class Torch(trainers.Layer):
            def update(self, layers):
                for name, velocity, gradient in (
                    ("W", "weight_velocity", self.dW), ("b", "bias_velocity", self.db),
                ):  # fmt: skip
                    value = getattr(self, name)
                    new = MOMENTUM * getattr(self, velocity) + gradient + DECAY * value
                    setattr(self, velocity, new)
                    setattr(self, name, value - RATE * new)

        files = trace(
            self.path("trace"), Torch, "float64", steps=12, keep=lambda name: name[0] in "Wb"
        )
        found = self.explain(files, *DECLARED)
        weights = found["weights"]
        self.assertEqual(weights["evidence"], "weights_only")
        self.assert_measured(weights, {"D": MOMENTUM, "L": RATE * DECAY}, "weights only")
        self.assertIn("D", weights["coefficients"])

    def test_a_wrong_trace_is_refused(self):
        """Gradients of another run explain nothing: nothing is named."""
        files = trace(self.path("trace"), trainers.Question, "float64")
        random = np.random.default_rng(5)
        for file in files:
            with np.load(file) as arrays:
                changed = {
                    name: random.standard_normal(array.shape) if name.startswith("d") else array
                    for name, array in arrays.items()
                }
            np.savez(file, **changed)
        found = self.explain(files, *DECLARED, status=1)
        self.assertEqual(found["names"], [])

    def test_rounding_that_hides_a_decay_is_said(self):
        """Nielsen's n makes the question's decay smaller than half an ulp: float32 rounds it away."""

        class Hidden(trainers.Question):
            n_samples = 1_000_000

        files = trace(self.path("trace"), Hidden, "float32")
        found = self.explain(
            files, "--learning-rate", RATE, "--momentum", MOMENTUM, "--weight-decay", DECAY,
            "--batch-size", BATCH, "--train-size", 1_000_000,
        )  # fmt: skip
        self.assertIn("hidden_by_rounding", self.kinds(found))


class SeedTests(TestCase):
    """On the question's own code the output says what a reader of the question needs."""

    AGAINST = "torch.optim.SGD(lr=.01, momentum=.9, weight_decay=.1)"

    def output(self, summed: bool, *options) -> str:
        self.flywheel("digits", self.folder / "digits.npz")
        folder = self.path("dumps")
        sample = REPOSITORY / "samples" / "explain" / "train_numpy.py"
        import subprocess

        subprocess.run(
            [sys.executable, sample, "--data", self.folder / "digits.npz", "--output", folder]
            + (["--summed"] if summed else []),
            check=True,
        )
        files = sorted(folder.glob("*.npz"))
        result = self.flywheel(
            "explain", *files, "--against", self.AGAINST, "--batch-size", 32, *options, status=1
        )
        for line in result.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)
        return " ".join(result.stdout.split())

    def test_averaged(self):
        text = self.output(False)
        for words in ("question", "decoupled", "356", "0.9"):
            self.assertIn(words, text)
        self.assertNotIn("summed over", text)

    def test_summed(self):
        text = self.output(True, "--summed-gradient")
        for words in ("summed", "32", "0.32", "3.2", "356", "dW/32"):
            self.assertIn(words, text)

    def test_summed_and_nobody_says_so(self):
        """Its own dW is dumped: that it is a sum shows in the bias of the last layer."""
        text = self.output(True)
        for words in ("may be sums", "never exceeds 1", "--summed-gradient"):
            self.assertIn(words, text)


class FlywheelTraceTests(TestCase):
    def test_a_trace_of_flywheel_explains_itself(self):
        data = write_structured(self.folder / "data", 200, 6, 3)
        for rule, flags in (
            ("pytorch", ("--nesterov", "--weight-decay", "0.01")), ("nielsen", ("--weight-decay", "5")),
            ("keras", ("--weight-decay", "0.01")), ("sklearn", ("--weight-decay", "0.01")),
        ):  # fmt: skip
            for precision in ("float32", "float64"):
                with self.subTest(rule=rule, precision=precision):
                    run = self.train(
                        "--data", data, "--layers", "36-8-3", "--epochs", 1, "--rule", rule,
                        "--lr", "0.05", "--momentum", "0.9", *flags, "--trace", "0:6",
                        "--precision", precision,
                    )  # fmt: skip
                    found = self.flywheel("explain", run / "trace-0.h5", "--json").json
                    self.assertIn(rule, {name["rule"] for name in found["names"]})


if __name__ == "__main__":
    unittest.main()
