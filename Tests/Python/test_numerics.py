"""What the trainer computes, against numpy, PyTorch and finite differences."""

import itertools
import json
from dataclasses import replace

import numpy as np

import checkpoint
import reference
from support import Images, TestCase, checkpoints, newest, structured_images, write_idx

RULES = {
    "plain SGD": "--rule pytorch --learning-rate 0.3 --momentum 0",
    "plain SGD with decay": "--rule pytorch --learning-rate 0.3 --momentum 0 --weight-decay 0.02",
    "momentum": "--rule pytorch --learning-rate 0.1 --momentum 0.9",
    "dampening": "--rule pytorch --learning-rate 0.2 --momentum 0.8 --dampening 0.3",
    "nesterov": "--rule pytorch --learning-rate 0.1 --momentum 0.9 --nesterov",
    "momentum with decay": "--rule pytorch --learning-rate 0.1 --momentum 0.9 --weight-decay 0.01",
    "uphill with decay": "--rule pytorch --learning-rate 0.02 --momentum 0.5 --weight-decay 0.01"
    " --maximize",
    "dampening with decay": "--rule pytorch --learning-rate 0.1 --momentum 0.7 --dampening 0.5"
    " --weight-decay 0.03",
    "nesterov with decay": "--rule pytorch --learning-rate 0.1 --momentum 0.6 --nesterov"
    " --weight-decay 0.02",
    "Nielsen": "--rule nielsen --learning-rate 0.2 --momentum 0.5 --weight-decay 3",
    "Nielsen without momentum": "--rule nielsen --learning-rate 0.2 --momentum 0 --weight-decay 2",
}
ACTIVATIONS = ["sigmoid", "tanh", "relu"]
CROSS_ENTROPIES = ["sigmoid_cross_entropy", "softmax_cross_entropy"]
SQUARED_ERRORS = ["squared_error", "sigmoid_squared_error"]
LOSSES = CROSS_ENTROPIES + SQUARED_ERRORS
UNIFORM = ["pytorch", "xavier_uniform", "he_uniform"]
NORMAL = ["network2", "xavier_normal", "he_normal"]

# 23 samples in batches of 5: the fifth batch has 3, and three steps from the third on cross it and
# the end of the epoch.
SAMPLES, BATCH, EPOCHS = 23, 5, 2

# Runs on the common data set, which several tests look at.
_traces: dict[tuple, list[checkpoint.Checkpoint]] = {}


class NumericTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.images = structured_images(1, SAMPLES + 7, 4, 4, 3)
        self.test = structured_images(2, 11, 4, 4, 3)
        self.data = write_idx(self.folder / "data", self.images, self.test)

    def trace(self, *settings, layers="16-5-3", data=None) -> list[checkpoint.Checkpoint]:
        """A run's checkpoints after every step."""
        key = (layers, *settings)
        if data is None and key in _traces:
            return _traces[key]
        run = self.train(
            "--data", data or self.data, "--layers", layers, "--precision", "float64",
            "--training", SAMPLES, "--validation", 7, "--batch-size", BATCH, "--epochs", EPOCHS,
            "--save-every-steps", 1, "--keep", 100_000, *settings,
        )  # fmt: skip
        files = [checkpoint.read(path) for path in checkpoints(run)]
        self.assertEqual([file.step for file in files], list(range(len(files))))
        if data is None:
            _traces[key] = files
        return files

    def assert_equal_tensors(self, found: dict, expected: dict, tolerance: float) -> None:
        """Equal within the tolerance, absolute below 1 and relative above."""
        self.assertEqual(set(found), set(expected))
        for name in expected:
            self.assertEqual(found[name].shape, expected[name].shape)
            difference = np.abs(found[name] - expected[name])
            difference /= np.maximum(1, np.abs(expected[name]))
            self.assertLessEqual(difference.max(), tolerance, name)


