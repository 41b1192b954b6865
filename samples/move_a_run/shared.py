"""What the trainers of this sample share: numbers, data, the order of an epoch's samples, and a log."""

import json
from pathlib import Path

import numpy as np

LAYERS = [784, 30, 10]
RATE, MOMENTUM = 0.05, 0.9
BATCH, TRAINING, SEED = 32, 6400, 0
STEPS = TRAINING // BATCH


def samples(path) -> tuple[np.ndarray, np.ndarray]:
    """The pixels in rows, from 0 to 1, and the labels; `flywheel digits` writes such a file."""
    with np.load(path) as data:
        pixels = data["x_train"][:TRAINING].reshape(TRAINING, -1)
        return (pixels / 255).astype(np.float32), data["y_train"][:TRAINING].astype(np.int64)


def order(epoch: int) -> np.ndarray:
    """The order in which an epoch, counted from 0, visits the samples: Flywheel's, which is numpy's Philox."""
    stream = np.random.Philox(
        key=np.array([SEED, 1], np.uint64), counter=np.array([0, 0, 0, epoch], np.uint64)
    )
    return np.argsort(stream.random_raw(TRAINING), kind="stable")


def log(folder, epoch: int, loss: float) -> None:
    """Adds an epoch's mean loss to what `flywheel plot` draws."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    line = {"step": (epoch + 1) * STEPS, "epoch": epoch + 1, "training_loss": loss}
    with open(folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps(line) + "\n")
    print(f"epoch {epoch + 1}  loss {loss:.6f}")
