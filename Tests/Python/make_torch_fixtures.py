#!/usr/bin/env python3
"""Makes the files in Tests/Fixtures/torch with the real torch, and beside each what torch finds in it.

They are committed: run this only to add one, since other versions of torch give other bytes.
"""

import io
import json
import struct
import tarfile
import warnings
from pathlib import Path

import torch

from torch_files import (
    big_endian,
    deflated,
    element_bytes,
    flatten,
    objects,
    of_every_dtype,
    old_stream,
    old_view,
    saved,
    signs,
    views,
    without_checksums,
)

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "torch"


def trained(named: bool = True) -> dict:
    """A checkpoint of two layers after two steps of Adam, with two groups."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    parameters = list(model.named_parameters() if named else model.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": parameters[::2], "weight_decay": 0.1}, {"params": parameters[1::2], "lr": 0.01}],
        amsgrad=True,
    )
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.ones(4, 3)).square().mean().backward()
        optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 2}


def old_numbers() -> dict:
    """An optimizer's state with counters that are numbers, as PyTorch had them before 1.12."""
    state = trained(named=False)
    for slots in state["optimizer"]["state"].values():
        slots["step"] = int(slots["step"])
        slots["mu_product"] = 0.5
    return state


def unreadable() -> dict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "sparse": torch.eye(3).to_sparse(),
            "rows": torch.eye(3).to_sparse_csr(),
            "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8),
            "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            "meta": torch.empty(2, 3, device="meta"),
            "good": torch.ones(2),
        }


def parameters() -> dict:
    plain = torch.nn.Parameter(torch.arange(4.0))
    tagged = torch.nn.Parameter(torch.arange(3.0), requires_grad=False)
    tagged.group = "decay"
    tagged.scale = 0.5
    return {"plain": plain, "tagged": tagged, "storage": torch.FloatStorage([1, 2, 3])}


def lightning() -> dict:
    """The members of a checkpoint of Lightning 2.5, without what only callbacks know."""
    state = trained(named=False)
    return {
        "epoch": 1,
        "global_step": 2,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {f"net.{name}": value for name, value in state["model"].items()},
        "loops": {"fit_loop": {"epoch_progress": {"total": {"ready": 1}}, "state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [state["optimizer"]],
        "lr_schedulers": [{"base_lrs": [0.1], "last_epoch": 1}],
        "hparams_name": "kwargs",
        "hyper_parameters": {"width": 3, "bias": True},
    }


def program() -> bytes:
    target = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), target)
    return target.getvalue()


def tape() -> bytes:
    """The members of PyTorch 0.1's tar archives, empty."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
        for name in ["sys_info", "pickle", "tensors", "storages"]:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return target.getvalue()[:4096]


# What is read: the bytes, and the object that torch finds in them.
READ = {
    "adamw": (saved(trained()), trained()),
    "adamw-stream": (old_stream(trained()), trained()),
    "old-numbers": (saved(old_numbers()), old_numbers()),
    "dtypes": (saved(of_every_dtype()), of_every_dtype()),
    "big-endian": (big_endian(of_every_dtype()), of_every_dtype()),
    "views": (saved(views()), views()),
    "views-stream": (old_stream(views()), views()),
    "views-deflated": (deflated(saved(views())), views()),
    "signs": (saved(signs()), signs()),
    "objects": (saved(objects()), objects()),
    "parameters": (saved(parameters()), parameters()),
    "lightning": (saved(lightning()), lightning()),
    "no-checksums": (without_checksums(trained()), trained()),
    "tensor": (saved(torch.arange(3)), torch.arange(3)),
    "list": (saved([torch.ones(1), torch.zeros(2)]), [torch.ones(1), torch.zeros(2)]),
    "number": (saved(5), 5),
    "old-view": (old_view(), {"x": torch.tensor([[103, 104], [105, 106]], dtype=torch.int16)}),
}

# What is refused, as a whole or in parts.
REFUSED = {
    "unreadable": saved(unreadable()),
    "program": program(),
    "tape": tape(),
    "preview": b"PYTORCH1" + struct.pack("<4q", 1, 2, 3, 4),
}


def shown(value):
    """An attribute as JSON has it: complex numbers as pairs."""
    return [value.real, value.imag] if isinstance(value, complex) else value


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (data, value) in READ.items():
        tensors, attributes, empty = flatten(value)
        rows = {}
        for key, tensor in tensors.items():
            if isinstance(tensor, torch.Tensor):
                rows[key] = {
                    "dtype": str(tensor.dtype).removeprefix("torch."),
                    "shape": list(tensor.shape),
                    "bytes": element_bytes(tensor).hex(),
                }
        expected = {
            "tensors": rows,
            "attributes": {
                owner: {key: shown(value) for key, value in values.items()}
                for owner, values in attributes.items()
            },
            "empty": empty,
        }
        (FOLDER / f"{name}.pt").write_bytes(data)
        (FOLDER / f"{name}.json").write_text(json.dumps(expected) + "\n")
    for name, data in REFUSED.items():
        (FOLDER / f"{name}.pt").write_bytes(data)


if __name__ == "__main__":
    main()
