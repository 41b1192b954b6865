"""Files of Keras, and the names and values that Flywheel must find in them."""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import numpy as np

OPTIMIZERS = {
    "sgd": ("SGD", {"momentum": 0.9}),
    "plain": ("SGD", {}),
    "averaged": ("SGD", {"momentum": 0.9, "use_ema": True, "gradient_accumulation_steps": 2}),
    "adam": ("Adam", {}),
    "amsgrad": ("Adam", {"amsgrad": True}),
    "adamw": ("AdamW", {}),
    "rmsprop": ("RMSprop", {"momentum": 0.9, "centered": True}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {}),
    "adamax": ("Adamax", {}),
    "nadam": ("Nadam", {}),
    "ftrl": ("Ftrl", {}),
    "lion": ("Lion", {}),
    "lamb": ("Lamb", {}),
}


def dense(keras, optimizer):
    """A small network of dense layers, not trained yet."""
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(5, activation="tanh"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(3),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer, "mse")
    return model


def layered(keras, optimizer):
    """Layers of many kinds: in one another, with parts, without biases, and one that is not trained."""
    layers = keras.layers
    pictures = keras.Input((6, 6, 2))
    left = layers.BatchNormalization(scale=False)(layers.Conv2D(3, 3)(pictures))
    left = layers.GlobalAveragePooling2D()(left)
    inner = keras.Sequential(
        [layers.Dense(4), layers.Dense(4, use_bias=False, trainable=False)], name="inner"
    )
    words = keras.Input((5,))
    right = layers.Bidirectional(layers.LSTM(2))(layers.Embedding(7, 3)(words))
    right = layers.LayerNormalization()(right)
    output = layers.Dense(2)(layers.Concatenate()([inner(left), right]))
    model = keras.Model([pictures, words], output)
    model.compile(optimizer, "mse")
    return model


def train(keras, model, steps: int = 3) -> None:
    random = np.random.default_rng(5)
    for _ in range(steps):
        samples = [
            random.integers(0, 7, (4, *each.shape[1:])) if len(each.shape) == 2 and "embedding" in
            [layer.name.split("_")[0] for layer in model.layers] else
            random.normal(size=(4, *each.shape[1:])).astype("float32")
            for each in model.inputs
        ]  # fmt: skip
        targets = random.normal(size=(4, *model.outputs[0].shape[1:])).astype("float32")
        model.train_on_batch(samples if len(samples) > 1 else samples[0], targets)


def expected(model) -> dict[str, np.ndarray]:
    """Every variable under the name that it has in Flywheel, from what Keras itself calls it."""
    found, words = {}, {}
    for layer in model.layers:
        for variable in layer.weights:
            parts = variable.path.split("/")
            if parts[0] == model.name and layer.name in parts[1:2]:
                parts = parts[1:]
            own = parts[1:] if parts[0] == layer.name else parts
            name = "/".join([layer.name, *own])
            found[f"layers/{name}"] = variable
            words[variable.path.replace("/", "_")] = name
    optimizer = model.optimizer
    for variable in optimizer.variables:
        own = variable.path.split("/")[-1]
        match = max((word for word in words if own.startswith(word + "_")), key=len, default=None)
        name = own if match is None else f"{own[len(match) + 1:]}/{words[match]}"
        if variable is getattr(optimizer, "_u_product", None):
            name = "u_product"
        found[f"optimizer/{name}"] = variable
    return {key: np.array(variable) for key, variable in found.items()}


# What TensorFlow's Keras wrote, from its sources (tf_keras 2.15): saving/legacy/hdf5_format.py saves
# optimizer.variables by name, which are iteration and, for each variable, m/…, v/… (optimizers/adam.py), or,
# before 2.11, iter, all m and then all v (optimizers/legacy/adam.py).

TENSORFLOW = {"keras_version": "2.15.0", "backend": "tensorflow"}


