"""A trainer of somebody else's saves with the library, is killed, and goes on bit for bit."""

import random
import re
import subprocess
import time
from pathlib import Path

import numpy as np

import checkpoint
from support import REPOSITORY, Watch, checkpoints, newest, newest_step
from test_resume import ResumeTestCase

SAMPLE = REPOSITORY / "samples" / "your-own-trainer"
STEPS = 60_000

# The last two and the best one, and one more between a save and its tidying.
MOST_FILES = 2 + 1 + 1


class YourOwnTrainer(ResumeTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        built = subprocess.run(
            # Without a cached plan, which does not see files that the library has got since.
            ["swift", "build", "-c", "release", "--disable-build-manifest-caching",
             "--package-path", SAMPLE],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if built.returncode != 0:
            raise AssertionError(f"the sample does not build:\n{built.stdout}")
        cls.program = SAMPLE / ".build" / "release" / "your-own-trainer"

    def start_trainer(self, run: Path, steps: int) -> subprocess.Popen:
        process = subprocess.Popen(
            [self.program, run, str(steps)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def run_trainer(self, run: Path, steps: int = STEPS) -> str:
        process = self.start_trainer(run, steps)
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, stderr)
        return stdout

    def test_killed_at_random_moments_it_ends_as_if_nothing_had_happened(self):
        straight, run = self.path("straight"), self.path("killed")
        self.run_trainer(straight)
        with Watch(run) as watch:
            self.kill_five_times(run)
            stdout = self.run_trainer(run)
        self.assert_watched(watch, MOST_FILES - 1)
        self.assertGreaterEqual(int(re.search(r"from step (\d+)", stdout)[1]), STEPS * 0.7)
        self.assert_same_checkpoint(newest(run), newest(straight))
        self.assertEqual(
            [path.name for path in checkpoints(run)], [path.name for path in checkpoints(straight)]
        )
        for name in ("metrics.jsonl", "configuration.json"):
            self.assertEqual((run / name).read_bytes(), (straight / name).read_bytes(), name)

    def kill_five_times(self, run: Path) -> None:
        generator = random.Random(5)
        for number in range(1, 6):
            process = self.start_trainer(run, STEPS)
            target = max(int(STEPS * 0.15 * number), newest_step(run) + 1)
            self.wait_until(
                lambda: newest_step(run) >= target or process.poll() is not None, f"step {target}"
            )
            time.sleep(generator.uniform(0, 0.003))
            process.kill()
            process.communicate()
            self.assertEqual(process.returncode, -9, "ended before it could be killed")
            self.assertIn(len(checkpoints(run)), range(1, MOST_FILES + 1))
            self.flywheel("verify", run)

    def test_flywheel_knows_the_run(self):
        run = self.path("own")
        self.run_trainer(run, 2_500)
        self.flywheel("verify", run)
        self.assertIn("heavy ball", self.flywheel("inspect", run).stdout)
        (summary,) = self.flywheel("runs", run, "--json").json["runs"]
        self.assertEqual(summary["step"], 2_500)
        self.assertEqual(summary["best"]["metric"], "loss")
        self.assertIsNone(summary["trouble"])
        saved = checkpoint.read(newest(run))
        self.assertEqual(saved.model["inner"].shape, (16, 2))
        self.assertEqual(saved.velocity["inner"].dtype, np.float64)
        self.assertEqual(saved.random["points"].dtype, np.uint64)
        group = saved.document["optimizer"]["groups"][0]
        self.assertEqual((group["learning_rate"], group["momentum"]), (0.02, 0.9))
        losses = saved.history["loss"]
        self.assertEqual(len(losses), 25)
        self.assertLess(losses[-1], losses[0])
        best = saved.history["step"][np.argmin(losses)]
        self.assertEqual(summary["best"]["step"], best)
        self.assertIn(best, [int(path.stem[5:]) for path in checkpoints(run)])

    def test_its_own_trainer_is_not_taken_for_flywheels(self):
        run = self.path("own")
        self.run_trainer(run, 200)
        self.assert_error(self.flywheel("resume", run, status=2), run)

    def test_a_run_that_is_held_is_listed_as_training_and_refused_to_others(self):
        run = self.path("held")
        process = self.start_trainer(run, 50_000_000)
        self.wait_until(lambda: newest_step(run) >= 0, "a checkpoint")
        (summary,) = self.flywheel("runs", run, "--json").json["runs"]
        self.assertTrue(summary["training"])
        second = self.start_trainer(run, 100)
        _, stderr = second.communicate(timeout=60)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("Another process is training in this run", stderr)
        self.assertIsNone(process.poll(), "being looked at must not disturb it")
