"""samples/seed_question shows what it says: which update is torch's, and which one kills a network."""

import subprocess
import sys
from types import SimpleNamespace
from unittest import skipUnless

import numpy as np

from support import REPOSITORY, TestCase, settings

FOLDER = REPOSITORY / "samples" / "seed_question"
sys.path.insert(0, str(FOLDER))
import compare  # noqa: E402


class SeedQuestion(TestCase):
    arrays: dict[str, np.ndarray] = {}

    def setUp(self) -> None:
        super().setUp()
        if not SeedQuestion.arrays:
            whole = self.folder / "whole.npz"
            self.flywheel("digits", whole)
            with np.load(whole) as file:
                SeedQuestion.arrays = dict(file)
        self.digits = self.folder / "digits.npz"
        np.savez(self.digits, **{name: array[:6400] for name, array in self.arrays.items()})

    def train(self, row: str, column: str, steps: int = 400, dtype: str = "float32"):
        options = SimpleNamespace(
            activation="relu", batch_size=32, epochs=2, hidden=100, seed=0, steps=steps
        )
        return compare.train(row, column, compare.read_data(self.digits, dtype), options)

    def difference(self, one: str, other: str, column: str) -> float:
        """How far apart two updates' parameters are in the end."""
        (left, *_), (right, *_) = (
            self.train(row, column, steps=50, dtype="float64") for row in (one, other)
        )
        return max(
            np.abs(getattr(a, name) - getattr(b, name)).max()
            for a, b in zip(left, right)
            for name in ("W", "b")
        )

    @skipUnless(compare.torch, "torch is not installed")
    def test_averaged_momentum_is_torchs(self):
        for column in ("plain", "momentum"):
            self.assertLess(self.difference("torch.optim.SGD", "posted, averaged", column), 1e-13)
        self.assertGreater(self.difference("torch.optim.SGD", "posted, averaged", "both"), 1e-3)
        self.assertGreater(self.difference("torch.optim.SGD", "posted, summed", "momentum"), 0.1)

    def test_a_summed_gradient_is_fine_until_there_is_momentum(self):
        _, plain, dead = self.train("posted, summed", "plain")
        self.assertGreater(plain, 0.9)
        self.assertLess(dead, 0.1)
        _, momentum, dead = self.train("posted, summed", "momentum")
        self.assertLess(momentum, 0.6)
        self.assertGreater(dead, 0.5)
        _, averaged, dead = self.train("posted, averaged", "momentum")
        self.assertGreater(averaged, 0.8)
        self.assertLess(dead, 0.1)

    def test_dividing_by_n_instead_of_m_changes_nothing(self):
        for column in ("momentum", "both"):
            _, accuracy, dead = self.train("summed, n for m", column)
            self.assertLess(accuracy, 0.6)
            self.assertGreater(dead, 0.5)

    def test_the_command_prints_the_table(self):
        result = subprocess.run(
            [sys.executable, "-W", "error", FOLDER / "compare.py", "--data", self.digits, "--steps", "3"],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        for row in compare.ROWS:
            cells = next(line for line in lines if line.startswith(row)).removeprefix(row).split()
            if compare.torch or not row.startswith("torch"):
                self.assertEqual(len([cell for cell in cells if "." in cell]), len(compare.COLUMNS))
        without = "import runpy, sys; sys.modules['torch'] = None; del sys.argv[0]; " \
            "runpy.run_path(sys.argv[0], run_name='__main__')"  # fmt: skip
        result = subprocess.run(
            [sys.executable, "-c", without, FOLDER / "compare.py", "--data", self.digits, "--steps", "1"],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("left out: torch is not installed", result.stdout)
        self.assertIn("summed, n for m", result.stdout)

    def test_the_mathematics_that_it_names_can_be_asked_for(self):
        result = subprocess.run(
            [sys.executable, FOLDER / "compare.py", "--data", self.digits, "--steps", "1"],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        commands = result.stdout.partition("in mathematics:\n")[2].replace("\\\n", "")
        for command in commands.splitlines():
            # As a shell would read it; they are no same runs.
            subprocess.run(
                f"flywheel() {{ {settings.flywheel} \"$@\"; }}; {command}; test $? = 1",
                shell=True, check=True, capture_output=True,
            )  # fmt: skip
