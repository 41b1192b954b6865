"""The images that every trainer is given, and its pace."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def images(directory: str) -> tuple[np.ndarray, np.ndarray]:
    """The training images `[count, 784]` and labels `[count]`, both uint8, from plain IDX files."""
    pixels = np.fromfile(Path(directory) / "train-images-idx3-ubyte", np.uint8)[16:]
    labels = np.fromfile(Path(directory) / "train-labels-idx1-ubyte", np.uint8)[8:]
    return pixels.reshape(len(labels), -1), labels


def run_for(
    cpu_seconds: float, count: int, batch: int, epoch: Callable[[], Callable[[int], None]]
) -> dict[str, float]:
    """Trains for some CPU time.

    `epoch` shuffles and gives the function that takes the step on the batch with a given start; a
    short last batch is left out. Shuffling is on the clock, as it is in Flywheel.
    """
    samples = 0
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    while True:
        step = epoch()
        for start in range(0, count - batch + 1, batch):
            step(start)
            samples += batch
            # Looking at the clock costs next to nothing this seldom.
            if samples % (batch * 64) == 0 and time.process_time() - cpu_start >= cpu_seconds:
                cpu = time.process_time() - cpu_start
                return {
                    "samples": samples,
                    "cpu": cpu,
                    "wall": time.perf_counter() - wall_start,
                }
