"""A run that is killed, stopped or damaged goes on as if nothing had happened, bit for bit."""

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np

import checkpoint
from support import (
    TestCase,
    Watch,
    checkpoints,
    files_and_bytes,
    flip_bit,
    newest,
    newest_step,
    only_full,
    step_of,
    temporary_files,
    write_structured,
)

RESTORED = re.compile(r"at step ([\d,]+): (\d+) epochs? and ([\d,]+) batches done")


class ResumeTestCase(TestCase):
    def settings(self, name: str = "medium") -> list:
        """Something to train on that takes long enough to be killed in the middle."""
        data = self.folder / "data"
        count, side, layers, epochs = {
            "small": (203, 6, "36-20-5", 12),
            "medium": (1207, 14, "196-64-32-10", 8),
        }[name]
        if not data.exists():
            write_structured(data, count, side, int(layers.split("-")[-1]))
        return [
            "--data", data, "--layers", layers, "--batch-size", 8, "--epochs", epochs,
            "--learning-rate", 0.02, "--save-every-steps", 5,
        ]  # fmt: skip

    def assert_same_end(self, found: Path, expected: Path) -> None:
        """Two runs ended equal: tensors, document, metrics and configuration, bit for bit."""
        self.assert_same_checkpoint(newest(found), newest(expected))
        for name in ("metrics.jsonl", "configuration.json"):
            self.assertEqual((found / name).read_bytes(), (expected / name).read_bytes(), name)
        self.assertTrue((expected / "metrics.jsonl").read_bytes())
        self.assertEqual(temporary_files(found), [])

    def assert_same_checkpoint(self, found: Path, expected: Path) -> None:
        self.assertEqual(found.name, expected.name)
        found, expected = checkpoint.read(found), checkpoint.read(expected)
        self.assertEqual(list(found.tensors), list(expected.tensors))
        self.assertGreater(len(expected.tensors), 4)
        for name, value in expected.tensors.items():
            self.assertEqual(found.tensors[name].dtype, value.dtype, name)
            self.assertEqual(found.tensors[name].tobytes(), value.tobytes(), name)
        self.assertEqual(found.stable_document(), expected.stable_document())
        self.assertEqual(found.attributes, expected.attributes)

    def start_until(self, step: int, *arguments, run: Path) -> subprocess.Popen:
        """Starts the binary and waits until it has saved this step or a later one."""
        process = self.start(*arguments)
        self.wait_until(
            lambda: newest_step(run) >= step or process.poll() is not None, f"step {step}"
        )
        return process

    def kill_at(self, step: int, *arguments, run: Path, pause: float = 0) -> str:
        """Kills the binary some time after it has saved this step; its stderr, if it was alive."""
        process = self.start_until(step, *arguments, run=run)
        time.sleep(pause)
        process.kill()
        _, stderr = process.communicate()
        self.assertEqual(process.returncode, -signal.SIGKILL, "ended before it could be killed")
        return stderr.decode()

    def restored(self, stderr: str) -> tuple[int, int, int]:
        """Step, whole epochs and batches that a resume said it goes on from."""
        found = RESTORED.search(stderr)
        self.assertIsNotNone(found, stderr)
        step, epoch, batch = (int(text.replace(",", "")) for text in found.groups())
        return step, epoch, batch

    def assert_watched(self, watch: Watch, kept: int) -> None:
        """At no instant less than one whole checkpoint, and never more than are kept and one."""
        self.assertEqual(watch.problems, [])
        self.assertGreater(watch.looks, 3)
        first = next((place for place, names in enumerate(watch.instants) if names), None)
        self.assertIsNotNone(first, "no checkpoint was ever there")
        for names in watch.instants[first:]:
            self.assertTrue(names, "no checkpoint was left")
            self.assertLessEqual(len(names), kept + 1, sorted(names))

    def check_kills(self, kills: int, seed: int, settings: list) -> None:
        """A run killed so many times at random moments ends as one that went straight on."""
        generator = random.Random(seed)
        straight = self.train(*settings)
        last = newest_step(straight)
        run = self.path("killed")
        command = ["train", *settings, "--output", run]
        batches = []
        for number in range(1, kills + 1):
            # The kills are spread over the run, and each falls between two saves or into one.
            target = int(last * 0.8 * (number - generator.random()) / kills)
            target = max(target, newest_step(run) + 1)
            stderr = self.kill_at(target, *command, run=run, pause=generator.uniform(0, 0.005))
            if number > 1:
                batches.append(self.restored(stderr)[2])
            command = ["resume", run]
        result = self.resume(run)
        batches.append(self.restored(result.stderr)[2])
        self.assertEqual(len(batches), kills)
        self.assertTrue(any(batches), "no resume began inside an epoch")
        self.assert_same_end(run, straight)


