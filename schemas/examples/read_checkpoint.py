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
        if document["format"] != "flywheel.checkpoint" or document["schema"] not in (1, 2, 3):
            raise ValueError("this is no Flywheel checkpoint of schema 1, 2 or 3")
        tensors = [file[key][()] for key in document["tensors"]]
    parameters, slots, layout = {}, {}, document.get("layout") or {"tensors": {}, "counters": []}
    own = {place["tensor"]: (key, place["arrangement"]) for key, place in layout["tensors"].items()}
    for (key, entry), tensor in zip(document["tensors"].items(), tensors):
        said = [tensor.dtype.name, list(tensor.shape), f"{zlib.crc32(tensor.tobytes()):08x}"]
        if said != [OPAQUE.get(entry["dtype"], entry["dtype"]), entry["shape"], entry["crc32"]]:
            raise ValueError(f"{key} does not match its CRC-32, dtype or shape")
        name, how = own.get(key, (key, "identity"))
        part, *names = map(unquote, name.split("/"))
        if part in ("model", "optimizer") and key not in layout["counters"]:
            tensor = {"identity": tensor, "transposed": tensor.T}.get(how, tensor.reshape(-1))
            (slots.setdefault(names[0], {}) if names[1:] else parameters)[names[-1]] = tensor
    return document, parameters, slots


if __name__ == "__main__":
    document, parameters, slots = read_checkpoint(sys.argv[1])
    print(f"step {document['optimizer']['step']}, all {len(document['tensors'])} tensors whole")
    for name, value in parameters.items():
        print(name, value.dtype, value.shape, *[s for s in slots if name in slots[s]] or ["no buffer yet"])
