#!/usr/bin/env python3
"""Trains some epochs with torch.optim.SGD, from the beginning or from a checkpoint, and saves one."""

import argparse

import torch

import shared


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        widths = zip(shared.LAYERS, shared.LAYERS[1:])
        self.layers = torch.nn.ModuleList([torch.nn.Linear(*width) for width in widths])

    def forward(self, values):
        for layer in self.layers[:-1]:
            values = torch.relu(layer(values))
        return self.layers[-1](values)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("epochs", type=int, nargs=2, help="the first, counted from 0, and the one to stop before")
parser.add_argument("--data", default="digits.npz")
parser.add_argument("--input", help="a checkpoint to go on from")
parser.add_argument("--output", help="where to save one")
parser.add_argument("--log", required=True, help="the folder of metrics.jsonl")
arguments = parser.parse_args()

pixels, labels = map(torch.from_numpy, shared.samples(arguments.data))
torch.manual_seed(0)
model = Network()
optimizer = torch.optim.SGD(model.parameters(), lr=shared.RATE, momentum=shared.MOMENTUM)
if arguments.input:
    state = torch.load(arguments.input, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])

for epoch in range(*arguments.epochs):
    total = 0.0
    for batch in torch.from_numpy(shared.order(epoch)).split(shared.BATCH):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(pixels[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        total += loss.item()
    shared.log(arguments.log, epoch, total / shared.STEPS)

if arguments.output:
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state | {"step": arguments.epochs[1] * shared.STEPS}, arguments.output)
