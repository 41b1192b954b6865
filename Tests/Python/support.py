"""What the tests share: the binary under test, temporary folders, and data sets to train on."""

import ctypes
import gzip
import json
import os
import resource
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import checkpoint

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMAS = REPOSITORY / "schemas"

# The schemas of checkpoints by version: the newest has no number in its name.
VERSIONS = {1: "checkpoint-1", 2: "checkpoint-2", 3: "checkpoint"}


@dataclass
class Settings:
    """What `run.py` was told."""

    flywheel: Path | None = None
    full: bool = False


settings = Settings()


def mnist() -> Path | None:
    """The folder of the real MNIST; None if `FLYWHEEL_MNIST` does not name one."""
    folder = os.environ.get("FLYWHEEL_MNIST")
    return Path(folder) if folder else None


def only_full(reason: str):
    """Marks a test that is too slow for CI."""
    return unittest.skipUnless(settings.full, f"only with --full: {reason}")


needs_mnist = unittest.skipUnless(mnist(), "FLYWHEEL_MNIST does not name the real MNIST")


@dataclass
class Result:
    """How a run of the binary ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self):
        return json.loads(self.stdout)


def limit_file_size(byte_count: int):
    """For `before=`: no file of the process can become larger than this."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (byte_count, byte_count))


class TestCase(unittest.TestCase):
    """A test with a folder of its own and the binary at hand."""

    maxDiff = 4000

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flywheel-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self._number = 0

    def path(self, name: str = "run") -> Path:
        """A path in the test's folder that nothing has yet."""
        self._number += 1
        return self.folder / f"{name}-{self._number}"

    def start(
        self, *arguments, before=None, cwd=None, stderr=subprocess.PIPE, environment=None
    ) -> subprocess.Popen:
        """Starts the binary; it is killed when the test ends, if it still runs."""
        self.assertIsNotNone(settings.flywheel, "run the tests with run.py --flywheel BINARY")
        process = subprocess.Popen(
            [str(settings.flywheel), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            preexec_fn=before,
            cwd=cwd or self.folder,
            # A crash is a failure anyway; without this each takes a second to describe itself.
            env=os.environ | {"SWIFT_BACKTRACE": "enable=no"} | (environment or {}),
        )
        self.addCleanup(_end, process)
        return process

    def finish(self, process: subprocess.Popen, timeout: float = 120) -> Result:
        """Waits until a started process has ended; a signal or a library's noise is a failure."""
        stdout, stderr = process.communicate(timeout=timeout)
        result = Result(process.returncode, stdout.decode(), (stderr or b"").decode())
        self.assertGreaterEqual(
            result.status, 0, f"ended by signal {-result.status}; stderr:\n{result.stderr}"
        )
        for noise in ("HDF5-DIAG", "Fatal error", "Stack dump"):
            self.assertNotIn(noise, result.stderr)
        return result

    def flywheel(self, *arguments, status: int = 0, timeout: float = 120, **options) -> Result:
        """Runs the binary to its end and checks its exit status."""
        result = self.finish(self.start(*arguments, **options), timeout)
        self.assertEqual(
            result.status,
            status,
            f"{' '.join(map(str, arguments))}\n{result.stderr}{result.stdout}",
        )
        return result

    def train(self, *arguments, run: Path | None = None, **options) -> Path:
        """Trains a new run quietly; returns its folder."""
        run = run or self.path()
        self.flywheel("train", *arguments, "--quiet", "--output", run, **options)
        return run

    def resume(self, run: Path, *arguments, **options) -> Result:
        return self.flywheel("resume", run, *arguments, **options)

    def assert_error(self, result: Result, *words: str) -> None:
        """An error on stderr that says all of the words, and nothing on stdout."""
        self.assertRegex(result.stderr, r"(?m)^(error|Error): ")
        for word in words:
            self.assertIn(str(word), result.stderr)
        self.assertEqual(result.stdout, "")

    def wait_until(self, condition, what: str, timeout: float = 60):
        """Polls until the condition gives something true, and returns that."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.0005)
        self.fail(f"waited {timeout} s in vain for {what}")


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


# Runs on disk


def checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted((run / "checkpoints").glob("step-*.h5"))


def newest(run: Path) -> Path:
    return checkpoints(run)[-1]


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("step-"))


def newest_step(run: Path) -> int:
    """The step of the newest checkpoint; -1 if there is none yet."""
    files = checkpoints(run)
    return step_of(files[-1]) if files else -1


class Watch:
    """Sees every change in a run's folder of checkpoints, in order, by Linux's inotify.

    So it knows what was there at each instant, not only when somebody looked. Beside that, a thread
    reads what is there again and again.
    """

    # Names appear by creation or renaming and go by deletion or renaming.
    CREATED, MOVED_TO, DELETED, MOVED_FROM, MODIFIED = 0x100, 0x80, 0x200, 0x40, 0x2
    OVERFLOW = 0x4000

    def __init__(self, run: Path):
        self.folder = run / "checkpoints"
        self.problems: list[str] = []
        self.looks = 0
        self.instants: list[set[str]] = []
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._library = ctypes.CDLL(None, use_errno=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._has_ended.set()
        self._thread.join()

    @property
    def most(self) -> int:
        """The largest number of checkpoints that there were at one instant."""
        return max(map(len, self.instants), default=0)

    def _look(self) -> None:
        while not self.folder.exists():
            if self._has_ended.wait(0.0005):
                return
        descriptor = self._library.inotify_init1(os.O_NONBLOCK)
        mask = self.CREATED | self.MOVED_TO | self.DELETED | self.MOVED_FROM | self.MODIFIED
        if self._library.inotify_add_watch(descriptor, os.fsencode(self.folder), mask) < 0:
            self.problems.append("the folder cannot be watched")
        at_first = {path.name for path in self.folder.glob("step-*.h5")}
        events = b""
        known = set()
        while True:
            is_last = self._has_ended.wait(0.002)
            events += self._read(descriptor)
            self._verify(known)
            if is_last:
                break
        events += self._read(descriptor)
        os.close(descriptor)
        self.instants = [at_first, *self._replay(at_first, events)]

    def _read(self, descriptor: int) -> bytes:
        data = b""
        try:
            while more := os.read(descriptor, 1 << 16):
                data += more
        except BlockingIOError:
            return data

    def _verify(self, known: set) -> None:
        """Reads the files that were not there before; one that is deleted meanwhile is none."""
        self.looks += 1
        for path in sorted(self.folder.glob("step-*.h5")):
            try:
                status = path.stat()
                identity = (path.name, status.st_ino, status.st_mtime_ns)
                if identity not in known and (damage := checkpoint.damage(path)):
                    self.problems.append(damage)
                known.add(identity)
            except FileNotFoundError:
                continue

    def _replay(self, names: set[str], events: bytes):
        """The names that were there after each event."""
        names = set(names)
        place = 0
        while place < len(events):
            _, mask, _, length = struct.unpack_from("iIII", events, place)
            name = events[place + 16 : place + 16 + length].rstrip(b"\0").decode()
            place += 16 + length
            if mask & self.OVERFLOW:
                self.problems.append("events were lost")
            if not (name.startswith("step-") and name.endswith(".h5")):
                continue
            if mask & self.MODIFIED:
                self.problems.append(f"{name} was written to in place")
            if mask & (self.CREATED | self.MOVED_TO):
                names.add(name)
            if mask & (self.DELETED | self.MOVED_FROM):
                names.discard(name)
            yield set(names)


def temporary_files(run: Path) -> list[Path]:
    return sorted(run.rglob("*.flywheel-tmp")) + sorted(run.rglob(".*.flywheel-tmp"))


def files_and_bytes(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, to see that nothing was touched."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def flip_bit(path: Path, offset: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


# Data sets


@dataclass
class Images:
    """Labelled images as the IDX files have them."""

    pixels: np.ndarray  # uint8 [count, height, width]
    labels: np.ndarray  # uint8 [count]

    @property
    def inputs(self) -> np.ndarray:
        """Rows as the network sees them: multiples of 1/255, as the trainer computes them."""
        return self.pixels.reshape(len(self.pixels), -1) * np.float64(1 / 255)

    def __getitem__(self, index) -> "Images":
        return Images(self.pixels[index], self.labels[index])

    def __len__(self) -> int:
        return len(self.labels)


def structured_images(seed: int, count: int, height: int, width: int, classes: int) -> Images:
    """Noisy copies of one random picture per class: something to learn. Every class is there."""
    random = np.random.default_rng([1, classes, height, width])
    pictures = random.integers(0, 256, (classes, height, width))
    random = np.random.default_rng([seed, count])
    labels = random.permutation(np.arange(count) % classes)
    noise = random.integers(-90, 91, (count, height, width))
    pixels = np.clip(pictures[labels] + noise, 0, 255)
    return Images(pixels.astype(np.uint8), labels.astype(np.uint8))


# The format's types by numpy's short names.
IDX_TYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array: np.ndarray, type: str = "u1") -> bytes:
    """An array in the IDX format."""
    header = struct.pack(">HBB", 0, IDX_TYPES[type], array.ndim)
    extents = struct.pack(f">{array.ndim}I", *array.shape)
    return header + extents + array.astype(f">{type}").tobytes()


def write_idx(
    folder: Path,
    training: Images,
    test: Images,
    compressed: bool = False,
    types: tuple[str, str] = ("u1", "u1"),
) -> Path:
    """Writes the four files of a data set laid out like MNIST; `types` of samples and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, images in (("train", training), ("t10k", test)):
        for name, array, type in (
            ("images", images.pixels, types[0]),
            ("labels", images.labels, types[1]),
        ):
            data = idx(array, type)
            path = folder / f"{prefix}-{name}-idx{array.ndim}-ubyte{'.gz' if compressed else ''}"
            path.write_bytes(gzip.compress(data, mtime=0) if compressed else data)
    return folder


def scikit_digits() -> tuple[Images, Images]:
    """scikit-learn's digits, real and everywhere: 8 by 8 numbers from 0 to 16. Every sixth is to test
    with, because the last ones are by other hands."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = Images(digits.images, digits.target)
    is_test = np.arange(len(images)) % 6 == 0
    return images[~is_test], images[is_test]


def write_structured(
    folder: Path, count: int, side: int, classes: int, test: int = 20, seed: int = 1
) -> Path:
    """Writes a small data set of square images that a network can learn."""
    return write_idx(
        folder,
        structured_images(seed, count, side, side, classes),
        structured_images(seed + 1, test, side, side, classes),
    )
