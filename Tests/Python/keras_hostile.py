"""Files that no Keras writes, and how each must end: the code of the error, or `reads`; and at which byte."""

import json
import math
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np

KERNEL = np.arange(6, dtype="float32").reshape(2, 3)
BIAS = np.zeros(3, "float32")


class Legacy:
    """A sound legacy file of one layer, for changes."""

    def __init__(self, path: Path):
        self.file = h5py.File(path, "w")
        self.model = self.file.create_group("model_weights")
        self.layer = self.model.create_group("dense")
        self.layer["dense/kernel"] = KERNEL
        self.layer["dense/bias"] = BIAS
        self.state = self.file.create_group("optimizer_weights")
        self.state["sgd/iteration"] = np.array(1, "int64")
        self.state["sgd/dense_kernel_momentum"] = KERNEL
        self.lists(["dense"], ["dense/kernel", "dense/bias"])
        self.state.attrs["weight_names"] = ["sgd/iteration", "sgd/dense_kernel_momentum"]

    def lists(self, layers, weights) -> None:
        self.model.attrs["layer_names"] = layers
        self.layer.attrs["weight_names"] = weights


def two_layers(legacy: Legacy) -> h5py.Group:
    legacy.model.attrs["layer_names"] = ["dense", "other"]
    return legacy.model


def soft_layer(legacy):
    two_layers(legacy)["other"] = h5py.SoftLink("/model_weights/dense")


def external_layer(legacy):
    two_layers(legacy)["other"] = h5py.ExternalLink("/etc/passwd", "/model_weights/dense")


def soft_weight(legacy):
    del legacy.layer["dense/bias"]
    legacy.layer["dense/bias"] = h5py.SoftLink("/optimizer_weights/sgd/iteration")


def external_weight(legacy):
    del legacy.layer["dense/bias"]
    legacy.layer["dense/bias"] = h5py.ExternalLink("other.h5", "/x")


def external_storage(legacy):
    del legacy.layer["dense/bias"]
    legacy.layer.create_dataset("dense/bias", (3,), "float32", external=[("/etc/passwd", 0, 12)])


def virtual(legacy):
    del legacy.layer["dense/bias"]
    layout = h5py.VirtualLayout((3,), "float32")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
    legacy.layer.create_virtual_dataset("dense/bias", layout)


def shape_bomb(legacy):
    del legacy.layer["dense/bias"]
    legacy.layer.create_dataset("dense/bias", (1 << 38,), "float32", chunks=(1 << 20,), compression="gzip")


def chunk_bomb(legacy):
    del legacy.layer["dense/bias"]
    legacy.layer.create_dataset("dense/bias", (1 << 29,), "float32", chunks=(1 << 29,), compression="gzip")


def weight_above(legacy):
    legacy.lists(["dense"], ["dense/kernel", "../../optimizer_weights/sgd/iteration"])


def weight_from_root(legacy):
    legacy.lists(["dense"], ["dense/kernel", "/optimizer_weights/sgd/iteration"])


def weight_missing(legacy):
    legacy.lists(["dense"], ["dense/kernel", "dense/bias", "dense/scale"])


def weight_twice(legacy):
    legacy.lists(["dense"], ["dense/kernel", "dense/kernel"])


def weight_is_group(legacy):
    legacy.lists(["dense"], ["dense/kernel", "dense"])


def layer_twice(legacy):
    legacy.lists(["dense", "dense"], ["dense/kernel", "dense/bias"])


def layer_missing(legacy):
    legacy.lists(["dense", "conv"], ["dense/kernel", "dense/bias"])


def layer_above(legacy):
    legacy.lists(["dense", "../optimizer_weights"], ["dense/kernel", "dense/bias"])


def layers_are_numbers(legacy):
    legacy.model.attrs["layer_names"] = [1, 2]


def layers_are_one_text(legacy):
    legacy.model.attrs["layer_names"] = "dense"


def layers_are_a_table(legacy):
    legacy.model.attrs.create("layer_names", np.array([[b"dense", b"x"]]))


def weights_are_numbers(legacy):
    legacy.layer.attrs["weight_names"] = [0.5]


def six_thousand_layers(legacy):
    for number in range(2):
        legacy.model.attrs[f"layer_names{number}"] = np.arange(3000).astype("S5")
    del legacy.model.attrs["layer_names"]


def optimizer_missing(legacy):
    legacy.state.attrs["weight_names"] = ["sgd/iteration", "sgd/dense_bias_momentum"]


def deep_groups(legacy):
    legacy.layer.create_group("/".join(66 * "x"))


def group_in_itself(legacy):
    legacy.layer["again"] = legacy.model


def odd_names(legacy):
    legacy.state["sgd/dense_kernel__"] = KERNEL
    legacy.state["sgd/_"] = KERNEL
    names = ["sgd/iteration", "sgd/dense_kernel_momentum", "sgd/dense_kernel__", "sgd/_"]
    legacy.state.attrs["weight_names"] = names


