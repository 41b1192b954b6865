"""Saving and loading the same tensors with h5py, numpy and PyTorch."""

import json
import os
import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from serve import serve, timed

torch.set_num_threads(1)

Tensors = dict[str, np.ndarray]
VERSIONS = {
    "numpy": np.__version__,
    "h5py": f"{h5py.__version__} (HDF5 {h5py.version.hdf5_version})",
    "torch": torch.__version__,
    "safetensors": safetensors.__version__,
}


def tensors_of(path: str) -> Tensors:
    """The weights and velocities of a Flywheel checkpoint, every checksum confirmed."""
    with h5py.File(path) as file:
        document = json.loads(file["flywheel.metadata"][()].tobytes())
        tensors = {
            name: file[name][()]
            for name in document["tensors"]
            if name.startswith(("model/", "optimizer/"))
        }
    for name, tensor in tensors.items():
        assert f"{zlib.crc32(tensor):08x}" == document["tensors"][name]["crc32"], name
    return tensors


def save_h5py(path: str, tensors: Tensors) -> None:
    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            file.create_dataset(name, data=tensor)


def save_h5py_gzip(path: str, tensors: Tensors, chunks: Callable[[np.ndarray], Any]) -> None:
    """As somebody does it who looks at the size of the file: an index of chunks takes more than small
    arrays could save."""
    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            compressed = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
            options = {"chunks": chunks(tensor), **compressed} if tensor.nbytes >= 4096 else {}
            file.create_dataset(name, data=tensor, **options)


def mebibyte_of_rows(tensor: np.ndarray) -> tuple[int, ...]:
    """Chunks of whole rows, of about 1 MiB."""
    row = tensor.nbytes // len(tensor)
    return (min(len(tensor), max(1, (1 << 20) // row)), *tensor.shape[1:])


def load_h5py(path: str, names: list[str]) -> Tensors:
    with h5py.File(path, "r") as file:
        return {name: file[name][()] for name in names}


def list_h5py(path: str) -> list[tuple[str, np.dtype, tuple[int, ...]]]:
    found = []

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            found.append((name, item.dtype, item.shape))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def load_h5py_checked(path: str, names: list[str]) -> tuple[Tensors, list[int]]:
    tensors = load_h5py(path, names)
    return tensors, [zlib.crc32(tensor) for tensor in tensors.values()]


def load_npz(path: str, _names: list[str]) -> Tensors:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def load_torch(path: str, _names: list[str]) -> dict[str, torch.Tensor]:
    return torch.load(path)


def map_torch(path: str, _names: list[str]) -> dict[str, torch.Tensor]:
    return torch.load(path, mmap=True)


def touch_torch(path: str, _names: list[str]) -> tuple[dict[str, torch.Tensor], float]:
    tensors = torch.load(path, mmap=True)
    return tensors, sum(float(tensor.flatten()[::1024].sum()) for tensor in tensors.values())


def load_safetensors(path: str, _names: list[str]) -> Tensors:
    return safetensors.numpy.load_file(path)


def load_safetensors_checked(path: str, names: list[str]) -> tuple[Tensors, list[int]]:
    tensors = load_safetensors(path, names)
    return tensors, [zlib.crc32(tensor) for tensor in tensors.values()]


def map_safetensors(path: str, _names: list[str]) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(path)


def touch_safetensors(path: str, _names: list[str]) -> tuple[dict[str, torch.Tensor], float]:
    tensors = safetensors.torch.load_file(path)
    return tensors, sum(float(tensor.flatten()[::1024].sum()) for tensor in tensors.values())


class Files:
    """The tensors by set, and what can be done with them."""

    def __init__(self) -> None:
        self.numpy: dict[str, Tensors] = {}
        self.torch: dict[str, dict[str, torch.Tensor]] = {}

    def prepare(self, tensors: str, path: str) -> dict[str, Any]:
        self.numpy[tensors] = tensors_of(path)
        self.torch[tensors] = {n: torch.from_numpy(t) for n, t in self.numpy[tensors].items()}
        return {
            "bytes": sum(tensor.nbytes for tensor in self.numpy[tensors].values()),
            "count": len(self.numpy[tensors]),
            "versions": VERSIONS,
        }

    def prepare_archive(self, tensors: str) -> dict[str, Any]:
        """Arrays whose set is named by the .npz file that they are in."""
        self.numpy[tensors] = load_npz(tensors, [])
        return {
            "bytes": sum(array.nbytes for array in self.numpy[tensors].values()),
            "count": len(self.numpy[tensors]),
            "versions": VERSIONS,
        }

    def check(self, tensors: str, path: str) -> dict[str, Any]:
        """Whether a file holds the arrays of a set, bit for bit."""
        expected = self.numpy[tensors]
        if path.endswith(".safetensors"):
            found = load_safetensors(path, [])  # in an order of its own
            found = {name: found[name] for name in expected if name in found}
        elif path.endswith(".npz"):
            found = load_npz(path, [])
        else:
            found = load_h5py(path, list(expected))
        same = list(found) == list(expected) and all(
            found[name].dtype == array.dtype
            and found[name].shape == array.shape
            and found[name].tobytes() == array.tobytes()
            for name, array in expected.items()
        )
        return {"same": same}

    def save(self, contender: str, tensors: str, path: str, count: int) -> dict[str, Any]:
        numpy = self.numpy[tensors]
        bodies: dict[str, Callable[[], Any]] = {
            "h5py": lambda: save_h5py(path, numpy),
            "h5py, gzip-4, 1 MiB": lambda: save_h5py_gzip(path, numpy, mebibyte_of_rows),
            "h5py, gzip-4, auto": lambda: save_h5py_gzip(path, numpy, lambda _: True),
            "np.savez": lambda: np.savez(path, **numpy),
            "np.savez_compressed": lambda: np.savez_compressed(path, **numpy),
            "torch.save": lambda: torch.save(self.torch[tensors], path),
            "safetensors.numpy": lambda: safetensors.numpy.save_file(numpy, path),
        }

        def remove() -> None:
            if os.path.exists(path):
                os.unlink(path)

        return timed(count, bodies[contender], before=remove)

    def load(self, contender: str, tensors: str, path: str, count: int) -> dict[str, Any]:
        load = {
            "h5py": load_h5py,
            "h5py, zlib.crc32": load_h5py_checked,
            "np.load": load_npz,
            "torch.load": load_torch,
            "torch.load mmap": map_torch,
            "torch.load mmap, touched": touch_torch,
            "safetensors.numpy": load_safetensors,
            "safetensors.numpy, zlib.crc32": load_safetensors_checked,
            "safetensors.torch": map_safetensors,
            "safetensors.torch, touched": touch_safetensors,
        }[contender]
        names = list(self.numpy[tensors])
        return timed(count, lambda: load(path, names))

    def list_hdf5(self, path: str, count: int) -> dict[str, Any]:
        return timed(count, lambda: list_h5py(path))


files = Files()
serve(
    {
        "prepare": files.prepare,
        "prepare_archive": files.prepare_archive,
        "check": files.check,
        "save": files.save,
        "load": files.load,
        "list_hdf5": files.list_hdf5,
    }
)
