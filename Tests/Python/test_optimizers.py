"""Every update rule over a hundred steps against PyTorch's, and its state taken both ways."""

from pathlib import Path

import numpy as np

import checkpoint
import reference
from support import TestCase, checkpoints, step_of, structured_images, write_idx
from test_numerics import RULES as SGD_RULES

# The flags of a rule, and the optimizer of PyTorch that must go the same way.
ADAPTIVE_RULES = {
    "Adam": ("--rule adam", "Adam", {}),
    "Adam with a large rate": ("--rule adam --learning-rate 0.05", "Adam", {"lr": 0.05}),
    "Adam with decay": (
        "--rule adam --learning-rate 0.01 --weight-decay 0.05",
        "Adam", {"lr": 0.01, "weight_decay": 0.05},
    ),
    "Adam with amsgrad": (
        "--rule adam --learning-rate 0.02 --beta2 0.9 --amsgrad",
        "Adam", {"lr": 0.02, "betas": (0.9, 0.9), "amsgrad": True},
    ),
    "Adam with amsgrad and decay": (
        "--rule adam --learning-rate 0.02 --beta2 0.95 --amsgrad --weight-decay 0.1",
        "Adam", {"lr": 0.02, "betas": (0.9, 0.95), "amsgrad": True, "weight_decay": 0.1},
    ),
    "Adam with unusual betas and epsilon": (
        "--rule adam --learning-rate 0.03 --beta1 0.37 --beta2 0.811 --epsilon 0.02",
        "Adam", {"lr": 0.03, "betas": (0.37, 0.811), "eps": 0.02},
    ),
    "Adam without any memory": (
        "--rule adam --learning-rate 0.03 --beta1 0 --beta2 0 --epsilon 0.1",
        "Adam", {"lr": 0.03, "betas": (0.0, 0.0), "eps": 0.1},
    ),
    "AdamW": ("--rule adamw", "AdamW", {}),
    "AdamW with much decay": (
        "--rule adamw --learning-rate 0.02 --weight-decay 0.6",
        "AdamW", {"lr": 0.02, "weight_decay": 0.6},
    ),
    "AdamW without decay": (
        "--rule adamw --learning-rate 0.02 --weight-decay 0",
        "AdamW", {"lr": 0.02, "weight_decay": 0.0},
    ),
    "AdamW with amsgrad, unusual betas and epsilon": (
        "--rule adamw --learning-rate 0.02 --amsgrad --beta1 0.7 --beta2 0.8 --epsilon 1e-3",
        "AdamW", {"lr": 0.02, "amsgrad": True, "betas": (0.7, 0.8), "eps": 1e-3},
    ),
    "RMSprop": ("--rule rmsprop --learning-rate 0.01", "RMSprop", {}),
    "RMSprop with decay": (
        "--rule rmsprop --learning-rate 0.01 --weight-decay 0.05",
        "RMSprop", {"weight_decay": 0.05},
    ),
    "RMSprop with momentum": (
        "--rule rmsprop --learning-rate 0.005 --momentum 0.8",
        "RMSprop", {"lr": 0.005, "momentum": 0.8},
    ),
    "RMSprop, centered": (
        "--rule rmsprop --learning-rate 0.01 --alpha 0.9 --epsilon 1e-4 --centered",
        "RMSprop", {"alpha": 0.9, "eps": 1e-4, "centered": True},
    ),
    "RMSprop with all of it": (
        "--rule rmsprop --learning-rate 0.003 --alpha 0.73 --epsilon 0.01 --momentum 0.6"
        " --weight-decay 0.02 --centered",
        "RMSprop",
        {
            "lr": 0.003, "alpha": 0.73, "eps": 0.01, "momentum": 0.6, "weight_decay": 0.02,
            "centered": True,
        },
    ),
}  # fmt: skip