class Steps(NumericTestCase):
    """From every checkpoint of a run, the next three steps."""

    def check_three_steps(self, files: list[checkpoint.Checkpoint], in_torch: bool) -> int:
        plan = reference.plan(files[0])
        windows = range(len(files) - 3)
        for first in windows:
            start = files[first]
            network, optimizer = reference.network(start), reference.optimizer(start)
            torch_run = reference.TorchRun(start) if in_torch else None
            for step in range(first, first + 3):
                batch = self.images[plan.batch(step)]
                expected = files[step + 1]
                if torch_run:
                    torch_run.step(batch.inputs, batch.labels)
                    found, velocity = torch_run.model_values, torch_run.velocity
                else:
                    gradients = network.gradients(batch.inputs, batch.labels)
                    optimizer.step(network.parameters, gradients)
                    found, velocity = network.parameters, optimizer.velocity
                self.assert_equal_tensors(found, expected.model, 1e-12)
                self.assert_equal_tensors(velocity, expected.velocity, 1e-12)
        return len(windows)

    def check_product(self, in_torch: bool) -> None:
        windows = 0
        # What a rule does is the same whatever the loss is.
        for activation, loss, rule, last_batch in itertools.chain(
            itertools.product(ACTIVATIONS, CROSS_ENTROPIES, RULES, ["keep", "drop"]),
            itertools.product(ACTIVATIONS, SQUARED_ERRORS, ["momentum"], ["keep", "drop"]),
        ):
            with self.subTest(activation=activation, loss=loss, rule=rule, last_batch=last_batch):
                files = self.trace(
                    *RULES[rule].split(), "--activation", activation, "--loss", loss,
                    "--last-batch", last_batch,
                )  # fmt: skip
                batches = 5 if last_batch == "keep" else 4
                self.assertEqual(len(files), EPOCHS * batches + 1)
                windows += self.check_three_steps(files, in_torch)
        self.assertGreater(windows, 100)

    def test_three_steps_in_numpy_equal_the_next_three_of_every_rule(self):
        self.check_product(in_torch=False)

    def test_three_steps_in_pytorch_equal_the_next_three_of_every_rule(self):
        self.check_product(in_torch=True)

    def test_three_steps_of_a_deeper_network_agree(self):
        self.images = structured_images(3, SAMPLES + 7, 8, 8, 10)
        data = write_idx(self.folder / "deeper", self.images, structured_images(4, 20, 8, 8, 10))
        for initialization in ("network2", "pytorch"):
            files = self.trace(
                *RULES["momentum with decay"].split(), "--activation", "tanh",
                "--initialization", initialization, layers="64-12-7-10", data=data,
            )  # fmt: skip
            self.check_three_steps(files, in_torch=False)
            self.check_three_steps(files, in_torch=True)

    def test_three_steps_of_a_network_without_hidden_layers_agree(self):
        files = self.trace(*RULES["momentum"].split(), layers="16-3")
        self.check_three_steps(files, in_torch=False)

    def test_a_wrong_rule_is_told_apart(self):
        """The negative control: the tolerance does not let another rule pass."""
        files = self.trace(*RULES["nesterov"].split())
        files = [replace(file, document_bytes=file.document_bytes.replace(
            b'"nesterov":true', b'"nesterov":false'
        )) for file in files]  # fmt: skip
        with self.assertRaises(AssertionError):
            self.check_three_steps(files, in_torch=False)

    def test_widths_that_fill_no_vector_agree(self):
        """Every remainder of a width after whole vectors."""
        for hidden in range(1, 20):
            with self.subTest(hidden=hidden):
                files = self.trace(
                    *RULES["momentum"].split(), "--activation", "sigmoid",
                    layers=f"16-{hidden}-{hidden + 1}-3",
                )  # fmt: skip
                self.check_three_steps(files[:5], in_torch=False)


