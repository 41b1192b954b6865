"""The trainer's mathematics once more, in numpy and in PyTorch, written from the documentation."""

from dataclasses import dataclass, field

import numpy as np

from checkpoint import Checkpoint


def philox(key: list[int], counter: list[int]) -> np.random.Philox:
    """numpy's generator; in arrays, because numbers from 2**63 on make a list one of floats."""
    return np.random.Philox(key=np.array(key, np.uint64), counter=np.array(counter, np.uint64))


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order in which an epoch visits the samples."""
    generator = philox([seed, 1], [0, 0, 0, epoch])
    return np.argsort(generator.random_raw(count), kind="stable")


def going_on(words: np.ndarray) -> np.random.Philox:
    """numpy's generator at the place that seven words of a checkpoint name."""
    words = [int(word) for word in words]
    generator = philox(words[:2], words[2:6])
    generator.random_raw(words[6])
    return generator


def uniform(words: np.ndarray) -> np.ndarray:
    return (words >> np.uint64(11)) * 2.0**-53


def initial_parameters(kind: str, layers: list[int], seed: int) -> tuple[dict, np.random.Philox]:
    """The parameters before the first step, and the generator after them."""
    generator = philox([seed, 0], [0, 0, 0, 0])
    parameters = {}

    def symmetric(count: int) -> np.ndarray:
        return 2 * uniform(generator.random_raw(count)) - 1

    def normal(count: int) -> np.ndarray:
        pairs = uniform(generator.random_raw(2 * count)).reshape(count, 2)
        return np.sqrt(-2 * np.log(1 - pairs[:, 0])) * np.cos(2 * np.pi * pairs[:, 1])

    for index, (fan_in, fan_out) in enumerate(zip(layers, layers[1:])):
        weights, both = fan_in * fan_out, fan_in + fan_out
        match kind:
            case "pytorch":
                weight = symmetric(weights) / np.sqrt(fan_in)
                bias = symmetric(fan_out) / np.sqrt(fan_in)
            case "network2":
                weight = normal(weights) / np.sqrt(fan_in)
                bias = normal(fan_out)
            case _:
                weight = {
                    "xavier_uniform": lambda: symmetric(weights) * np.sqrt(6 / both),
                    "xavier_normal": lambda: normal(weights) * np.sqrt(2 / both),
                    "he_uniform": lambda: symmetric(weights) * np.sqrt(6 / fan_in),
                    "he_normal": lambda: normal(weights) * np.sqrt(2 / fan_in),
                }[kind]()
                bias = np.zeros(fan_out)
        parameters[f"layers.{index}.weight"] = weight.reshape(fan_out, fan_in)
        parameters[f"layers.{index}.bias"] = bias
    return parameters, generator


# The network


def sigmoid(sums: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-sums))


