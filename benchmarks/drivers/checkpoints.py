"""Saving and loading S and M: Flywheel, libhdf5, h5py, numpy, PyTorch, write() and read() alone."""

import sys
from collections.abc import Callable
from pathlib import Path

from measure import Contender, Series, Worker, interleaved
from report import Table, Target, milliseconds, times

CONTROLS = ("write()", "fallocate()", "read()")
WORKERS = Path(__file__).parent / "workers"


class Savers:
    """The workers, and the files that are loaded again and again."""

    def __init__(self, binary: Path, libhdf5: Path, scratch: Path):
        self.scratch = scratch
        self.flywheel = Worker([str(binary)])
        self.libhdf5 = Worker([str(libhdf5)])
        self.python = Worker([sys.executable, str(WORKERS / "file_worker.py")])
        self.versions: dict[str, str] = {}
        self.tensors: dict[str, tuple[int, int]] = {}

    def close(self) -> None:
        self.flywheel.close()
        self.libhdf5.close()
        self.python.close()

    def path(self, name: str) -> str:
        return str(self.scratch / name.replace(" ", "-"))

    def prepare(self, tensors: str) -> None:
        """Writes one file of each kind, from which the loads read."""
        self.swift("save", tensors, self.path(f"{tensors}.h5"), 1)
        answer = self.python.ask("prepare", tensors=tensors, path=self.path(f"{tensors}.h5"))
        self.versions |= answer["versions"]
        self.tensors[tensors] = (answer["count"], answer["bytes"])
        self.swift("raw_write", tensors, self.path(f"{tensors}.raw"), 1)
        for contender in ("h5py", "np.savez", "torch.save"):
            self.python.ask(
                "save",
                contender=contender,
                tensors=tensors,
                path=self.saved(contender, tensors),
                count=1,
            )
        self.libhdf5.confirm(self.saved("h5py", tensors), self.tensors[tensors])

    def saved(self, contender: str, tensors: str) -> str:
        suffix = {"h5py": "h5py.h5", "np.savez": "npz", "torch.save": "pt"}[contender]
        return self.path(f"{tensors}.{suffix}")

    def swift(self, operation: str, tensors: str, path: str, count: int) -> dict:
        return self.flywheel.ask(operation, tensors=tensors, path=path, count=count)

    def saves(
        self, tensors: str, count: int
    ) -> tuple[dict[str, Contender], dict[str, Contender]]:
        """Those that leave writing to the disk to the system, and those that wait for it."""
        path = self.scratch / "saved.h5"

        def swift(operation: str, tensors: str = tensors) -> Contender:
            def contender() -> dict:
                answer = self.swift(operation, tensors, str(path), count)
                path.unlink()  # before the system starts to write it to the disk
                return answer

            return contender

        def python(name: str) -> Contender:
            target = path.with_suffix(".npz")  # np.savez insists

            def contender() -> dict:
                answer = self.python.ask(
                    "save", contender=name, tensors=tensors, path=str(target), count=count
                )
                target.unlink()
                return answer

            return contender

        contenders = {
            "write() alone": swift("raw_write"),
            "fallocate() and write() alone": swift("reserved_write"),
            "flywheel": swift("save"),
            "h5py": python("h5py"),
            "np.savez": python("np.savez"),
            "torch.save": python("torch.save"),
        }
        if tensors == "S":
            contenders["flywheel, S with history and random streams"] = swift("save", "S-run")
        # Apart, since waiting for the disk slows down whoever writes next.
        durable = {
            "write() and fsync() alone": swift("raw_write_durably"),
            "flywheel, durable": swift("save_durably"),
        }
        return contenders, durable

    def loads(self, tensors: str, count: int) -> dict[str, Contender]:
        def swift(operation: str, tensors: str = tensors) -> Contender:
            suffix = "raw" if operation == "raw_read" else "h5"
            return lambda: self.swift(
                operation, tensors, self.path(f"{tensors}.{suffix}"), count
            )

        def python(name: str, saved_by: str) -> Contender:
            return lambda: self.python.ask(
                "load",
                contender=name,
                tensors=tensors,
                path=self.saved(saved_by, tensors),
                count=count,
            )

        contenders = {
            "read() alone, into new memory": swift("raw_read"),
            "flywheel, verified": swift("load"),
            "flywheel, structure only": swift("map"),
            "flywheel, structure only, touched": swift("touch"),
            "libhdf5, C": lambda: self.libhdf5.ask(
                "load", path=self.saved("h5py", tensors), count=count
            ),
            "h5py": python("h5py", "h5py"),
            "h5py and zlib.crc32": python("h5py, zlib.crc32", "h5py"),
            "np.load": python("np.load", "np.savez"),
            "torch.load": python("torch.load", "torch.save"),
            "torch.load(mmap=True)": python("torch.load mmap", "torch.save"),
            "torch.load(mmap=True), touched": python("torch.load mmap, touched", "torch.save"),
        }
        if tensors == "S":
            contenders["flywheel, verified, S with history and random streams"] = swift(
                "load", "S-run"
            )
        return contenders


