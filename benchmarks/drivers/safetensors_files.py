"""safetensors files: Flywheel and the format's own library, in warm processes and in whole ones."""

import sys
from collections.abc import Callable
from pathlib import Path

from archives import Archives
from checkpoints import Savers
from measure import Contender, Series, interleaved
from processes import running
from report import Table, Target, milliseconds, times

LIST = """
import sys, safetensors
with safetensors.safe_open(sys.argv[1], "np") as file:
    for name in file.keys():
        part = file.get_slice(name)
        print(name, part.get_dtype(), part.get_shape())
"""
VERIFY = """
import sys, zlib, safetensors.numpy
for name, array in safetensors.numpy.load_file(sys.argv[1]).items(): print(name, zlib.crc32(array))
"""
NUMPY, TORCH = "safetensors.numpy", "safetensors.torch"
REMARK = (
    "*M* is a checkpoint, weights and velocities of 784-4608-4608-10 (199 MB), *many* 20,000 arrays of 8 to 256 "
    "floats. Loads are of the same file, with a warm page cache, and give every tensor by name. *mapped* reads "
    "headers only, and so does safetensors.torch; *touched* adds a read of every page (safetensors.torch: of every "
    "fourth kilobyte), *verified* compares the CRC-32 of every tensor with the document. safetensors.numpy copies. "
    "Saves make a new file, without waiting for the disk; Flywheel's of M computes the checksums, too."
)
PROCESS_REMARK = (
    "From exec to exit, output to /dev/null: names, types and shapes of all tensors, or every byte checked."
)


def contenders(savers: Savers, files: Archives) -> dict[str, dict[str, Contender]]:
    """By table and row; prepares the files that are read."""
    if "M" not in savers.tensors:
        savers.prepare("M")
    medium, many = savers.path("M.safetensors"), str(files.path("many", "x.safetensors"))
    savers.swift("save", "M", medium, 1)
    source = str(files.sets / "many.npz")
    flywheel, python = files.workers["flywheel", 1], files.workers["python", 1]
    python.ask("prepare_archive", tensors=source)
    flywheel.ask("save_archive", tensors=source, path=many, count=1)
    if not python.ask("check", tensors=source, path=many)["same"]:
        raise SystemExit(f"error: {many} does not hold the arrays of {source}")

    def load(tensors: str, path: str, worker, name: str, count: int) -> Contender:
        return lambda: worker.ask(
            "load", contender=name, tensors=tensors, path=path, count=count
        )

    def save(ask: Callable[[str], dict]) -> Contender:
        target = savers.scratch / "saved.safetensors"

        def contender() -> dict:
            answer = ask(str(target))
            target.unlink()  # before the system starts to write it to the disk
            return answer

        return contender

    return {
        "Load": {
            "M: flywheel, mapped": lambda: savers.swift("map", "M", medium, 10),
            "M: flywheel, mapped, touched": lambda: savers.swift("touch", "M", medium, 3),
            "M: flywheel, verified": lambda: savers.swift("load", "M", medium, 2),
            f"M: {TORCH}": load("M", medium, savers.python, TORCH, 10),
            f"M: {TORCH}, touched": load("M", medium, savers.python, f"{TORCH}, touched", 3),
            f"M: {NUMPY}": load("M", medium, savers.python, NUMPY, 2),
            f"M: {NUMPY}, zlib.crc32": load("M", medium, savers.python, f"{NUMPY}, zlib.crc32", 1),
            "many: flywheel, mapped": lambda: flywheel.ask(
                "map_archive", tensors=source, path=many, count=2
            ),
            f"many: {TORCH}": load(source, many, python, TORCH, 2),
            f"many: {NUMPY}": load(source, many, python, NUMPY, 2),
        },
        "Save": {
            "M: flywheel": save(lambda path: savers.swift("save", "M", path, 1)),
            f"M: {NUMPY}": save(
                lambda path: savers.python.ask(
                    "save", contender=NUMPY, tensors="M", path=path, count=1
                )
            ),
            "M: write() alone": save(lambda path: savers.swift("raw_write", "M", path, 1)),
            "many: flywheel": save(
                lambda path: flywheel.ask("save_archive", tensors=source, path=path, count=1)
            ),
            f"many: {NUMPY}": save(
                lambda path: python.ask(
                    "save", contender=NUMPY, tensors=source, path=path, count=1
                )
            ),
        },
    }


# The row that one is compared with, and how many times faster it has to be.
WANTED = {
    "M: flywheel, mapped": (f"M: {TORCH}", 2.5),
    "M: flywheel, mapped, touched": (f"M: {TORCH}, touched", 1),
    "M: flywheel, verified": (f"M: {NUMPY}, zlib.crc32", 3),
    "many: flywheel, mapped": (f"many: {NUMPY}", 3),
    "M: flywheel": (f"M: {NUMPY}", 0.95),
    "many: flywheel": (f"many: {NUMPY}", 3),
}


def processes(flywheel: Path, savers: Savers, files: Archives, count: int) -> dict[str, Contender]:
    medium, many = savers.path("M.safetensors"), files.path("many", "x.safetensors")
    python = [sys.executable, "-c"]
    return {
        "M: flywheel inspect": running([flywheel, "inspect", medium], count),
        "M: python, list": running([*python, LIST, medium], 1),
        "M: flywheel verify": running([flywheel, "verify", medium], 1),
        "M: python, zlib.crc32": running([*python, VERIFY, medium], 1),
        "many: flywheel inspect": running([flywheel, "inspect", many], 1),
        "many: python, list": running([*python, LIST, many], 1),
    }


# CPU milliseconds of whole processes.
MOST = {"M: flywheel inspect": 4, "many: flywheel inspect": 40}


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
    tables, targets = [], []
    for verb, each in contenders(savers, files).items():
        note_load()
        series = interleaved(each, rounds, f"{verb} safetensors")
        head = ["", "CPU ms", "best", "wall ms", "CPU: peer / it"]
        peers = {name: series[peer] for name, (peer, _) in WANTED.items() if name in series}
        rows = [row(name, one, peers.get(name)) for name, one in series.items()]
        tables.append(Table(f"{verb} safetensors", head, rows))
        for name, peer in peers.items():
            targets.append(
                Target(
                    f"{verb} safetensors, {name} / {WANTED[name][0].split(': ')[1]}",
                    WANTED[name][1],
                    peer.median / series[name].median,
                    peer.best / series[name].best,
                )
            )
    tables[0].remarks.append(REMARK)
    note_load()
    commands = processes(flywheel, savers, files, count)
    series = interleaved(commands, rounds, "safetensors, whole processes")
    names = list(commands)
    pairs = {ours: series[theirs] for ours, theirs in zip(names[::2], names[1::2])}
    rows = [row(name, one, pairs.get(name)) for name, one in series.items()]
    head = ["", "CPU ms", "best", "wall ms", "CPU: python / it"]
    tables.append(Table("Whole processes on safetensors files", head, rows, [PROCESS_REMARK]))
    targets += [
        Target(
            f"{name} of safetensors, CPU ms",
            most / 1e3,
            series[name].median,
            series[name].best,
            at_least=False,
            show=milliseconds,
        )
        for name, most in MOST.items()
    ]
    return tables, targets
