"""All at once: Adam, groups, a schedule, clipping; and every way to save and to keep checkpoints.

Such a run, stopped or killed at any instant, ends as if nothing had happened, and there is a whole
checkpoint at every instant.
"""

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import checkpoint
from support import Watch, checkpoints, newest, newest_step, only_full, step_of
from test_resume import ResumeTestCase

# A state with all that it can hold.
ADAM = [
    "--rule", "adam", "--learning-rate", 0.004, "--weight-decay", 0.01, "--amsgrad",
    "--group", "*.bias:weight_decay=0,learning_rate=0.01", "--clip-norm", 0.8,
    "--schedule", "cosine:over=900,end=0.05,unit=step,warmup=170,warmup_start=0.1",
]  # fmt: skip
RULES = {
    "Adam": [*ADAM, "--schedule", "cosine:over=100,end=0.05,unit=step,warmup=25,warmup_start=0.1"],
    "AdamW by epochs": [
        "--rule", "adamw", "--learning-rate", 0.004, "--group", "*.bias:weight_decay=0",
        "--schedule", "step:every=2,factor=0.5,warmup=1", "--clip-norm", 1,
    ],
    "RMSprop": [
        "--rule", "rmsprop", "--learning-rate", 0.001, "--momentum", 0.7, "--centered",
        "--group", "layers.1.*:momentum=0", "--schedule", "linear:over=7,end=0.2",
    ],
    "SGD": [
        "--rule", "pytorch", "--momentum", 0.9, "--nesterov", "--clip-norm", 0.5,
        "--group", "layers.0.weight:momentum=0,nesterov=false",
        "--schedule", "multi_step:at=20-50-700,factor=0.5,unit=step,warmup=10",
    ],
    "Nielsen": [
        "--rule", "nielsen", "--momentum", 0.5, "--weight-decay", 2,
        "--group", "layers.1.*:learning_rate=0.05", "--schedule", "cosine:over=5,end=0.5,warmup=2",
    ],
}  # fmt: skip


@dataclass
class Policy:
    """What to keep, and how to save it."""

    flags: list
    last: int
    best: int = 0
    every: int = 0

    def expected(self, saved: list[int], losses: dict[int, float]) -> set[int]:
        """The steps that are left of those that were saved, with the metrics of some."""
        kept = set(saved[-self.last :])
        kept |= set(sorted(losses, key=lambda step: (losses[step], step))[: self.best])
        spaced = saved[:1]
        for step in saved:
            if step - spaced[-1] >= self.every:
                spaced.append(step)
        return kept | set(spaced if self.every else [])

    def most(self, steps: int) -> int:
        """At most so many are kept; between a save and its deletions there is one more."""
        return self.last + self.best + (steps // self.every + 1 if self.every else 0)


BEST = ["--keep-best", "validation_loss:count=3"]
POLICIES = {
    "the newest, saved at once": Policy(["--keep", 1, "--no-background"], 1),
    "the newest, saved behind training": Policy(["--keep", 1, "--background"], 1),
    "the newest and the best": Policy(["--keep", 2, "--background", *BEST], 2, 3),
    "and one now and then": Policy(
        ["--keep", 2, "--background", *BEST, "--keep-every-steps", 300], 2, 3, 300
    ),
}


class ExactResume(ResumeTestCase):
    """Bit for bit, from inside an epoch."""

    def test_steps_in_two_processes_equal_those_in_one(self):
        """N steps are k and then N - k, in float32 and float64."""
        settings = [
            *self.settings("small"), "--epochs", 6, "--save-every-steps", 7, "--keep", 1000
        ]  # fmt: skip
        for rule, flags in RULES.items():
            for precision in ("float32", "float64"):
                with self.subTest(rule=rule, precision=precision):
                    straight = self.train(*settings, *flags, "--precision", precision)
                    files = {step_of(path): path for path in checkpoints(straight)}
                    # At first, in the warm-up, inside the third epoch, and just before the end.
                    for k in (0, 7, 49, 126):
                        run = self.path("continued")
                        self.resume(files[k], "--output", run)
                        self.assert_same_end(run, straight)

    def test_signals_inside_an_epoch_change_nothing(self):
        self.check_signals(precisions=("float32", "float64"), seed=1)

    @only_full("many signals")
    def test_many_signals_inside_epochs_change_nothing(self):
        for seed in range(2, 12):
            self.check_signals(precisions=("float32", "float64"), seed=seed)

    def check_signals(self, precisions: tuple, seed: int) -> None:
        generator = random.Random(seed)
        for precision in precisions:
            settings = [
                *self.settings(), *ADAM, "--precision", precision, "--save-every-steps", 20,
                "--seed", seed,
            ]  # fmt: skip
            straight = self.train(*settings)
            last = newest_step(straight)
            run = self.path("interrupted")
            command = ["train", *settings, "--output", run]
            for place, (number, status) in enumerate(
                ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, None))
            ):
                with self.subTest(precision=precision, signal=number, seed=seed):
                    target = int(last * (0.1 + 0.25 * place + 0.2 * generator.random()))
                    if place > 0:
                        # A checkpoint of its own says that the new process listens to signals.
                        target = max(target, newest_step(run) + 1)
                    process = self.start_until(target, *command, run=run)
                    time.sleep(generator.uniform(0, 0.005))
                    process.send_signal(number)
                    if status is None:
                        process.communicate()
                        self.assertEqual(process.returncode, -signal.SIGKILL)
                    else:
                        self.assertEqual(self.finish(process).status, status)
                    saved = checkpoint.read(newest(run)).document
                    self.assertLess(saved["optimizer"]["step"], last)
                    command = ["resume", run]
            self.resume(run)
            self.assert_same_end(run, straight)


