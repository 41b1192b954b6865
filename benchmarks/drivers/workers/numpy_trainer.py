"""The same training step in numpy, twice: as fast as numpy goes, and as one writes it first."""

from functools import partial

import data
import h5py
import numpy as np
from serve import serve

Arrays = list[np.ndarray]


class Fast:
    """Preallocated and in place, with as few calls as numpy needs.

    All parameters lie in one vector, so that the optimizer takes three calls a step however many
    layers there are; the learning rate and the division by the batch size are folded into the
    deltas of the output layer, the pixels' division by 255 into the conversion to float.
    """

    def __init__(
        self,
        weights: Arrays,
        biases: Arrays,
        pixels: np.ndarray,
        labels: np.ndarray,
        batch: int,
        loss: str,
        learning_rate: float,
        momentum: float,
        inputs_first: bool,
    ):
        """`inputs_first` keeps weights as [in, out] instead of [out, in]: BLAS may like it."""
        self.pixels, self.batch = pixels, batch
        self.targets = np.eye(10, dtype=np.float32)[labels]
        self.momentum = momentum
        self.softmax = loss == "softmax_cross_entropy"
        self.inputs_first = inputs_first
        self.scale = learning_rate / batch
        shapes = [w.T.shape if inputs_first else w.shape for w in weights]
        size = sum(w.size + b.size for w, b in zip(weights, biases))
        self.values = np.empty(size, np.float32)
        self.velocities = np.zeros(size, np.float32)
        self.gradients = np.empty(size, np.float32)
        self.weights, self.biases = [], []
        self.layers = []
        offset = 0
        outputs = np.empty((batch, weights[0].shape[1]), np.float32)
        self.input = outputs
        for shape, weight, bias in zip(shapes, weights, biases):
            ends = [offset, offset + weight.size, offset + weight.size + bias.size]
            w, gw = (x[ends[0] : ends[1]].reshape(shape) for x in (self.values, self.gradients))
            b, gb = (x[ends[1] : ends[2]] for x in (self.values, self.gradients))
            offset = ends[2]
            w[...] = weight.T if inputs_first else weight
            b[...] = bias
            self.weights.append(w)
            self.biases.append(b)
            inputs, outputs = outputs, np.empty((batch, len(bias)), np.float32)
            delta = np.empty_like(outputs)
            forward, back = (w, w.T) if inputs_first else (w.T, w)
            buffers = (inputs, outputs, delta, delta.T, inputs.T)
            self.layers.append((*buffers, forward, back, gw, b, gb))
        self.bytes = np.empty((batch, pixels.shape[1]), np.uint8)
        self.target = np.empty((batch, 10), np.float32)
        self.column = np.empty((batch, 1), np.float32)
        self.ones = np.ones(batch, np.float32)
        self.slopes = [np.empty_like(layer[1]) for layer in self.layers[:-1]]

    def epoch(self, order: np.ndarray):
        """The function that takes a step of this epoch."""
        return partial(self.step, order)

    def step(self, order: np.ndarray, start: int) -> None:
        samples = order[start : start + self.batch]
        self.pixels.take(samples, 0, self.bytes, "clip")
        np.multiply(self.bytes, np.float32(1 / 255), self.input)
        self.targets.take(samples, 0, self.target, "clip")
        last = self.layers[-1]
        for layer in self.layers:
            inputs, outputs, _, _, _, forward, _, _, bias, _ = layer
            np.dot(inputs, forward, outputs)
            np.add(outputs, bias, outputs)
            if layer is last and self.softmax:
                column = self.column
                np.maximum.reduce(outputs, 1, None, column, True)
                np.subtract(outputs, column, outputs)
                np.exp(outputs, outputs)
                np.add.reduce(outputs, 1, None, column, True)
                np.divide(outputs, column, outputs)
            else:
                np.negative(outputs, outputs)
                np.exp(outputs, outputs)
                np.add(outputs, 1, outputs)
                np.reciprocal(outputs, outputs)
        delta = last[2]
        np.subtract(last[1], self.target, delta)
        np.multiply(delta, self.scale, delta)
        for index in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[index]
            inputs, _, delta, delta_t, inputs_t, _, back, gradient, _, bias_gradient = layer
            if index > 0:
                below, slope = self.layers[index - 1][2], self.slopes[index - 1]
                np.dot(delta, back, below)
                np.multiply(inputs, inputs, slope)
                np.subtract(inputs, slope, slope)
                np.multiply(below, slope, below)
            if self.inputs_first:
                np.dot(inputs_t, delta, gradient)
            else:
                np.dot(delta_t, inputs, gradient)
            np.dot(self.ones, delta, bias_gradient)
        np.multiply(self.velocities, self.momentum, self.velocities)
        np.add(self.velocities, self.gradients, self.velocities)
        np.subtract(self.values, self.velocities, self.values)

    def parameters(self) -> tuple[Arrays, Arrays]:
        weights = [w.T if self.inputs_first else w for w in self.weights]
        return weights, self.biases