class Sizes(NumericTestCase):
    """Sizes that kernels divide into blocks and remainders."""

    def check(self, images: Images, layers: str, *settings, tolerance: float = 1e-12) -> None:
        """Two epochs in numpy, step by step from the checkpoints, and the metrics of both."""
        data = write_idx(self.path("data"), images, images[:200])
        run = self.train(
            "--data", data, "--layers", layers, "--precision", "float64", "--epochs", 2,
            "--save-every-steps", 1, "--keep", 100_000, *settings,
        )  # fmt: skip
        files = [checkpoint.read(path) for path in checkpoints(run)]
        plan = reference.plan(files[0])
        self.assertEqual(len(files), 2 * plan.batches + 1)
        for before, after in zip(files, files[1:]):
            batch = images[plan.batch(before.step)]
            network, optimizer = reference.network(before), reference.optimizer(before)
            gradients = network.gradients(batch.inputs, batch.labels)
            optimizer.step(network.parameters, gradients)
            self.assert_equal_tensors(network.parameters, after.model, tolerance)
            self.assert_equal_tensors(optimizer.velocity, after.velocity, tolerance)
        history, end = files[-1].history, files[-1]
        held = images[len(images) - end.document["data"]["validation"] :]
        loss, hits = reference.network(end).measure(held.inputs, held.labels)
        self.assertAlmostEqual(history["validation_loss"][-1], loss / len(held), delta=1e-11)
        self.assertEqual(history["validation_accuracy"][-1], hits / len(held))

    def test_any_number_of_classes_agrees(self):
        for loss in LOSSES:
            for classes in (1, 2, 9, 16, 17, 63, 64, 65, 130, 256):
                with self.subTest(loss=loss, classes=classes):
                    images = structured_images(1, 520, 3, 3, classes)
                    self.check(
                        images, f"9-6-{classes}", "--loss", loss, "--batch-size", 100,
                        "--activation", "tanh",
                    )  # fmt: skip

    def test_any_batch_size_agrees(self):
        images = structured_images(1, 600, 5, 5, 4)
        for batch in (1, 2, 3, 4, 7, 8, 9, 31, 127, 128, 129, 300):
            with self.subTest(batch=batch):
                training = 300 if batch > 20 else 30
                self.check(
                    images, "25-9-4", "--batch-size", batch, "--training", training,
                    "--validation", 290,
                )  # fmt: skip

    def test_a_large_network_agrees(self):
        images = structured_images(1, 300, 28, 28, 10)
        self.check(
            images, "784-260-70-10", "--batch-size", 64, "--activation", "sigmoid",
            "--rule", "nielsen", "--momentum", 0.5, "--weight-decay", 5,
        )  # fmt: skip

    def test_saturated_sums_agree(self):
        """Weights so large that exponentials overflow and underflow."""
        for activation, loss in itertools.product(ACTIVATIONS, LOSSES):
            for factor in (30, 1000, 1e5):
                with self.subTest(activation=activation, loss=loss, factor=factor):
                    self.check_saturated(activation, loss, factor)

    def check_saturated(self, activation: str, loss: str, factor: float) -> None:
        start = self.trace("--activation", activation, "--loss", loss)[0]
        large = {f"model/{name}": value * factor for name, value in start.model.items()}
        file = checkpoint.write(self.path("large.h5"), start.document, start.tensors | large)
        run = self.path()
        self.flywheel("resume", file, "--output", run)
        before = checkpoint.read(file)
        after = checkpoint.read(run / "checkpoints" / "step-000000000001.h5")
        batch = self.images[reference.plan(before).batch(0)]
        with np.errstate(over="ignore"):
            network, optimizer = reference.network(before), reference.optimizer(before)
            measured = network.measure(batch.inputs, batch.labels)
            optimizer.step(
                network.parameters, network.gradients(batch.inputs, batch.labels)
            )
        self.assert_equal_tensors(network.parameters, after.model, 1e-12)
        self.assert_equal_tensors(optimizer.velocity, after.velocity, 1e-12)
        progress = after.document["progress"]
        self.assertAlmostEqual(progress["epoch_loss"], measured[0], delta=1e-12 * abs(measured[0]))
        self.assertEqual(progress["epoch_hits"], measured[1])


class Float32(NumericTestCase):
    def test_a_float32_run_equals_numpy_in_float32(self):
        # One step's rounding is a few units of 2^-24 of numbers of size 1; sums have 16 terms, and
        # three steps add up: 64 units, 4e-6, leave room for another order of summation only.
        tolerance = 64 * 2.0**-24
        for rule in RULES:
            with self.subTest(rule=rule):
                files = self.trace(
                    *RULES[rule].split(), "--activation", "sigmoid", "--precision", "float32"
                )
                plan = reference.plan(files[0])
                for first in range(len(files) - 3):
                    network = reference.network(files[first])
                    optimizer = reference.optimizer(files[first])
                    for step in range(first, first + 3):
                        batch = self.images[plan.batch(step)]
                        pixels = batch.pixels.reshape(len(batch), -1).astype(np.float32)
                        gradients = network.gradients(pixels / np.float32(255), batch.labels)
                        optimizer.step(network.parameters, gradients)
                    self.assertEqual(network.parameters["layers.0.weight"].dtype, np.float32)
                    self.assert_equal_tensors(network.parameters, files[first + 3].model, tolerance)
                    self.assert_equal_tensors(
                        optimizer.velocity, files[first + 3].velocity, tolerance
                    )


