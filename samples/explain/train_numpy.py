#!/usr/bin/env python3
"""The network of the question: a dense layer with `update_params` as it was posted, and a dump of a few steps.

    flywheel digits digits.npz
    python train_numpy.py            # the gradient is averaged over the mini-batch
    python train_numpy.py --summed   # it is summed
    flywheel explain dumps/numpy/*.npz
"""

import argparse

import numpy as np

from numpy_dump import dump


class Layer:
    def __init__(self, random, inputs, outputs):
        self.W = random.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        self.b = np.zeros(outputs)
        self.weight_velocity = np.zeros_like(self.W)
        self.bias_velocity = np.zeros_like(self.b)
        self.learning_rate, self.momentum, self.weight_decay = 0.01, 0.9, 0.1

    def update_params(self, n_samples):  # as it was posted
        weight_decay_term = (self.learning_rate * self.weight_decay / n_samples) * self.W
        weight_velocity = self.momentum * self.weight_velocity + self.dW
        self.W = self.W - weight_decay_term - self.learning_rate * weight_velocity
        self.weight_velocity = np.copy(weight_velocity)
        bias_velocity = self.momentum * self.bias_velocity + self.db
        self.b = self.b - self.learning_rate * bias_velocity
        self.bias_velocity = np.copy(bias_velocity)


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", default="digits.npz")
parser.add_argument("--summed", action="store_true", help="sum the gradient over the mini-batch")
parser.add_argument("--output", default="dumps/numpy")
arguments = parser.parse_args()

with np.load(arguments.data) as data:
    images = data["x_train"].reshape(len(data["x_train"]), -1) / 255
    labels = data["y_train"]

random = np.random.default_rng(0)
first, second = layers = [Layer(random, images.shape[1], 100), Layer(random, 100, 10)]
batch_size = 32

for step in range(8):
    chosen = random.choice(len(images), batch_size, replace=False)
    x, y = images[chosen], labels[chosen]
    hidden = np.maximum(x @ first.W + first.b, 0)
    scores = hidden @ second.W + second.b
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)

    delta = shares - np.eye(10)[y]  # softmax and cross-entropy
    if not arguments.summed:
        delta /= batch_size
    second.dW, second.db = hidden.T @ delta, delta.sum(0)
    delta = delta @ second.W.T * (hidden > 0)
    first.dW, first.db = x.T @ delta, delta.sum(0)

    dump(arguments.output, step, layers)
    for layer in layers:
        layer.update_params(batch_size)