def tensorflow(path: Path, style: str) -> dict[str, np.ndarray]:
    """Writes the legacy file of two dense layers under Adam; returns what is in it."""
    random = np.random.default_rng(6)
    shapes = {"dense/kernel": (4, 5), "dense/bias": (5,), "dense_1/kernel": (5, 3), "dense_1/bias": (3,)}
    weights = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    slots = {
        (slot, name): random.normal(size=shape).astype("float32")
        for slot in "mv" for name, shape in shapes.items()
    }  # fmt: skip
    found = {f"layers/{name}": value for name, value in weights.items()}
    counter = "iteration" if style == "2.15" else "iter"
    found[f"optimizer/{counter}"] = np.array(7, "int64")
    if style == "2.15":
        order = [(slot, name) for name in shapes for slot in "mv"]
        names = {key: "Adam/{}/{}:0".format(*key) for key in order}
        listed = {"iteration:0": np.array(7, "int64")}
    else:
        order = [(slot, name) for slot in "mv" for name in shapes]
        names = {key: "training/Adam/{1}/{0}:0".format(*key) for key in order}
        listed = {"training/Adam/iter:0": np.array(7, "int64")}
    for key in order:
        listed[names[key]] = slots[key]
        found["optimizer/{}/{}".format(*key)] = slots[key]
    config = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.01, "beta_1": 0.9,
              "beta_2": 0.999, "epsilon": 1e-07, "amsgrad": False}}  # fmt: skip
    legacy(path, weights, config, listed)
    return found


def legacy(path: Path, weights: dict, config: dict, listed: dict) -> None:
    """Writes the legacy file of two dense layers, `dense` and `dense_1`."""
    with h5py.File(path, "w") as file:
        file.attrs.update(TENSORFLOW)
        file.attrs["training_config"] = json.dumps({"loss": "mse", "optimizer_config": config})
        group = file.create_group("model_weights")
        group.attrs.update(TENSORFLOW)
        # Lists that are long are in several attributes.
        group.attrs["layer_names0"] = np.array([b"dense", b"dropout"])
        group.attrs["layer_names1"] = np.array([b"dense_1", b"input_1"])
        for layer in ("dense", "dense_1", "dropout", "input_1", "top_level_model_weights"):
            inner = group.create_group(layer)
            own = [name for name in weights if name.startswith(layer + "/")]
            inner.attrs["weight_names"] = [f"{name}:0".encode() for name in own]
            for name in own:
                inner[f"{name}:0"] = weights[name]
        state = file.create_group("optimizer_weights")
        state.attrs["weight_names"] = [name.encode() for name in listed]
        for name, value in listed.items():
            state[name] = value


# How its SGD names a momentum: of OptimizerV2 in a graph and in eager mode (tf_keras/optimizers/legacy/
# gradient_descent.py), and since 2.11 (optimizers/sgd.py).
MOMENTA = {
    "graph": ("training/SGD/{}/momentum:0", "training/SGD/iter:0"),
    "eager": ("SGD/{}/momentum:0", "SGD/iter:0"),
    "2.15": ("SGD/m/{}:0", "iteration:0"),
}


def tensorflow_sgd(path: Path, style: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Writes the legacy file of two dense layers under SGD; returns weights and momenta by names."""
    random = np.random.default_rng(7)
    shapes = {"dense/kernel": (4, 5), "dense/bias": (5,), "dense_1/kernel": (5, 3), "dense_1/bias": (3,)}
    weights, momenta = (
        {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
        for _ in range(2)
    )
    name, counter = MOMENTA[style]
    listed = {counter: np.array(7, "int64")} | {name.format(key): momenta[key] for key in shapes}
    config = {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": 0.01, "decay": 0.0,
              "momentum": 0.9, "nesterov": False}}  # fmt: skip
    legacy(path, weights, config, listed)
    return weights, momenta


def save(keras, model, path: Path) -> None:
    """Saves in the way that the name asks for; `weights.h5` is a legacy file of weights only."""
    if path.name == "weights.h5":
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    elif path.name.endswith(".weights.json"):
        model.save_weights(path, max_shard_size=3e-7)
    elif path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
