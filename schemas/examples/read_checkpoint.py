"""Reads a Flywheel checkpoint with nothing but h5py, numpy and zlib: read_checkpoint.py FILE"""
import json
import sys
import zlib

import h5py

# What numpy calls the types that it does not know.
OPAQUE = {"bfloat16": "void16", "float8_e4m3fn": "void8", "float8_e5m2": "void8"}


def component(name):
    """A name as one component of a path."""
    return name.replace("%", "%25").replace("/", "%2F") if name.strip(".") else "%2E" * len(name)


def read_checkpoint(path):
    """The document, the parameters, and the buffers of each slot; ValueError if any byte has changed."""
    with h5py.File(path, "r") as file:
        text = file["flywheel.metadata"][()].tobytes()
        if text[-20:] != b',"crc32":"%08x"}' % zlib.crc32(text[:-20]):
            raise ValueError("the document does not match its CRC-32")
        document = json.loads(text)
        if document["format"] != "flywheel.checkpoint" or document["schema"] not in (1, 2):
            raise ValueError("this is no Flywheel checkpoint of schema 1 or 2")
        tensors = {key: file[key][()] for key in document["tensors"]}
    for key, entry in document["tensors"].items():
        tensor = tensors[key]
        dtype = OPAQUE.get(entry["dtype"], entry["dtype"])
        if [tensor.dtype.name, list(tensor.shape)] != [dtype, entry["shape"]]:
            raise ValueError(f"{key} is not what the index says")
        if f"{zlib.crc32(tensor.tobytes()):08x}" != entry["crc32"]:
            raise ValueError(f"{key} does not match its CRC-32")
    parameters, slots = {}, {}
    for name in (parameter["name"] for parameter in document["parameters"]):
        parameters[name] = tensors[f"model/{component(name)}"]
        for key in tensors:
            if key.startswith("optimizer/") and key.endswith(f"/{component(name)}"):
                slots.setdefault(key.split("/")[1], {})[name] = tensors[key]
    return document, parameters, slots


if __name__ == "__main__":
    document, parameters, slots = read_checkpoint(sys.argv[1])
    print(f"step {document['optimizer']['step']}, all {len(document['tensors'])} tensors whole")
    for name, value in parameters.items():
        buffers = [slot for slot, buffer in slots.items() if name in buffer]
        print(name, value.dtype, value.shape, " ".join(buffers) or "no buffer yet")