def same_names(legacy):
    legacy.state["other/iteration"] = np.array(2, "int64")
    legacy.state.attrs["weight_names"] = [
        "sgd/iteration", "other/iteration", "sgd/dense_kernel_momentum"
    ]  # fmt: skip


def model_cut(legacy):
    legacy.file.attrs["model_config"] = '{"class_name": "Sequential", "config":'


def model_is_a_number(legacy):
    legacy.file.attrs["model_config"] = 7


def training_is_not_json(legacy):
    legacy.file.attrs["training_config"] = "{'optimizer_config': None}"


def training_is_a_list(legacy):
    legacy.file.attrs["training_config"] = "[]"


def combining_marks(legacy):
    legacy.layer["a" + 300 * "\u0301"] = BIAS


LEGACY = {
    soft_layer: "unsupported", external_layer: "unsupported", soft_weight: "unsupported",
    external_weight: "unsupported", external_storage: "unsupported", virtual: "unsupported",
    shape_bomb: "limit_exceeded", chunk_bomb: "limit_exceeded", weight_above: "malformed",
    weight_from_root: "malformed", weight_missing: "malformed", weight_twice: "malformed",
    weight_is_group: "malformed", layer_twice: "malformed", layer_missing: "malformed",
    layer_above: "malformed", layers_are_numbers: "malformed", layers_are_one_text: "malformed",
    layers_are_a_table: "reads", weights_are_numbers: "malformed",
    six_thousand_layers: "malformed", optimizer_missing: "malformed",
    deep_groups: "limit_exceeded", group_in_itself: "reads", odd_names: "reads", same_names: "reads",
    combining_marks: "limit_exceeded", model_cut: "truncated", model_is_a_number: "malformed",
    training_is_not_json: "malformed", training_is_a_list: "malformed",
}  # fmt: skip


def stored(change=None) -> bytes:
    """A sound model.weights.h5 of one layer and its optimizer, for changes."""
    from io import BytesIO

    target = BytesIO()
    with h5py.File(target, "w") as file:
        layer = file.create_group("layers/dense/vars")
        layer.attrs["name"] = "dense"
        layer["0"], layer["1"] = KERNEL, BIAS
        state = file.create_group("optimizer/vars")
        state["0"], state["1"] = np.array(1, "int32"), np.array(0.1, "float32")
        state["2"], state["3"] = KERNEL, BIAS
        if change:
            change(file)
    return target.getvalue()


def configuration(**changes) -> str:
    dense = {"class_name": "Dense", "config": {"name": "dense", "use_bias": True}}
    sgd = {"class_name": "SGD", "config": {"learning_rate": 0.1, "momentum": 0.9}}
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense]}}
    return json.dumps(model | {"compile_config": {"optimizer": sgd}} | changes)


def odd_numbers(file):
    file["layers/dense/vars/00"] = BIAS
    file["layers/dense/vars/-1"] = BIAS
    file["layers/dense/vars/99999999999999999999"] = BIAS


def name_with_slashes(file):
    file["layers/dense/vars"].attrs["name"] = "../../optimizer"


def name_is_a_number(file):
    file["layers/dense/vars"].attrs["name"] = 7


def link_for_a_variable(file):
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = h5py.ExternalLink("/etc/passwd", "/")


def other_shape(file):
    del file["optimizer/vars/3"]
    file["optimizer/vars/3"] = np.zeros(7, "float32")


def two_of_one_name(file):
    file.create_group("layers/dense_1/vars").attrs["name"] = "dense"
    file["layers/dense_1/vars/0"] = KERNEL
    file["layers/dense_1/vars/1"] = BIAS


DEEP = "[" * 5000 + "]" * 5000
MANY = {"name": "s", "layers": [{"class_name": "Dense", "config": {"name": f"d{n}"}} for n in range(9999)]}
LAYERS = {"name": "s", "layers": {"class_name": 7, "config": []}}

ARCHIVES = {
    "not-json": ("{", None, "truncated"),
    "second-comma": ('{"class_name": "Sequential",, "config": {}}', None, "malformed"),
    "list-json": ("[]", None, "malformed"),
    "not-utf8": (b"\xff{}", None, "malformed"),
    "deep-json": ('{"config": ' + DEEP + "}", None, "limit_exceeded"),
    "null-json": ("null", None, "malformed"),
    "layers-are-an-object": (configuration(config=LAYERS), None, "reads"),
    "optimizer-is-a-text": (configuration(compile_config={"optimizer": "sgd"}), None, "reads"),
    "numbers-that-are-words": (configuration(weights=[math.nan, -math.inf, "NaN"]), None, "reads"),
    "ten-thousand-layers": (configuration(config=MANY), None, "reads"),
    "odd-numbers": (configuration(), odd_numbers, "reads"),
    "name-with-slashes": (configuration(), name_with_slashes, "reads"),
    "name-is-a-number": (configuration(), name_is_a_number, "reads"),
    "link-for-a-variable": (configuration(), link_for_a_variable, "reads"),
    "other-shape": (configuration(), other_shape, "reads"),
    "two-of-one-name": (configuration(), two_of_one_name, "reads"),
}


