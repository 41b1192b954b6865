"""The HDF5 project's own test files, which Debian's source package has."""

import concurrent.futures
import multiprocessing
import re
import shutil
import subprocess
import tarfile
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import hdf5_contents

SOURCES = Path("/etc/apt")


def files(folder: Path) -> list[Path]:
    """Fetches and unpacks the files; raises OSError if they cannot be had.

    Where packages come from is what the machine says; nothing of the machine's own is changed.
    """
    if not shutil.which("apt-get"):
        raise OSError("there is no apt-get")
    parts = folder / "sources"
    parts.mkdir()
    for source in (SOURCES / "sources.list", *(SOURCES / "sources.list.d").glob("*")):
        if source.suffix == ".sources":
            text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", source.read_text())
        elif source.suffix == ".list" and source.is_file():
            text = re.sub(r"(?m)^deb ", "deb-src ", source.read_text())
        else:
            continue
        (parts / source.name).write_text(text)
    (folder / "lists" / "partial").mkdir(parents=True)
    _apt(folder, "update")
    _apt(folder, "source", "--download-only", "hdf5")
    (archive,) = folder.glob("hdf5_*.orig.tar.*")
    found = []
    with tarfile.open(archive) as package:
        for member in package:
            if member.isfile() and member.name.endswith(".h5"):
                # Several folders have files of one name.
                path = folder / "files" / member.name.split("/", 1)[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(package.extractfile(member).read())
                found.append(path)
    return sorted(found)


def _apt(folder: Path, *arguments: str) -> None:
    options = {
        "Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": folder / "sources",
        "Dir::State::lists": folder / "lists", "Dir::Cache": folder / "cache",
    }  # fmt: skip
    words = [f"-o{name}={value}" for name, value in options.items()]
    result = subprocess.run(
        ["apt-get", "-q", *words, *arguments], cwd=folder, capture_output=True, timeout=300
    )
    if result.returncode:
        raise OSError(f"apt-get {arguments[0]} failed")


class Oracle:
    """What h5py finds, in a process of its own: some of the files make libhdf5 crash or hang."""

    def __init__(self):
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=context)

    def contents(self, path: Path) -> hdf5_contents.Contents | None:
        """None if libhdf5 does not read all of the file."""
        task = self._pool.submit(hdf5_contents.contents, path)
        try:
            return task.result(timeout=30)
        except (TimeoutError, BrokenProcessPool):
            self.close()
            self._start()
        except (OSError, KeyError, RuntimeError, ValueError):
            pass
        return None

    def close(self) -> None:
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown()
