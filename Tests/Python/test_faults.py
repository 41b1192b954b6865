"""Every call of the operating system that a save makes is made to fail, one after the other."""

import errno
import subprocess
import tempfile
from pathlib import Path

from support import REPOSITORY, checkpoints, only_full, write_structured
from test_resume import ResumeTestCase

# 36-4-3, two epochs of 4 steps: saves at the start and after each epoch, and one is deleted.
LAYERS = "36-4-3"
KEEP = 2

# What the library that makes calls fail takes for it.
SHORT_WRITE = 0


class Faults(ResumeTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="flywheel-faults-")
        cls.addClassCleanup(folder.cleanup)
        cls.library = Path(folder.name) / "faults.so"
        source = REPOSITORY / "Tests" / "Python" / "faults" / "faults.c"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", cls.library, source, "-ldl"], check=True
        )

    def settings(self) -> list:
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, 32, 6, 3)
        return [
            "--data", data, "--layers", LAYERS, "--batch-size", 8, "--epochs", 2,
            "--validation", 0, "--keep", KEEP,
        ]  # fmt: skip

    def try_with_fault(self, run: Path, number: int, fault: int, *arguments):
        """Trains with one call made to fail; gives its result, and the call if it was made."""
        log = self.folder / "fault.log"
        log.unlink(missing_ok=True)
        environment = {
            "LD_PRELOAD": str(self.library),
            "FAULT_BELOW": str(run) + "/",
            "FAULT_AT": str(number),
            "FAULT_ERRNO": str(fault),
            "FAULT_LOG": str(log),
        }
        result = self.finish(self.start(*arguments, environment=environment))
        return result, log.read_text().strip() if log.exists() else None

    def walk(self, fault: int, *options) -> None:
        """Makes every call fail in turn, until the run ends before the call comes."""
        straight = self.train(*self.settings(), *options)
        calls = []
        for number in range(1, 2000):
            run = self.path("faulty")
            result, call = self.try_with_fault(
                run, number, fault, "train", *self.settings(), *options, "--quiet", "--output", run
            )
            if call is None:
                self.assertEqual(result.status, 0, result.stderr)
                self.assert_same_end(run, straight)
                break
            calls.append(call.split()[0])
            if fault == SHORT_WRITE and calls[-1] not in ("write", "pwrite"):
                continue
            with self.subTest(fault=fault, number=number, call=call):
                self.check(run, straight, result, call, fault)
        else:
            self.fail("it never ran to its end")
        # Three saves, each of which opens, reserves, writes, syncs, renames and syncs the directory.
        for name, least in {"open": 6, "pwrite": 9, "fsync": 6, "rename": 3, "fallocate": 3}.items():
            self.assertGreaterEqual(calls.count(name), least, f"{name} in {calls}")
        self.assertGreaterEqual(calls.count("unlink"), 1)

    def check(self, run: Path, straight: Path, result, call: str, fault: int) -> None:
        # Nothing that matters can be lost in a close: what must be durable has been synced before.
        if fault == SHORT_WRITE or call.startswith("close "):
            self.assertEqual(result.status, 0, result.stderr)
        else:
            self.assertEqual(result.status, 2, result.stderr)
            self.assert_error(result, f"(errno {fault})", run)
            self.assertNotIn("flywheel-tmp", result.stderr)
        self.assertLessEqual(len(checkpoints(run)), KEEP + 1)
        if checkpoints(run):
            self.flywheel("verify", run)
            self.resume(run, "--quiet")
        else:
            # Stopped before the first save: training starts again in the same directory.
            self.flywheel("train", *self.settings(), "--quiet", "--output", run)
        self.assert_same_end(run, straight)
        # One more than the policy keeps, if the fault came after the last save was durable.
        self.assertLessEqual(len(checkpoints(run)), KEEP + 1)

    def test_a_broken_disk_stops_training_and_costs_nothing_that_was_saved(self):
        self.walk(errno.EIO)

    @only_full("it walks the same way as a broken disk")
    def test_a_full_disk_stops_training_and_costs_nothing_that_was_saved(self):
        self.walk(errno.ENOSPC)

    def test_a_write_that_was_cut_short_is_completed(self):
        self.walk(SHORT_WRITE)

