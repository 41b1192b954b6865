"""Measures Flywheel against numpy, PyTorch, h5py, libhdf5 and safetensors.

Every contender does the same work in the same run, one after another, several rounds, each round in
another order. What counts is the CPU time, one thread each, and only as ratios within one run:
absolute times of a shared machine are information. A raw write() and read() stand beside them.

  benchmarks/run --quick              a minute: does it all still work?
  benchmarks/run                      the real thing, to the terminal
  benchmarks/run --write              and to benchmarks/RESULTS.md

FLYWHEEL_VENV names the Python environment to use instead of .venv; FLYWHEEL_MNIST a folder with
MNIST's IDX files, without which the images are random. Builds what it needs, in release mode. The
arrays of the archives come from networks that are trained once, for up to a minute, and stay in the
system's temporary folder.
"""

import argparse
import datetime
import gzip
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import archives
import checkpoints
import comparing
import hdf5_files
import processes
import safetensors_files
import saving
import startup
import torch_files
import training
from report import Table, Target, targets_table

HERE = Path(__file__).resolve().parent.parent
SECTIONS = (
    "training", "saving", "files", "archives", "startup", "listing", "converting", "comparing",
    "hdf5", "safetensors", "torch",
)  # fmt: skip
ARCHIVE_SECTIONS = (
    "archives", "listing", "converting", "comparing", "hdf5", "safetensors", "torch",
)  # fmt: skip
MNIST_FILES = [
    f"{part}-{kind}"
    for part in ("train", "t10k")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few and short rounds")
    parser.add_argument("--rounds", type=int, help="how often each contender has its turn")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="leave out the others")
    parser.add_argument(
        "--set",
        choices=archives.SETS,
        action="append",
        help="of the archives, leave out the other sets of arrays",
    )
    parser.add_argument(
        "--accelerated",
        action="store_true",
        help="also measure the trait Accelerated: train 784-512-512-10, inflate archives",
    )
    parser.add_argument("--no-build", action="store_true", help="use what was built last time")
    parser.add_argument("--write", action="store_true", help="write benchmarks/RESULTS.md")
    return parser.parse_args()


def build(is_accelerated: bool, skip: bool) -> Path:
    """Builds the workers and the command; the folder with the binaries."""
    scratch = HERE / (".build-accelerated" if is_accelerated else ".build")
    if not skip:
        command = ["swift", "build", "--configuration", "release", "--package-path", str(HERE)]
        command += ["--scratch-path", str(scratch), "--static-swift-stdlib"]
        command += ["--traits", "Accelerated"] if is_accelerated else []
        print(" ".join(command), file=sys.stderr)
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            raise SystemExit(result.stdout)
    return scratch / "release"


def images(scratch: Path) -> tuple[Path, str, int]:
    """A folder of plain IDX files, what they are, and how many images there are to train on."""
    folder = scratch / "images"
    folder.mkdir()
    source = os.environ.get("FLYWHEEL_MNIST")
    if source:
        for name in MNIST_FILES:
            packed, plain = Path(source) / f"{name}.gz", Path(source) / name
            # A piece at a time: no process is seen to take less memory than the one that starts it.
            with gzip.open(packed) if packed.exists() else plain.open("rb") as file:
                with (folder / name).open("wb") as copy:
                    shutil.copyfileobj(file, copy)
        description = "MNIST"
    else:
        generator = random.Random(0)
        for part, count in (("train", 60_000), ("t10k", 100)):
            sizes = (count.to_bytes(4, "big"), (28).to_bytes(4, "big"), (28).to_bytes(4, "big"))
            labels = bytes(index % 10 for index in range(count))
            magic = b"\0\0\x08"
            with (folder / f"{part}-images-idx3-ubyte").open("wb") as file:
                file.write(magic + b"\3" + b"".join(sizes))
                for _ in range(count):
                    file.write(generator.randbytes(784))
            (folder / f"{part}-labels-idx1-ubyte").write_bytes(magic + b"\1" + sizes[0] + labels)
        description = "random images of MNIST's size"
    with (folder / "train-images-idx3-ubyte").open("rb") as file:
        header = file.read(8)
    return folder, description, int.from_bytes(header[4:8], "big")


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")}
        return ", ".join(sorted(names)) + f" ({os.cpu_count()} cores)"
    except OSError:
        return f"{platform.processor()} ({os.cpu_count()} cores)"