# The buffers that a rule keeps, by PyTorch's names.
SLOTS = {
    "Adam": {"exp_avg", "exp_avg_sq"},
    "Adam with amsgrad": {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    "AdamW": {"exp_avg", "exp_avg_sq"},
    "RMSprop": {"square_avg"},
    "RMSprop with momentum": {"square_avg", "momentum_buffer"},
    "RMSprop, centered": {"square_avg", "grad_avg"},
    "RMSprop with all of it": {"square_avg", "grad_avg", "momentum_buffer"},
}

# 27 samples in batches of 4: each seventh has 3. The hundredth step, like the fiftieth, is inside
# an epoch.
LAYERS = [16, 6, 3]
SAMPLES, BATCH, EPOCHS = 27, 4, 15
STEPS, HALF = 100, 50

# Each within this of the largest number in its tensor. Sums in another order differ by some 1e-16 a
# step; a rule that differs at all is off by more than 1e-6 after a few steps.
TOLERANCE = 1e-12


class HundredSteps(TestCase):
    """Runs of a small network in float64 on data of their own."""

    # The runs that several tests look at.
    traces: dict[tuple, dict[int, checkpoint.Checkpoint]] = {}

    def setUp(self) -> None:
        super().setUp()
        self.images = structured_images(5, SAMPLES + 6, 4, 4, 3)
        self.data = write_idx(self.folder / "data", self.images, structured_images(6, 9, 4, 4, 3))

    def run_of(self, *settings) -> Path:
        return self.train(
            "--data", self.data, "--layers", "-".join(map(str, LAYERS)), "--activation", "tanh",
            "--precision", "float64", "--training", SAMPLES, "--validation", 6,
            "--batch-size", BATCH, "--epochs", EPOCHS, "--save-every-epochs", 0,
            "--save-every-steps", 10, "--keep", 100_000, *settings,
        )  # fmt: skip

    def trace(self, *settings) -> dict[int, checkpoint.Checkpoint]:
        """The checkpoints of a run by their steps."""
        if settings not in self.traces:
            files = self.files(self.run_of(*settings))
            self.assertLessEqual({0, HALF, STEPS}, set(files))
            self.traces[settings] = files
        return self.traces[settings]

    def files(self, run: Path) -> dict[int, checkpoint.Checkpoint]:
        return {step_of(path): checkpoint.read(path) for path in checkpoints(run)}

    def go(self, run: reference.TorchRun, steps: range, plan: reference.Plan) -> None:
        for step in steps:
            batch = self.images[plan.batch(step)]
            run.step(batch.inputs, batch.labels)

    def check_trajectory(
        self, run: reference.TorchRun, files: dict[int, checkpoint.Checkpoint], first: int = 0
    ) -> None:
        """PyTorch's weights and buffers after each step that was saved are the checkpoint's."""
        done = first
        for step in sorted(files):
            if step <= first:
                continue
            self.go(run, range(done, step), reference.plan(files[step]))
            done = step
            self.assert_same_state(run, files[step])
        self.assertGreaterEqual(done, STEPS)

    def assert_same_state(self, run: reference.TorchRun, file: checkpoint.Checkpoint) -> None:
        self.assert_close(file.model, run.model_values, f"step {file.step}, model")
        self.assertEqual(set(file.slots), set(run.slots))
        for slot, expected in run.slots.items():
            self.assert_close(file.slots[slot], expected, f"step {file.step}, {slot}")

    def assert_close(self, found: dict, expected: dict, what: str) -> None:
        self.assertEqual(set(found), set(expected), what)
        for name, value in expected.items():
            self.assertEqual(found[name].dtype, np.float64)
            self.assertEqual(found[name].shape, value.shape)
            difference = np.abs(found[name] - value).max()
            self.assertLessEqual(difference, TOLERANCE * np.abs(value).max(), f"{what}: {name}")


def torch_optimizer(name: str, options: dict):
    """Makes an optimizer with the options as a user of PyTorch writes them."""

    def make(parameters: dict):
        import torch

        return getattr(torch.optim, name)(list(parameters.values()), foreach=False, **options)

    return make


class Trajectories(HundredSteps):
    """From the same first weights, with the same batches, a hundred steps and a few more."""

    def test_adam_adamw_and_rmsprop_equal_pytorchs(self):
        for rule, (flags, name, options) in ADAPTIVE_RULES.items():
            with self.subTest(rule=rule):
                files = self.trace(*flags.split())
                self.assertEqual(files[0].slots, {}, "buffers before the first step")
                run = reference.TorchRun(files[0], torch_optimizer(name, options))
                self.check_trajectory(run, files)

    def test_the_rules_of_sgd_equal_pytorchs(self):
        for rule, flags in SGD_RULES.items():
            with self.subTest(rule=rule):
                files = self.trace(*flags.split())
                self.check_trajectory(reference.TorchRun(files[0]), files)

    def test_a_rule_keeps_the_buffers_that_pytorchs_keeps(self):
        for rule, slots in SLOTS.items():
            with self.subTest(rule=rule):
                file = self.trace(*ADAPTIVE_RULES[rule][0].split())[HALF]
                self.assertEqual(set(file.slots), slots)
                for values in file.slots.values():
                    self.assertEqual(set(values), set(file.model))

    def test_a_rule_that_is_a_little_different_is_told_apart(self):
        """The negative control: the tolerance does not let another rule pass."""
        for flags, name, options in (
            ("--rule adam --weight-decay 0.01", "AdamW", {"weight_decay": 0.01}),
            ("--rule adam --epsilon 1e-7", "Adam", {}),
            ("--rule adam --beta2 0.9990001", "Adam", {}),
            ("--rule rmsprop --learning-rate 0.01 --centered", "RMSprop", {}),
        ):
            with self.subTest(rule=flags, beside=name):
                files = self.trace(*flags.split())
                run = reference.TorchRun(files[0], torch_optimizer(name, options))
                self.go(run, range(10), reference.plan(files[0]))
                with self.assertRaises(AssertionError):
                    self.assert_close(files[10].model, run.model_values, "")


class Transfers(HundredSteps):
    """The state changes hands between the fiftieth step and the next."""

    RULES = {name: flags for name, (flags, *_) in ADAPTIVE_RULES.items()} | SGD_RULES

    def test_pytorch_goes_on_from_flywheels_checkpoint(self):
        """Read with h5py, loaded with `load_state_dict`."""
        for rule, flags in self.RULES.items():
            with self.subTest(rule=rule):
                files = self.trace(*flags.split())
                run = reference.TorchRun(files[HALF])
                self.assert_same_state(run, files[HALF])
                self.check_trajectory(run, files, first=HALF)

    def test_a_checkpoint_describes_pytorchs_optimizer(self):
        for rule, (flags, name, options) in ADAPTIVE_RULES.items():
            with self.subTest(rule=rule):
                file = self.trace(*flags.split())[HALF]
                described = reference.TorchRun(file).optimizer
                written = torch_optimizer(name, options)(reference.TorchRun(file).parameters)
                self.assertIs(type(described), type(written))
                for found, expected in zip(
                    described.param_groups, written.param_groups, strict=True
                ):
                    for option in set(expected) - {"params"}:
                        self.assertEqual(found[option], expected[option], option)

    def test_flywheel_goes_on_from_pytorchs_state(self):
        """PyTorch trains from weights of its own; only then its state becomes a checkpoint."""
        for rule, flags in self.RULES.items():
            with self.subTest(rule=rule):
                files = self.trace(*flags.split())
                run = reference.TorchRun(self.with_other_weights(files[0]))
                self.go(run, range(HALF), reference.plan(files[0]))
                document, tensors = run.written_over(files[HALF], HALF)
                file = checkpoint.write(self.path("torch.h5"), document, tensors)
                self.flywheel("verify", file)
                output = self.path("continued")
                self.flywheel("resume", file, "--data", self.data, "--output", output)
                self.check_trajectory(run, self.files(output), first=HALF)

    def with_other_weights(self, file: checkpoint.Checkpoint) -> checkpoint.Checkpoint:
        parameters, _ = reference.initial_parameters("pytorch", LAYERS, seed=8)
        model = {f"model/{name}": value for name, value in parameters.items()}
        for key, value in model.items():
            self.assertFalse(np.array_equal(value, file.tensors[key]))
        return checkpoint.Checkpoint(file.document_bytes, file.tensors | model, file.attributes)