class Gradients(NumericTestCase):
    """With PyTorch's momentum, v' - mu v is the gradient."""

    def gradients(self, activation: str, loss: str):
        momentum = 0.9
        files = self.trace(*RULES["momentum"].split(), "--activation", activation, "--loss", loss)
        plan = reference.plan(files[0])
        self.assertGreater(len(files), 3)
        for before, after in zip(files, files[1:]):
            gradients = {
                name: velocity - momentum * before.velocity.get(name, np.zeros_like(velocity))
                for name, velocity in after.velocity.items()
            }
            self.assertEqual(len(gradients), 4)
            yield before, self.images[plan.batch(before.step)], gradients

    def test_gradients_equal_pytorchs(self):
        for activation, loss in itertools.product(ACTIVATIONS, LOSSES):
            with self.subTest(activation=activation, loss=loss):
                for start, batch, gradients in self.gradients(activation, loss):
                    expected = reference.TorchRun(start).gradients(batch.inputs, batch.labels)
                    self.assert_equal_tensors(gradients, expected, 1e-12)

    def test_gradients_equal_central_differences_of_the_loss(self):
        for activation, loss in itertools.product(ACTIVATIONS, LOSSES):
            with self.subTest(activation=activation, loss=loss):
                start, batch, gradients = next(iter(self.gradients(activation, loss)))
                network = reference.network(start)
                expected = self.differences(network, batch)
                self.assert_equal_tensors(gradients, expected, 1e-6)

    def differences(self, network: reference.Network, batch) -> dict[str, np.ndarray]:
        width = 1e-5
        differences = {}
        for name, value in network.parameters.items():
            differences[name] = np.empty_like(value)
            for place in np.ndindex(value.shape):
                losses = []
                for shift in (width, -width):
                    moved = value.copy()
                    moved[place] += shift
                    network.parameters[name] = moved
                    losses.append(network.measure(batch.inputs, batch.labels)[0] / len(batch))
                differences[name][place] = (losses[0] - losses[1]) / (2 * width)
            network.parameters[name] = value
        return differences


class Random(NumericTestCase):
    """The random streams are numpy's Philox."""

    def test_the_initial_parameters_are_reproduced_in_numpy(self):
        for kind, seed in itertools.product(UNIFORM + NORMAL, (0, 7, 2**64 - 1)):
            with self.subTest(initialization=kind, seed=seed):
                files = self.trace("--initialization", kind, "--seed", seed)
                expected, _ = reference.initial_parameters(kind, [16, 5, 3], seed)
                tolerance = 0 if kind in UNIFORM else 1e-14
                self.assert_equal_tensors(files[0].model, expected, tolerance)

    def test_weights_spread_as_pytorchs_initializers_do(self):
        """`torch.nn.init` of the same name: the same limits and deviations, and biases of zero."""
        import torch

        fan_in, fan_out = 400, 100
        images = structured_images(1, SAMPLES + 7, 20, 20, 3)
        data = write_idx(self.path("large"), images, images[:20])
        torch.manual_seed(3)
        for kind, name in (
            ("xavier_uniform", "xavier_uniform_"),
            ("xavier_normal", "xavier_normal_"),
            ("he_uniform", "kaiming_uniform_"),
            ("he_normal", "kaiming_normal_"),
        ):
            with self.subTest(initialization=kind):
                files = self.trace(
                    "--initialization", kind, "--learning-rate", 0,
                    layers=f"{fan_in}-{fan_out}-3", data=data,
                )  # fmt: skip
                weight = files[0].model["layers.0.weight"]
                options = {"nonlinearity": "relu"} if kind.startswith("he") else {}
                expected = torch.empty(fan_out, fan_in, dtype=torch.float64)
                expected = getattr(torch.nn.init, name)(expected, **options).numpy()
                # Of 40,000 numbers the mean and the deviation vary by less than a hundredth.
                self.assertAlmostEqual(weight.std() / expected.std(), 1, delta=0.02)
                self.assertLess(abs(weight.mean()), 0.02 * weight.std())
                largest = np.abs(weight).max() / np.abs(expected).max()
                self.assertAlmostEqual(largest, 1, delta=0.001 if kind in UNIFORM else 0.2)
                for layer in (0, 1):
                    self.assertFalse(files[0].model[f"layers.{layer}.bias"].any())

    def test_the_initialization_stream_goes_on_after_the_parameters(self):
        for kind in UNIFORM + NORMAL:
            _, generator = reference.initial_parameters(kind, [16, 5, 3], 5)
            expected = generator.random_raw(9)
            for file in self.trace("--initialization", kind, "--seed", 5):
                found = reference.going_on(file.random["initialization"]).random_raw(9)
                np.testing.assert_array_equal(found, expected)

    def test_the_order_stream_gives_the_epoch_at_hand(self):
        for file in self.trace("--seed", 3):
            epoch = file.document["progress"]["epoch"]
            words = reference.going_on(file.random["order"]).random_raw(SAMPLES)
            np.testing.assert_array_equal(
                np.argsort(words, kind="stable"), reference.epoch_order(3, epoch, SAMPLES)
            )

    def test_the_words_of_a_stream_are_seven(self):
        for file in self.trace():
            for name in ("initialization", "order"):
                self.assertEqual(file.random[name].dtype, np.uint64)
                self.assertEqual(file.random[name].shape, (7,))

    def test_other_seeds_give_other_parameters_and_orders(self):
        first, second = (self.trace("--seed", seed)[0] for seed in (1, 2))
        self.assertFalse(np.array_equal(first.random["order"], second.random["order"]))
        for name, value in first.model.items():
            self.assertFalse(np.array_equal(value, second.model[name]), name)


