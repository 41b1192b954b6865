"""Saving and loading trained arrays as .npz and as HDF5: Flywheel, numpy, h5py and libhdf5."""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from measure import Contender, Series, Worker, interleaved
from report import Table, Target, milliseconds, relative_size, times

WORKERS = Path(__file__).parent / "workers"
SETS = ("S", "M", "many", "Z")


def trained_sets(images: Path, description: str, is_quick: bool) -> Path:
    """A folder with an .npz file for each set; made once, and kept under the system's temporary
    folder."""
    maker = WORKERS / "make_sets.py"
    size = "quick" if is_quick else "full"
    digest = hashlib.sha256(maker.read_bytes() + description.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"flywheel-benchmarks-{os.getuid()}"
    folder = folder / f"{size}-{digest}"
    if not all((folder / f"{name}.npz").exists() for name in SETS):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        print(f"training for the arrays in {folder}", file=sys.stderr)
        command = [sys.executable, maker, images, folder, size]
        subprocess.run([str(word) for word in command], check=True)
    return folder


@dataclass(frozen=True)
class Way:
    """A way to save or to load, which is a row of a table."""

    name: str
    # Whose worker does it: that of "flywheel", "accelerated", "libhdf5" or "python".
    by: str
    # The file that it writes or reads.
    file: str
    # Rows are compared with the fastest one by Python that does the same job.
    job: str
    request: dict[str, str]
    # How many times faster than that it has to be on M: by CPU time, and on the clock with two threads.
    wanted: tuple[float | None, float | None] = (None, None)
    wanted_on_many: float | None = None
    # How much larger than the peer's its file may be.
    largest: float | None = None

    @property
    def threads(self) -> tuple[int, ...]:
        return (1, 2) if self.by in ("flywheel", "accelerated") else (1,)

    def series(self, threads: int) -> str:
        return self.name if threads == 1 else f"{self.name}, {threads} threads"


@dataclass(frozen=True)
class Format:
    name: str
    saves: list[Way]
    loads: list[Way]


def saving(compression: str) -> dict[str, str]:
    return {"operation": "save_archive", "compression": compression}


def python(operation: str, contender: str) -> dict[str, str]:
    return {"operation": operation, "contender": contender}


LOADING = {"operation": "load_archive"}
MAPPING = {"operation": "map_archive"}


def npz() -> Format:
    ours, accelerated, numpy = "flywheel", "accelerated", "python"
    stored, fast = f"{ours}-stored.npz", f"{ours}-fast.npz"
    plain, deflated = "numpy-stored.npz", "numpy-compressed.npz"
    savez, compressed = python("save", "np.savez"), python("save", "np.savez_compressed")
    load = python("load", "np.load")
    saves = [
        Way("flywheel, stored", ours, stored, "stored", saving("0"), (1.6, None)),
        Way("np.savez", numpy, plain, "stored", savez),
        Way("flywheel, fast", ours, fast, "deflated", saving("fast"), (21, 40), largest=1.005),
        Way("np.savez_compressed", numpy, deflated, "deflated", compressed),
    ]
    loads = [
        Way("flywheel, stored, verified", ours, stored, "stored", LOADING, (2.4, None)),
        Way("flywheel, stored, trusted", ours, stored, "stored", MAPPING, (100, None)),
        Way("np.load, stored", numpy, plain, "stored", load),
        Way("flywheel, fast", ours, fast, "deflated", LOADING, (2.4, 4.5)),
        Way("accelerated, fast", accelerated, fast, "deflated", LOADING, (2.4, 4.5)),
        Way("flywheel, numpy's file", ours, deflated, "deflated", LOADING),
        Way("accelerated, numpy's file", accelerated, deflated, "deflated", LOADING),
        Way("np.load, compressed", numpy, deflated, "deflated", load),
    ]
    return Format(".npz", saves, loads)


def hdf5() -> Format:
    ours, accelerated, libhdf5, h5py = "flywheel", "accelerated", "libhdf5", "python"
    fast, rows, auto = f"{ours}-fast.h5", "h5py-rows.h5", "h5py-auto.h5"
    by_rows, by_auto = (python("save", f"h5py, gzip-4, {size}") for size in ("1 MiB", "auto"))
    load, load_in_c = python("load", "h5py"), {"operation": "load"}
    saves = [
        Way("flywheel, fast", ours, fast, "gzip", saving("fast"), (25, 40), 5, largest=1),
        Way("h5py, gzip-4, chunks of 1 MiB", h5py, rows, "gzip", by_rows),
        Way("h5py, gzip-4, chunks of its choice", h5py, auto, "gzip", by_auto),
    ]
    loads = [
        Way("flywheel, fast", ours, fast, "gzip", LOADING, (3.3, 6), 5),
        Way("accelerated, fast", accelerated, fast, "gzip", LOADING, (3.3, 6)),
        Way("flywheel, h5py's 1 MiB", ours, rows, "gzip", LOADING, (2.5, 4.5)),
        Way("accelerated, h5py's 1 MiB", accelerated, rows, "gzip", LOADING, (2.5, 4.5)),
        Way("libhdf5, C, h5py's 1 MiB", libhdf5, rows, "gzip", load_in_c),
        Way("libhdf5, C, flywheel's file", libhdf5, fast, "gzip by Flywheel", load_in_c),
        Way("h5py, chunks of 1 MiB", h5py, rows, "gzip", load),
        Way("h5py, chunks of its choice", h5py, auto, "gzip", load),
        Way("h5py, flywheel's file", h5py, fast, "gzip by Flywheel", load),
    ]
    return Format("HDF5, gzip and shuffle", saves, loads)


FORMATS = [npz(), hdf5()]


@dataclass
class Archives:
    """The workers, and the files that are loaded again and again."""

    sets: Path
    scratch: Path
    binary: Path
    libhdf5: Path
    accelerated: Path | None
    workers: dict[tuple[str, int], Worker] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    # What the first saves took, by set and file.
    first: dict[tuple[str, str], dict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.workers["python", 1] = Worker([sys.executable, str(WORKERS / "file_worker.py")])
        self.workers["libhdf5", 1] = Worker([str(self.libhdf5)])
        for by, binary in (("flywheel", self.binary), ("accelerated", self.accelerated)):
            for threads in (1, 2) if binary else ():
                self.workers[by, threads] = Worker([str(binary)], processors=threads)

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()

    def path(self, tensors: str, file: str) -> Path:
        return self.scratch / f"{tensors}-{file}"

    def prepare(self, tensors: str) -> None:
        """Writes one file of each kind, and has numpy, h5py and libhdf5 confirm what is in Flywheel's."""
        if tensors in self.sizes:
            return
        source = str(self.sets / f"{tensors}.npz")
        python = self.workers["python", 1]
        answer = python.ask("prepare_archive", tensors=source)
        self.sizes[tensors] = (answer["count"], answer["bytes"])
        self.versions |= answer["versions"]
        stored = Way("", "flywheel", "flywheel-stored.h5", "", saving("0"))
        for way in [stored, *(way for kind in FORMATS for way in kind.saves)]:
            path = str(self.path(tensors, way.file))
            worker = self.workers[way.by, 1]
            answer = worker.ask(tensors=source, path=path, count=1, **way.request)
            self.first[tensors, way.file] = answer
            if (
                way.by == "flywheel"
                and not python.ask("check", tensors=source, path=path)["same"]
            ):
                raise SystemExit(f"error: {path} does not hold the arrays of {source}")
            if path.endswith(".h5"):
                self.workers["libhdf5", 1].confirm(path, self.sizes[tensors])
        os.sync()  # now, not while the clock runs

    def save(self, way: Way, threads: int, tensors: str, count: int) -> Contender:
        target = self.scratch / f"saved{Path(way.file).suffix}"

        def contender() -> dict:
            answer = self.load(way, threads, tensors, count, target)()
            target.unlink()  # before the system starts to write it to the disk
            return answer

        return contender

    def load(
        self, way: Way, threads: int, tensors: str, count: int, path: Path | None = None
    ) -> Contender:
        return lambda: self.workers[way.by, threads].ask(
            tensors=str(self.sets / f"{tensors}.npz"),
            path=str(path or self.path(tensors, way.file)),
            count=count,
            **way.request,
        )

    def contenders(
        self, ways: list[Way], tensors: str, count: int
    ) -> tuple[dict[str, Contender], dict[str, int]]:
        """All of them, and how seldom those have their turn that take seconds."""
        contenders, seldom = {}, {}
        for way in ways:
            is_save = "save" in way.request["operation"]
            is_peer = way.by in ("libhdf5", "python")
            is_slow = is_peer and tensors in ("M", "many") and way.job != "stored"
            for threads in way.threads:
                # Of small pieces hardly anything is compressed: how it is inflated does not matter.
                skipped = way.by == "accelerated" and tensors == "many"
                if skipped or (way.by, threads) not in self.workers:
                    continue
                make = self.save if is_save else self.load
                contender = make(way, threads, tensors, 1 if is_slow else count)
                if is_slow:
                    seldom[way.series(threads)] = 4 if is_save else 2
                    if is_save:
                        contender = self.counting_first(tensors, way, contender)
                contenders[way.series(threads)] = contender
        return contenders, seldom

    def counting_first(self, tensors: str, way: Way, contender: Contender) -> Contender:
        """Counts the save that made the file for the loads as the first one."""
        answers = [self.first[tensors, way.file]]
        return lambda: answers.pop() if answers else contender()

    def size(self, tensors: str, way: Way) -> int:
        return self.path(tensors, way.file).stat().st_size


@dataclass
class Rows:
    """What was measured of one set, in one format and direction."""

    title: str
    tensors: str
    ways: list[Way]
    series: dict[str, Series]
    sizes: dict[str, int]

    def fastest(self, way: Way, value: Callable[[Series], float]) -> float:
        """The least of those by Python that do the same job."""
        peers = [peer for peer in self.ways if peer.by == "python" and peer.job == way.job]
        return min(value(self.series[peer.name]) for peer in peers)

    def smallest(self, way: Way) -> int:
        peers = [peer for peer in self.ways if peer.by == "python" and peer.job == way.job]
        return min(self.sizes[peer.name] for peer in peers)

    @property
    def lines(self) -> list[list[str]]:
        lines = []
        for way in self.ways:
            if way.name not in self.series:
                continue
            one, two = self.series[way.name], self.series[way.series(way.threads[-1])]
            ratios = [
                self.fastest(way, lambda series: series.median) / one.median,
                self.fastest(way, lambda series: series.median_wall) / two.median_wall,
            ]
            line = [
                f"{self.tensors}: {way.name}",
                milliseconds(one.median),
                milliseconds(one.best),
                milliseconds(two.median_wall),
                *("" if way.by == "python" else times(ratio) for ratio in ratios),
            ]
            if self.sizes:
                size = self.sizes[way.name]
                line += [f"{size / 1e6:.3f}", relative_size(size / self.smallest(way))]
            lines.append(line)
        return lines

    @property
    def targets(self) -> list[Target]:
        targets = []
        for way in self.ways:
            if way.name not in self.series:
                continue
            name = f"{self.title} of {self.tensors}: {way.name}"
            cpu, wall = way.wanted if self.tensors == "M" else (None, None)
            if self.tensors == "many":
                cpu = way.wanted_on_many
            if cpu:
                one = self.series[way.name]
                targets.append(
                    Target(
                        f"{name} / fastest peer",
                        cpu,
                        self.fastest(way, lambda series: series.median) / one.median,
                        self.fastest(way, lambda series: series.best) / one.best,
                    )
                )
            if wall:
                two = self.series[way.series(2)]
                targets.append(
                    Target(
                        f"{name}, wall with 2 threads / fastest peer",
                        wall,
                        self.fastest(way, lambda series: series.median_wall) / two.median_wall,
                        self.fastest(way, lambda series: min(series.wall)) / min(two.wall),
                    )
                )
            if way.largest and self.sizes:
                size = self.sizes[way.name] / self.smallest(way)
                targets.append(
                    Target(
                        f"{name}, file / smallest peer's",
                        way.largest,
                        size,
                        size,
                        at_least=False,
                        show=relative_size,
                    )
                )
        return targets


def measure(
    archives: Archives,
    rounds: int,
    counts: dict[str, int],
    note_load: Callable[[], None],
) -> tuple[list[Table], list[Target]]:
    measured: dict[str, list[Rows]] = {}
    for tensors, count in counts.items():
        archives.prepare(tensors)
        for kind in FORMATS:
            for verb, ways in (("Save", kind.saves), ("Load", kind.loads)):
                title = f"{verb} {kind.name}"
                note_load()
                contenders, seldom = archives.contenders(ways, tensors, count)
                series = interleaved(contenders, rounds, f"{title}, {tensors}", seldom)
                sizes = (
                    {way.name: archives.size(tensors, way) for way in ways}
                    if verb == "Save"
                    else {}
                )
                rows = Rows(title, tensors, ways, series, sizes)
                measured.setdefault(title, []).append(rows)
                for line in rows.lines:
                    print("  " + "  ".join(line), file=sys.stderr)
    tables, targets = [], []
    for title, each in measured.items():
        head = ["", "CPU ms", "best", "wall ms, 2 threads", "CPU: peer / it", "wall: peer / it"]
        head += ["MB", "/ peer's"] if each[0].sizes else []
        tables.append(Table(title, head, [line for rows in each for line in rows.lines]))
        targets += [target for rows in each for target in rows.targets]
    described = ", ".join(
        f"{tensors} {number:,} of {byte_count / 1e6:.2f} MB"
        for tensors, (number, byte_count) in archives.sizes.items()
    )
    tables[0].remarks.append(REMARK.format(sets=described))
    tables[1].remarks.append(LOADING_REMARK)
    tables[2].remarks.append(HDF5_REMARK)
    tables[3].remarks.append(HDF5_LOADING_REMARK)
    return tables, targets


REMARK = (
    "Trained float32 arrays: {sets}. *S* and *M* are weights and velocities, *Z* is rich in zeros "
    "(Adam's moments and SGD's velocity of a first layer after 40 steps), *many* is small pieces. "
    "Each save makes a new file, without waiting for the disk; numpy and h5py have confirmed that "
    "Flywheel's hold the same arrays. CPU time is with one thread, wall time with two for Flywheel "
    "(numpy, h5py and libhdf5 have one). *peer* is the fastest of numpy or h5py that does the same job, "
    "stored or compressed; of sizes, the smallest."
)
LOADING_REMARK = (
    "Warm page cache; each load gives all arrays in memory. *verified* reads every byte for the "
    "zip's checksums, as np.load does, *trusted* leaves the arrays mapped. *accelerated* is the "
    "build with the trait `Accelerated`, which inflates by libdeflate; nothing else here depends "
    "on it."
)
HDF5_REMARK = (
    "All by the standard filters shuffle and gzip; h5py at level 4, and only arrays of 4 KiB or "
    "more, since others would grow."
)
HDF5_LOADING_REMARK = (
    "*libhdf5, C* is a program that calls nothing else, and reads every dataset that it finds into new "
    "memory."
)
