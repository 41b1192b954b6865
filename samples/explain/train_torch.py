#!/usr/bin/env python3
"""The network that the question compares with: torch.optim.SGD, and a dump of a few steps.

    flywheel digits digits.npz
    python train_torch.py
    flywheel explain dumps/torch/*.npz
"""

import argparse

import numpy as np
import torch

from torch_dump import dump

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", default="digits.npz")
parser.add_argument("--output", default="dumps/torch")
arguments = parser.parse_args()

with np.load(arguments.data) as data:
    images = torch.tensor(data["x_train"].reshape(len(data["x_train"]), -1) / 255, dtype=torch.float32)
    labels = torch.tensor(data["y_train"], dtype=torch.int64)

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(784, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.1)

for step in range(8):
    chosen = torch.randperm(len(images))[:32]
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
    dump(arguments.output, step, model, optimizer)
    optimizer.step()
