"""The same training step in eager PyTorch."""

import data
import torch
from serve import serve
from torch import nn

torch.set_num_threads(1)


class Trainer:
    """nn.Sequential and torch.optim.SGD on tensors in memory: no DataLoader in the way."""

    def __init__(
        self,
        name: str,
        layers: list[int],
        pixels: torch.Tensor,
        labels: torch.Tensor,
        batch: int,
        loss: str,
        learning_rate: float,
        momentum: float,
    ):
        self.pixels, self.batch = pixels, batch
        modules: list[nn.Module] = []
        for inputs, outputs in zip(layers, layers[1:]):
            modules += [nn.Linear(inputs, outputs), nn.Sigmoid()]
        self.network = nn.Sequential(*modules[:-1])
        if loss == "softmax_cross_entropy":
            self.targets, self.loss = labels, nn.CrossEntropyLoss()
        else:
            self.targets = nn.functional.one_hot(labels, 10).float()
            summed = nn.BCEWithLogitsLoss(reduction="sum")
            self.loss = lambda output, target: summed(output, target) / batch
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=learning_rate,
            momentum=momentum,
            fused=True if name == "fused" else None,
        )

    def epoch(self):
        order = torch.randperm(len(self.pixels))

        def step(start: int) -> None:
            samples = order[start : start + self.batch]
            self.optimizer.zero_grad()
            output = self.network(self.pixels.index_select(0, samples))
            self.loss(output, self.targets.index_select(0, samples)).backward()
            self.optimizer.step()

        return step


class Trainers:
    """The trainers by settings, kept warm between requests."""

    def __init__(self) -> None:
        self.trainers: dict[str, Trainer] = {}

    def load(self, directory: str) -> dict:
        pixels, labels = data.images(directory)
        self.pixels = torch.from_numpy(pixels).float().div_(255)
        self.labels = torch.from_numpy(labels).long()
        return {"version": torch.__version__}

    def train(self, name: str, layers: list[int], cpu_seconds: float, **settings) -> dict:
        key = str((name, layers, settings))
        if key not in self.trainers:
            self.trainers[key] = Trainer(name, layers, self.pixels, self.labels, **settings)
        trainer = self.trainers[key]
        return data.run_for(cpu_seconds, len(self.labels), trainer.batch, trainer.epoch)


trainers = Trainers()
serve({"load": trainers.load, "train": trainers.train})
