"""Trains the networks whose arrays are saved and loaded: how well numbers compress, and how fast,
depends on where they come from.

  make_sets.py IMAGES OUTPUT {full,quick}

S     784-100-10 after an epoch of SGD with momentum: weights and velocities
M     784-4608-4608-10 after 150 steps: the same
Z     what is full of zeros, since the rims of the images are: of the first layer of 784-2048-10
      Adam's moments and SGD's velocity after 40 steps
many  20,000 pieces of the arrays of Z, of 8 to 256 elements, in 1,000 groups

Each is an .npz of float32 arrays. The quick ones are smaller.
"""

import os
import sys
from pathlib import Path

import numpy as np
import torch
from data import images

torch.set_num_threads(1)  # two that wait for each other are slower on a busy machine

BATCH = 128
Arrays = dict[str, np.ndarray]


def train(
    layers: list[int], steps: int, adam: bool, pixels: torch.Tensor, labels: torch.Tensor
) -> Arrays:
    torch.manual_seed(0)
    network = torch.nn.Sequential()
    for inputs, outputs in zip(layers, layers[1:]):
        if len(network) > 0:
            network.append(torch.nn.Sigmoid())
        network.append(torch.nn.Linear(inputs, outputs))
    parameters = list(network.parameters())
    optimizer = (
        torch.optim.Adam(parameters, lr=1e-3)
        if adam
        else torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    )
    for step in range(steps):
        chosen = torch.arange(step * BATCH, (step + 1) * BATCH) % len(labels)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(pixels[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
    arrays: Arrays = {}
    for number, parameter in enumerate(parameters):
        name = f"layers.{number // 2}.{'bias' if number % 2 else 'weight'}"
        arrays[f"model/{name}"] = parameter.detach().numpy()
        for slot, buffer in optimizer.state[parameter].items():
            if torch.is_tensor(buffer) and buffer.ndim > 0:
                slot = {"momentum_buffer": "velocity"}.get(slot, slot)
                arrays[f"optimizer/{slot}/{name}"] = buffer.numpy()
    return arrays


def pieces(arrays: Arrays, count: int, groups: int) -> Arrays:
    """Cuts arrays into many."""
    elements = np.concatenate([array.ravel() for array in arrays.values()])
    generator = np.random.default_rng(0)
    sizes = np.exp(generator.uniform(np.log(8), np.log(257), count)).astype(int)
    starts = generator.integers(0, len(elements) - 256, count)
    return {
        f"group.{index % groups:03}/tensor.{index // groups:02}": elements[start : start + size]
        for index, (start, size) in enumerate(zip(starts, sizes))
    }


def save(folder: Path, name: str, arrays: Arrays) -> None:
    """Whole or not at all."""
    unfinished = folder / f"{name}.{os.getpid()}.npz"
    np.savez(unfinished, **arrays)
    unfinished.rename(folder / f"{name}.npz")


def main() -> None:
    source, folder, size = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    is_quick = size == "quick"
    pixels, labels = images(source)
    order = np.random.default_rng(0).permutation(len(labels))
    data = (
        torch.from_numpy(pixels[order].astype(np.float32) / 255),
        torch.from_numpy(labels[order].astype(np.int64)),
    )
    width, count = (256, 2_000) if is_quick else (2048, 20_000)
    adam = train([784, width, 10], 40, True, *data)
    zeros = {name: array for name, array in adam.items() if name.startswith("optimizer/")}
    zeros = {name: array for name, array in zeros.items() if name.endswith("layers.0.weight")}
    velocity = "optimizer/velocity/layers.0.weight"
    zeros[velocity] = train([784, width, 10], 40, False, *data)[velocity]
    save(folder, "Z", zeros)
    save(folder, "many", pieces(adam | zeros, count, count // 20))
    save(folder, "S", train([784, 100, 10], 469, False, *data))
    width, steps = (512, 20) if is_quick else (4608, 150)
    save(folder, "M", train([784, width, width, 10], steps, False, *data))


main()
