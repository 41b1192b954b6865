"""Reads a Flywheel checkpoint with nothing but h5py, numpy and zlib: read_checkpoint.py FILE"""
import json
import sys
import zlib
from urllib.parse import unquote

import h5py

OPAQUE = {"bfloat16": "void16", "float8_e4m3fn": "void8", "float8_e5m2": "void8"}  # for numpy


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
    parameters, slots = {}, {}
    for key, entry in document["tensors"].items():
        tensor, dtype = tensors[key], OPAQUE.get(entry["dtype"], entry["dtype"])
        if [tensor.dtype.name, list(tensor.shape)] != [dtype, entry["shape"]]:
            raise ValueError(f"{key} is not what the index says")
        if f"{zlib.crc32(tensor.tobytes()):08x}" != entry["crc32"]:
            raise ValueError(f"{key} does not match its CRC-32")
        part, *slot, name = map(unquote, key.split("/"))
        if part in ("model", "optimizer"):
            (slots.setdefault(*slot, {}) if slot else parameters)[name] = tensor
    return document, parameters, slots


if __name__ == "__main__":
    document, parameters, slots = read_checkpoint(sys.argv[1])
    print(f"step {document['optimizer']['step']}, all {len(document['tensors'])} tensors whole")
    for name, value in parameters.items():
        buffers = [slot for slot, buffer in slots.items() if name in buffer]
        print(name, value.dtype, value.shape, *buffers or ["no buffer yet"])
