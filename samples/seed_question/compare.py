#!/usr/bin/env python3
"""Trains one network with the update of the question, with the answer's, and with torch.optim.SGD.

    FLYWHEEL_MNIST=DIRECTORY python compare.py           # on the real MNIST
    flywheel digits digits.npz                           # or on Flywheel's own digits
    python compare.py --data digits.npz
    python compare.py --data digits.npz --activation sigmoid --batch-size 10
"""

import argparse
import gzip
import os
import sys
from pathlib import Path

# The matrices are small: a second thread would only wait for the first.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

try:
    import torch
except ImportError:
    torch = None


class Layer:
    """A dense layer with the method that the question is about."""

    def __init__(self, random, shape, dtype, learning_rate, momentum, weight_decay):
        self.W = (random.standard_normal(shape) / np.sqrt(shape[0])).astype(dtype)
        self.b = np.zeros(shape[1], dtype)
        self.weight_velocity, self.bias_velocity = np.zeros_like(self.W), np.zeros_like(self.b)
        self.learning_rate, self.momentum = learning_rate, momentum
        self.weight_decay = weight_decay

    def update_params(self, n_samples):  # as it was posted
        weight_decay_term = (self.learning_rate * self.weight_decay / n_samples) * self.W
        weight_velocity = self.momentum * self.weight_velocity + self.dW
        self.W = self.W - weight_decay_term - self.learning_rate * weight_velocity
        self.weight_velocity = np.copy(weight_velocity)
        bias_velocity = self.momentum * self.bias_velocity + self.db
        self.b = self.b - self.learning_rate * bias_velocity
        self.bias_velocity = np.copy(bias_velocity)


class TorchLayer(Layer):
    """The same layer, stepped by the real torch.optim.SGD: only the update is torch's."""

    def update_params(self, n_samples):
        if not hasattr(self, "optimizer"):
            self.tensors = [torch.from_numpy(array) for array in (self.W, self.b)]  # same memory
            self.optimizer = torch.optim.SGD(
                self.tensors,
                lr=self.learning_rate,
                momentum=self.momentum,
                weight_decay=self.weight_decay,
            )
        for tensor, gradient in zip(self.tensors, (self.dW, self.db)):
            tensor.grad = torch.from_numpy(gradient)
        self.optimizer.step()


ACTIVATIONS = {  # of sums z, and the slope by their value a
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
    "sigmoid": (lambda z: (1 + np.tanh(z / 2)) / 2, lambda a: a * (1 - a)),
}
ROWS = {  # what makes the layer, whether gradients are summed, and whether n_samples is n
    "torch.optim.SGD": (TorchLayer, False, False),
    "posted, averaged": (Layer, False, False),
    "posted, summed": (Layer, True, False),
    "averaged, n for m": (Layer, False, True),
    "summed, n for m": (Layer, True, True),
}
COLUMNS = {"plain": (0, 0), "momentum": (1, 0), "decay": (0, 1), "both": (1, 1)}


def train(row, column, data, options):
    """The layers after training, the share of the test images that they get right, and that of the hidden
    units that are 0 on all of them: a ReLU that is so is dead."""
    make, is_summed, divides_by_n = ROWS[row]
    activate, slope = ACTIVATIONS[options.activation]
    images, labels, test_images, test_labels = data
    has_momentum, has_decay = COLUMNS[column]
    numbers = (0.01, 0.9 * has_momentum, 0.1 * has_decay)
    random = np.random.default_rng(options.seed)
    first = make(random, (images.shape[1], options.hidden), images.dtype, *numbers)
    second = make(random, (options.hidden, 10), images.dtype, *numbers)
    steps = 0
    for _ in range(options.epochs):
        order = random.permutation(len(images))
        for start in range(0, len(images), options.batch_size):
            if steps == options.steps:
                break
            steps += 1
            rows = order[start : start + options.batch_size]
            x, m = images[rows], len(rows)
            hidden = activate(x @ first.W + first.b)
            delta = softmax(hidden @ second.W + second.b)
            delta[np.arange(m), labels[rows]] -= 1  # the slope of softmax and cross-entropy
            if not is_summed:
                delta /= m
            second.dW, second.db = hidden.T @ delta, delta.sum(axis=0)
            delta = delta @ second.W.T * slope(hidden)
            first.dW, first.db = x.T @ delta, delta.sum(axis=0)
            for layer in (first, second):
                layer.update_params(len(images) if divides_by_n else m)
    hidden = activate(test_images @ first.W + first.b)
    right = np.mean((hidden @ second.W + second.b).argmax(axis=1) == test_labels)
    return [first, second], float(right), float(np.mean(np.all(hidden == 0, axis=0)))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def read_data(path, dtype):
    """Images and labels, to train and to test with: MNIST's folder, or an archive of such arrays."""
    if path.is_dir():
        names = "train-images", "train-labels", "t10k-images", "t10k-labels"
        arrays = [read_idx(next(path.glob(f"{name}-idx*"))) for name in names]
    else:
        with np.load(path) as file:
            arrays = [file[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    flat = [(x.reshape(len(x), -1) / 255).astype(dtype) for x in arrays[::2]]
    return flat[0], arrays[1], flat[1], arrays[3]


def read_idx(path):
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("FLYWHEEL_MNIST"),
        help="MNIST's folder, or what 'flywheel digits' wrote (default: $FLYWHEEL_MNIST)",
    )  # fmt: skip
    parser.add_argument("--activation", choices=ACTIVATIONS, default="relu")
    parser.add_argument("--batch-size", type=int, default=32, help="m: 32, or 10, or 100")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--steps", type=int, help="stop each training after so many")
    options = parser.parse_args()
    if not options.data:
        parser.error("name the data: --data, or the folder of MNIST in FLYWHEEL_MNIST")
    data = read_data(Path(options.data), options.dtype)
    print(
        f"Test accuracy in % of {data[0].shape[1]}-{options.hidden}-10, {options.activation}, after "
        f"{options.epochs} epochs of {len(data[0])} images,\nm = {options.batch_size}, "
        f"learning_rate .01, momentum .9, weight_decay .1; seed {options.seed}; "
        "in brackets: dead hidden units\n"
    )
    print(f"{'':18}" + "".join(f"{column:>15}" for column in COLUMNS))
    for row in ROWS:
        if row == "torch.optim.SGD" and torch is None:
            print(f"{row:18}   left out: torch is not installed")
            continue
        print(f"{row:18}", end="", flush=True)
        for column in COLUMNS:
            _, right, dead = train(row, column, data, options)
            note = f" ({100 * dead:.0f} %)" if dead else ""
            print(f"{100 * right:8.2f}{note:7}", end="", flush=True)
        print()
    print(f"""
The same in mathematics:
  flywheel rules 'torch.optim.SGD(lr=.01, momentum=.9, weight_decay=.1)' question \\
    --batch-size {options.batch_size}
  flywheel rules 'question_summed(lr=.01, momentum=.9)' 'torch.optim.SGD(lr=.01, momentum=.9)' \\
    --batch-size {options.batch_size}""")


if __name__ == "__main__":
    main()
