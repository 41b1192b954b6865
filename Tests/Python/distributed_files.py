"""Distributed checkpoints as the real PyTorch writes them, on several processes of one machine."""

import socket
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor


def numbers(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """0, 1, 2, … in a shape."""
    count = torch.Size(shape).numel()
    return torch.arange(count, dtype=torch.float64).reshape(shape).to(dtype)


def state(shard=lambda tensor, *axes: tensor) -> dict:
    """What is saved; `shard` splits a tensor over the axes of the mesh of processes."""
    return {
        "model": {
            "rows.weight": shard(numbers(7, 5), 0, None),
            "columns.weight": shard(numbers(4, 6), None, 1),
            "blocks.weight": shard(numbers(5, 7, 2), 0, 1),
            "few": shard(numbers(1, 3), 0, None),
            "half": shard(numbers(9, dtype=torch.bfloat16), 0, None),
            "whole": numbers(2, 3, dtype=torch.int64),
            "scalar": torch.tensor(0.0),
        },
        "optim": {
            "state": {
                "rows.weight": {"step": 3, "exp_avg": shard(numbers(7, 5), 0, None)},
                "few": {"step": torch.tensor(0.0)},
            },
            "param_groups": [
                {"lr": 0.01, "betas": (0.9, 0.999), "nesterov": False, "foreach": None,
                 "params": ["rows.weight", "few"]}
            ],
        },
        "epoch": 3,
        "name": "a run",
        "mixed": (1, "a", 2.5),
        "nothing": [],
    }  # fmt: skip


def save_alone(folder: Path) -> None:
    """One process, without a process group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp.save(state(), checkpoint_id=str(folder), no_dist=True)


def save_together(folder: Path) -> None:
    """Four processes in a mesh of two by two."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_save, args=(port, str(folder)), nprocs=4)


def _save(rank: int, port: int, folder: str) -> None:
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=4)
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("a", "b"))

    def shard(tensor: torch.Tensor, *axes: int | None):
        placements = [Replicate() if axis is None else Shard(axis) for axis in axes]
        return distribute_tensor(tensor, mesh, placements)

    dcp.save(state(shard), checkpoint_id=folder)
    dist.destroy_process_group()
