"""samples/move_a_run: a run that goes from library to library keeps to one line."""

import subprocess
import sys

from support import REPOSITORY, TestCase, only_full, settings

SAMPLE = REPOSITORY / "samples" / "move_a_run" / "move.py"


class MoveARun(TestCase):
    def move(self, *flags) -> None:
        """Runs the sample; it fails by itself if the losses are not those of the run that stayed."""
        folder = self.path("legs")
        command = [sys.executable, "-B", SAMPLE, "--flywheel", settings.flywheel, "--folder", folder]
        result = subprocess.run(
            [*map(str, command), *flags], capture_output=True, text=True, timeout=600
        )
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertRegex(result.stdout, r"are equal to \d\.\de-\d\d: ")
        self.assertIn("<svg", (folder / "losses.svg").read_text())

    def test_torch_flywheel_numpy_torch(self):
        self.move("--no-keras")

    @only_full("Keras takes long to begin")
    def test_torch_flywheel_keras_numpy_torch(self):
        self.move()
