"""Rules of all families, each against its source's own lines, and every preset through a resume.

What the Swift tests show for one weight is shown here for the trained binary: the mini-batch's own
size, learning rates that change, buffers that do not start from zero, and all across a checkpoint.
"""

from dataclasses import dataclass, field

import numpy as np

import checkpoint
import reference
from support import checkpoints, step_of
from test_numerics import BATCH, EPOCHS, SAMPLES, NumericTestCase
from test_resume import ResumeTestCase

STEPS = EPOCHS * 5  # the fifth batch of an epoch has 3 samples
TOLERANCE = 1e-12
COSINE = "cosine:over=8,end=0.1,unit=step"


@dataclass
class Parameter:
    """A parameter with what its optimizer keeps, and the numbers of a step."""

    value: np.ndarray
    is_weight: bool
    # The numbers as the command line has them, the learning rate as the schedule has it.
    numbers: dict[str, float] = field(default_factory=dict)
    batch: int = BATCH
    buffers: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.numbers["learning_rate"]

    @property
    def momentum(self) -> float:
        return self.numbers["momentum"]

    @property
    def decay(self) -> float:
        return self.numbers["weight_decay"]

    def kept(self, slot: str = "velocity", start: float = 0) -> np.ndarray:
        return self.buffers.get(slot, np.full_like(self.value, start))


# One step of each, as the sources have it


def sklearn(p: Parameter, gradient: np.ndarray) -> None:
    """_multilayer_perceptron.py sums, decays the weights, and divides by this mini-batch's size."""
    gradient = gradient * p.batch
    if p.is_weight:
        gradient = gradient + p.decay * p.value
    gradient = gradient / p.batch
    p.buffers["velocity"] = p.momentum * p.kept() - p.rate * gradient
    p.value = p.value + p.momentum * p.buffers["velocity"] - p.rate * gradient


def question_summed(p: Parameter, gradient: np.ndarray) -> None:
    """`update_params` with dW summed over the mini-batch."""
    velocity = p.momentum * p.kept() + gradient * p.batch
    decay = p.rate * p.decay / p.batch * p.value if p.is_weight else 0
    p.value = p.value - decay - p.rate * velocity
    p.buffers["velocity"] = velocity


def caffe_nesterov(p: Parameter, gradient: np.ndarray) -> None:
    """nesterov_solver.cpp: the history is what is subtracted."""
    before = p.kept()
    history = p.rate * (gradient + p.decay * p.value) + p.momentum * before
    p.buffers["velocity"] = history
    p.value = p.value - ((1 + p.momentum) * history - p.momentum * before)


def mxnet_nag(p: Parameter, gradient: np.ndarray) -> None:
    """optimizer_op-inl.h of 1.9.1, which writes the weight before it reads it again."""
    velocity = p.momentum * p.kept()
    p.value = (
        p.value
        + p.momentum * velocity
        - (1 + p.momentum) * p.rate * (gradient + p.decay * p.value)
    )
    p.buffers["velocity"] = velocity - p.rate * (gradient + p.decay * p.value)


def keras_rmsprop(p: Parameter, gradient: np.ndarray) -> None:
    """rmsprop.py: the decay first, ε under the root, the learning rate in the momentum."""
    value = p.value - p.value * p.decay * p.rate
    alpha = p.numbers["alpha"]
    square = alpha * p.kept("square_avg") + (1 - alpha) * gradient**2
    increment = p.rate * gradient / np.sqrt(square + p.numbers["epsilon"])
    momentum = p.momentum * p.kept("momentum_buffer") + increment
    p.buffers |= {"square_avg": square, "momentum_buffer": momentum}
    p.value = value - momentum


def tf1_rmsprop(p: Parameter, gradient: np.ndarray) -> None:
    """training_ops.cc, its squares from 1."""
    alpha = p.numbers["alpha"]
    square = p.kept("square_avg", start=1)
    square = square + (gradient**2 - square) * (1 - alpha)
    mean = p.kept("grad_avg")
    mean = mean + (gradient - mean) * (1 - alpha)
    increment = p.rate * gradient / np.sqrt(square - mean**2 + p.numbers["epsilon"])
    momentum = p.momentum * p.kept("momentum_buffer") + increment
    p.buffers |= {"square_avg": square, "grad_avg": mean, "momentum_buffer": momentum}
    p.value = p.value - momentum


