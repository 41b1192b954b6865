#!/usr/bin/env python3
"""Goes on with a Flywheel run in plain numpy, momentum and weight decay by hand, and gives it back.

    flywheel convert runs/1/checkpoints/step-000000001875.h5 in.npz
    python numpy_mlp.py in.npz out.npz --data MNIST_DIR --epochs 20
    flywheel resume out.npz --epochs 30
"""
# Flywheel began with a question: a network by hand in numpy learns with plain SGD, but badly with
# momentum or weight decay, and torch.optim.SGD does well with the same numbers. Measured on MNIST:
# - The gradient has to be the batch's mean. A sum over 32 samples is a learning rate 32 times as
#   large: ReLUs bear it in plain SGD (97.4 %), and die of it with momentum (33.6 %; mean: 96.8 %).
# - PyTorch's weight decay joins the gradient, so it goes through the velocity, for biases too, and
#   nothing divides it. Nielsen's is divided by n, the size of the training set, and spares biases;
#   divided by the size of a batch, 10, his lambda of 5 leaves a network at chance (10.6 %).
# - PyTorch's velocity sums gradients and begins as the first one; Nielsen's is the step itself.
# Why decay alone did badly for the asker, no reading of the posted lines has shown.
import argparse
import gzip
import json
import os
import secrets
import sys
import time
import zlib
from pathlib import Path

import numpy as np


def pytorch(
    w, v, g, n, *, learning_rate, momentum, dampening, weight_decay, nesterov, maximize=False, **_
):
    g = (-g if maximize else g) + weight_decay * w
    if momentum:
        v = g if v is None else momentum * v + (1 - dampening) * g
        g = g + momentum * v if nesterov else v
    return w - learning_rate * g, v


def nielsen(w, v, g, n, *, learning_rate, momentum, weight_decay, **_):
    decay = weight_decay / n if w.ndim > 1 else 0  # a bias has one axis
    v = momentum * (0 if v is None else v) - learning_rate * (g + decay * w)
    return w + v, v if momentum else None


def sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2  # 1 / (1 + exp(-z)), but never overflows


def log_sum_exp(z):
    return np.logaddexp.reduce(z, axis=1, keepdims=True)


RULES = {"pytorch": pytorch, "nielsen": nielsen}
ACTIVATIONS = {  # of sums z, and the slope by their value a
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
}
LOSSES = {  # of logits z where y is expected, and the slope
    "sigmoid_cross_entropy": lambda z, y: (np.logaddexp(0, z) - y * z, sigmoid(z) - y),
    "softmax_cross_entropy": lambda z, y: (y * ((s := log_sum_exp(z)) - z), np.exp(z - s) - y),
    "squared_error": lambda z, y: ((z - y) ** 2 / 2, z - y),
    "sigmoid_squared_error": lambda z, y: (((a := sigmoid(z)) - y) ** 2 / 2, (a - y) * a * (1 - a)),
}


def learn(tensors, network, x, labels):
    """The summed loss of a batch, how many hits, and the gradients of the mean loss by name."""
    activate, slope = ACTIVATIONS[network["activation"]]
    layers = range(len(network["layers"]) - 1)
    weights = [tensors[f"model/layers.{i}.weight"] for i in layers]
    inputs = [x]
    for i in layers:
        z = inputs[i] @ weights[i].T + tensors[f"model/layers.{i}.bias"]
        inputs.append(activate(z))
    loss, delta = LOSSES[network["loss"]](z, np.eye(z.shape[1], dtype=z.dtype)[labels])
    hits, delta, gradients = np.sum(z.argmax(axis=1) == labels), delta / len(x), {}
    for i in reversed(layers):
        gradients[f"layers.{i}.weight"] = delta.T @ inputs[i]
        gradients[f"layers.{i}.bias"] = delta.sum(axis=0)
        if i > 0:
            delta = delta @ weights[i] * slope(inputs[i])
    return float(loss.sum(dtype=np.float64)), int(hits), gradients


def train(document, tensors, images, labels, epochs, steps):
    """Goes on until so many epochs or steps are done in all, in the order that Flywheel goes."""
    optimizer, progress, data = document["optimizer"], document["progress"], document["data"]
    size, n, held = optimizer["batch_size"], data["training"], data["validation"]
    batches = n // size if data["last_batch"] == "drop" else -(-n // size)
    rule, groups = RULES[optimizer["rule"]], optimizer["groups"]

    def learn_from(rows):
        x = images[rows].astype(tensors["model/layers.0.weight"].dtype)
        x = (x * data["scale"] - data["mean"]) / data["deviation"]
        return learn(tensors, document["trainer"]["network"], x, labels[rows])

    while progress["epoch"] < epochs:
        words = tensors["random/order"]  # a key of two, a counter of four that ends in the epoch
        stream = np.random.Philox(key=words[:2], counter=words[2:6])
        order = np.argsort(stream.random_raw(n), kind="stable")
        while progress["batch"] < batches:
            if optimizer["step"] >= steps:
                return
            rows = order[progress["batch"] * size :][:size]
            loss, hits, gradients = learn_from(rows)
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at step {optimizer['step']}; nothing is saved")
            for parameter in document["parameters"]:
                name, group = parameter["name"], groups[parameter["group"]]
                w, v = f"model/{name}", f"optimizer/velocity/{name}"
                tensors[w], velocity = rule(tensors[w], tensors.get(v), gradients[name], n, **group)
                if velocity is not None:
                    tensors[v] = velocity
                group["last_learning_rate"] = group["learning_rate"]
            optimizer["step"] += 1
            progress["batch"] += 1
            progress["samples"] += len(rows)
            progress["epoch_loss"] += loss
            progress["epoch_hits"] += hits
        seen = min(n, batches * size)
        row = {
            "step": optimizer["step"],
            "epoch": progress["epoch"] + 1.0,
            "learning_rate": groups[0]["learning_rate"],
            "training_loss": progress["epoch_loss"] / seen,
            "training_accuracy": progress["epoch_hits"] / seen,
        }
        if held:
            loss, hits, _ = learn_from(slice(-held, None))
            row |= {"validation_loss": loss / held, "validation_accuracy": hits / held}
        for name, value in row.items():
            past = tensors.get(f"history/{name}", np.empty(0, type(value)))
            tensors[f"history/{name}"] = np.append(past, value)
        progress |= {"epoch": progress["epoch"] + 1, "batch": 0, "epoch_loss": 0.0, "epoch_hits": 0}
        tensors["random/order"][5] += 1
        print("  ".join(f"{name} {value:.6g}" for name, value in row.items()))


