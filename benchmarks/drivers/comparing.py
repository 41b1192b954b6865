"""Comparing two files of the same arrays: flywheel diff, h5diff and numpy."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from archives import Archives, Way, saving
from measure import ENVIRONMENT, Series, Spent, interleaved, spawn
from report import Table, Target, milliseconds, times

# As one writes it: the largest difference and relative difference, how many differ, and the cosine.
NUMPY = """
import sys, h5py, numpy as np
with h5py.File(sys.argv[1]) as first, h5py.File(sys.argv[2]) as second:
    arrays = []
    first.visititems(lambda name, item: arrays.append(name) if hasattr(item, "dtype") else None)
    for name in arrays:
        a, b = first[name][()], second[name][()]
        delta = np.abs(a - b)
        size = np.maximum(np.abs(a), np.abs(b))
        relative = np.divide(delta, size, out=np.zeros_like(delta), where=size > 0)
        x, y = a.ravel(), b.ravel()
        norms = np.linalg.norm(x) * np.linalg.norm(y)
        cosine = x @ y / norms if norms else None
        print(name, delta.max(), np.unravel_index(delta.argmax(), a.shape), relative.max(),
              np.count_nonzero(a != b), (delta > 1e-5 + 1.3e-6 * size).sum(),
              np.sqrt(np.mean(delta**2)), cosine)
"""
# The rest of what flywheel tells: distances in representable numbers, places, NaNs and infinities.
ALL_FIGURES = """
        places = [bits ^ ((bits >> 31) & 0x7FFFFFFF) for bits in (a.view(np.int32), b.view(np.int32))]
        steps = np.abs(np.subtract(*places, dtype=np.int64))
        print(np.unravel_index(relative.argmax(), a.shape),
              steps.max(), np.unravel_index(steps.argmax(), a.shape),
              *(count(array).sum() for count in (np.isnan, np.isinf) for array in (a, b)))
"""
DISTURBING = """
import sys, numpy as np
random = np.random.default_rng(0)
with np.load(sys.argv[1]) as archive:
    np.savez(sys.argv[2], **{
        name: array + (1e-3 * random.standard_normal(array.shape) + 1e-6).astype(array.dtype)
        for name, array in archive.items()
    })
"""


def own_memory(command: list[str], status: int) -> int:
    """The most memory of its own that a process had, without the pages of files; Linux tells it only
    while the process runs."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    most = 0
    while process.poll() is None:
        try:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    most = max(most, int(line.split()[1]) * 1024)
        except OSError:
            break
        time.sleep(0.0005)
    if process.wait() != status:
        raise SystemExit(f"error: {' '.join(command)} ended with status {process.returncode}")
    return most


def other_file(archives: Archives, tensors: str) -> Path:
    """The arrays of a set, every element a little different, as Flywheel stores them."""
    path, source = archives.path(tensors, "other.h5"), archives.path(tensors, "other.npz")
    command = [sys.executable, "-c", DISTURBING, archives.sets / f"{tensors}.npz", source]
    subprocess.run([str(word) for word in command], check=True)
    way = Way("", "flywheel", "", "", saving("0"))
    archives.workers["flywheel", 1].ask(
        tensors=str(source), path=str(path), count=1, **way.request
    )
    source.unlink()
    return path


def measure(
    flywheel: Path, archives: Archives, tensors: str, rounds: int, note_load: Callable[[], None]
) -> tuple[Table, list[Target]]:
    archives.prepare(tensors)
    first = archives.path(tensors, "flywheel-stored.h5")
    other, copy = other_file(archives, tensors), archives.path(tensors, "copy.h5")
    shutil.copyfile(first, copy)
    os.sync()
    ways = {
        "flywheel diff": [str(flywheel), "diff"],
        "numpy, the same figures": [sys.executable, "-c", NUMPY + ALL_FIGURES.lstrip("\n")],
        "numpy, some of them": [sys.executable, "-c", NUMPY],
    }
    if shutil.which("h5diff"):
        ways |= {"h5diff -q": ["h5diff", "-q"]}
    commands: dict[str, tuple[list[str], int]] = {}
    for words, second, status in (("all differ", other, 1), ("equal", copy, 0)):
        for name, command in ways.items():
            has_status = not name.startswith("numpy")
            commands[f"{words}: {name}"] = (
                [*command, str(first), str(second)],
                status if has_status else 0,
            )
    spent: dict[str, list[Spent]] = {name: [] for name in commands}

    def contender(name: str) -> Callable[[], dict]:
        def run() -> dict:
            one = spawn(*commands[name])
            spent[name].append(one)
            return {"wall": [one.wall], "cpu": [one.cpu]}

        return run

    note_load()
    contenders = {name: contender(name) for name in commands}
    series = interleaved(contenders, rounds, f"compare {tensors}")
    rows, targets = [], []
    for name, each in series.items():
        words, way = name.split(": ")
        ours: Series = series[f"{words}: flywheel diff"]
        memory = statistics.median(one.memory for one in spent[name])
        rows.append(
            [
                name,
                milliseconds(each.median),
                milliseconds(each.best),
                milliseconds(each.median_wall),
                times(each.median / ours.median),
                f"{memory / 1e6:.0f}",
                f"{own_memory(*commands[name]) / 1e6:.0f}",
            ]
        )
        print("  " + "  ".join(rows[-1]), file=sys.stderr)
        wanted = {"h5diff -q": 6, "numpy, the same figures": 20}.get(way)
        if wanted and words == "all differ" and tensors == "M":
            targets.append(
                Target(
                    f"comparing two {tensors} that differ everywhere: flywheel / {way}",
                    wanted,
                    each.median / ours.median,
                    each.best / ours.best,
                )
            )
    number, byte_count = archives.sizes[tensors]
    remark = (
        f"Two files of {number} arrays, {byte_count / 1e6:.1f} MB each, stored plainly, from exec to "
        "exit with a warm page cache. Flywheel uses all processors and tells, of each array, how many "
        "elements differ, the largest difference, relative difference and distance in representable "
        "numbers with their places, root mean square, cosine, NaNs and infinities; `h5diff -q` only "
        "whether anything differs; *some of them* leaves out the distances, NaNs and infinities. "
        "*own MB* is memory without the pages of the mapped files."
    )
    head = ["", "CPU ms", "best", "wall ms", "CPU / flywheel", "peak MB", "own MB"]
    return Table(f"Comparing two files of {tensors}", head, rows, [remark]), targets