def outside(p: Parameter, gradient: np.ndarray) -> None:
    """A velocity of gradients, the learning rate outside."""
    p.buffers["velocity"] = p.momentum * p.kept() + gradient
    p.value = p.value - p.rate * p.buffers["velocity"]


def inside(p: Parameter, gradient: np.ndarray) -> None:
    """A velocity that is the displacement, with the learning rate of when it was made."""
    p.buffers["velocity"] = p.momentum * p.kept() - p.rate * gradient
    p.value = p.value + p.buffers["velocity"]


SGD = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.05}
RMSPROP = {"learning_rate": 0.01, "momentum": 0.8, "alpha": 0.7, "epsilon": 1e-3}

# What is trained, and the step that it must take.
RULES = {
    "sklearn": (["--rule", "sklearn"], SGD, sklearn),
    "question_summed": (
        ["--rule", "question_summed"], SGD | {"learning_rate": 0.01}, question_summed,
    ),
    "caffe, nesterov": (["--rule", "caffe", "--nesterov"], SGD, caffe_nesterov),
    "mxnet_nag_1_9": (["--rule", "mxnet_nag_1_9"], SGD, mxnet_nag),
    "keras_rmsprop": (["--rule", "keras_rmsprop"], RMSPROP | {"weight_decay": 0.3}, keras_rmsprop),
    "tf1_rmsprop": (["--rule", "tf1_rmsprop", "--centered"], RMSPROP, tf1_rmsprop),
}  # fmt: skip

# Whose momentum follows the rate, and whose run it makes.
CORRECTED = {"nielsen": outside, "keras": outside, "caffe": outside, "pytorch": inside}
PLAIN = {"learning_rate": 0.3, "momentum": 0.9, "weight_decay": 0.0}


def flags(numbers: dict[str, float]) -> list:
    return [word for name, value in numbers.items() for word in (option(name), repr(value))]


def option(hyperparameter: str) -> str:
    return "--" + hyperparameter.replace("_", "-")


def cosine(step: int) -> float:
    """COSINE, as PyTorch's documentation has it, and its end thereafter."""
    return 0.1 + 0.9 * (1 + np.cos(np.pi * min(step, 8) / 8)) / 2


class Sources(NumericTestCase):
    """From a run's first weights, every step of two epochs, which end with a short batch."""

    def check(self, files, numbers, step_of_source, factor=lambda step: 1.0, has_slots=True):
        plan = reference.plan(files[0])
        network = reference.network(files[0])
        parameters = {
            name: Parameter(value, name.endswith("weight"), dict(numbers))
            for name, value in network.parameters.items()
        }
        self.assertEqual(len(files), STEPS + 1)
        sizes = set()
        for step, expected in enumerate(files[1:]):
            batch = self.images[plan.batch(step)]
            sizes.add(len(batch.labels))
            gradients = network.gradients(batch.inputs, batch.labels)
            for name, parameter in parameters.items():
                parameter.batch = len(batch.labels)
                parameter.numbers["learning_rate"] = numbers["learning_rate"] * factor(step)
                step_of_source(parameter, gradients[name])
                network.parameters[name] = parameter.value
            self.assert_equal_tensors(network.parameters, expected.model, TOLERANCE)
            if not has_slots:
                continue
            self.assertEqual(set(expected.slots), set(parameter.buffers))
            for slot, found in expected.slots.items():
                buffers = {name: p.buffers[slot] for name, p in parameters.items()}
                self.assert_equal_tensors(buffers, found, TOLERANCE)
        self.assertEqual(sizes, {BATCH, SAMPLES % BATCH})

    def test_rules_step_as_their_sources(self):
        for name, (arguments, numbers, step) in RULES.items():
            with self.subTest(rule=name):
                self.check(self.trace(*arguments, *flags(numbers)), numbers, step)

    def test_a_short_batch_is_divided_by_its_own_size(self):
        """The negative control: the size of a whole batch in its place is another run."""
        arguments, numbers, step = RULES["sklearn"]

        def with_whole_size(parameter: Parameter, gradient: np.ndarray) -> None:
            parameter.batch = BATCH
            step(parameter, gradient)

        with self.assertRaises(AssertionError):
            self.check(self.trace(*arguments, *flags(numbers)), numbers, with_whole_size)

    def test_momentum_that_follows_the_rate_makes_the_run_of_the_other_placement(self):
        for rule, other in CORRECTED.items():
            with self.subTest(rule=rule):
                arguments = ["--rule", rule, *flags(PLAIN), "--schedule", COSINE]
                files = self.trace(*arguments, "--momentum-correction")
                # The buffer is the rule's own, the weights are the other's.
                self.check(files, PLAIN, other, cosine, has_slots=False)
                with self.assertRaises(AssertionError):
                    self.check(self.trace(*arguments), PLAIN, other, cosine, has_slots=False)

    def test_momentum_follows_the_rate_across_a_resume(self):
        for rule, other in CORRECTED.items():
            with self.subTest(rule=rule):
                run = self.train(
                    "--data", self.data, "--layers", "16-5-3", "--precision", "float64",
                    "--training", SAMPLES, "--validation", 7, "--batch-size", BATCH,
                    "--epochs", EPOCHS, "--save-every-steps", 1, "--keep", 1000,
                    "--rule", rule, *flags(PLAIN), "--schedule", COSINE, "--momentum-correction",
                )  # fmt: skip
                middle = checkpoints(run)[3]
                self.assertEqual(step_of(middle), 3)
                output = self.path("resumed")
                self.resume(middle, "--data", self.data, "--output", output)
                files = [checkpoint.read(path) for path in checkpoints(run)[:4]]
                files += [
                    checkpoint.read(path) for path in checkpoints(output) if step_of(path) > 3
                ]
                self.check(files, PLAIN, other, cosine, has_slots=False)


