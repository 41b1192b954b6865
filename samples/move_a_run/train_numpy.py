#!/usr/bin/env python3
"""Goes on for some epochs in plain numpy, as cs231n's notes have momentum, from an .npz to another."""

import argparse

import numpy as np

import shared

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("epochs", type=int, nargs=2, help="the first, counted from 0, and the one to stop before")
parser.add_argument("--data", default="digits.npz")
parser.add_argument("--input", required=True, help="W1, b1, … and their velocities")
parser.add_argument("--output", required=True, help="where to save them")
parser.add_argument("--log", required=True, help="the folder of metrics.jsonl")
arguments = parser.parse_args()

pixels, labels = shared.samples(arguments.data)
with np.load(arguments.input) as file:
    state = {name: file[name] for name in file.files if name[0] in "Wb"}
rate, momentum = np.float32(shared.RATE), np.float32(shared.MOMENTUM)

for epoch in range(*arguments.epochs):
    total = 0.0
    for batch in np.split(shared.order(epoch), shared.STEPS):
        x, y = pixels[batch], labels[batch]
        hidden = np.maximum(x @ state["W1"] + state["b1"], 0)
        scores = hidden @ state["W2"] + state["b2"]
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        total -= float(logs[np.arange(len(y)), y].mean())

        delta = (np.exp(logs) - np.eye(10, dtype=np.float32)[y]) / np.float32(len(y))
        gradients = {"W2": hidden.T @ delta, "b2": delta.sum(axis=0)}
        delta = (delta @ state["W2"].T) * (hidden > 0)
        gradients |= {"W1": x.T @ delta, "b1": delta.sum(axis=0)}
        for name, gradient in gradients.items():
            velocity = state[f"{name}.velocity"]
            velocity[...] = momentum * velocity - rate * gradient.reshape(velocity.shape)
            state[name] += velocity
    shared.log(arguments.log, epoch, total / shared.STEPS)

np.savez(arguments.output, **state)
