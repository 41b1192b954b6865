"""What the command line says, where, and how."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time

import checkpoint
from support import TestCase, newest, settings, write_structured


class CommandLineTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = write_structured(self.folder / "data", 60, 4, 3)
        self.settings = ["--data", self.data, "--layers", "16-5-3", "--batch-size", 5]


class Help(CommandLineTestCase):
    def test_every_command_has_help_with_examples(self):
        commands = ["train", "resume", "inspect", "verify", "convert", "rules", "plot", "digits"]
        for command in ([], *([name] for name in commands)):
            with self.subTest(command=command):
                result = self.flywheel(*command, "--help")
                self.assertIn("Examples:", result.stdout)
                self.assertIn(" ".join(["  flywheel", *command]), result.stdout)
                self.assertIn("USAGE: flywheel", result.stdout)
                self.assertEqual(result.stderr, "")

    def test_the_flags_in_the_examples_exist(self):
        named = 0
        for command in ("train", "resume", "inspect", "verify", "convert", "plot"):
            text = self.flywheel(command, "--help").stdout
            examples, _, usage = text.partition("USAGE:")
            for flag in re.findall(r"--[a-z-]+", examples.partition("Examples:")[2]):
                self.assertIn(flag, usage)
                named += 1
        self.assertGreater(named, 10)

    def test_the_version_is_one_line(self):
        result = self.flywheel("--version")
        self.assertRegex(result.stdout, r"\A\d+\.\d+\.\d+\n\Z")

    def test_no_command_shows_the_help(self):
        result = self.finish(self.start())
        self.assertIn("USAGE: flywheel", result.stdout + result.stderr)


class Messages(CommandLineTestCase):
    def test_lines_are_plain_when_nobody_watches(self):
        run = self.path()
        result = self.flywheel("train", *self.settings, "--epochs", 3, "--output", run)
        self.assertEqual(result.stdout, "")
        self.assertNotIn("\x1b", result.stderr)
        self.assertNotIn("\r", result.stderr)
        lines = result.stderr.splitlines()
        epochs = [line for line in lines if line.startswith("epoch")]
        self.assertEqual(len(epochs), 3)
        for number, line in enumerate(epochs, 1):
            self.assertRegex(
                line,
                rf"^epoch {number}/3  loss \d+\.\d{{4}}  (training|accuracy) \d+\.\d\d %"
                r"  validation \d+\.\d\d %  [\d,]+( samples)?/s$",
            )
        self.assertIn(f"saved {newest(run)}", result.stderr)

    def test_output_that_cannot_be_written_is_trouble(self):
        run = self.train(*self.settings, "--epochs", 1)
        for command in (["inspect", run], ["inspect", run, "--json"], ["verify", run]):
            with self.subTest(command=command), open("/dev/full", "w") as full:
                command = [settings.flywheel, *map(str, command)]
                result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.returncode, 2)
                self.assertIn("Could not write to standard output", result.stderr)

    def test_quiet_says_nothing(self):
        result = self.flywheel("train", *self.settings, "--quiet", "--output", self.path())
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_quiet_still_says_errors(self):
        result = self.flywheel(
            "train", "--data", "nowhere", "--quiet", "--output", self.path(), status=2
        )
        self.assert_error(result, "nowhere")

    def test_json_is_one_object_on_standard_output(self):
        run = self.path()
        result = self.flywheel("train", *self.settings, "--epochs", 2, "--json", "--output", run)
        self.assertEqual(
            result.json
            | {"best": None, "test_loss": 0, "test_accuracy": 0, "samples_per_cpu_second": 0},
            {
                "run": str(run),
                "checkpoint": str(newest(run)),
                "trace": None,
                "finished": True,
                "stopped_early": None,
                "epoch": 2,
                "step": 20,
                "best": None,
                "test_loss": 0,
                "test_accuracy": 0,
                "samples_per_cpu_second": 0,
            },
        )
        self.assertGreater(result.json["samples_per_cpu_second"], 0)
        self.assertEqual(result.json["best"]["metric"], "validation_accuracy")

    def test_a_run_without_a_name_gets_the_next_free_number(self):
        for number in (1, 2, 3):
            self.flywheel("train", *self.settings, "--epochs", 1, "--quiet")
            self.flywheel("verify", f"runs/{number}")
            self.assertFalse((self.folder / "runs" / str(number + 1)).exists())

    def test_runs_without_a_name_that_start_at_once_get_two_numbers(self):
        processes = [
            self.start("train", *self.settings, "--epochs", 1, "--quiet") for _ in range(4)
        ]
        for process in processes:
            self.assertEqual(self.finish(process).status, 0)
        runs = {path.name for path in (self.folder / "runs").iterdir()}
        self.assertEqual(runs, {"1", "2", "3", "4"})

    def test_a_run_that_comes_to_nothing_takes_no_number(self):
        self.flywheel("train", "--data", "nowhere", "--quiet", status=2)
        self.assertEqual(list((self.folder / "runs").iterdir()), [])


class Settings(CommandLineTestCase):
    def test_flags_win_over_the_configuration_file(self):
        file = self.folder / "configuration.json"
        file.write_text(
            json.dumps(
                {
                    "data": {"source": str(self.data), "batch_size": 10},
                    "network": {"layers": [16, 7, 3], "activation": "tanh"},
                    "optimizer": {"learning_rate": 0.25, "momentum": 0.5},
                    "epochs": 2,
                }
            )
        )
        run = self.train(file, "--learning-rate", 0.125, "--batch-size", 6, "--seed", 4)
        found = json.loads((run / "configuration.json").read_text())
        self.assertEqual(found["optimizer"]["learning_rate"], 0.125)
        self.assertEqual(found["optimizer"]["momentum"], 0.5)
        self.assertEqual(found["data"]["batch_size"], 6)
        self.assertEqual(found["network"]["layers"], [16, 7, 3])
        self.assertEqual(found["network"]["activation"], "tanh")
        self.assertEqual(found["epochs"], 2)
        self.assertEqual(found["seed"], 4)
        document = checkpoint.read(newest(run)).document
        self.assertEqual(document["trainer"], found)
        self.assertEqual(document["optimizer"]["groups"][0]["learning_rate"], 0.125)

    def test_a_flag_can_take_back_what_the_file_turned_on(self):
        file = self.folder / "configuration.json"
        file.write_text('{"optimizer": {"nesterov": true}}')
        run = self.train(file, *self.settings, "--no-nesterov")
        found = json.loads((run / "configuration.json").read_text())
        self.assertIs(found["optimizer"]["nesterov"], False)

    def test_the_configuration_of_a_run_starts_an_equal_run(self):
        run = self.train(*self.settings, "--epochs", 3, "--nesterov", "--seed", 2**64 - 1)
        again = self.train(run / "configuration.json")
        for name in ("configuration.json", "metrics.jsonl"):
            self.assertEqual((run / name).read_bytes(), (again / name).read_bytes())


class LiveLine(CommandLineTestCase):
    """On a terminal one line is redrawn."""

    # One update of the line: back to its start, erase it, the new text.
    UPDATE = re.compile(r"\r\x1b\[K([^\r\n\x1b]*)")

    def on_a_terminal(self, columns: int, *arguments) -> str:
        """Everything that a terminal of this width is sent."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [str(settings.flywheel), *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, cwd=self.folder,
        )  # fmt: skip
        os.close(slave)
        output = b""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # what Linux says when the other side has closed
                break
            if not chunk:
                break
            output += chunk
        os.close(master)
        self.assertEqual(process.wait(timeout=60), 0, output)
        return output.decode()

    def long_enough(self) -> list:
        return ["--epochs", 3, "--layers", "784-800-10", "--output", self.path()]

    def test_the_line_shows_how_far_it_is_and_how_long_it_takes(self):
        text = self.on_a_terminal(120, "train", *self.long_enough())
        updates = [update for update in self.UPDATE.findall(text) if update.startswith("epoch")]
        live = [update for update in updates if "left" in update]
        self.assertGreater(len(live), 2)
        for update in live:
            self.assertRegex(
                update,
                r"^epoch \d/3 +\d+%  loss \d+\.\d+  accuracy \d+\.\d\d %"
                r"  [\d,]+ samples/s  .* left$",
            )

    def test_the_line_is_never_wider_than_the_terminal(self):
        for columns in (30, 60, 80):
            with self.subTest(columns=columns):
                text = self.on_a_terminal(columns, "train", *self.long_enough())
                live = [line for line in self.UPDATE.findall(text) if "%  loss" in line]
                self.assertGreater(len(live), 2)
                for line in live:
                    self.assertLess(len(line), columns)

    def test_the_lines_that_stay_are_the_epochs(self):
        text = self.on_a_terminal(100, "train", *self.long_enough())
        # What is left on the screen: of each line, what follows the last erasure.
        lines = [line.rpartition("\x1b[K")[2] for line in text.replace("\r\n", "\n").split("\n")]
        self.assertEqual(len([line for line in lines if line.startswith("epoch")]), 3)
        self.assertFalse([line for line in lines if line.endswith("left")])

    def test_quiet_draws_nothing_on_a_terminal_either(self):
        text = self.on_a_terminal(100, "train", "--quiet", *self.long_enough())
        self.assertEqual(text, "")
