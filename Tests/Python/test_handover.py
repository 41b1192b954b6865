"""A run changes hands: a real library, a file, a conversion, and then Flywheel's rule and the real target
library go the way that the first library would have gone."""

import json
from pathlib import Path

import numpy as np

import checkpoint
import reference
from frameworks import LIBRARIES, Task
from support import Images, TestCase, newest, only_full, structured_images, write_idx

# 150 samples in batches of 5 are 30 steps an epoch.
LAYERS = [16, 6, 3]
SAMPLES, BATCH, STEPS = 150, 5, 30
FIRST_SEED, SECOND_SEED = 11, 12

RATE, MOMENTUM, DECAY = 0.03, 0.9, 0.05
SGD = {"learning_rate": RATE, "momentum": MOMENTUM}

# What a library does before it hands over: its dialect, its rule in Flywheel's words, and the numbers.
# A decay is what the framework's user types: scikit-learn divides it by the size of a mini-batch.
SOURCES = {
    "torch": ("pytorch", "pytorch", SGD),
    "torch without momentum": ("pytorch", "pytorch", SGD | {"momentum": 0.0}),
    "torch nesterov": ("pytorch", "pytorch", SGD | {"nesterov": True}),
    "torch dampening": ("pytorch", "pytorch", SGD | {"dampening": 0.4}),
    "torch decay": ("pytorch", "pytorch", SGD | {"weight_decay": DECAY}),
    "torch nesterov decay": (
        "pytorch", "pytorch", SGD | {"nesterov": True, "weight_decay": DECAY},
    ),
    "torch maximize": (
        "pytorch", "pytorch", SGD | {"maximize": True, "learning_rate": 0.001, "weight_decay": DECAY},
    ),
    "torch decay of weights": (
        "pytorch", "pytorch",
        [(SGD | {"weight_decay": DECAY}, "weight"), (SGD | {"weight_decay": 0.0}, "bias")],
    ),
    "optax": ("optax", "optax", SGD),
    "optax nesterov": ("optax", "optax", SGD | {"nesterov": True}),
    "optax decay": ("optax", "optax", SGD | {"weight_decay": DECAY}),
    "optax decoupled": ("optax", "optax_decoupled", SGD | {"weight_decay": DECAY}),
    "sklearn": ("sklearn", "sklearn", SGD | {"weight_decay": DECAY * BATCH, "nesterov": False}),
    "sklearn nesterov": (
        "sklearn", "sklearn", SGD | {"weight_decay": DECAY * BATCH, "nesterov": True},
    ),
    "keras": ("keras", "keras", SGD),
    "keras nesterov": ("keras", "keras", SGD | {"nesterov": True}),
    "keras weight_decay": ("keras", "keras", SGD | {"weight_decay": DECAY}),
    "keras nesterov weight_decay": (
        "keras", "keras", SGD | {"weight_decay": DECAY, "nesterov": True},
    ),
    "keras kernel_regularizer": ("keras", "keras", SGD | {"l2": DECAY / 2}),
    "keras both regularizers": (
        "keras", "keras", SGD | {"l2": DECAY / 2, "bias_l2": DECAY / 2},
    ),
    "mlx": ("mlx", "mlx", SGD | {"weight_decay": DECAY}),
    "mlx dampening": ("mlx", "mlx", SGD | {"dampening": 0.4}),
    "mlx nesterov": ("mlx", "mlx", SGD | {"nesterov": True}),
}  # fmt: skip

# Rules that a run may go on under, and which real library they are of, if one is installed.
TARGETS = {
    "pytorch": "pytorch", "keras": "keras", "optax": "optax", "optax_decoupled": "optax",
    "sklearn": "sklearn", "mlx": "mlx", "nielsen": "nielsen", "cs230": "cs230", "cs231n": "cs231n",
    "question": "question", "caffe": "caffe", "mxnet": "mxnet", "tf1": "tf1",
}  # fmt: skip


