"""Files of PyTorch: Flywheel and torch.load, in warm processes and in whole ones."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from archives import Archives
from checkpoints import Savers
from measure import Contender, Series, interleaved
from processes import running
from report import Table, Target, milliseconds, times

SAVE = """
import sys, numpy, torch
with numpy.load(sys.argv[1]) as archive:
    torch.save({name: torch.from_numpy(archive[name]) for name in archive.files}, sys.argv[2])
"""
LIST = """
import sys, torch
for name, tensor in torch.load(sys.argv[1], mmap=True).items():
    print(name, tensor.dtype, tuple(tensor.shape))
"""
VERIFY = """
import sys, zlib, torch
for name, tensor in torch.load(sys.argv[1]).items(): print(name, zlib.crc32(tensor.numpy()))
"""
REMARK = (
    "*M* is weights and velocities of 784-4608-4608-10 (199 MB), *many* 20,000 arrays of 8 to 256 floats, all "
    "written by torch.save. Loads are of the same file, with a warm page cache, and give every tensor by name. "
    "*mapped* reads the archive's directory and the pickle only, as torch.load with mmap does; *verified* also "
    "compares the checksum of every record, which torch.load leaves out; torch.load copies."
)
PROCESS_REMARK = (
    "From exec to exit, output to /dev/null: names, types and shapes of all tensors, or every byte checked."
)


def contenders(savers: Savers, files: Archives) -> dict[str, Contender]:
    """By row; prepares the files that are read."""
    if "M" not in savers.tensors:
        savers.prepare("M")
    medium, many = savers.path("M.pt"), str(files.path("many", "x.pt"))
    savers.python.ask("save", contender="torch.save", tensors="M", path=medium, count=1)
    source = str(files.sets / "many.npz")
    subprocess.run([sys.executable, "-c", SAVE, source, many], check=True)
    os.sync()  # now, not while the clock runs
    flywheel, python = files.workers["flywheel", 1], files.workers["python", 1]
    python.ask("prepare_archive", tensors=source)

    def ours(operation: str, path: str, count: int) -> Contender:
        return lambda: flywheel.ask(operation, tensors=source, path=path, count=count)

    def theirs(tensors: str, path: str, worker, name: str, count: int) -> Contender:
        return lambda: worker.ask(
            "load", contender=name, tensors=tensors, path=path, count=count
        )

    return {
        "M: flywheel, mapped": ours("map_archive", medium, 10),
        "M: flywheel, verified": ours("load_archive", medium, 2),
        "M: torch.load mmap": theirs("M", medium, savers.python, "torch.load mmap", 10),
        "M: torch.load": theirs("M", medium, savers.python, "torch.load", 2),
        "many: flywheel, mapped": ours("map_archive", many, 2),
        "many: flywheel, verified": ours("load_archive", many, 2),
        "many: torch.load mmap": theirs(source, many, python, "torch.load mmap", 1),
        "many: torch.load": theirs(source, many, python, "torch.load", 1),
    }


# The row that one is compared with, and how many times faster it has to be.
WANTED = {
    "M: flywheel, mapped": ("M: torch.load mmap", 2.3),
    "M: flywheel, verified": ("M: torch.load", 2.8),
    "many: flywheel, mapped": ("many: torch.load mmap", 25),
    "many: flywheel, verified": ("many: torch.load", 25),
}


def processes(flywheel: Path, savers: Savers, files: Archives, count: int) -> dict[str, Contender]:
    medium, many = savers.path("M.pt"), files.path("many", "x.pt")
    python = [sys.executable, "-c"]
    return {
        "M: flywheel inspect": running([flywheel, "inspect", medium], count),
        "M: python, list": running([*python, LIST, medium], 1),
        "M: flywheel verify": running([flywheel, "verify", medium], 1),
        "M: python, zlib.crc32": running([*python, VERIFY, medium], 1),
        "many: flywheel inspect": running([flywheel, "inspect", many], 1),
        "many: python, list": running([*python, LIST, many], 1),
    }


# CPU milliseconds of whole processes, and how many times faster than Python one has to be.
MOST = {"M: flywheel inspect": 4, "many: flywheel inspect": 60}
LEAST = {"M: flywheel inspect": 200}


def row(name: str, each: Series, peer: Series | None) -> list[str]:
    ratio = times(peer.median / each.median) if peer else ""
    line = [name, milliseconds(each.median), milliseconds(each.best)]
    line += [milliseconds(each.median_wall), ratio]
    print("  " + "  ".join(line), file=sys.stderr)
    return line


def measure(
    flywheel: Path,
    savers: Savers,
    files: Archives,
    rounds: int,
    count: int,
    note_load: Callable[[], None],
) -> tuple[list[Table], list[Target]]:
    note_load()
    each = contenders(savers, files)
    seldom = {name: 2 for name in each if name.startswith("many: torch")}
    series = interleaved(each, rounds, "Load .pt", seldom)
    peers = {name: series[peer] for name, (peer, _) in WANTED.items()}
    rows = [row(name, one, peers.get(name)) for name, one in series.items()]
    head = ["", "CPU ms", "best", "wall ms", "CPU: peer / it"]
    tables = [Table("Load .pt", head, rows, [REMARK])]
    targets = [
        Target(
            f"Load .pt, {name} / {peer.split(': ')[1]}",
            wanted,
            series[peer].median / series[name].median,
            series[peer].best / series[name].best,
        )
        for name, (peer, wanted) in WANTED.items()
    ]
    note_load()
    commands = processes(flywheel, savers, files, count)
    seldom = {name: 2 for name in commands if "python" in name}
    series = interleaved(commands, rounds, ".pt, whole processes", seldom)
    names = list(commands)
    pairs = {ours: series[theirs] for ours, theirs in zip(names[::2], names[1::2])}
    rows = [row(name, one, pairs.get(name)) for name, one in series.items()]
    head = ["", "CPU ms", "best", "wall ms", "CPU: python / it"]
    tables.append(Table("Whole processes on .pt files", head, rows, [PROCESS_REMARK]))
    targets += [
        Target(
            f"{name} of .pt, CPU ms",
            most / 1e3,
            series[name].median,
            series[name].best,
            at_least=False,
            show=milliseconds,
        )
        for name, most in MOST.items()
    ]
    targets += [
        Target(
            f"{name} of .pt / python, torch.load",
            least,
            pairs[name].median / series[name].median,
            pairs[name].best / series[name].best,
        )
        for name, least in LEAST.items()
    ]
    return tables, targets
