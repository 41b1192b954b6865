#!/usr/bin/env python3
"""Goes on for some epochs with keras.optimizers.SGD, from a .weights.h5 to another."""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras  # noqa: E402

import shared  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("epochs", type=int, nargs=2, help="the first, counted from 0, and the one to stop before")
parser.add_argument("--data", default="digits.npz")
parser.add_argument("--input", required=True, help="the weights to go on from")
parser.add_argument("--output", required=True, help="where to save them")
parser.add_argument("--log", required=True, help="the folder of metrics.jsonl")
arguments = parser.parse_args()

pixels, labels = shared.samples(arguments.data)
inputs, *hidden, classes = shared.LAYERS
model = keras.Sequential(
    [keras.Input((inputs,))]
    + [keras.layers.Dense(width, activation="relu") for width in hidden]
    + [keras.layers.Dense(classes)]
)
optimizer = keras.optimizers.SGD(shared.RATE, momentum=shared.MOMENTUM)
model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
# Keras only loads the state of an optimizer that has its variables.
optimizer.build(model.trainable_variables)
model.load_weights(arguments.input)
assert int(optimizer.iterations) == arguments.epochs[0] * shared.STEPS

for epoch in range(*arguments.epochs):
    order = shared.order(epoch)
    history = model.fit(
        pixels[order], labels[order], batch_size=shared.BATCH, shuffle=False, verbose=0
    )
    shared.log(arguments.log, epoch, float(history.history["loss"][0]))

model.save_weights(arguments.output)