def family(dialect: str, rule: str, groups: list[tuple[dict, str]]) -> dict:
    """What a run really does, in words that do not depend on a framework.

    `decay` is the coupled decay of weights and of biases, `shrink` the decoupled one.
    """
    first = groups[0][0]
    of = {kind: numbers for numbers, kinds in groups for kind in (kinds or "weight bias").split()}
    decay = {kind: numbers.get("weight_decay", 0) for kind, numbers in of.items()}
    shrink = {"weight": 0, "bias": 0}
    match rule:
        case "keras" | "optax_decoupled":
            shrink = decay
            decay = {"weight": 2 * first.get("l2", 0), "bias": 2 * first.get("bias_l2", 0)}
        case "sklearn":
            decay = {"weight": decay["weight"] / BATCH, "bias": 0}
    return {
        "momentum": first["momentum"] != 0, "nesterov": first.get("nesterov", False),
        "maximize": first.get("maximize", False), "decay": decay, "shrink": shrink,
    }  # fmt: skip


# What each target can express, by hand from conventions of their authors: Nesterov's look-ahead, coupled
# decay, decoupled decay. None is none at all, "all" one number for all parameters, "weights" one for
# weights only, "both" one for each, "masked" another for each but the same momentum, "groups" anything.
ABLE = {
    "pytorch": (True, "groups", None), "optax": (True, "masked", None), "mlx": (True, "all", None),
    "keras": (True, "both", "all"), "optax_decoupled": (True, None, "masked"),
    "sklearn": (True, "weights", None), "nielsen": (False, "weights", None),
    "cs230": (False, "weights", None), "cs231n": (True, "weights", None),
    "question": (False, None, "weights"), "caffe": (True, "masked", None),
    "mxnet": (True, "masked", None), "tf1": (True, None, None),
}  # fmt: skip


def can_go(source: dict, target: str) -> bool:
    """Whether the same run can go on under another rule, by the table above and nothing else."""
    nesterov, coupled, decoupled = ABLE[target]
    if source["maximize"] and target != "pytorch":
        return False
    if source["nesterov"] and not nesterov:
        return False

    def fits(scope: str | None, decay: dict) -> bool:
        if not any(decay.values()):
            return True
        match scope:
            case None:
                return False
            case "groups" | "masked" | "both":
                return True
            case "all":  # one number for both
                return decay["weight"] == decay["bias"]
            case "weights":
                return decay["bias"] == 0

    # Coupled and decoupled heavy ball are one another with other numbers; Nesterov's are not. The momentum is
    # one of the numbers, so that where there is one set for all, all must decay alike.
    together = {kind: source["decay"][kind] + source["shrink"][kind] for kind in source["decay"]}
    if source["nesterov"]:
        return fits(coupled, source["decay"]) and fits(decoupled, source["shrink"])
    is_alike = together["weight"] == together["bias"] or "groups" in (coupled, decoupled)
    if any(source["shrink"].values()):
        return fits(decoupled, source["shrink"]) or is_alike and fits(coupled, together)
    return fits(coupled, source["decay"]) or is_alike and fits(decoupled, together)