@dataclass
class Network:
    """A multi-layer perceptron in numpy; it computes in the type of its parameters."""

    parameters: dict[str, np.ndarray]
    activation: str
    loss: str

    @property
    def depth(self) -> int:
        return len(self.parameters) // 2

    def outputs(self, inputs: np.ndarray) -> list[np.ndarray]:
        """What goes into each layer, and at the end the logits."""
        values = [inputs]
        for index in range(self.depth):
            weight, bias = self.layer(index)
            sums = values[-1] @ weight.T + bias
            values.append(self.activate(sums) if index + 1 < self.depth else sums)
        return values

    def layer(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return (
            self.parameters[f"layers.{index}.weight"],
            self.parameters[f"layers.{index}.bias"],
        )

    def activate(self, sums: np.ndarray) -> np.ndarray:
        match self.activation:
            case "sigmoid":
                return sigmoid(sums)
            case "tanh":
                return np.tanh(sums)
            case "relu":
                return np.maximum(sums, 0)

    def slope(self, activations: np.ndarray) -> np.ndarray:
        match self.activation:
            case "sigmoid":
                return activations * (1 - activations)
            case "tanh":
                return 1 - activations**2
            case "relu":
                return (activations > 0).astype(activations.dtype)

    def measure(self, inputs: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
        """The loss summed over the samples, and how many are classified right."""
        logits = self.outputs(inputs)[-1].astype(np.float64)
        target = logits[np.arange(len(labels)), labels]
        hits = int(np.sum(np.argmax(logits, axis=1) == labels))
        match self.loss:
            case "softmax_cross_entropy":
                loss = np.sum(np.logaddexp.reduce(logits, axis=1) - target)
            case "sigmoid_cross_entropy":
                loss = np.sum(np.logaddexp(0, logits)) - np.sum(target)
            case "squared_error":
                loss = np.sum((logits - np.eye(logits.shape[1])[labels]) ** 2) / 2
            case "sigmoid_squared_error":
                loss = np.sum((sigmoid(logits) - np.eye(logits.shape[1])[labels]) ** 2) / 2
        return float(loss), hits

    def gradients(self, inputs: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """The gradients of the mean loss."""
        values = self.outputs(inputs)
        logits = values[-1]
        expected = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
        match self.loss:
            case "softmax_cross_entropy":
                shares = np.exp(logits - logits.max(axis=1, keepdims=True))
                shares /= shares.sum(axis=1, keepdims=True)
                delta = shares - expected
            case "sigmoid_cross_entropy":
                delta = sigmoid(logits) - expected
            case "squared_error":
                delta = logits - expected
            case "sigmoid_squared_error":
                outputs = sigmoid(logits)
                delta = (outputs - expected) * outputs * (1 - outputs)
        delta = delta / logits.dtype.type(len(labels))
        gradients = {}
        for index in reversed(range(self.depth)):
            weight, _ = self.layer(index)
            gradients[f"layers.{index}.weight"] = delta.T @ values[index]
            gradients[f"layers.{index}.bias"] = delta.sum(axis=0)
            if index > 0:
                delta = (delta @ weight) * self.slope(values[index])
        return gradients


# The update rules


@dataclass
class Optimizer:
    """One of the update rules, as its source text has it."""

    rule: str
    learning_rate: float
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    training_size: int = 1
    velocity: dict[str, np.ndarray] = field(default_factory=dict)

    def step(self, parameters: dict[str, np.ndarray], gradients: dict[str, np.ndarray]) -> None:
        for name, gradient in gradients.items():
            parameters[name] = self.updated(name, parameters[name], gradient)

    def updated(self, name: str, value: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        rate, momentum, decay = (
            value.dtype.type(number)
            for number in (self.learning_rate, self.momentum, self.weight_decay)
        )
        if self.rule == "nielsen":
            # v -> mu v - eta (dC/dw + lambda/n w), w -> w + v; biases are not decayed.
            if name.endswith("weight"):
                decay = value.dtype.type(self.weight_decay / self.training_size)
                gradient = gradient + decay * value
            velocity = momentum * self.velocity.get(name, np.zeros_like(value)) - rate * gradient
            if momentum:
                self.velocity[name] = velocity
            return value + velocity
        # torch/optim/sgd.py
        gradient = gradient + decay * value
        if momentum:
            if name in self.velocity:
                fresh = value.dtype.type(1 - self.dampening) * gradient
                self.velocity[name] = momentum * self.velocity[name] + fresh
            else:
                self.velocity[name] = gradient
            if self.nesterov:
                gradient = gradient + momentum * self.velocity[name]
            else:
                gradient = self.velocity[name]
        return value - rate * gradient


# A run, going on from a checkpoint


@dataclass
class Plan:
    """The batches of a run, as its configuration and the checkpoint's data say."""

    seed: int
    training: int
    batch_size: int
    last_batch: str

    @property
    def batches(self) -> int:
        whole, rest = divmod(self.training, self.batch_size)
        return whole + (1 if rest and self.last_batch == "keep" else 0)

    def batch(self, step: int) -> np.ndarray:
        """The samples of the step that follows this many steps."""
        epoch, index = divmod(step, self.batches)
        order = epoch_order(self.seed, epoch, self.training)
        return order[index * self.batch_size :][: self.batch_size]


def network(checkpoint: Checkpoint) -> Network:
    settings = checkpoint.document["trainer"]["network"]
    return Network(dict(checkpoint.model), settings["activation"], settings["loss"])


def optimizer(checkpoint: Checkpoint) -> Optimizer:
    document = checkpoint.document["optimizer"]
    numbers = dict(document["groups"][0])
    del numbers["last_learning_rate"]
    return Optimizer(
        rule=document["rule"],
        training_size=document["training_size"],
        velocity=dict(checkpoint.velocity),
        **numbers,
    )


def plan(checkpoint: Checkpoint) -> Plan:
    document = checkpoint.document
    return Plan(
        seed=document["trainer"]["seed"],
        training=document["data"]["training"],
        batch_size=document["optimizer"]["batch_size"],
        last_batch=document["data"]["last_batch"],
    )


# The same in PyTorch


class TorchRun:
    """The same run in PyTorch, its optimizer loaded with the checkpoint's buffers."""

    def __init__(self, checkpoint: Checkpoint):
        import torch

        self.torch = torch
        settings = checkpoint.document["trainer"]["network"]
        self.loss = settings["loss"]
        self.parameters = {
            name: torch.nn.Parameter(torch.tensor(value))
            for name, value in checkpoint.model.items()
        }
        layers = []
        for index in range(checkpoint.layers):
            weight = self.parameters[f"layers.{index}.weight"]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
            layer.weight, layer.bias = weight, self.parameters[f"layers.{index}.bias"]
            layers += [layer, self._activation(settings["activation"])]
        self.model = torch.nn.Sequential(*layers[:-1])
        self.optimizer = self._optimizer(checkpoint)

    def _activation(self, name: str):
        nn = self.torch.nn
        return {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}[name]()

    def _optimizer(self, checkpoint: Checkpoint):
        document = checkpoint.document["optimizer"]
        numbers = dict(document["groups"][0])
        is_nielsen = document["rule"] == "nielsen"
        self.scale = -numbers["learning_rate"] if is_nielsen else 1.0
        decay = numbers["weight_decay"]
        groups = [{"params": list(self.parameters.values()), "weight_decay": decay}]
        if is_nielsen:
            # The same trajectory in PyTorch's convention: v_T = -v/lr, decay lambda/n on weights.
            names = sorted(self.parameters, key=lambda name: name.endswith("bias"))
            half = len(names) // 2
            groups = [
                {
                    "params": [self.parameters[name] for name in names[:half]],
                    "weight_decay": decay / document["training_size"],
                },
                {"params": [self.parameters[name] for name in names[half:]], "weight_decay": 0.0},
            ]
        optimizer = self.torch.optim.SGD(
            groups,
            lr=numbers["learning_rate"],
            momentum=numbers["momentum"],
            dampening=numbers["dampening"],
            nesterov=numbers["nesterov"],
        )
        for name, velocity in checkpoint.velocity.items():
            buffer = self.torch.tensor(velocity / self.scale)
            optimizer.state[self.parameters[name]]["momentum_buffer"] = buffer
        return optimizer

    def mean_loss(self, inputs: np.ndarray, labels: np.ndarray):
        functional = self.torch.nn.functional
        logits = self.model(self.torch.tensor(inputs))
        labels = self.torch.tensor(labels.astype(np.int64))
        if self.loss == "softmax_cross_entropy":
            return functional.cross_entropy(logits, labels)
        expected = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
        match self.loss:
            case "sigmoid_cross_entropy":
                loss = functional.binary_cross_entropy_with_logits(
                    logits, expected, reduction="sum"
                )
            case "squared_error":
                loss = functional.mse_loss(logits, expected, reduction="sum") / 2
            case "sigmoid_squared_error":
                loss = functional.mse_loss(logits.sigmoid(), expected, reduction="sum") / 2
        return loss / len(labels)

    def gradients(self, inputs: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        self.optimizer.zero_grad()
        self.mean_loss(inputs, labels).backward()
        return {name: value.grad.numpy().copy() for name, value in self.parameters.items()}

    def step(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        self.optimizer.zero_grad()
        self.mean_loss(inputs, labels).backward()
        self.optimizer.step()

    @property
    def model_values(self) -> dict[str, np.ndarray]:
        return {name: value.detach().numpy() for name, value in self.parameters.items()}

    @property
    def velocity(self) -> dict[str, np.ndarray]:
        """The buffers in the checkpoint's own convention."""
        state = self.optimizer.state
        return {
            name: state[value]["momentum_buffer"].numpy() * self.scale
            for name, value in self.parameters.items()
            if state.get(value, {}).get("momentum_buffer") is not None
        }