class Textbook:
    """The formulas one after the other, as a careful person writes them: whole-array, no loops."""

    def __init__(
        self,
        weights: Arrays,
        biases: Arrays,
        pixels: np.ndarray,
        labels: np.ndarray,
        batch: int,
        loss: str,
        learning_rate: float,
        momentum: float,
    ):
        self.weights = [w.copy() for w in weights]
        self.biases = [b.copy() for b in biases]
        self.velocities = [np.zeros_like(w) for w in weights], [np.zeros_like(b) for b in biases]
        self.images = pixels.astype(np.float32) / np.float32(255)
        self.targets = np.eye(10, dtype=np.float32)[labels]
        self.batch, self.softmax = batch, loss == "softmax_cross_entropy"
        self.learning_rate, self.momentum = learning_rate, momentum

    def epoch(self, order: np.ndarray):
        return partial(self.step, order)

    def step(self, order: np.ndarray, start: int) -> None:
        samples = order[start : start + self.batch]
        target = self.targets[samples]
        activations = [self.images[samples]]
        for weight, bias in zip(self.weights, self.biases):
            z = activations[-1] @ weight.T + bias
            if weight is self.weights[-1] and self.softmax:
                z = np.exp(z - z.max(axis=1, keepdims=True))
                activations.append(z / z.sum(axis=1, keepdims=True))
            else:
                activations.append(1 / (1 + np.exp(-z)))
        delta = (activations[-1] - target) / self.batch
        gradients = []
        for index in reversed(range(len(self.weights))):
            gradients.append((delta.T @ activations[index], delta.sum(axis=0)))
            if index > 0:
                a = activations[index]
                delta = delta @ self.weights[index] * a * (1 - a)
        for index, (weight, bias) in enumerate(reversed(gradients)):
            for values, velocities, gradient in (
                (self.weights, self.velocities[0], weight),
                (self.biases, self.velocities[1], bias),
            ):
                velocities[index] = self.momentum * velocities[index] + gradient
                values[index] = values[index] - self.learning_rate * velocities[index]

    def parameters(self) -> tuple[Arrays, Arrays]:
        return self.weights, self.biases


def initial(layers: list[int]) -> tuple[Arrays, Arrays]:
    """Weights and biases uniform within 1/sqrt(inputs), as PyTorch's Linear has them."""
    random = np.random.default_rng(0)
    weights, biases = [], []
    for inputs, outputs in zip(layers, layers[1:]):
        bound = inputs**-0.5
        weights.append(random.uniform(-bound, bound, (outputs, inputs)).astype(np.float32))
        biases.append(random.uniform(-bound, bound, outputs).astype(np.float32))
    return weights, biases


class Trainers:
    """The trainers by settings, kept warm between requests."""

    def __init__(self) -> None:
        self.trainers: dict[str, Fast | Textbook] = {}
        self.random = np.random.default_rng(0)
        self.images: tuple[np.ndarray, np.ndarray] | None = None

    def load(self, directory: str) -> dict:
        self.images = data.images(directory)
        return {"version": np.__version__}

    def train(self, name: str, layers: list[int], cpu_seconds: float, **settings) -> dict:
        pixels, labels = self.images
        key = str((name, layers, settings))

        def pace(trainer, seconds: float) -> dict[str, float]:
            def epoch():
                return trainer.epoch(self.random.permutation(len(labels)))

            return data.run_for(seconds, len(labels), settings["batch"], epoch)

        if key not in self.trainers:
            kind = Textbook if name == "textbook" else Fast
            make = partial(kind, *initial(layers), pixels, labels)
            if name == "textbook":
                self.trainers[key] = make(**settings)
            else:
                # The faster of the two axis orders, by trial.
                tried = []
                for inputs_first in (False, True):
                    trainer = make(**settings, inputs_first=inputs_first)
                    runs = [pace(trainer, 0.1) for _ in range(3)]
                    tried.append((max(r["samples"] / r["cpu"] for r in runs), trainer))
                self.trainers[key] = max(tried, key=lambda pair: pair[0])[1]
        return pace(self.trainers[key], cpu_seconds)

    def check(self, first: str, last: str, count: int, seed: int, **settings) -> dict:
        """Repeats an epoch of Flywheel from one checkpoint to the next; the largest differences."""
        pixels, labels = self.images
        pixels, labels = pixels[:count], labels[:count]
        before, after = read(first), read(last)
        words = np.random.Philox(key=[seed, 1], counter=[0, 0, 0, 0]).random_raw(count)
        order = np.argsort(words, kind="stable")
        differences = {}
        for name, make in (
            ("numpy", partial(Fast, inputs_first=False)),
            ("numpy, inputs first", partial(Fast, inputs_first=True)),
            ("textbook", Textbook),
        ):
            trainer = make(*before, pixels, labels, **settings)
            step = trainer.epoch(order)
            for start in range(0, count - settings["batch"] + 1, settings["batch"]):
                step(start)
            differences[name] = largest_difference(trainer.parameters(), after)
        differences["moved"] = largest_difference(before, after)
        return differences


def read(path: str) -> tuple[Arrays, Arrays]:
    """Weights and biases of a checkpoint, by h5py."""
    with h5py.File(path) as file:
        model = file["model"]
        count = len(model) // 2
        return tuple(
            [model[f"layers.{index}.{kind}"][()] for index in range(count)]
            for kind in ("weight", "bias")
        )


def largest_difference(a: tuple[Arrays, Arrays], b: tuple[Arrays, Arrays]) -> float:
    return max(float(np.abs(x - y).max()) for x, y in zip(a[0] + a[1], b[0] + b[1]))


trainers = Trainers()
serve({"load": trainers.load, "train": trainers.train, "check": trainers.check})