def archive(path: Path, members: list, compression=zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, compression)


def make(folder: Path) -> dict[str, list]:
    """Writes the files; returns how each ends: the code, and the offset if it has one."""
    codes = {}
    for change, code in LEGACY.items():
        name = change.__name__.replace("_", "-") + ".h5"
        legacy = Legacy(folder / name)
        change(legacy)
        legacy.file.close()
        codes[name] = code
    for name, (text, change, code) in ARCHIVES.items():
        members = [("config.json", text), ("model.weights.h5", stored(change))]
        archive(folder / f"{name}.keras", members, zipfile.ZIP_DEFLATED)
        codes[f"{name}.keras"] = code
    good = stored()
    sound = [("config.json", configuration()), ("model.weights.h5", good)]
    for name, members, code in (
        ("versions-cut", [*sound, ("metadata.json", '{"keras_version": "3.15')], "truncated"),
        ("versions-null", [*sound, ("metadata.json", " null")], "malformed"),
        ("slip", [*sound, ("../../slip", "x")], "malformed"),
        ("absolute", [*sound, ("/etc/x", "x")], "malformed"),
        ("no-hdf5", [sound[0], ("model.weights.h5", b"HDF is what this is not" * 9)], "malformed"),
        ("empty-hdf5", [sound[0], ("model.weights.h5", b"")], "truncated"),
        ("short-hdf5", [sound[0], ("model.weights.h5", good[:3000])], "truncated"),
        ("pickled", [sound[0], ("model.weights.npz", b"PK")], "unsupported"),
    ):
        archive(folder / f"{name}.keras", members)
        codes[f"{name}.keras"] = code
    archive(
        folder / "document-bomb.keras", [("config.json", b" " * (65 << 20)), sound[1]],
        zipfile.ZIP_DEFLATED,
    )  # fmt: skip
    codes["document-bomb.keras"] = "limit_exceeded"
    archive(folder / "flipped.keras", sound)
    data = bytearray((folder / "flipped.keras").read_bytes())
    data[data.index(KERNEL.tobytes()) + 5] ^= 4
    (folder / "flipped.keras").write_bytes(data)
    codes["flipped.keras"] = "corrupted"
    archive(folder / "encrypted.keras", sound)
    data = bytearray((folder / "encrypted.keras").read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        name = data.index(b"model.weights.h5")
        start = data.rindex(signature, 0, name if offset == 6 else data.rindex(b"model.weights.h5"))
        data[start + offset : start + offset + 2] = struct.pack("<H", 1)
    (folder / "encrypted.keras").write_bytes(data)
    codes["encrypted.keras"] = "unsupported"
    codes |= shards(folder)
    return {name: [code, place_of(folder / name)] for name, code in codes.items()}


# Where errors are that have a place: in a document, or in the archive.
OFFSETS = {
    "model-cut.h5": 38, "training-is-not-json.h5": 1, "training-is-a-list.h5": 0,
    "not-json.keras": 1, "second-comma.keras": 28, "list-json.keras": 0, "not-utf8.keras": 0,
    "deep-json.keras": 74, "null-json.keras": 0, "versions-cut.keras": 23, "versions-null.keras": 0,
    "short-hdf5.keras": 3000,
}  # fmt: skip


def place_of(path: Path) -> int | None:
    """The offset that the error of a file is to have."""
    data = path.read_bytes()
    match path.name:
        case "combining-marks.h5":
            return data.index(b"a\xcc\x81")
        # The archive's directory says the names, and in front of them the flags.
        case "slip.keras":
            return data.rindex(b"../../slip")
        case "absolute.keras":
            return data.rindex(b"/etc/x")
        case "encrypted.keras":
            return data.rindex(b"model.weights.h5") - 46 + 8
        case "flipped.keras":
            return data.index(b"\x89HDF")
    return OFFSETS.get(path.name)


def shards(folder: Path) -> dict[str, str]:
    (folder / "shard.h5").write_bytes(stored())
    (folder / "no-shard.h5").write_bytes(b"nothing")
    maps = {
        "above": ({"/layers/dense/vars": "../adam.h5"}, "malformed"),
        "absolute": ({"/layers/dense/vars": ["/etc/x.h5"]}, "malformed"),
        "dots": ({"/layers/dense/vars": ["shard.h5", "..h5", "."]}, "malformed"),
        "gone": ({"/layers/dense/vars": ["gone.h5"]}, "not_found"),
        "no-hdf5": ({"/layers/dense/vars": "no-shard.h5"}, "malformed"),
        "missing-group": ({"/layers/conv/vars": "shard.h5"}, "malformed"),
        "number": ({"/layers/dense/vars": 7}, "malformed"),
        "sound": ({"/layers/dense/vars": "shard.h5", "/optimizer/vars": ["shard.h5"]}, "reads"),
    }
    for name, (content, _) in maps.items():
        (folder / f"{name}.weights.json").write_text(json.dumps({"weight_map": content}))
    return {f"{name}.weights.json": code for name, (_, code) in maps.items()}