class Handover(TestCase):
    """The network, its data, and the ways from one to another."""

    def setUp(self) -> None:
        super().setUp()
        self.images = structured_images(5, SAMPLES, 4, 4, 3)
        self.data = write_idx(self.folder / "data", self.images, structured_images(6, 9, 4, 4, 3))
        self.parameters, _ = reference.initial_parameters("xavier_uniform", LAYERS, seed=3)

    def batches(self, seed: int) -> list[Images]:
        order = reference.epoch_order(seed, 0, SAMPLES)
        return [self.images[order[start : start + BATCH]] for start in range(0, SAMPLES, BATCH)]

    def go(self, library, seed: int) -> None:
        for batch in self.batches(seed):
            library.step(batch.inputs, batch.labels)

    def groups(self, numbers) -> list[tuple[dict, list[str]]]:
        """Groups of numbers with the names of their parameters."""
        if isinstance(numbers, dict):
            return [(numbers, list(self.parameters))]
        return [
            (numbers, [name for name in self.parameters if name.endswith(kind)])
            for numbers, kind in numbers
        ]

    def flags(self, rule: str, numbers) -> list:
        """A library's numbers as a user of the command types them."""
        first = numbers if isinstance(numbers, dict) else numbers[0][0]
        arguments = ["--rule", rule, "--batch-size", BATCH, "--train-size", SAMPLES]
        for name, value in first.items():
            flag = "--" + name.replace("_", "-")
            if isinstance(value, bool):
                arguments += [flag] if value else ["--no-" + flag.removeprefix("--")]
            else:
                arguments += [flag, value]
        if not isinstance(numbers, dict):
            for other, kind in numbers[1:]:
                words = ",".join(f"{name}={value}" for name, value in other.items())
                arguments += ["--group", f"*.{kind}:{words}"]
        return arguments

    def trained(self, dialect: str, rule: str, numbers):
        """A library after its first thirty steps, and the archive that its user saves."""
        library = LIBRARIES[dialect](rule, Task(dict(self.parameters), self.groups(numbers)))
        self.go(library, FIRST_SEED)
        archive = self.path(rule).with_suffix(".npz")
        np.savez(archive, **library.save())
        return library, archive

    def understood(self, archive: Path, dialect: str, rule: str, numbers) -> Path:
        """The archive as a checkpoint of Flywheel's own."""
        file = self.path("understood").with_suffix(".h5")
        self.flywheel(
            "convert", archive, file, "--from", dialect, *self.flags(rule, numbers), "--quiet"
        )
        return file

    def expressed(self, file: Path, rule: str, *arguments, status: int = 0):
        """A checkpoint under another rule, in that rule's dialect."""
        archive = self.path(rule).with_suffix(".npz")
        result = self.flywheel(
            "convert", file, archive, "--to", TARGETS[rule], "--rule", rule, *arguments,
            "--json", status=status,
        )  # fmt: skip
        return archive, result

    def flywheel_goes_on(self, file: Path, precision: str) -> dict[str, np.ndarray]:
        """The weights after thirty steps of Flywheel's own, from a state."""
        run = self.train(
            "--from", file, "--data", self.data, "--layers", "-".join(map(str, LAYERS)),
            "--activation", "tanh", "--precision", precision, "--training", SAMPLES,
            "--validation", 0, "--batch-size", BATCH, "--epochs", 1, "--seed", SECOND_SEED,
        )  # fmt: skip
        return checkpoint.read(newest(run)).model

    def library_goes_on(
        self, dialect: str, rule: str, archive: Path, dtype
    ) -> dict[str, np.ndarray]:
        """The weights after thirty steps of the real target library, from a converted archive."""
        with np.load(archive) as file:
            arrays = dict(file)
        document = json.loads(arrays.pop(checkpoint.DOCUMENT).tobytes())
        groups = [
            (
                reference.hyperparameters(group),
                [item["name"] for item in document["parameters"] if item["group"] == index],
            )
            for index, group in enumerate(document["optimizer"]["groups"])
        ]
        parameters = {name: value.astype(dtype) for name, value in self.parameters.items()}
        library = LIBRARIES[dialect](rule, Task(parameters, groups))
        library.load(arrays)
        self.go(library, SECOND_SEED)
        return library.parameters

    def distance(self, found: dict, expected: dict) -> float:
        self.assertEqual(set(found), set(expected))
        return max(
            np.abs(found[name] - value).max() / np.abs(value).max()
            for name, value in expected.items()
        )

    def check_all_targets(self, name: str, libraries: set[str]) -> None:
        """One source against every target: exact where it can be, refused where it cannot."""
        dialect, rule, numbers = SOURCES[name]
        library, archive = self.trained(dialect, rule, numbers)
        dtype = next(iter(library.parameters.values())).dtype
        file = self.understood(archive, dialect, rule, numbers)
        self.go(library, SECOND_SEED)
        expected = library.parameters
        groups = [(numbers, "")] if isinstance(numbers, dict) else numbers
        source = family(dialect, rule, groups)
        went = 0
        for target in TARGETS:
            if TARGETS[target] in LIBRARIES and TARGETS[target] not in libraries:
                continue
            with self.subTest(source=name, target=target):
                if not can_go(source, target):
                    _, result = self.expressed(file, target, status=2)
                    self.assertRegex(result.stderr, r"(?i)impossible|cannot|has no|takes no|one ")
                    continue
                converted, _ = self.expressed(file, target)
                # Float32 rounds each step anew; in float64 nothing but sums in another order differs.
                is_single = dtype == np.float32 or TARGETS[target] == "mlx"
                tolerance = 2e-5 if is_single else 1e-12
                found = self.flywheel_goes_on(converted, dtype.name)
                self.assertLessEqual(self.distance(found, expected), tolerance)
                if TARGETS[target] in libraries:
                    found = self.library_goes_on(TARGETS[target], target, converted, dtype)
                    self.assertLessEqual(self.distance(found, expected), tolerance)
                went += 1
        self.assertGreater(went, 0)


