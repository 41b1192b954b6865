"""Other people's optimizers behind one face.

Each trains a small network by its own code, saves its state as its users do, and takes a state back. The
network is a dense chain with tanh between its layers and softmax cross-entropy behind them. Parameters go in
and out under Flywheel's names and axes (`layers.0.weight`, [out, in]); numbers are Flywheel's hyperparameters.
"""

import os
from dataclasses import dataclass

import numpy as np

import reference


@dataclass
class Task:
    """What is to be trained: first weights, the rule's numbers, and which parameters they are for."""

    parameters: dict[str, np.ndarray]
    # The hyperparameters of each group, with the names of its parameters.
    groups: list[tuple[dict, list[str]]]

    @property
    def numbers(self) -> dict:
        """The numbers of a framework that has one set for all."""
        assert len(self.groups) == 1, "this framework has one set of numbers"
        return self.groups[0][0]

    @property
    def depth(self) -> int:
        return len(self.parameters) // 2


def weights_of(parameters: dict) -> list[str]:
    return [name for name in parameters if name.endswith("weight")]


class Torch:
    """torch.optim, on a model that calls its layers `layers.0`, `layers.1`, …"""

    dialect = "pytorch"
    OPTIMIZERS = {
        "pytorch": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad",
    }  # fmt: skip
    OPTIONS = {"learning_rate": "lr", "epsilon": "eps"}
    IGNORED = {"momentum_correction"}

    def __init__(self, rule: str, task: Task):
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        self.model = torch.nn.Module()
        self.model.layers = torch.nn.ModuleList()
        for name in weights_of(task.parameters):
            outputs, inputs = task.parameters[name].shape
            dtype = torch.from_numpy(task.parameters[name]).dtype
            self.model.layers.append(torch.nn.Linear(inputs, outputs, dtype=dtype))
        self.model.load_state_dict(
            {name: torch.tensor(value) for name, value in task.parameters.items()}
        )
        named = dict(self.model.named_parameters())
        groups = [
            {"params": [(name, named[name]) for name in names]} | self.options(numbers)
            for numbers, names in task.groups
        ]
        self.optimizer = getattr(torch.optim, self.OPTIMIZERS[rule])(groups, foreach=False)

    def options(self, numbers: dict) -> dict:
        options = {
            self.OPTIONS.get(name, name): value
            for name, value in numbers.items()
            if name not in self.IGNORED
        }
        if "beta1" in options:
            options["betas"] = (options.pop("beta1"), options.pop("beta2"))
        return options

    def step(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        torch = self.torch
        value = torch.tensor(inputs).to(next(self.model.parameters()).dtype)
        for index, layer in enumerate(self.model.layers):
            value = layer(torch.tanh(value) if index else value)
        loss = torch.nn.functional.cross_entropy(value, torch.tensor(labels.astype(np.int64)))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        return {name: value.numpy().copy() for name, value in self.model.state_dict().items()}

    def save(self) -> dict[str, np.ndarray]:
        """The model's state_dict, and the optimizer's buffers by the names of their parameters."""
        arrays = self.parameters
        state = self.optimizer.state
        for name, parameter in self.model.named_parameters():
            for slot, value in state.get(parameter, {}).items():
                arrays[f"{name}.{slot}"] = np.asarray(value)
        return arrays

    def save_by_index(self) -> dict[str, np.ndarray]:
        """The same, the buffers as the optimizer's state_dict numbers them."""
        arrays = self.parameters
        for index, slots in self.optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                arrays[f"optimizer.state.{index}.{slot}"] = np.asarray(value)
        return arrays

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        torch = self.torch
        self.model.load_state_dict(
            {name: torch.tensor(arrays[name]) for name in self.parameters}
        )
        document = self.optimizer.state_dict()
        for key, value in arrays.items():
            if key.startswith("optimizer.state."):
                index, slot = key.removeprefix("optimizer.state.").split(".")
                document["state"].setdefault(int(index), {})[slot] = torch.tensor(value)
        self.optimizer.load_state_dict(document)


class Keras:
    """keras.optimizers on a Sequential of Dense layers, in and out as its .weights.h5 has it.

    The layers' products are PyTorch's: Keras's own round float64 to float32.
    """

    dialect = "keras"

    def __init__(self, rule: str, task: Task):
        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras

        self.keras = keras
        numbers = dict(task.numbers)
        dtype = next(iter(task.parameters.values())).dtype.name
        keras.config.set_floatx(dtype)
        penalties = [
            keras.regularizers.L2(number) if number else None
            for number in (numbers.get("l2"), numbers.get("bias_l2"))
        ]
        names = weights_of(task.parameters)
        first = task.parameters[names[0]]
        layers = [keras.layers.Input((first.shape[1],))]
        for index, name in enumerate(names):
            layers.append(
                keras.layers.Dense(
                    task.parameters[name].shape[0],
                    activation="tanh" if index + 1 < len(names) else None,
                    kernel_regularizer=penalties[0],
                    bias_regularizer=penalties[1],
                )
            )
        self.model = keras.Sequential(layers)
        self.dense = self.model.layers
        self.optimizer = self.make(rule, numbers)
        self.set_parameters(task.parameters)
        self.optimizer.build(self.model.trainable_variables)

    def make(self, rule: str, numbers: dict):
        optimizers, rate = self.keras.optimizers, numbers["learning_rate"]
        decay = numbers.get("weight_decay") or None
        match rule:
            case "keras":
                return optimizers.SGD(
                    rate, momentum=numbers["momentum"], nesterov=numbers.get("nesterov", False),
                    weight_decay=decay,
                )  # fmt: skip
            case "keras_adam":
                return optimizers.Adam(
                    rate, beta_1=numbers["beta1"], beta_2=numbers["beta2"],
                    epsilon=numbers["epsilon"], amsgrad=numbers.get("amsgrad", False), weight_decay=decay,
                )  # fmt: skip
            case "keras_rmsprop":
                return optimizers.RMSprop(
                    rate, rho=numbers["alpha"], momentum=numbers["momentum"],
                    epsilon=numbers["epsilon"], centered=numbers["centered"], weight_decay=decay,
                )  # fmt: skip
            case "keras_adagrad":
                return optimizers.Adagrad(
                    rate, initial_accumulator_value=numbers["initial_accumulator_value"],
                    epsilon=numbers["epsilon"], weight_decay=decay,
                )  # fmt: skip

    def step(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        import torch

        value = torch.tensor(inputs).to(self.dense[0].kernel.value.dtype)
        for index, layer in enumerate(self.dense):
            value = (torch.tanh(value) if index else value) @ layer.kernel.value + layer.bias.value
        labels = torch.tensor(labels.astype(np.int64))
        loss = torch.nn.functional.cross_entropy(value, labels) + sum(self.model.losses)
        variables = self.model.trainable_variables
        values = [variable.value for variable in variables]
        self.optimizer.apply(torch.autograd.grad(loss, values), variables)

    def set_parameters(self, parameters: dict[str, np.ndarray]) -> None:
        for index, layer in enumerate(self.dense):
            layer.set_weights(
                [parameters[f"layers.{index}.weight"].T, parameters[f"layers.{index}.bias"]]
            )

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        parameters = {}
        for index, layer in enumerate(self.dense):
            kernel, bias = layer.get_weights()
            parameters[f"layers.{index}.weight"] = kernel.T.copy()
            parameters[f"layers.{index}.bias"] = bias.copy()
        return parameters

    def save(self) -> dict[str, np.ndarray]:
        """What a .weights.h5 of the model holds, under the same names."""
        arrays = {}
        for index, layer in enumerate(self.dense):
            name = "dense" if index == 0 else f"dense_{index}"
            for place, value in enumerate(layer.get_weights()):
                arrays[f"layers/{name}/vars/{place}"] = value
        for place, variable in enumerate(self.optimizer.variables):
            arrays[f"optimizer/vars/{place}"] = np.asarray(variable)
        return arrays

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        for index, layer in enumerate(self.dense):
            name = "dense" if index == 0 else f"dense_{index}"
            layer.set_weights([arrays[f"layers/{name}/vars/{place}"] for place in (0, 1)])
        variables = self.optimizer.variables
        found = [key for key in arrays if key.startswith("optimizer/vars/")]
        assert len(found) == len(variables), "Keras would skip the whole optimizer state"
        for place, variable in enumerate(variables):
            variable.assign(arrays[f"optimizer/vars/{place}"])


class KerasNamed(Keras):
    """The same, in and out as a .keras file or a legacy .h5 has it where Flywheel reads it."""

    dialect = "keras_named"

    def named(self) -> dict:
        """Every variable under the name that follows from Keras's own for it."""
        variables, words = {}, {}
        for index, layer in enumerate(self.dense):
            name = "dense" if index == 0 else f"dense_{index}"
            for variable in layer.weights:
                variables[f"layers/{name}/{variable.name}"] = variable
                words[variable.path.replace("/", "_")] = f"{name}/{variable.name}"
        for variable in self.optimizer.variables:
            own = variable.path.split("/")[-1]
            word = max((each for each in words if own.startswith(each + "_")), key=len, default=None)
            key = own if word is None else f"{own[len(word) + 1:]}/{words[word]}"
            variables[f"optimizer/{key}"] = variable
        return variables

    def save(self) -> dict[str, np.ndarray]:
        return {key: np.asarray(variable) for key, variable in self.named().items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        variables = self.named()
        assert variables.keys() <= arrays.keys(), "Keras would skip the whole optimizer state"
        for key, variable in variables.items():
            variable.assign(arrays[key])


class Optax:
    """optax on plain dictionaries of parameters, as Flax names them, in jax."""

    dialect = "optax"

    def __init__(self, rule: str, task: Task):
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
        self.jax = jax
        self.tree = {"params": self.nested(task.parameters)}
        self.depth = task.depth
        numbers = dict(task.groups[0][0])
        # Parameters with a decay of their own, none, are masked out of it.
        decayed = {name for group, names in task.groups if group.get("weight_decay") for name in names}
        for group, _ in task.groups:
            assert group | {"weight_decay": 0} == numbers | {"weight_decay": 0}
            numbers["weight_decay"] = numbers.get("weight_decay") or group.get("weight_decay", 0)
        self.mask = self.nested(
            {name: np.array(name in decayed) for name in task.parameters}, leaf_type=bool
        )
        self.optimizer = self.make(rule, numbers)
        self.state = self.optimizer.init(self.tree["params"])
        self.gradient = jax.jit(jax.grad(self.loss))

    def make(self, rule: str, numbers: dict):
        import optax

        rate, decay = numbers["learning_rate"], numbers.get("weight_decay", 0)
        momentum = numbers.get("momentum") or None
        nesterov = bool(numbers.get("nesterov"))
        moments = {
            key: numbers[name]
            for key, name in (
                ("b1", "beta1"), ("b2", "beta2"), ("eps", "epsilon"), ("eps_root", "eps_root"),
            )
            if name in numbers
        }  # fmt: skip
        decayed = optax.add_decayed_weights(decay, mask=self.mask)
        match rule:
            case "optax":
                sgd = optax.sgd(rate, momentum=momentum, nesterov=nesterov)
                return optax.chain(decayed, sgd) if decay else sgd
            case "optax_decoupled":
                trace = [optax.trace(decay=momentum, nesterov=nesterov)] if momentum else []
                return optax.chain(*trace, decayed, optax.scale_by_learning_rate(rate))
            case "optax_adam":
                return optax.adam(rate, **moments)
            case "optax_adamw":
                return optax.adamw(rate, weight_decay=decay, **moments)
            case "optax_rmsprop":
                return optax.rmsprop(
                    rate, decay=numbers["alpha"], eps=numbers["epsilon"], momentum=momentum,
                    centered=bool(numbers.get("centered")),
                )  # fmt: skip
            case "optax_adagrad":
                return optax.adagrad(
                    rate, initial_accumulator_value=numbers["initial_accumulator_value"],
                    eps=numbers["epsilon"],
                )  # fmt: skip

    @staticmethod
    def nested(parameters: dict[str, np.ndarray], leaf_type=np.copy) -> dict:
        tree = {}
        for name, value in parameters.items():
            _, index, kind = name.split(".")
            leaf, value = ("kernel", value.T) if kind == "weight" else ("bias", value)
            tree.setdefault(f"Dense_{index}", {})[leaf] = leaf_type(value)
        return tree

    def loss(self, parameters, inputs, labels):
        jnp = self.jax.numpy
        value = inputs
        for index in range(self.depth):
            layer = parameters[f"Dense_{index}"]
            value = (jnp.tanh(value) if index else value) @ layer["kernel"] + layer["bias"]
        shares = self.jax.nn.log_softmax(value)
        return -jnp.mean(shares[jnp.arange(len(labels)), labels])

    def step(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        import optax

        parameters = self.tree["params"]
        gradients = self.gradient(parameters, inputs, labels.astype(np.int64))
        updates, self.state = self.optimizer.update(gradients, self.state, parameters)
        self.tree["params"] = optax.apply_updates(parameters, updates)

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        parameters = {}
        for index in range(self.depth):
            layer = self.tree["params"][f"Dense_{index}"]
            parameters[f"layers.{index}.weight"] = np.asarray(layer["kernel"]).T.copy()
            parameters[f"layers.{index}.bias"] = np.asarray(layer["bias"]).copy()
        return parameters

    def leaves(self) -> dict:
        """The leaves of parameters and optimizer state by their paths."""
        tree = {"params": self.tree["params"], "opt_state": self.state}
        paths, _ = self.jax.tree_util.tree_flatten_with_path(tree)
        return {
            self.jax.tree_util.keystr(path, simple=True, separator="/"): value
            for path, value in paths
        }

    def save(self) -> dict[str, np.ndarray]:
        return {path: np.asarray(value) for path, value in self.leaves().items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        tree = {"params": self.tree["params"], "opt_state": self.state}
        leaves, structure = self.jax.tree_util.tree_flatten(tree)
        found = [
            self.jax.numpy.asarray(arrays[path]).astype(leaf.dtype).reshape(leaf.shape)
            for path, leaf in zip(self.leaves(), leaves, strict=True)
        ]
        tree = self.jax.tree_util.tree_unflatten(structure, found)
        self.tree["params"], self.state = tree["params"], tree["opt_state"]


class ScikitLearn:
    """MLPClassifier.partial_fit, one mini-batch a call, end to end."""

    dialect = "sklearn"

    def __init__(self, rule: str, task: Task):
        from sklearn.neural_network import MLPClassifier

        numbers = task.numbers
        names = weights_of(task.parameters)
        hidden = [task.parameters[name].shape[0] for name in names[:-1]]
        classes = task.parameters[names[-1]].shape[0]
        options = {
            "solver": "sgd", "momentum": numbers.get("momentum", 0),
            "nesterovs_momentum": numbers.get("nesterov", False),
        }  # fmt: skip
        if rule == "sklearn_adam":
            options = {
                "solver": "adam", "beta_1": numbers["beta1"], "beta_2": numbers["beta2"],
                "epsilon": numbers["epsilon"],
            }  # fmt: skip
        self.classes = np.arange(classes)
        self.model = MLPClassifier(
            hidden, activation="tanh", alpha=numbers["weight_decay"], shuffle=False,
            learning_rate_init=numbers["learning_rate"], batch_size=1_000_000, **options,
        )  # fmt: skip
        self.first = task.parameters
        self.depth = task.depth

    def step(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        self.prepare(inputs, labels)
        self.model.partial_fit(inputs, labels)

    def prepare(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        """Makes what scikit-learn makes with its first batch only, without the step on it."""
        if self.first is None:
            return
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.partial_fit(inputs, labels, classes=self.classes)
        del self.model._optimizer
        self.set_parameters(self.first)
        self.model.t_ = 0
        self.first = None

    def set_parameters(self, parameters: dict[str, np.ndarray]) -> None:
        for index in range(self.depth):
            self.model.coefs_[index] = parameters[f"layers.{index}.weight"].T.copy()
            self.model.intercepts_[index] = parameters[f"layers.{index}.bias"].copy()

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        parameters = {}
        for index in range(self.depth):
            parameters[f"layers.{index}.weight"] = self.model.coefs_[index].T.copy()
            parameters[f"layers.{index}.bias"] = self.model.intercepts_[index].copy()
        return parameters

    LISTS = ("velocities", "ms", "vs")

    def save(self) -> dict[str, np.ndarray]:
        model, optimizer = self.model, self.model._optimizer
        arrays = {f"coefs_.{k}": value for k, value in enumerate(model.coefs_)}
        arrays |= {f"intercepts_.{k}": value for k, value in enumerate(model.intercepts_)}
        for name in self.LISTS:
            for k, value in enumerate(getattr(optimizer, name, [])):
                arrays[f"_optimizer.{name}.{k}"] = value
        if hasattr(optimizer, "t"):
            arrays["_optimizer.t"] = np.array(optimizer.t)
        return arrays | {"t_": np.array(model.t_)}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        sizes = len(self.first["layers.0.bias"]), self.first["layers.0.weight"].shape[1]
        assert all(sizes)
        # One step on anything makes the lists, which are then filled.
        self.prepare(np.zeros((2, sizes[1])), self.classes[:2])
        self.model.partial_fit(np.zeros((2, sizes[1])), self.classes[:2])
        optimizer = self.model._optimizer
        for k in range(self.depth):
            self.model.coefs_[k] = arrays[f"coefs_.{k}"].copy()
            self.model.intercepts_[k] = arrays[f"intercepts_.{k}"].copy()
        for name in self.LISTS:
            values = getattr(optimizer, name, [])
            for k, value in enumerate(values):
                # Without momentum there is a list of velocities too, which nothing reads.
                is_needed = name != "velocities" or optimizer.momentum != 0
                found = arrays[f"_optimizer.{name}.{k}"] if is_needed else np.zeros_like(value)
                values[k] = found.copy()
        if hasattr(optimizer, "t"):
            optimizer.t = int(arrays["_optimizer.t"])


class MLX:
    """mlx.optimizers, which computes in float32 on the CPU; gradients are numpy's in float64."""

    dialect = "mlx"

    def __init__(self, rule: str, task: Task):
        import mlx.core as mx
        import mlx.optimizers as optimizers

        mx.set_default_device(mx.cpu)
        self.mx = mx
        numbers = dict(task.numbers)
        rate = numbers["learning_rate"]
        moments = {
            "betas": [numbers.get("beta1"), numbers.get("beta2")],
            "bias_correction": numbers.get("bias_correction"),
        }
        match rule:
            case "mlx":
                self.optimizer = optimizers.SGD(
                    rate, momentum=numbers["momentum"], dampening=numbers.get("dampening", 0.0),
                    weight_decay=numbers.get("weight_decay", 0.0),
                    nesterov=numbers.get("nesterov", False),
                )  # fmt: skip
            case "mlx_adam":
                self.optimizer = optimizers.Adam(rate, eps=numbers["epsilon"], **moments)
            case "mlx_adamw":
                self.optimizer = optimizers.AdamW(
                    rate, eps=numbers["epsilon"], weight_decay=numbers["weight_decay"], **moments
                )
            case "mlx_rmsprop":
                self.optimizer = optimizers.RMSprop(
                    rate, alpha=numbers["alpha"], eps=numbers["epsilon"]
                )
            case "mlx_adagrad":
                self.optimizer = optimizers.Adagrad(rate, eps=numbers["epsilon"])
        self.tree = self.nested(task.parameters)
        self.depth = task.depth

    def nested(self, parameters: dict[str, np.ndarray]) -> dict:
        layers = []
        for index in range(len(parameters) // 2):
            layers.append(
                {
                    kind: self.mx.array(parameters[f"layers.{index}.{kind}"].astype(np.float32))
                    for kind in ("weight", "bias")
                }
            )
        return {"layers": layers}

    def step(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        values = {name: value.astype(np.float64) for name, value in self.parameters.items()}
        network = reference.Network(values, "tanh", "softmax_cross_entropy")
        gradients = self.nested(network.gradients(inputs, labels))
        self.tree = self.optimizer.apply_gradients(gradients, self.tree)
        self.mx.eval(self.tree, self.optimizer.state)

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        return {
            f"layers.{index}.{kind}": np.array(layer[kind])
            for index, layer in enumerate(self.tree["layers"])
            for kind in ("weight", "bias")
        }

    def save(self) -> dict[str, np.ndarray]:
        from mlx.utils import tree_flatten

        arrays = dict(tree_flatten(self.tree))
        arrays |= {f"optimizer.{key}": value for key, value in tree_flatten(self.optimizer.state)}
        return {key: np.array(value) for key, value in arrays.items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        from mlx.utils import tree_unflatten

        own = [
            (key.removeprefix("optimizer."), self.mx.array(value))
            for key, value in arrays.items()
            if key.startswith("optimizer.")
        ]
        self.tree = self.nested({name: arrays[name] for name in self.parameters})
        self.optimizer.state = tree_unflatten(own)


LIBRARIES = {library.dialect: library for library in (Torch, Keras, KerasNamed, Optax, ScikitLearn, MLX)}
