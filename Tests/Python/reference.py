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
    maximize: bool = False
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
        gradient = (-gradient if self.maximize else gradient) + decay * value
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


def hyperparameters(group: dict) -> dict:
    """What the rule takes, without the other rates that a group remembers.

    Nobody but Flywheel lets momentum follow the learning rate: what is here runs without.
    """
    assert not group.get("momentum_correction")
    others = ("last_learning_rate", "initial_learning_rate", "momentum_correction")
    return {name: value for name, value in group.items() if name not in others}


def optimizer(checkpoint: Checkpoint) -> Optimizer:
    document = checkpoint.document["optimizer"]
    numbers = hyperparameters(document["groups"][0])
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

# Rules and hyperparameters under the names that PyTorch has for them.
TORCH_RULES = {
    "pytorch": "SGD", "nielsen": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"
}  # fmt: skip
TORCH_OPTIONS = {"learning_rate": "lr", "epsilon": "eps"}


def torch_options(group: dict) -> dict:
    """A group's hyperparameters as PyTorch's optimizers take them."""
    options = {
        TORCH_OPTIONS.get(name, name): value for name, value in hyperparameters(group).items()
    }
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    return options


def flywheel_group(options: dict, names: list[str]) -> dict:
    """The other way round: the hyperparameters of these names, of one of PyTorch's groups."""
    beta1, beta2 = options.get("betas", (None, None))
    options = options | {"beta1": beta1, "beta2": beta2}
    return {name: options[TORCH_OPTIONS.get(name, name)] for name in names}


class TorchRun:
    """The same run in PyTorch, its optimizer loaded with the checkpoint's buffers.

    The optimizer is the one that the document describes, or what `make_optimizer` makes of the
    parameters under their names.
    """

    def __init__(self, checkpoint: Checkpoint, make_optimizer=None):
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        document = checkpoint.document
        settings = document["trainer"]["network"]
        self.loss = settings["loss"]
        self.rule = document["optimizer"]["rule"]
        clipping = document["optimizer"]["clipping"]
        self.max_norm = clipping and clipping["max_norm"]
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
        if make_optimizer:
            self.optimizer = make_optimizer(self.parameters)
        else:
            self.optimizer = self._described_optimizer(document)
        self._load_buffers(checkpoint)

    def _activation(self, name: str):
        nn = self.torch.nn
        return {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}[name]()

    def _described_optimizer(self, document: dict):
        groups = []
        for index, group in enumerate(document["optimizer"]["groups"]):
            names = [item["name"] for item in document["parameters"] if item["group"] == index]
            options = torch_options(group)
            if self.rule == "nielsen":
                # The same trajectory in PyTorch's convention: decay lambda/n, on weights alone.
                decay = options["weight_decay"] / document["optimizer"]["training_size"]
                parts = [
                    ([name for name in names if name.endswith("weight")], decay),
                    ([name for name in names if not name.endswith("weight")], 0.0),
                ]
            else:
                parts = [(names, options["weight_decay"])]
            groups += [
                {"params": [self.parameters[name] for name in part]}
                | options
                | {"weight_decay": weight_decay}
                for part, weight_decay in parts
                if part
            ]
        return getattr(self.torch.optim, TORCH_RULES[self.rule])(groups, foreach=False)

    @property
    def groups(self) -> list[tuple[dict, list[str]]]:
        """The optimizer's groups, each with the names of its parameters."""
        names = {id(value): name for name, value in self.parameters.items()}
        return [
            (group, [names[id(value)] for value in group["params"]])
            for group in self.optimizer.param_groups
        ]

    def _scale(self, group: dict) -> float:
        """What a buffer of PyTorch's is multiplied by to be the checkpoint's."""
        return -group["lr"] if self.rule == "nielsen" else 1.0

    def _load_buffers(self, checkpoint: Checkpoint) -> None:
        """Loads the state as PyTorch's own checkpoints are loaded, parameters by their places."""
        state = self.optimizer.state_dict()
        is_sgd = TORCH_RULES[self.rule] == "SGD"
        parameters = [(group, name) for group, names in self.groups for name in names]
        for place, (group, name) in enumerate(parameters):
            buffers = {
                "momentum_buffer" if slot == "velocity" else slot: self.torch.tensor(
                    values[name] / self._scale(group)
                )
                for slot, values in checkpoint.slots.items()
                if name in values
            }
            if buffers and not is_sgd:
                buffers["step"] = self.torch.tensor(float(checkpoint.step))
            if buffers:
                state["state"][place] = buffers
        self.optimizer.load_state_dict(state)

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

    def step(self, inputs: np.ndarray, labels: np.ndarray) -> float | None:
        """One step; the norm of the gradients before they were clipped, if they are."""
        self.optimizer.zero_grad()
        self.mean_loss(inputs, labels).backward()
        norm = None
        if self.max_norm is not None:
            norm = float(
                self.torch.nn.utils.clip_grad_norm_(
                    self.parameters.values(), self.max_norm, foreach=False
                )
            )
        self.optimizer.step()
        return norm

    @property
    def learning_rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    @property
    def model_values(self) -> dict[str, np.ndarray]:
        return {name: value.detach().numpy() for name, value in self.parameters.items()}

    @property
    def slots(self) -> dict[str, dict[str, np.ndarray]]:
        """The buffers in the checkpoint's own names and convention."""
        slots = {}
        for group, names in self.groups:
            for name in names:
                state = self.optimizer.state.get(self.parameters[name], {})
                for slot, buffer in state.items():
                    if slot == "step" or buffer is None:
                        continue
                    if TORCH_RULES[self.rule] == "SGD":
                        slot = "velocity"
                    slots.setdefault(slot, {})[name] = buffer.numpy() * self._scale(group)
        return slots

    @property
    def velocity(self) -> dict[str, np.ndarray]:
        return self.slots.get("velocity", {})

    def written_over(self, other: Checkpoint, step: int) -> tuple[dict, dict[str, np.ndarray]]:
        """This state as a checkpoint: a document and tensors.

        What PyTorch does not know, such as the history, is that of a checkpoint of the same step.
        """
        document = other.document
        steps = {int(state["step"]) for state in self.optimizer.state.values() if "step" in state}
        assert steps <= {step} and other.step == step, f"{steps} or {other.step} is not {step}"
        # Nielsen's groups are not PyTorch's: those are parted by what is decayed.
        for index, (options, names) in enumerate(self.groups if self.rule != "nielsen" else []):
            group = document["optimizer"]["groups"][index]
            group |= flywheel_group(options, list(hyperparameters(group)))
            for parameter in document["parameters"]:
                if parameter["name"] in names:
                    parameter["group"] = index
        tensors = {
            key: value
            for key, value in other.tensors.items()
            if not key.startswith(("model/", "optimizer/"))
        }
        tensors |= {f"model/{name}": value for name, value in self.model_values.items()}
        for slot, values in self.slots.items():
            tensors |= {f"optimizer/{slot}/{name}": value for name, value in values.items()}
        return document, tensors