def first_line(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True)
        return result.stdout.splitlines()[0].strip() if result.returncode == 0 else "unknown"
    except (OSError, IndexError):
        return "unknown"


def facts(loads: list[float], versions: dict[str, str], started: str, data: str) -> Table:
    rows = [
        ["date", started],
        ["CPU", cpu_model()],
        ["kernel", f"{platform.system()} {platform.release()}"],
        ["load average (1 min)", f"{min(loads):.1f} to {max(loads):.1f}"],
        ["commit", first_line("git", "-C", str(HERE), "describe", "--always", "--dirty")],
        ["Swift", first_line("swift", "--version")],
        ["libhdf5 of Flywheel and of C", first_line("pkg-config", "--modversion", "hdf5")],
        ["Python", platform.python_version()],
        *([name, version] for name, version in versions.items()),
        ["images", data],
    ]
    return Table("Conditions", ["what", "value"], rows)


def main() -> None:
    options = arguments()
    sections = options.only or SECTIONS
    rounds = options.rounds or (2 if options.quick else 9)
    started = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    loads: list[float] = []

    def note_load() -> None:
        loads.append(os.getloadavg()[0])

    binaries = build(False, options.no_build)
    accelerated = build(True, options.no_build) if options.accelerated else None
    # On the file system of the repository, not in a /tmp that may be memory.
    scratch = Path(tempfile.mkdtemp(prefix="measure-", dir=HERE / ".build"))
    tables: list[Table] = []
    targets: list[Target] = []
    files: archives.Archives | None = None
    data = "none"
    note_load()
    try:
        savers = checkpoints.Savers(
            binaries / "CheckpointWorker", binaries / "HDF5Worker", scratch
        )
        savers.prepare("S")
        if {"training", "saving", *ARCHIVE_SECTIONS}.intersection(sections):
            folder, data, count = images(scratch)
            flywheel = training.Flywheel(binaries / "flywheel", folder, scratch, count)
        if "training" in sections:
            seconds = 0.2 if options.quick else 0.8
            trainers = training.Trainers(flywheel, None)
            same = trainers.check()
            table, reached = training.measure(
                "Training: thousand samples per CPU second",
                training.SMALL[:1] if options.quick else training.SMALL,
                trainers,
                rounds,
                seconds,
                note_load,
            )
            table.remarks = [
                "Sigmoid hidden layer, softmax cross-entropy unless it says otherwise, momentum "
                "0.9, float32; shuffling and gathering the batch are on the clock, loading and "
                "testing are not. Flywheel also sums loss and hits each step, torch the loss, "
                "numpy neither. *numpy fast* is as fast as we could make it (preallocated, in "
                "place, all parameters in one vector, constants folded, the better axis order by "
                "trial); *numpy textbook* is the formulas as one writes them first. The last "
                "column is against the faster of the two torch optimizers.",
                same,
            ]
            tables.append(table)
            targets += reached
            if accelerated:
                trainers.accelerated = training.Flywheel(
                    accelerated / "flywheel", folder, scratch, count
                )
                table, reached = training.measure(
                    "Training a larger network: thousand samples per CPU second",
                    training.LARGE,
                    trainers,
                    rounds,
                    seconds * 2,
                    note_load,
                )
                table.remarks = [
                    "*flywheel* is the plain build, *accelerated* the one with the trait "
                    "`Accelerated`, which hands a layer to the BLAS only from about a million "
                    "weights on: here both run Flywheel's own kernels. Ratios are of the plain "
                    "build."
                ]
                tables.append(table)
                targets += reached
            trainers.close()
        if "saving" in sections:
            table, reached = saving.measure(
                flywheel, rounds, 3 if options.quick else 8, note_load
            )
            table.remarks = [
                "A checkpoint of the state S (0.64 MB), durable, three kept. *waits* is how long the "
                "training thread stood still for a save: it takes the snapshot, and is on its way "
                "again while another thread writes, unless the save before is still under way. CPU "
                "time is of both threads and of the saves, too."
            ]
            tables.append(table)
            targets += reached
        if "files" in sections:
            counts = {"S": 5 if options.quick else 30} | ({} if options.quick else {"M": 2})
            file_tables, reached = checkpoints.measure(savers, rounds, counts, note_load)
            for table in file_tables:
                table.remarks.insert(0, SAVING if table.title.startswith("Save") else LOADING)
            tables += file_tables
            targets += reached
        if {*ARCHIVE_SECTIONS}.intersection(sections):
            files = archives.Archives(
                archives.trained_sets(folder, data, options.quick),
                scratch,
                binaries / "CheckpointWorker",
                binaries / "HDF5Worker",
                accelerated / "CheckpointWorker" if accelerated else None,
            )
        sets = [name for name in archives.SETS if name in (options.set or archives.SETS)]
        if "archives" in sections:
            counts = {name: 1 for name in sets}
            counts |= {"S": 3 if options.quick else 20} if "S" in sets else {}
            archive_tables, reached = archives.measure(files, rounds, counts, note_load)
            tables += archive_tables
            targets += reached
        if "startup" in sections:
            note_load()
            table = startup.measure(
                binaries / "flywheel", scratch / "S.h5", rounds, 3 if options.quick else 10
            )
            table.remarks = [
                "From exec to exit, output to /dev/null. `inspect` reads no tensor, `verify` every "
                "byte. The Swift runtime is linked in; neither loads libhdf5."
            ]
            tables.append(table)
        large = [name for name in ("M", "many") if name in sets]
        if "listing" in sections and large:
            table, reached = processes.list_files(
                binaries / "flywheel", files, large, rounds, 3 if options.quick else 10, note_load
            )
            tables.append(table)
            targets += reached
        if "converting" in sections and "M" in sets:
            tables.append(
                processes.convert(
                    binaries / "flywheel",
                    accelerated / "flywheel" if accelerated else None,
                    files,
                    "M",
                    rounds,
                    note_load,
                )
            )
        if "comparing" in sections and "M" in sets:
            table, reached = comparing.measure(
                binaries / "flywheel", files, "M", rounds, note_load
            )
            tables.append(table)
            targets += reached
        if "hdf5" in sections and {"M", "many"}.issubset(sets):
            table, reached = hdf5_files.measure(savers, files, rounds, note_load)
            tables.append(table)
            targets += reached
        if "safetensors" in sections and {"M", "many"}.issubset(sets):
            safetensors_tables, reached = safetensors_files.measure(
                binaries / "flywheel",
                savers,
                files,
                rounds,
                3 if options.quick else 10,
                note_load,
            )
            tables += safetensors_tables
            targets += reached
        if "torch" in sections and {"M", "many"}.issubset(sets):
            torch_tables, reached = torch_files.measure(
                binaries / "flywheel",
                savers,
                files,
                rounds,
                3 if options.quick else 10,
                note_load,
            )
            tables += torch_tables
            targets += reached
        savers.close()
        if files:
            files.close()
    finally:
        shutil.rmtree(scratch)
    note_load()

    head = (
        "# Measured\n\n"
        f"Written by `benchmarks/run` ({rounds} rounds, contenders interleaved in each). CPU time "
        "is user and system time of the contender's process, one thread; figures are medians over "
        "all rounds, or for what takes seconds over some of them. Compare within a table; absolute "
        "times belong to this machine on this day.\n"
    )
    if targets:
        tables.insert(0, targets_table(targets))
    tables.append(facts(loads, savers.versions, started, data))
    text = "\n".join([head, *(table.markdown for table in tables)])
    print(text)
    if options.write:
        (HERE / "RESULTS.md").write_text(text)
        print(f"wrote {HERE / 'RESULTS.md'}", file=sys.stderr)


SAVING = (
    "Each save makes a new file from tensors in memory, without waiting for the disk unless it "
    "says so. Flywheel also computes every tensor's CRC-32, writes the JSON document and renames "
    "the file into place, but reserves its space first, so that it can be cheaper than write() "
    "alone; *durable* waits for the disk twice, for bytes and for the name: read "
    "its wall time."
)
LOADING = (
    "Warm page cache; each load opens the file, gets every tensor by name and closes it. "
    "Flywheel's also reads the JSON document. *verified* reads every byte for its checksum and "
    "leaves the tensors mapped, libhdf5, h5py and np.load copy without checking; *structure only* is "
    "the trusted mode, *touched* adds a read of every page. *libhdf5, C* is a program that calls "
    "nothing else, on h5py's file."
)


if __name__ == "__main__":
    main()