class Metrics(NumericTestCase):
    def test_metrics_of_an_epoch_equal_numpys(self):
        for activation, loss, last_batch in itertools.product(
            ACTIVATIONS, LOSSES, ("keep", "drop")
        ):
            with self.subTest(activation=activation, loss=loss, last_batch=last_batch):
                files = self.trace(
                    "--activation", activation, "--loss", loss, "--last-batch", last_batch
                )
                self.check_metrics(files)

    def check_metrics(self, files: list[checkpoint.Checkpoint]) -> None:
        plan = reference.plan(files[0])
        history = files[-1].history
        self.assertEqual(len(history["step"]), EPOCHS)
        best = 0.0
        for epoch in range(EPOCHS):
            loss = hits = seen = 0
            for step in range(epoch * plan.batches, (epoch + 1) * plan.batches):
                batch = self.images[plan.batch(step)]
                measured = reference.network(files[step]).measure(batch.inputs, batch.labels)
                loss, hits, seen = loss + measured[0], hits + measured[1], seen + len(batch)
            held = self.images[len(self.images) - 7 :]
            end = files[(epoch + 1) * plan.batches]
            held_loss, held_hits = reference.network(end).measure(held.inputs, held.labels)
            best = max(best, held_hits / 7)
            self.assertEqual(history["step"][epoch], end.step)
            self.assertEqual(history["epoch"][epoch], epoch + 1)
            self.assertAlmostEqual(history["training_loss"][epoch], loss / seen, delta=1e-12)
            self.assertEqual(history["training_accuracy"][epoch], hits / seen)
            self.assertAlmostEqual(history["validation_loss"][epoch], held_loss / 7, delta=1e-12)
            self.assertEqual(history["validation_accuracy"][epoch], held_hits / 7)
        self.assertEqual(files[-1].document["progress"]["best"]["value"], best)

    def test_metrics_lines_equal_the_history(self):
        run = self.train(
            "--data", self.data, "--layers", "16-5-3", "--batch-size", 5, "--epochs", 4
        )
        history = checkpoint.read(newest(run)).history
        lines = (run / "metrics.jsonl").read_text().splitlines()
        self.assertEqual(len(lines), 4)
        for index, line in enumerate(lines):
            row = {name: values[index] for name, values in history.items()}
            self.assertEqual(json.loads(line), row)

    def test_test_results_equal_numpys(self):
        run = self.path()
        result = self.flywheel(
            "train", "--data", self.data, "--layers", "16-5-3", "--batch-size", 5, "--json",
            "--precision", "float64", "--output", run,
        ).json  # fmt: skip
        network = reference.network(checkpoint.read(newest(run)))
        loss, hits = network.measure(self.test.inputs, self.test.labels)
        self.assertAlmostEqual(result["test_loss"], loss / len(self.test), delta=1e-12)
        self.assertEqual(result["test_accuracy"], hits / len(self.test))

    def test_progress_counts_what_was_done(self):
        for last_batch, per_epoch in (("keep", SAMPLES), ("drop", 20)):
            files = self.trace("--last-batch", last_batch)
            plan = reference.plan(files[0])
            for file in files:
                progress = file.document["progress"]
                epoch, batch = divmod(file.step, plan.batches)
                self.assertEqual((progress["epoch"], progress["batch"]), (epoch, batch))
                self.assertEqual(progress["samples"], epoch * per_epoch + batch * BATCH)