class Presets(ResumeTestCase, NumericTestCase):
    """Each rule that `flywheel rules` lists, once as it is and once with all its switches on."""

    def test_every_rule_trains_and_resumes_bit_for_bit(self):
        rules = self.flywheel("rules", "--json").json["rules"]
        self.assertGreater(len(rules), 50)
        for rule in rules:
            for is_on in (False, True):
                settings = self.settings_of(rule, is_on)
                if settings is not None:
                    with self.subTest(rule=rule["name"], switches=is_on):
                        self.check_resume(settings)

    def settings_of(self, rule: dict, is_on: bool) -> list | None:
        """Numbers for a short run, every decay at work; None if there is nothing to switch."""
        taken = {item["name"]: item for item in rule["hyperparameters"]}
        switches = [name for name, item in taken.items() if isinstance(item["default"], bool)]
        numbers = {"learning_rate": 0.01}
        numbers |= {name: 0.02 for name in ("weight_decay", "l2", "bias_l2") if name in taken}
        if not is_on:
            return ["--rule", rule["name"], *flags(numbers)]
        if not switches:
            return None
        # Nesterov's look-ahead goes with no dampening.
        if "dampening" in taken:
            numbers["dampening"] = 0.0
        if "momentum" in taken:
            numbers["momentum"] = 0.8
        return ["--rule", rule["name"], *flags(numbers), *map(option, switches)]

    def check_resume(self, settings: list) -> None:
        run = self.train(
            "--data", self.data, "--layers", "16-5-3", "--training", SAMPLES, "--validation", 7,
            "--batch-size", BATCH, "--epochs", EPOCHS, "--save-every-steps", 3, "--keep", 1000,
            "--schedule", COSINE, *settings,
        )  # fmt: skip
        middle = next(path for path in checkpoints(run) if step_of(path) == 3)
        output = self.path("resumed")
        self.resume(middle, "--data", self.data, "--output", output)
        for file in checkpoints(run)[-2:]:
            self.assertGreater(step_of(file), 3)
            self.assert_same_checkpoint(output / "checkpoints" / file.name, file)
        first, last = checkpoint.read(checkpoints(run)[0]), checkpoint.read(checkpoints(run)[-1])
        self.assertEqual(last.step, STEPS)
        for name, value in last.model.items():
            self.assertTrue(np.isfinite(value).all(), name)
            self.assertFalse(np.array_equal(value, first.model[name]), name)