def table(title: str, series: dict[str, Series], raw: str, flywheel: str) -> Table:
    rows = [
        [
            name,
            milliseconds(each.median),
            milliseconds(each.best),
            milliseconds(each.median_wall),
            times(each.median / series[raw].median),
            times(each.median / series[flywheel].median),
        ]
        for name, each in series.items()
    ]
    head = ["", "CPU ms", "best", "wall ms", f"CPU / {raw.split()[0]}", "CPU / flywheel"]
    cheaper = [
        f"{name} ({times(each.median / series[flywheel].median)})"
        for name, each in series.items()
        if each.median < series[flywheel].median and not name.startswith(("flywheel", *CONTROLS))
    ]
    remark = f"Cheaper than *{flywheel}* here: {', '.join(cheaper) or 'no other library'}."
    return Table(title, head, rows, [remark])


def measure(
    savers: Savers, rounds: int, counts: dict[str, int], note_load: Callable[[], None]
) -> tuple[list[Table], list[Target]]:
    tables, targets = [], []
    for tensors, count in counts.items():
        savers.prepare(tensors)
        if tensors == "S":
            savers.swift("save", "S-run", savers.path("S-run.h5"), 1)
        number, byte_count = savers.tensors[tensors]
        size = f"{number} tensors, {byte_count / 1e6:.2f} MB"
        note_load()
        cached, durable = savers.saves(tensors, count)
        saves = interleaved(cached, rounds, f"save {tensors}")
        saves |= interleaved(durable, rounds, f"save {tensors} durably")
        tables.append(table(f"Save {tensors} ({size})", saves, "write() alone", "flywheel"))
        note_load()
        loads = interleaved(savers.loads(tensors, count), rounds, f"load {tensors}")
        verified = loads["flywheel, verified"]
        tables.append(
            table(
                f"Load {tensors} ({size})",
                loads,
                "read() alone, into new memory",
                "flywheel, verified",
            )
        )
        for each in tables[-2:]:
            print(each.markdown, file=sys.stderr)
        if tensors == "M":
            raw, flywheel = saves["write() alone"], saves["flywheel"]
            targets.append(
                Target(
                    "save of M, no fsync: flywheel / write()",
                    1.5,
                    flywheel.median / raw.median,
                    flywheel.best / raw.best,
                    at_least=False,
                )
            )
        else:
            for name, load in (
                ("verified", verified),
                ("structure only", loads["flywheel, structure only"]),
            ):
                targets.append(
                    Target(
                        f"load of {tensors}, {name}: flywheel / h5py",
                        6,
                        loads["h5py"].median / load.median,
                        loads["h5py"].best / load.best,
                    )
                )
    return tables, targets
