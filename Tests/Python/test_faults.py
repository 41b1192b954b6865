"""Every call of the operating system that a save makes is made to fail, one after the other."""

import errno
import subprocess
import tempfile
from pathlib import Path

from support import REPOSITORY, checkpoints, newest_step, only_full, step_of, write_structured
from test_resume import ResumeTestCase

# 36-4-3, two epochs of 4 steps: saves at the start and after each epoch, and one is deleted.
LAYERS = "36-4-3"
STEPS = 4
LAST = 2 * STEPS
KEEP = 2

# Where one line is appended after each epoch.
LOGS = ("metrics.jsonl", "timing.jsonl")

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
                self.check(run, straight, result, call, fault, options)
        else:
            self.fail("it never ran to its end")
        # Three saves, each of which opens, reserves, writes, syncs, renames and syncs the directory.
        # Behind training, two threads' calls come in another order each time: one may be met twice,
        # and its neighbour not at all.
        is_ordered = "--no-background" in options
        for name, least in {"open": 6, "pwrite": 9, "fsync": 6, "rename": 3, "fallocate": 3}.items():
            least = least if is_ordered else least // 2 + 1
            self.assertGreaterEqual(calls.count(name), least, f"{name} in {calls}")
        if is_ordered:
            self.assertGreaterEqual(calls.count("unlink"), 1)

    def check(
        self, run: Path, straight: Path, result, call: str, fault: int, options: tuple
    ) -> None:
        name, path = call.split(" ", 1)
        path = Path(path)
        # Nothing that matters can be lost in a close: what must be durable has been synced before.
        if fault == SHORT_WRITE or name == "close":
            self.assertEqual(result.status, 0, result.stderr)
        elif "go_on" in options and name != "mkdir" and run / "checkpoints" in (path, path.parent):
            self.check_going_on(run, result, path, fault)
        else:
            self.assertEqual(result.status, 2, result.stderr)
            self.assert_error(result, f"(errno {fault})", run)
            self.assertNotIn("flywheel-tmp", result.stderr)
            if name in ("open", "write") and path.name in LOGS:
                self.check_saved_on_error(run, path)
        self.assertLessEqual(len(checkpoints(run)), KEEP + 1)
        if checkpoints(run):
            self.flywheel("verify", run)
            self.resume(run, "--quiet")
        else:
            # Stopped before the first save: training starts again in the same directory.
            self.flywheel("train", *self.settings(), *options, "--quiet", "--output", run)
        self.assert_same_end(run, straight)
        # One more than the policy keeps, if the fault came after the last save was durable.
        self.assertLessEqual(len(checkpoints(run)), KEEP + 1)

    def check_going_on(self, run: Path, result, path: Path, fault: int) -> None:
        """A save failed: training goes on to its end, which is well only if the last one did not.

        But for the first: without it a run could not be resumed, so that it does not begin.
        """
        self.assertIn(f"(errno {fault})", result.stderr)
        self.assertIn(str(run), result.stderr)
        self.assertNotIn("flywheel-tmp", result.stderr)
        if not (run / "metrics.jsonl").exists():
            self.assertEqual(result.status, 2, result.stderr)
            self.assertIn(len(checkpoints(run)), (0, 1))
            return
        self.assertEqual(len((run / "metrics.jsonl").read_text().splitlines()), LAST // STEPS)
        if newest_step(run) != LAST:
            self.assertEqual(result.status, 2, result.stderr)
        elif path.suffix != ".h5" and path != run / "checkpoints":
            # Not the last, since a file that could not be written is not there.
            self.assertEqual(result.status, 0, result.stderr)
        if result.status == 0:
            self.assertRegex(result.stderr, r"(?m)^warning: a checkpoint was not saved: ")
        else:
            self.assertEqual(result.status, 2, result.stderr)
            self.assert_error(result, f"(errno {fault})", run)

    def check_saved_on_error(self, run: Path, log: Path) -> None:
        """The line was not appended, but the state at hand was saved before the error went on."""
        epochs = len(log.read_text().splitlines()) if log.exists() else 0
        self.assertEqual(newest_step(run), STEPS * (epochs + 1))

    def test_a_broken_disk_stops_training_and_costs_nothing_that_was_saved(self):
        """Behind training, as by default."""
        self.walk(errno.EIO)

    def test_a_broken_disk_costs_one_save_where_training_is_to_go_on(self):
        self.walk(errno.EIO, "--on-save-failure", "go_on")

    @only_full("it walks the same way as a broken disk")
    def test_a_full_disk_stops_training_and_costs_nothing_that_was_saved(self):
        self.walk(errno.ENOSPC)

    @only_full("it walks the same way as a broken disk")
    def test_a_broken_disk_is_noticed_by_saves_that_training_waits_for(self):
        for options in ([], ["--on-save-failure", "go_on"]):
            self.walk(errno.EIO, "--no-background", *options)

    def test_a_write_that_was_cut_short_is_completed(self):
        self.walk(SHORT_WRITE)

    def test_a_failed_log_saves_the_state_that_no_save_was_due_for(self):
        options = ["--save-every-epochs", 0]
        straight = self.train(*self.settings(), *options)
        self.assertEqual([step_of(path) for path in checkpoints(straight)], [0, LAST])
        steps = []
        for number in range(1, 200):
            run = self.path("faulty")
            result, call = self.try_with_fault(
                run, number, errno.ENOSPC, "train", *self.settings(), *options, "--output", run
            )
            if call is None:
                break
            name, path = call.split(" ", 1)
            if name == "write" and Path(path).name in LOGS:
                with self.subTest(call=call, number=number):
                    self.assertEqual(result.status, 2, result.stderr)
                    self.check_saved_on_error(run, Path(path))
                    self.flywheel("verify", run)
                    steps.append(newest_step(run))
                    self.resume(run, "--quiet")
                    self.assert_same_end(run, straight)
        # Of both epochs, in both logs.
        self.assertEqual(steps, [STEPS, STEPS, LAST, LAST])
