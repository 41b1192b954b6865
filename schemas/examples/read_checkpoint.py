"""Reads a Flywheel checkpoint with nothing but h5py, numpy and zlib: read_checkpoint.py FILE"""
import json
import sys
import zlib

import h5py


def component(name):
    """A name as one component of a path."""
    return name.replace("%", "%25").replace("/", "%2F") if name.strip(".") else "%2E" * len(name)


def read_checkpoint(path):
    """The document, the parameters and their velocities; ValueError if any byte has changed."""
    with h5py.File(path, "r") as file:
        text = file["flywheel.metadata"][()].tobytes()
        if text[-20:] != b',"crc32":"%08x"}' % zlib.crc32(text[:-20]):
            raise ValueError("the document does not match its CRC-32")
        document = json.loads(text)
        if document["format"] != "flywheel.checkpoint" or document["schema"] != 1:
            raise ValueError("this is no Flywheel checkpoint of schema 1")
        tensors = {key: file[key][()] for key in document["tensors"]}
    for key, entry in document["tensors"].items():
        tensor = tensors[key]
        if [tensor.dtype.name, list(tensor.shape)] != [entry["dtype"], entry["shape"]]:
            raise ValueError(f"{key} is not what the index says")
        if f"{zlib.crc32(tensor.tobytes()):08x}" != entry["crc32"]:
            raise ValueError(f"{key} does not match its CRC-32")
    names = [parameter["name"] for parameter in document["parameters"]]
    keys = {name: f"optimizer/velocity/{component(name)}" for name in names}
    velocities = {name: tensors[key] for name, key in keys.items() if key in tensors}
    return document, {name: tensors[f"model/{component(name)}"] for name in names}, velocities


if __name__ == "__main__":
    document, parameters, velocities = read_checkpoint(sys.argv[1])
    print(f"step {document['optimizer']['step']}, all {len(document['tensors'])} tensors whole")
    for name, value in parameters.items():
        print(name, value.dtype, value.shape, "velocity" if name in velocities else "no velocity yet")