class Kills(ResumeTestCase):
    def test_a_run_killed_three_times_inside_epochs_ends_as_a_straight_one(self):
        self.check_kills(3, 1, self.settings())

    @only_full("some minutes")
    def test_a_run_killed_fifty_times_at_random_ends_as_a_straight_one(self):
        for seed in range(10):
            with self.subTest(seed=seed):
                self.check_kills(6, seed, [*self.settings(), "--seed", seed])

    def test_a_run_killed_between_saves_goes_on_in_every_configuration(self):
        rules = {
            "pytorch": ["--rule", "pytorch", "--momentum", 0.9, "--weight-decay", 0.001],
            "nielsen": ["--rule", "nielsen", "--momentum", 0.5, "--weight-decay", 2],
            "no momentum": ["--momentum", 0],
            "dampening": ["--momentum", 0.8, "--dampening", 0.4],
            "nesterov": ["--momentum", 0.8, "--nesterov"],
        }
        choices = [
            (rule, precision, last_batch)
            for rule in ("pytorch", "nielsen")
            for precision in ("float32", "float64")
            for last_batch in ("keep", "drop")
        ] + [(rule, "float32", "keep") for rule in ("no momentum", "dampening", "nesterov")]
        settings = self.settings("small")
        inside = 0
        for number, (rule, precision, last_batch) in enumerate(choices):
            with self.subTest(rule=rule, precision=precision, last_batch=last_batch):
                chosen = [
                    *settings, *rules[rule], "--precision", precision, "--last-batch", last_batch,
                ]  # fmt: skip
                straight = self.train(*chosen)
                run = self.path("killed")
                self.kill_at(20 + 9 * number, "train", *chosen, "--output", run, run=run)
                _, _, batch = self.restored(self.resume(run).stderr)
                inside += batch > 0
                self.assert_same_end(run, straight)
        self.assertGreater(inside, len(choices) // 2, "too few resumes began inside an epoch")

    def test_a_run_killed_before_its_first_step_goes_on(self):
        settings = self.settings()
        straight = self.train(*settings)
        run = self.path("killed")
        self.kill_at(0, "train", *settings, "--output", run, run=run)
        for path in checkpoints(run)[1:]:
            path.unlink()
        self.assertEqual(self.restored(self.resume(run).stderr), (0, 0, 0))
        self.assert_same_end(run, straight)

    def test_a_run_killed_at_its_very_start_can_be_resumed_or_started_again(self):
        settings = self.settings("small")
        straight = self.train(*settings)
        generator = random.Random(7)
        for _ in range(25):
            run = self.path("killed")
            process = self.start("train", *settings, "--output", run)
            self.wait_until(run.exists, "the run's folder")
            time.sleep(generator.uniform(0, 0.01))
            process.kill()
            process.communicate()
            if checkpoints(run):
                self.resume(run)
            else:
                self.check_dead_end(run, settings)
            self.assert_same_end(run, straight)

    def test_a_run_killed_before_its_first_file_can_be_started_again(self):
        settings = self.settings("small")
        for names in (
            ["lock"],
            ["lock", "checkpoints/"],
            ["lock", "checkpoints/", ".configuration.json.1.flywheel-tmp"],
        ):
            with self.subTest(left=names):
                run = self.path("killed")
                run.mkdir()
                for name in names:
                    (run / name).mkdir() if name.endswith("/") else (run / name).touch()
                self.check_dead_end(run, settings)

    def check_dead_end(self, run: Path, settings: list) -> None:
        """There is nothing to resume, so `train` must start again, or `resume` say how."""
        again = self.finish(self.start("train", *settings, "--output", run))
        if again.status == 0:
            return
        refused = self.resume(run, status=2)
        self.assertIn("Delete the directory and start again", refused.stderr)
        shutil.rmtree(run)
        self.train(*settings, run=run)

    def test_a_branch_killed_before_its_first_save_goes_on(self):
        """A run that began from a checkpoint file must not depend on that file being remembered."""
        settings = self.settings()
        straight = self.train(*settings, "--keep", 1000)
        start = checkpoints(straight)[40]
        branch = self.path("branch")
        process = self.start("resume", start, "--output", branch)
        self.wait_until(lambda: (branch / "metrics.jsonl").exists(), "the branch")
        process.kill()
        process.communicate()
        for path in checkpoints(branch):
            if step_of(path) > step_of(start):
                path.unlink()
        self.resume(branch)
        self.assert_same_end(branch, straight)

    def test_metrics_beyond_the_checkpoint_are_cut_back(self):
        settings = [
            *self.settings("small"), "--epochs", 400, "--save-every-steps", 0,
            "--save-every-epochs", 0,
        ]  # fmt: skip
        straight = self.train(*settings)
        run = self.path("killed")
        process = self.start("train", *settings, "--output", run)
        metrics = run / "metrics.jsonl"
        self.wait_until(lambda: metrics.exists() and metrics.stat().st_size > 2000, "metrics")
        process.kill()
        process.communicate()
        self.assertEqual([step_of(path) for path in checkpoints(run)], [0])
        self.assertEqual(self.restored(self.resume(run).stderr), (0, 0, 0))
        self.assert_same_end(run, straight)

    def test_what_a_killed_save_leaves_behind_is_cleaned_up(self):
        settings = self.settings("small")
        run = self.train(*settings, "--epochs", 3)
        left = [
            run / "checkpoints" / ".step-000000000099.h5.3k2j1h.flywheel-tmp",
            run / ".metrics.jsonl.99a.flywheel-tmp",
        ]
        for path in left:
            path.write_bytes(b"half a file")
        self.resume(run)
        self.assertEqual([path for path in left if path.exists()], [])

    def test_a_run_killed_while_it_saves_goes_on(self):
        settings = [*self.settings("small"), "--save-every-steps", 1]
        straight = self.train(*settings)
        last = newest_step(straight)
        generator = random.Random(4)
        for attempt in range(40):
            run = self.path("killed")
            target = generator.randrange(1, last // 2)
            process = self.start_until(target, "train", *settings, "--output", run, run=run)
            time.sleep(generator.uniform(0, 0.003))
            process.kill()
            process.communicate()
            if temporary_files(run):
                break
            shutil.rmtree(run)
        else:
            self.fail("no kill fell into a save")
        self.resume(run)
        self.assert_same_end(run, straight)


class Signals(ResumeTestCase):
    def check_signal(self, number: int, status: int) -> None:
        # Saves are due at the start and at the end only: what lies between was saved by the signal.
        settings = [
            *self.settings(), "--epochs", 600, "--save-every-steps", 0, "--save-every-epochs", 0,
        ]  # fmt: skip
        straight = self.train(*settings)
        run = self.path("stopped")
        process = self.start("train", *settings, "--output", run)
        log = run / "metrics.jsonl"
        self.wait_until(lambda: log.exists() and log.stat().st_size > 0, "the first epoch")
        process.send_signal(number)
        stopped = self.finish(process)
        self.assertEqual(stopped.status, status)
        self.assertIn(f"flywheel resume {run}", stopped.stderr)
        saved = newest_step(run)
        self.assertGreater(saved, 0)
        self.assertLess(saved, newest_step(straight))
        self.assertEqual(self.restored(self.resume(run).stderr)[0], saved)
        self.assert_same_end(run, straight)

    def test_sigterm_saves_and_leaves_with_143(self):
        self.check_signal(signal.SIGTERM, 143)

    def test_a_closed_terminal_saves_and_ends_with_129(self):
        self.check_signal(signal.SIGHUP, 129)

    def test_sigint_saves_and_leaves_with_130(self):
        self.check_signal(signal.SIGINT, 130)

    def test_the_line_to_type_works_for_any_name_of_a_run(self):
        settings = [*self.settings(), "--epochs", 60, "--save-every-steps", 0]
        for name in ("my run", "it's", "a$b", "größe"):
            with self.subTest(name=name):
                run = self.folder / name
                process = self.start_until(0, "train", *settings, "--output", run, run=run)
                process.send_signal(signal.SIGTERM)
                stopped = self.finish(process)
                self.assertEqual(stopped.status, 143)
                line = re.search(r"(?m)^go on with: flywheel (.*)$", stopped.stderr)
                self.assertIsNotNone(line, stopped.stderr)
                self.flywheel(*shlex.split(line[1]))

    def test_a_second_signal_leaves_at_once_without_saving(self):
        settings = [*self.settings(), "--epochs", 60, "--save-every-steps", 50]
        straight = self.train(*settings)
        run = self.path("stopped")
        process = self.start_until(200, "train", *settings, "--output", run, run=run)
        # While it is stopped nothing is delivered; both arrive together when it goes on.
        process.send_signal(signal.SIGSTOP)
        self.wait_until(lambda: _is_stopped(process.pid), "the process to stop")
        before = [path.name for path in checkpoints(run)]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        self.assertIn(self.finish(process, timeout=10).status, (130, 143))
        # A save that was due and under way when the process stopped may still come to its end.
        due = f"step-{int(re.search(r'[0-9]+', before[-1])[0]) + 50:012}.h5"
        after = [path.name for path in checkpoints(run)]
        self.assertIn(after, (before, [*before, due], [*before[1:], due]))
        self.resume(run)
        self.assert_same_end(run, straight)

    def test_a_signal_stops_verify(self):
        run = self.train(*self.settings("small"), "--epochs", 1)
        file = newest(run)
        for number in range(6000):
            (run / "checkpoints" / f"step-9{number:011}.h5").hardlink_to(file)
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(signal=number):
                process = self.start("verify", run, "--json")
                time.sleep(0.1)
                self.assertIsNone(process.poll(), "it ended before the signal came")
                process.send_signal(number)
                process.communicate()
                self.assertIn(process.returncode, (status, -number), "it went on")

    def test_training_goes_on_when_the_reader_of_its_messages_has_gone(self):
        settings = self.settings("small")
        straight = self.train(*settings)
        run = self.path("unread")
        process = self.start("train", *settings, "--output", run)
        process.stderr.close()
        process.stdout.close()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assert_same_end(run, straight)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Epochs(ResumeTestCase):
    def test_more_epochs_equal_a_straight_run_of_that_many(self):
        settings = self.settings("small")
        straight = self.train(*settings, "--epochs", 9)
        run = self.train(*settings, "--epochs", 4)
        self.assertEqual(checkpoint.read(newest(run)).document["progress"]["epoch"], 4)
        self.resume(run, "--epochs", 9)
        self.assert_same_end(run, straight)

    def test_the_resume_of_a_finished_run_changes_nothing(self):
        run = self.train(*self.settings("small"), "--epochs", 3)
        before = files_and_bytes(run)
        time.sleep(1.1)  # a new time in the document would be noticed
        result = self.resume(run)
        self.assertIn("all 3 epochs are done already", result.stderr)
        after = files_and_bytes(run)
        self.assertEqual(list(after), list(before))
        for name, data in before.items():
            self.assertTrue(after[name] == data, f"{name} has changed")

    def test_a_run_goes_on_from_a_checkpoint_file_into_a_new_run(self):
        settings = self.settings("small")
        straight = self.train(*settings, "--keep", 1000)
        before = files_and_bytes(straight)
        start = checkpoints(straight)[17]
        self.assertNotEqual(checkpoint.read(start).document["progress"]["batch"], 0)
        branch = self.path("branch")
        self.resume(start, "--output", branch)
        self.assert_same_end(branch, straight)
        self.assertEqual(files_and_bytes(straight), before)

    def test_a_run_goes_on_from_what_other_frameworks_take(self):
        # The same rule, whose buffers are the same numbers under other names.
        for rule, suffix in (("pytorch", ".pt"), ("keras", ".keras"), ("keras_adam", ".weights.h5")):
            with self.subTest(rule=rule, suffix=suffix):
                self.folder.joinpath("runs", rule).mkdir(parents=True)
                settings = [*self.settings("small"), "--rule", rule, "--learning-rate", 0.01]
                if rule != "keras_adam":
                    settings += ["--momentum", 0.9]
                straight = self.train(*settings)
                run = self.train(*settings, "--epochs", 1)
                state = self.path("state").with_suffix(suffix)
                self.flywheel("convert", run, state, "--quiet")
                branch = self.path("branch")
                result = self.resume(state, "--epochs", 12, "--output", branch)
                self.assertIn(": 1 epoch and 0 batches done", result.stderr)
                self.assert_same_checkpoint(newest(branch), newest(straight))

    def test_a_run_with_a_relative_data_folder_goes_on_from_anywhere(self):
        settings = self.settings("small")
        settings[1] = "data"
        straight = self.train(*settings, cwd=self.folder)
        run = self.path("stopped")
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        process = self.start("train", *settings, "--output", run, cwd=self.folder)
        self.wait_until(lambda: newest_step(run) >= 20, "step 20")
        process.kill()
        process.communicate()
        self.resume(run, cwd=elsewhere)
        self.assert_same_checkpoint(newest(run), newest(straight))

    def test_a_run_whose_folder_was_moved_goes_on(self):
        settings = self.settings("small")
        straight = self.train(*settings, "--epochs", 6)
        run = self.path("here")
        self.kill_at(20, "train", *settings, "--epochs", 6, "--output", run, run=run)
        moved = run.rename(self.path("there"))
        self.resume(moved)
        self.assert_same_end(moved, straight)


class DamagedCheckpoints(ResumeTestCase):
    """The newest checkpoint is damaged; the one before it is used."""

    def damage(self, name: str, path: Path) -> None:
        data = path.read_bytes()
        if name == "a flipped bit in a tensor":
            flip_bit(path, _offset(path, "model/layers.0.weight") + 21, 3)
        elif name == "a flipped bit in the document":
            flip_bit(path, data.index(b'"progress"') + 3)
        elif name == "truncated":
            path.write_bytes(data[: len(data) * 2 // 3])
        elif name == "emptied":
            path.write_bytes(b"")
        elif name == "overwritten":
            path.write_bytes(np.random.default_rng(1).bytes(len(data)))
        elif name == "zeroed":
            path.write_bytes(bytes(len(data)))
        elif name == "removed":
            path.unlink()
        elif name == "a pipe":
            path.unlink()
            os.mkfifo(path)
        else:
            raise ValueError(name)

    def test_the_one_before_is_used_with_the_same_end(self):
        settings = self.settings("small")
        straight = self.train(*settings)
        killed = self.path("killed")
        self.kill_at(150, "train", *settings, "--output", killed, run=killed)
        for name in (
            "a flipped bit in a tensor",
            "a flipped bit in the document",
            "truncated",
            "emptied",
            "overwritten",
            "zeroed",
            "removed",
            "a pipe",
        ):
            with self.subTest(damage=name):
                run = self.path("damaged")
                shutil.copytree(killed, run)
                *_, older, damaged = checkpoints(run)
                self.damage(name, damaged)
                result = self.resume(run)
                if name != "removed":
                    self.assertIn("warning: skipped a damaged checkpoint", result.stderr)
                    self.assertIn(str(damaged), result.stderr)
                self.assertIn(f"from {older}", result.stderr)
                self.assertEqual(self.restored(result.stderr)[0], step_of(older))
                self.assert_same_end(run, straight)
                self.flywheel("verify", run)

    def test_the_warning_comes_even_when_quiet(self):
        run = self.train(*self.settings("small"))
        damaged = newest(run)
        damaged.write_bytes(b"")
        self.assertIn(str(damaged), self.resume(run, "--quiet").stderr)

    def test_a_run_without_one_whole_checkpoint_is_an_error_that_says_so(self):
        run = self.train(*self.settings("small"))
        for path in checkpoints(run):
            path.write_bytes(b"")
        before = files_and_bytes(run)
        result = self.resume(run, status=2)
        self.assert_error(result, run, "None of the run's 3 checkpoints is whole")
        self.assertEqual(files_and_bytes(run), before)

    def test_a_run_without_any_checkpoint_is_an_error_that_says_so(self):
        run = self.train(*self.settings("small"))
        for path in checkpoints(run):
            path.unlink()
        self.assert_error(self.resume(run, status=2), run, "no checkpoint", "starts it again")


def _offset(path: Path, dataset: str) -> int:
    import h5py

    with h5py.File(path, "r") as file:
        return file[dataset].id.get_offset()


class Retention(ResumeTestCase):
    def test_exactly_the_newest_so_many_are_kept(self):
        settings = self.settings("small")
        last = 12 * 22
        for keep in (1, 2, 5):
            with self.subTest(keep=keep):
                run = self.train(
                    *settings, "--keep", keep, "--save-every-steps", 4, "--validation", 33
                )
                self.assertEqual(
                    [step_of(path) for path in checkpoints(run)],
                    [last - 4 * index for index in reversed(range(keep))],
                )

    def test_epochs_alone_may_decide_when_to_save(self):
        run = self.train(
            *self.settings("small"), "--save-every-steps", 0, "--save-every-epochs", 5,
            "--validation", 33, "--keep", 100,
        )  # fmt: skip
        self.assertEqual([step_of(path) for path in checkpoints(run)], [0, 110, 220, 264])

    def test_zero_saves_only_at_the_start_and_the_end(self):
        run = self.train(
            *self.settings("small"), "--save-every-steps", 0, "--save-every-epochs", 0,
            "--validation", 33,
        )  # fmt: skip
        self.assertEqual([step_of(path) for path in checkpoints(run)], [0, 264])

    def test_a_damaged_checkpoint_never_takes_the_place_of_a_whole_one(self):
        """Retention counts what can be resumed, or a run of `--keep 1` has nothing left."""
        settings = [*self.settings("small"), "--keep", 1]
        straight = self.train(*settings)
        run = self.path("killed")
        self.kill_at(60, "train", *settings, "--output", run, run=run)
        whole = newest(run)
        damaged = run / "checkpoints" / "step-000000009999.h5"
        damaged.write_bytes(b"")
        process = self.start("resume", run)
        # It goes only after a later one is durable, and only then may the older whole one go.
        self.wait_until(lambda: not damaged.exists(), "the damaged one to go")
        process.kill()
        process.communicate()
        self.assertGreater(step_of(newest(run)), step_of(whole))
        self.flywheel("verify", run)
        self.resume(run)
        self.assert_same_end(run, straight)
