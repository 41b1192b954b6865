"""Reads a checkpoint as its documentation says, with plain h5py: no code of Flywheel is needed."""

import io
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

DOCUMENT = "flywheel.metadata"


@dataclass
class Checkpoint:
    """The tensors of a checkpoint under their paths, and its document."""

    document_bytes: bytes
    tensors: dict[str, np.ndarray]
    attributes: dict

    @property
    def document(self) -> dict:
        return json.loads(self.document_bytes)

    def below(self, prefix: str) -> dict[str, np.ndarray]:
        """The tensors below a group, under the rest of their paths."""
        return {
            key.removeprefix(prefix + "/"): value
            for key, value in self.tensors.items()
            if key.startswith(prefix + "/")
        }

    @property
    def model(self) -> dict[str, np.ndarray]:
        return self.below("model")

    @property
    def slots(self) -> dict[str, dict[str, np.ndarray]]:
        """The optimizer's buffers: slot, then parameter."""
        slots = {}
        for key, value in self.below("optimizer").items():
            slot, name = key.split("/")
            slots.setdefault(slot, {})[name] = value
        return slots

    @property
    def velocity(self) -> dict[str, np.ndarray]:
        return self.slots.get("velocity", {})

    @property
    def history(self) -> dict[str, np.ndarray]:
        return self.below("history")

    @property
    def random(self) -> dict[str, np.ndarray]:
        return self.below("random")

    @property
    def step(self) -> int:
        return self.document["optimizer"]["step"]

    @property
    def layers(self) -> int:
        return len(self.model) // 2

    def stable_document(self) -> dict:
        """The document without what two equal runs may differ in."""
        document = self.document
        del document["saved"], document["crc32"]
        return document


def read(path: Path | io.BytesIO) -> Checkpoint:
    """Reads a whole checkpoint."""
    tensors = {}

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            tensors[name] = item[...]

    with h5py.File(path, "r") as file:
        file.visititems(visit)
        attributes = {
            name: value.decode() if isinstance(value, bytes) else value.item()
            for name, value in file.attrs.items()
        }
    document = tensors.pop(DOCUMENT).tobytes()
    # h5py lists by name; the order that the file's writer meant is the index's.
    order = {key: place for place, key in enumerate(json.loads(document)["tensors"])}
    ordered = dict(sorted(tensors.items(), key=lambda item: order.get(item[0], len(order))))
    return Checkpoint(document, ordered, attributes)


def seal(document: dict) -> bytes:
    """A document's bytes with the checksum that belongs to them, as its last member."""
    members = {name: value for name, value in document.items() if name != "crc32"}
    body = json.dumps(members, separators=(",", ":")).encode()[:-1]
    return body + b',"crc32":"%08x"}' % zlib.crc32(body)


def sealed_checksum(document: bytes) -> tuple[str, str]:
    """The checksum that a document ends in, and the one that its bytes have."""
    found = re.fullmatch(rb'(\{.*),"crc32":"([0-9a-f]{8})"\}', document, re.DOTALL)
    assert found, "the document does not end in its checksum"
    return found[2].decode(), f"{zlib.crc32(found[1]):08x}"


def damage(path: Path) -> str | None:
    """What is wrong with a file; None if every byte that a checksum covers is as it was written."""
    # All at once: libhdf5 asks for the name again, which may be gone by then.
    data = io.BytesIO(path.read_bytes())
    try:
        file = read(data)
        stored, actual = sealed_checksum(file.document_bytes)
    except (OSError, KeyError, ValueError, RuntimeError, AssertionError) as error:
        return f"{path.name} cannot be read: {error!r}"
    if stored != actual:
        return f"{path.name}: the document is not what its checksum says"
    index = file.document["tensors"]
    if set(index) != set(file.tensors):
        return f"{path.name}: {set(index) ^ set(file.tensors)} missing or too much"
    for key, entry in index.items():
        if entry["crc32"] != f"{zlib.crc32(file.tensors[key].tobytes()):08x}":
            return f"{path.name}: {key} is not what its checksum says"
    return None


# HDF5 has no name for these: they are opaque, with an attribute that says what they are.
OPAQUE = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


def little_endian(value: np.ndarray) -> bytes:
    """The bytes that a checksum covers, whatever the order in the file."""
    return value.astype(value.dtype.newbyteorder("<")).tobytes()


def write(path: Path, document: dict, tensors: dict[str, np.ndarray], **filters) -> Path:
    """Writes a checkpoint in plain h5py: its index and all checksums belong to the tensors.

    With filters, as h5py takes them, every tensor that is no scalar has several chunks.
    """
    index = {
        key: {
            "dtype": value.dtype.name,
            "shape": list(value.shape),
            "crc32": f"{zlib.crc32(little_endian(value)):08x}",
        }
        for key, value in tensors.items()
    }
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        for key, value in tensors.items():
            is_opaque = value.dtype.name in OPAQUE
            stored = value.view(f"V{value.itemsize}") if is_opaque else value
            options = {}
            if filters and value.ndim:
                options = {"chunks": tuple(extent // 2 + 1 for extent in value.shape)} | filters
            dataset = file.create_dataset(key, data=stored, **options)
            if is_opaque:
                dataset.attrs["dtype"] = value.dtype.name
        file[DOCUMENT] = np.frombuffer(seal(document | {"tensors": index}), np.uint8)
    return path


def replace_document(path: Path, document: bytes) -> None:
    """Puts other bytes in the place of a file's document."""
    with h5py.File(path, "r+") as file:
        del file[DOCUMENT]
        file[DOCUMENT] = np.frombuffer(document, np.uint8)


def delete_document(path: Path) -> None:
    """Makes an HDF5 file of a checkpoint that is none any more."""
    with h5py.File(path, "r+") as file:
        del file[DOCUMENT]