def read_images(folder, digest):
    """MNIST's images and labels to train on, if all four files are those of the digest."""
    arrays, checksums = [], [0, 0]
    for i, name in enumerate(("train-images", "train-labels", "t10k-images", "t10k-labels")):
        path = next(folder.glob(f"{name}-idx*"), None) or sys.exit(f"{folder} has no {name}-idx…")
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
        arrays.append(np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape))
        checksums[i // 2] = zlib.crc32(arrays[i], checksums[i // 2])
    if digest != "crc32:%08x,%08x" % tuple(checksums):
        sys.exit(f"{folder} holds other data than the run was trained on")
    return arrays[0].reshape(len(arrays[0]), -1), arrays[1]


def index(tensors):
    """What the document says about each tensor."""
    return {
        key: {"dtype": x.dtype.name, "shape": list(x.shape), "crc32": f"{zlib.crc32(x):08x}"}
        for key, x in tensors.items()
    }


def load(path):
    """A checkpoint's document, which says everything but the tensors, and those by their keys."""
    with np.load(path) as file:
        tensors = dict(file)
    text = tensors.pop("flywheel.metadata", np.zeros(0)).tobytes()
    if text[-20:] != b',"crc32":"%08x"}' % zlib.crc32(text[:-20]):
        sys.exit(f"{path} is damaged or no checkpoint: no document in it fits its CRC-32")
    document = json.loads(text)
    if document["tensors"] != index(tensors):
        sys.exit(f"{path} is damaged: its tensors are not those that its document lists")
    if document["schema"] != 3 or document["layout"] or not document["trainer"]:
        sys.exit(f"{path} is no checkpoint of schema 3 by Flywheel's own trainer")
    for what, found, known in (
        ("rule", document["optimizer"]["rule"], list(RULES)),
        ("clipping", document["optimizer"]["clipping"], [None]),
        ("schedule", document["schedule"]["kind"], ["constant"]),
        ("warm-up", document["schedule"]["warmup"], [None]),
        ("type of pixels", document["data"]["dtype"], ["uint8"]),
    ):
        if found not in known:
            sys.exit(f"{path} has the {what} {found}; this program only knows {known}")
    return document, tensors


def save(path, document, tensors):
    """Writes a new file, and gives it the name when it is whole: nothing is ever lost."""
    progress, trainer, schedule = (document[key] for key in ("progress", "trainer", "schedule"))
    done = {"step": document["optimizer"]["step"], "epoch": progress["epoch"]}
    schedule["position"] = done[schedule["unit"]]
    watched = trainer["early_stopping"] or trainer["checkpoints"]["keep_best"] or {}
    metric = watched.get("metric", "validation_accuracy")
    if (values := tensors.get(f"history/{metric}")) is not None:
        place = values.argmin() if watched.get("direction") == "min" else values.argmax()
        step, value = int(tensors["history/step"][place]), float(values[place])
        progress["best"] = {"metric": metric, "value": value, "step": step}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document |= {
        "writer": "numpy_mlp.py",
        "saved": {"run": secrets.token_hex(16), "time": now},
        "backend": {"products": "numpy", "arithmetic": "separate"},
        "tensors": index(tensors),
    }
    del document["crc32"]  # of all that is before it
    text = json.dumps(document, separators=(",", ":")).encode()[:-1]
    text += b',"crc32":"%08x"}' % zlib.crc32(text)
    with open(f"{path}.part", "wb") as file:
        np.savez(file, **tensors, **{"flywheel.metadata": np.frombuffer(text, np.uint8)})
        os.fsync(file.fileno())
    os.replace(f"{path}.part", path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", type=Path, metavar="IN.npz", help="a checkpoint")
    parser.add_argument("output", type=Path, metavar="OUT.npz", help="where to save it afterwards")
    parser.add_argument("--data", type=Path, required=True, help="where MNIST's four files are")
    parser.add_argument("--epochs", type=int, help="epochs in all (default: the run's own number)")
    parser.add_argument("--steps", type=int, default=np.inf, help="steps in all, to stop before")
    arguments = parser.parse_args()
    document, tensors = load(arguments.input)
    trainer = document["trainer"]
    trainer["epochs"] = max(arguments.epochs or trainer["epochs"], document["progress"]["epoch"])
    images, labels = read_images(arguments.data, document["data"]["digest"])
    train(document, tensors, images, labels, trainer["epochs"], arguments.steps)
    save(arguments.output, document, tensors)