class Watched(ResumeTestCase):
    """Runs that are seen at every instant, killed or not."""

    def watched_settings(self, policy: Policy, flags: list = ADAM, seed: int = 0) -> list:
        return [*self.settings(), *flags, *policy.flags, "--seed", seed]

    def check_left(self, run: Path, most: int) -> None:
        """What a kill has left is whole and no more than the policy and one."""
        left = checkpoints(run)
        self.assertTrue(left)
        self.assertLessEqual(len(left), most + 1)
        for path in left:
            self.assertIsNone(checkpoint.damage(path))

    def assert_same_files(self, found: Path, expected: Path) -> None:
        """The same checkpoints were kept, and each is bit for bit the same."""
        names = [path.name for path in checkpoints(expected)]
        self.assertEqual([path.name for path in checkpoints(found)], names)
        for name in names:
            self.assert_same_checkpoint(
                found / "checkpoints" / name, expected / "checkpoints" / name
            )

    def check_kills_of(self, policy: Policy, kills: int, seed: int, flags: list) -> None:
        """A run killed so many times at random moments, watched from its first file to its end."""
        settings = self.watched_settings(policy, flags, seed)
        straight = self.train(*settings)
        last = newest_step(straight)
        generator = random.Random(seed)
        run = self.path("killed")
        command = ["train", *settings, "--output", run]
        with Watch(run) as watch:
            for number in range(1, kills + 1):
                target = int(last * 0.8 * (number - generator.random()) / kills)
                target = max(target, newest_step(run) + 1)
                self.kill_at(target, *command, run=run, pause=generator.uniform(0, 0.005))
                self.check_left(run, policy.most(last))
                command = ["resume", run]
            self.resume(run)
        self.assert_watched(watch, policy.most(last))
        self.assert_same_end(run, straight)
        self.assert_same_files(run, straight)

    def test_a_run_killed_at_random_is_never_without_a_whole_checkpoint(self):
        for name, policy in POLICIES.items():
            with self.subTest(kept=name):
                self.check_kills_of(policy, 3, 1, ADAM)

    @only_full("sixty kills of each policy")
    def test_a_run_killed_sixty_times_at_random_is_never_without_a_whole_checkpoint(self):
        for name, policy in POLICIES.items():
            for place, (rule, flags) in enumerate((RULES | {"Adam": ADAM}).items()):
                for seed in (2 * place + 2, 2 * place + 3):
                    with self.subTest(kept=name, rule=rule, seed=seed):
                        self.check_kills_of(policy, 6, seed, flags)

    def test_an_undisturbed_run_keeps_the_newest_and_the_best(self):
        for name, policy in POLICIES.items():
            with self.subTest(kept=name):
                run = self.path("watched")
                with Watch(run) as watch:
                    self.train(*self.watched_settings(policy), run=run)
                self.assert_watched(watch, policy.most(newest_step(run)))
                history = checkpoint.read(newest(run)).history
                losses = dict(zip(history["step"], history["validation_loss"], strict=True))
                saved = {step_of(Path(name)) for names in watch.instants for name in names}
                self.assertGreater(len(saved), 100)
                expected = policy.expected(sorted(saved), losses)
                self.assertEqual([step_of(path) for path in checkpoints(run)], sorted(expected))
                self.flywheel("verify", run)

    def test_what_a_kill_before_its_deletions_left_goes_before_the_next_save(self):
        for name, policy in POLICIES.items():
            with self.subTest(kept=name):
                settings = self.watched_settings(policy)
                straight = self.train(*settings)
                run = self.path("killed")
                self.kill_at(300, "train", *settings, "--output", run, run=run)
                everything = self.train(*settings, "--keep", 100_000)
                most = policy.most(newest_step(run))
                self.add_leftovers(run, everything, most)
                with Watch(run) as watch:
                    self.resume(run)
                self.assert_watched(watch, max(most, policy.most(newest_step(run))))
                self.assert_same_end(run, straight)

    def add_leftovers(self, run: Path, everything: Path, most: int) -> None:
        """As many files as there can be after a save of which nothing was deleted yet."""
        names = {path.name for path in checkpoints(run)}
        for path in reversed(checkpoints(everything)):
            if len(names) <= most and step_of(path) < newest_step(run):
                (run / "checkpoints" / path.name).write_bytes(path.read_bytes())
                names.add(path.name)
        self.assertEqual(len(names), most + 1)

    def test_a_run_saved_behind_training_equals_one_saved_at_once(self):
        settings = [*self.settings(), *ADAM, "--keep", 4, *BEST]
        at_once = self.train(*settings, "--no-background")
        behind = self.train(*settings, "--background")
        names = [path.name for path in checkpoints(at_once)]
        self.assertEqual([path.name for path in checkpoints(behind)], names)
        for name in names:
            found, expected = (
                checkpoint.read(run / "checkpoints" / name) for run in (behind, at_once)
            )
            self.assertEqual(list(found.tensors), list(expected.tensors))
            for key, value in expected.tensors.items():
                self.assertEqual(found.tensors[key].tobytes(), value.tobytes(), key)