class Momentum(Handover):
    """SGD with momentum, between everything that has it."""

    IN_CI = {"pytorch", "optax", "sklearn"}

    def test_a_run_of_torch_optax_or_scikit_learn_goes_on_anywhere(self):
        for name, (dialect, _, _) in SOURCES.items():
            if dialect in self.IN_CI:
                self.check_all_targets(name, self.IN_CI)

    @only_full("Keras and MLX")
    def test_a_run_of_keras_or_mlx_goes_on_anywhere_and_any_run_goes_on_there(self):
        everywhere = set(LIBRARIES)
        for name in SOURCES:
            self.check_all_targets(name, everywhere)




ADAM = {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-4}
RMSPROP = {"learning_rate": 0.003, "alpha": 0.9, "epsilon": 1e-4, "momentum": 0.8, "centered": False}
EXACT = {"epsilon": 0.0}

# Rules that divide by a second moment: the source, and how it may go on under each rule. What is "bounded"
# differs by where the small number stands, and in nothing else.
ADAPTIVE = {
    "torch Adam": (
        "pytorch", "adam", ADAM,
        {"adam": "exact", "optax_adam": "exact", "adamw": "exact", "keras_adam": "bounded",
         "sklearn_adam": "bounded", "mlx_adam": "exact", "rmsprop": "impossible",
         "pytorch": "impossible"},
    ),
    "torch Adam without epsilon": (
        "pytorch", "adam", ADAM | EXACT,
        {"keras_adam": "exact", "tf1_adam": "exact", "optax_adam": "exact"},
    ),
    "torch Adam with decay": (
        "pytorch", "adam", ADAM | EXACT | {"weight_decay": DECAY},
        {"adam": "exact", "adamw": "impossible", "keras_adam": "impossible",
         "optax_adamw": "impossible", "mxnet_adam": "exact"},
    ),
    "torch Adam with amsgrad": (
        "pytorch", "adam", ADAM | EXACT | {"amsgrad": True},
        {"adam": "exact", "keras_adam": "exact", "optax_adam": "impossible",
         "mlx_adam": "impossible"},
    ),
    "torch AdamW": (
        "pytorch", "adamw", ADAM | {"weight_decay": DECAY},
        {"adamw": "exact", "optax_adamw": "exact", "mlx_adamw": "exact", "keras_adam": "bounded",
         "adam": "impossible", "sklearn_adam": "impossible"},
    ),
    "torch RMSprop": (
        "pytorch", "rmsprop", RMSPROP | EXACT,
        {"rmsprop": "exact", "keras_rmsprop": "exact", "optax_rmsprop": "exact",
         "tf1_rmsprop": "exact", "mlx_rmsprop": "impossible"},
    ),
    "torch RMSprop with epsilon": (
        "pytorch", "rmsprop", RMSPROP,
        {"rmsprop": "exact", "keras_rmsprop": "bounded", "optax_rmsprop": "bounded"},
    ),
    "torch RMSprop, centered": (
        "pytorch", "rmsprop", RMSPROP | EXACT | {"centered": True},
        {"keras_rmsprop": "exact", "optax_rmsprop": "exact", "mlx_rmsprop": "impossible"},
    ),
    "torch Adagrad": (
        "pytorch", "adagrad", {"learning_rate": 0.05, "epsilon": 0.0},
        {"adagrad": "exact", "keras_adagrad": "exact", "optax_adagrad": "exact",
         "tf1_adagrad": "exact"},
    ),
    "torch Adagrad with epsilon": (
        "pytorch", "adagrad", {"learning_rate": 0.05, "epsilon": 1e-10}, {"mlx_adagrad": "exact"},
    ),
    "optax adam": (
        "optax", "optax_adam", ADAM,
        {"adam": "exact", "optax_adam": "exact", "keras_adam": "bounded"},
    ),
    "optax adamw": ("optax", "optax_adamw", ADAM | {"weight_decay": DECAY}, {"adamw": "exact"}),
    "optax rmsprop": (
        "optax", "optax_rmsprop", RMSPROP,
        {"keras_rmsprop": "exact", "rmsprop": "bounded", "tf1_rmsprop": "exact"},
    ),
    "optax adagrad": (
        "optax", "optax_adagrad",
        {"learning_rate": 0.05, "epsilon": 1e-7, "initial_accumulator_value": 0.1},
        {"keras_adagrad": "exact", "adagrad": "bounded", "optax_adagrad": "exact"},
    ),
    "sklearn adam": (
        "sklearn", "sklearn_adam", ADAM | {"weight_decay": DECAY * BATCH},
        {"mxnet_adam": "exact", "keras_adam": "impossible", "adam": "bounded"},
    ),
    "keras adam": (
        "keras", "keras_adam", ADAM | {"amsgrad": False, "weight_decay": DECAY},
        {"keras_adam": "exact", "adamw": "bounded", "adam": "impossible"},
    ),
    "keras rmsprop": (
        "keras", "keras_rmsprop", RMSPROP,
        {"optax_rmsprop": "exact", "rmsprop": "bounded", "tf1_rmsprop": "exact"},
    ),
    "keras rmsprop, centered": (
        "keras", "keras_rmsprop", RMSPROP | EXACT | {"centered": True},
        {"rmsprop": "exact", "tf1_rmsprop": "exact"},
    ),
    "keras adagrad": (
        "keras", "keras_adagrad",
        {"learning_rate": 0.05, "epsilon": 1e-7, "initial_accumulator_value": 0.1},
        {"optax_adagrad": "exact", "adagrad": "bounded"},
    ),
    "mlx adam": (
        "mlx", "mlx_adam", ADAM | {"bias_correction": False},
        {"adam": "exact", "mlx_adam": "exact", "optax_adam": "exact"},
    ),
    "mlx adam with bias correction": (
        "mlx", "mlx_adam", ADAM | {"bias_correction": True},
        {"adam": "exact", "mlx_adam": "exact"},
    ),
    "mlx rmsprop": (
        "mlx", "mlx_rmsprop", {"learning_rate": 0.003, "alpha": 0.9, "epsilon": 1e-4},
        {"rmsprop": "exact", "keras_rmsprop": "bounded"},
    ),
}  # fmt: skip

