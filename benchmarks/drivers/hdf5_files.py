"""HDF5 files in warm processes: Flywheel with either of its readers, libhdf5 in C, and h5py."""

import sys
from collections.abc import Callable

from archives import Archives
from checkpoints import Savers
from measure import Contender, Series, Worker, interleaved
from report import Table, Target, milliseconds, times

OURS, THROUGH, C, H5PY = "flywheel", "flywheel, libhdf5", "libhdf5, C", "h5py"
LIST_MANY, LOAD_MANY, LIST_M, LOAD_M = "list many", "load many", "list M", "load M, verified"
# CPU milliseconds that it may take Flywheel.
MOST = {LIST_MANY: 40, LOAD_MANY: 60, LOAD_M: 30}
REMARK = (
    "In warm processes, with a warm page cache; all of a job read the same file, as Flywheel writes it: "
    "*many* is {number:,} arrays in groups of 20, *M* a checkpoint, weights and velocities of "
    "784-4608-4608-10 (199 MB). Each repetition opens the file anew. *list* gives the name, type and shape "
    "of every dataset, Flywheel's all attributes, too; *load* every dataset by name, which Flywheel leaves "
    "mapped, and libhdf5 and h5py copy into new memory. *verified* compares the CRC-32 of every tensor with "
    "the document. *flywheel, libhdf5* is Flywheel with `--hdf5 library`; *libhdf5, C* is a program that "
    "calls nothing else (`H5Literate`, `H5Oopen`, `H5Dread`), on the same libhdf5; h5py has its own."
)


def contenders(savers: Savers, files: Archives) -> dict[str, dict[str, Contender]]:
    """By job and who does it; prepares the files that are read."""
    if "M" not in savers.tensors:
        savers.prepare("M")
    files.prepare("many")
    medium, many = savers.path("M.h5"), str(files.path("many", "flywheel-stored.h5"))
    source = str(files.sets / "many.npz")

    def ask(worker: Worker, operation: str, path: str, count: int, **more: str) -> Contender:
        return lambda: worker.ask(operation, path=path, count=count, **more)

    def ours(operation: str, tensors: str, path: str, count: int) -> dict[str, Contender]:
        return {
            name: ask(flywheel, operation, path, count, tensors=tensors, reader=reader)
            for name, reader in ((OURS, "flywheel"), (THROUGH, "library"))
        }

    flywheel, libhdf5 = files.workers["flywheel", 1], files.workers["libhdf5", 1]
    python, python_with_m = files.workers["python", 1], savers.python
    checked = f"{H5PY}, zlib.crc32"
    return {
        LIST_MANY: {
            **ours("list_archive", source, many, 2),
            C: ask(libhdf5, "list", many, 2),
            H5PY: ask(python, "list_hdf5", many, 1),
        },
        LOAD_MANY: {
            **ours("map_archive", source, many, 2),
            C: ask(libhdf5, "load", many, 2),
            H5PY: ask(python, "load", many, 1, contender=H5PY, tensors=source),
        },
        LIST_M: {
            **ours("list_archive", "M", medium, 10),
            C: ask(libhdf5, "list", medium, 10),
            H5PY: ask(python, "list_hdf5", medium, 10),
        },
        LOAD_M: {
            **ours("load", "M", medium, 2),
            f"{C}, unchecked": ask(libhdf5, "load", medium, 2),
            checked: ask(python_with_m, "load", medium, 1, contender=checked, tensors="M"),
        },
    }


def row(job: str, name: str, each: dict[str, Series]) -> list[str]:
    one = each[name]
    peers = [next(each[other] for other in each if other.startswith(peer)) for peer in (C, H5PY)]
    line = [f"{job}: {name}", *map(milliseconds, (one.median, one.best, one.median_wall))]
    line += [times(peer.median / one.median) for peer in peers]
    print("  " + "  ".join(line), file=sys.stderr)
    return line


def measure(
    savers: Savers, files: Archives, rounds: int, note_load: Callable[[], None]
) -> tuple[Table, list[Target]]:
    rows, targets = [], []
    for job, each in contenders(savers, files).items():
        note_load()
        # Takes a second and more.
        seldom = {H5PY: 2} if job in (LIST_MANY, LOAD_MANY) else {}
        series = interleaved(each, rounds, job, seldom)
        rows += [row(job, name, series) for name in series]
        if job in MOST:
            targets.append(
                Target(
                    f"HDF5, {job}: flywheel, CPU ms",
                    MOST[job] / 1e3,
                    series[OURS].median,
                    series[OURS].best,
                    at_least=False,
                    show=milliseconds,
                )
            )
    head = ["", "CPU ms", "best", "wall ms", "CPU: libhdf5, C / it", "CPU: h5py / it"]
    remark = REMARK.format(number=files.sizes["many"][0])
    return Table("Reading HDF5", head, rows, [remark]), targets
