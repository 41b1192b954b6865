"""Whole processes: listing what is in a file, and converting it."""

import os
import shutil
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from archives import Archives
from measure import Contender, Spent, interleaved, spawn
from report import Table, Target, milliseconds, times

H5PY_LIST = "import sys, h5py; h5py.File(sys.argv[1]).visititems(lambda n, o: print(n, o))"
NUMPY_LIST = """
import sys, numpy
with numpy.load(sys.argv[1]) as archive:
    for name in archive: print(name, archive[name].shape)
"""
NPZ_TO_HDF5 = """
import sys, h5py, numpy
with numpy.load(sys.argv[1]) as archive, h5py.File(sys.argv[2], "w") as file:
    for name in archive:
        file.create_dataset(
            name, data=archive[name], compression="gzip", compression_opts=4, shuffle=True
        )
"""
HDF5_TO_NPZ = """
import sys, h5py, numpy
arrays = {}
def visit(name, object):
    if isinstance(object, h5py.Dataset): arrays[name] = object[()]
h5py.File(sys.argv[1]).visititems(visit)
numpy.savez_compressed(sys.argv[2], **arrays)
"""


def running(words: list[str | Path], count: int, spent: list[Spent] | None = None) -> Contender:
    """A contender that is a process; notes what each took in `spent`, too."""
    command = [str(word) for word in words]

    def contender() -> dict:
        each = [spawn(command) for _ in range(count)]
        if spent is not None:
            spent.extend(each)
        return {"wall": [one.wall for one in each], "cpu": [one.cpu for one in each]}

    return contender


def list_files(
    flywheel: Path,
    archives: Archives,
    sets: list[str],
    rounds: int,
    count: int,
    note_load: Callable[[], None],
) -> tuple[Table, list[Target]]:
    rows, targets = [], []
    for tensors in sets:
        note_load()
        archives.prepare(tensors)
        path = partial(archives.path, tensors)
        hdf5, npz = (4, 4) if tensors == "M" else (40, 40)
        ours = {
            "flywheel inspect, .h5": ("flywheel-stored.h5", hdf5),
            "flywheel inspect, .h5, fast": ("flywheel-fast.h5", hdf5),
            "flywheel inspect, .npz": ("flywheel-stored.npz", npz),
            "flywheel inspect, .npz, fast": ("flywheel-fast.npz", npz),
        }
        commands = {name: [flywheel, "inspect", path(file)] for name, (file, _) in ours.items()}
        commands["flywheel inspect --hdf5 library, .h5"] = [
            flywheel, "inspect", "--hdf5", "library", path("flywheel-stored.h5"),
        ]  # fmt: skip
        if shutil.which("h5ls"):
            commands["h5ls -r, .h5"] = ["h5ls", "-r", path("flywheel-stored.h5")]
        if shutil.which("unzip"):
            commands["unzip -l, .npz"] = ["unzip", "-l", path("flywheel-stored.npz")]
        python = [sys.executable, "-c"]
        commands["python, h5py, .h5"] = [*python, H5PY_LIST, path("flywheel-stored.h5")]
        commands["python, np.load, .npz"] = [*python, NUMPY_LIST, path("flywheel-stored.npz")]
        contenders = {
            name: running(command, 1 if name.startswith("python") or tensors == "many" else count)
            for name, command in commands.items()
        }
        seldom = {name: 2 for name in contenders if name.startswith("python")}
        series = interleaved(contenders, rounds, f"list {tensors}", seldom)
        for name, each in series.items():
            rows.append(
                [
                    f"{tensors}: {name}",
                    milliseconds(each.median),
                    milliseconds(each.best),
                    milliseconds(each.median_wall),
                ]
            )
            print("  " + "  ".join(rows[-1]), file=sys.stderr)
        targets += [
            Target(
                f"{tensors}: {name}, CPU ms",
                most / 1e3,
                series[name].median,
                series[name].best,
                at_least=False,
                show=milliseconds,
            )
            for name, (_, most) in ours.items()
        ]
    remark = (
        "From exec to exit, output to /dev/null. The names, types and shapes of all arrays are "
        "listed, but by `unzip`, which knows names only; np.load has to read what it tells the "
        "shape of."
    )
    return Table("Listing files", ["", "CPU ms", "best", "wall ms"], rows, [remark]), targets


def convert(
    flywheel: Path,
    accelerated: Path | None,
    archives: Archives,
    tensors: str,
    rounds: int,
    note_load: Callable[[], None],
) -> Table:
    archives.prepare(tensors)
    note_load()
    npz, hdf5 = (archives.path(tensors, f"flywheel-{name}") for name in ("stored.npz", "fast.h5"))
    to_hdf5, to_npz = ("stored .npz to HDF5, gzip and shuffle", "that to compressed .npz")
    target = archives.scratch / "converted"
    commands = {}
    for by, binary in (("flywheel", flywheel), ("accelerated", accelerated)):
        if binary:
            command = [binary, "convert", "--quiet"]
            commands[f"{to_hdf5}: {by}"] = [*command, "--compress", "fast", npz, f"{target}.h5"]
            commands[f"{to_npz}: {by}"] = [*command, hdf5, f"{target}.npz"]
    python = [sys.executable, "-c"]
    commands[f"{to_hdf5}: numpy and h5py"] = [*python, NPZ_TO_HDF5, npz, f"{target}.h5"]
    commands[f"{to_npz}: h5py and numpy"] = [*python, HDF5_TO_NPZ, hdf5, f"{target}.npz"]
    spent: dict[str, list[Spent]] = {name: [] for name in commands}

    def contender(name: str) -> Contender:
        run = running(commands[name], 1, spent[name])

        def convert() -> dict:
            answer = run()
            os.unlink(commands[name][-1])
            return answer

        return convert

    seldom = {name: 4 for name in commands if name.endswith("py")}
    series = interleaved({name: contender(name) for name in commands}, rounds, "convert", seldom)
    rows = []
    for name, each in series.items():
        peer = next(
            series[other] for other in seldom if other.split(":")[0] == name.split(":")[0]
        )
        ratios = [peer.median / each.median, peer.median_wall / each.median_wall]
        memory = statistics.median(one.memory for one in spent[name])
        rows.append(
            [
                name,
                milliseconds(each.median),
                milliseconds(each.median_wall),
                *("" if name in seldom else times(ratio) for ratio in ratios),
                f"{memory / 1e6:.0f}",
            ]
        )
        print("  " + "  ".join(rows[-1]), file=sys.stderr)
    number, byte_count = archives.sizes[tensors]
    remark = (
        f"{number} arrays, {byte_count / 1e6:.1f} MB, with all processors. Flywheel's files are on "
        "the disk at the end, Python's are not. Of the memory a part may be pages of the mapped "
        "source."
    )
    head = ["", "CPU ms", "wall ms", "CPU: peer / it", "wall: peer / it", "peak MB"]
    return Table(f"Converting {tensors}", head, rows, [remark])