DIALECTS = {
    "adam": "pytorch", "adamw": "pytorch", "rmsprop": "pytorch", "adagrad": "pytorch",
    "pytorch": "pytorch",
}  # fmt: skip


class Adaptive(Handover):
    """Adam, AdamW, RMSprop and Adagrad, between everything that has them."""

    IN_CI = {"pytorch", "optax", "sklearn"}

    def test_moments_go_on_wherever_they_mean_the_same(self):
        for name, (dialect, *_) in ADAPTIVE.items():
            if dialect in self.IN_CI:
                self.check(name, self.IN_CI)

    @only_full("Keras and MLX")
    def test_moments_of_keras_and_mlx_go_on_and_others_go_on_there(self):
        for name in ADAPTIVE:
            self.check(name, set(LIBRARIES))

    def check(self, name: str, libraries: set[str]) -> None:
        dialect, rule, numbers, targets = ADAPTIVE[name]
        library, archive = self.trained(dialect, rule, numbers)
        dtype = next(iter(library.parameters.values())).dtype
        file = self.understood(archive, dialect, rule, numbers)
        self.go(library, SECOND_SEED)
        expected = library.parameters
        for target, verdict in targets.items():
            of = DIALECTS.get(target, target.split("_")[0])
            with self.subTest(source=name, target=target):
                converted = self.path(target).with_suffix(".npz")
                convert = ["convert", file, converted, "--to", of, "--rule", target, "--json"]
                if verdict != "exact":
                    result = self.flywheel(*convert, status=2)
                    self.assertIn("epsilon" if verdict == "bounded" else "impossible", result.stderr)
                if verdict == "impossible":
                    continue
                options = ["--approximate"] if verdict == "bounded" else []
                self.flywheel(*convert, *options)
                found = [self.flywheel_goes_on(converted, dtype.name)]
                if of in libraries:
                    found.append(self.library_goes_on(of, target, converted, dtype))
                is_single = dtype == np.float32 or of == "mlx"
                for weights in found:
                    distance = self.distance(weights, expected)
                    if verdict == "bounded":
                        # Not the same, and the refusal was no pedantry.
                        self.assertGreater(distance, 1e-9)
                    else:
                        self.assertLessEqual(distance, 5e-5 if is_single else 1e-12)
