"""What `flywheel plot` draws and exports, read back by those it is for."""

import csv
import fcntl
import io
import json
import math
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import xml.etree.ElementTree as ElementTree

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from support import (
    TestCase,
    checkpoints,
    files_and_bytes,
    newest,
    settings,
    write_structured,
)

SVG = "{http://www.w3.org/2000/svg}"


def lines_of(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


class PlotTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = write_structured(self.folder / "data", 60, 4, 3)
        self.settings = ["--data", self.data, "--layers", "16-5-3", "--batch-size", 5]

    def trained(self, *arguments, epochs: int = 3, **options):
        return self.train(*self.settings, "--epochs", epochs, *arguments, **options)

    def svg(self, *arguments) -> ElementTree.Element:
        path = self.path("chart").with_suffix(".svg")
        result = self.flywheel("plot", *arguments, "-o", path)
        self.assertEqual(result.stdout, "")
        return ElementTree.parse(path).getroot()

    def table(self, *arguments) -> list[dict]:
        result = self.flywheel("plot", *arguments, "--csv", "-")
        return list(csv.DictReader(io.StringIO(result.stdout)))


class Charts(PlotTestCase):
    def test_a_chart_is_an_accessible_svg_with_a_panel_for_each_kind(self):
        root = self.svg(self.trained())
        self.assertEqual(root.tag, SVG + "svg")
        self.assertEqual(root.get("role"), "img")
        description = root.findtext(SVG + "desc")
        for words in ("loss: training loss", "accuracy: training", "learning rate: learning rate"):
            self.assertIn(words, description)
        headings = [
            text.text for text in root.iter(SVG + "text") if text.get("class") == "panel-heading"
        ]
        self.assertEqual(headings, ["loss", "accuracy", "learning rate"])
        self.assertIn("prefers-color-scheme: dark", root.findtext(SVG + "style"))

    def test_several_runs_lie_over_each_other_and_are_named(self):
        runs = [self.trained("--seed", seed) for seed in (1, 2, 3)]
        root = self.svg(*runs, "--metric", "validation_loss")
        lines = [path for path in root.iter(SVG + "path") if path.get("class").startswith("line")]
        # One of each in the legend, and one of each in the only panel.
        self.assertEqual(len(lines), 6)
        self.assertEqual(len({path.get("stroke-dasharray") for path in lines}), 3)
        texts = [text.text for text in root.iter(SVG + "text")]
        for run in runs:
            self.assertIn(run.name, texts)

    def test_names_that_xml_cannot_hold_are_escaped_and_long_ones_are_whole_in_a_title(self):
        run = self.trained(run=self.folder / ("<&\"'> " + "x" * 120), epochs=1)
        other = self.trained(epochs=1)
        titles = [title.text for title in self.svg(run, other).iter(SVG + "title")]
        self.assertIn(run.name, titles)

    def test_equal_histories_give_equal_bytes(self):
        run = self.trained()
        outputs = [self.flywheel("plot", run, "-o", "-").stdout for _ in range(2)]
        self.assertEqual(*outputs)

    def test_a_checkpoint_file_has_the_history_of_its_run(self):
        run = self.trained()
        self.assertEqual(
            [row["step"] for row in self.table(newest(run))],
            [row["step"] for row in self.table(run)],
        )

    def test_text_is_plain_and_narrow_when_nobody_watches(self):
        run = self.trained()
        text = self.flywheel("plot", run).stdout
        self.assertTrue(text.isascii())
        self.assertNotIn("\x1b", text)
        lines = text.splitlines()
        self.assertLessEqual(max(map(len, lines[1:])), 80)
        for panel in ("loss", "accuracy", "learning rate: 0.05 throughout"):
            self.assertIn(panel, lines)

    def test_looking_leaves_a_run_as_it_is(self):
        run = self.trained()
        before = files_and_bytes(run)
        self.flywheel("plot", run, "--csv", "-")
        self.assertEqual(files_and_bytes(run), before)

    def test_an_output_replaces_a_file_and_nothing_else(self):
        run = self.trained(epochs=1)
        chart = self.folder / "a.svg"
        chart.write_text("old")
        self.flywheel("plot", run, "-o", chart)
        self.assertEqual(ElementTree.parse(chart).getroot().tag, SVG + "svg")
        (self.folder / "b.svg").mkdir()
        for name in (self.folder / "none" / "a.svg", self.folder / "b.svg"):
            self.assert_error(self.flywheel("plot", run, "-o", name, status=2), name)
        pipe = self.folder / "pipe.csv"
        os.mkfifo(pipe)
        self.assert_error(self.flywheel("plot", run, "--csv", pipe, status=2), pipe)
        self.assertTrue(pipe.is_fifo())


class Terminals(PlotTestCase):
    def on_a_terminal(self, run, columns: int, **variables) -> str:
        """What a terminal of this width is sent."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [settings.flywheel, "plot", run],
            stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
            env={"TERM": "xterm", **variables},
        )  # fmt: skip
        os.close(slave)
        output = b""
        while True:
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

    def test_a_terminal_gets_braille_and_colours_as_far_as_it_wants_them(self):
        run = self.trained()
        for variables, is_ascii, has_colors in (
            ({"LANG": "C.UTF-8"}, False, True),
            ({"LANG": "en_US.utf8", "NO_COLOR": "1"}, False, False),
            ({"LANG": "C"}, True, True),
            ({"LANG": "C.UTF-8", "LC_ALL": "C", "TERM": "dumb"}, True, False),
        ):
            with self.subTest(variables):
                text = self.on_a_terminal(run, 80, **variables)
                self.assertEqual(text.isascii(), is_ascii)
                self.assertEqual("\x1b[" in text, has_colors)

    def test_a_chart_is_never_wider_than_the_terminal(self):
        run = self.trained(run=self.folder / "run")
        for columns in (50, 80, 200):
            with self.subTest(columns):
                text = self.on_a_terminal(run, columns, LANG="C.UTF-8")
                plain = re.sub(r"\x1b\[\d+m", "", text)
                self.assertLess(max(map(len, plain.splitlines())), min(columns, 81))


class Tables(PlotTestCase):
    def test_a_table_is_the_log_to_the_last_bit(self):
        run = self.trained()
        rows = self.table(run)
        expected = lines_of(run)
        self.assertEqual(len(rows), 3)
        for row, line in zip(rows, expected):
            self.assertEqual(row.pop("run"), str(run))
            self.assertEqual({name: float(text) for name, text in row.items()}, line)

    def test_runs_with_other_metrics_leave_cells_empty(self):
        with_validation = self.trained()
        without = self.trained("--validation", 0)
        rows = self.table(with_validation, without)
        self.assertEqual(len(rows), 6)
        self.assertTrue(all(row["validation_loss"] for row in rows[:3]))
        self.assertEqual({row["validation_loss"] for row in rows[3:]}, {""})

    def test_a_path_with_a_comma_and_quotes_is_one_cell(self):
        run = self.trained(run=self.folder / 'a,"b"', epochs=1)
        self.assertEqual(self.table(run)[0]["run"], str(run))

    def test_lines_newer_than_the_checkpoint_count_and_a_half_line_does_not(self):
        run = self.trained()
        log = run / "metrics.jsonl"
        text = log.read_text() + '{"step":999,"epoch":4,"training_loss":NaN}\n'
        text += '{"step":1000,"epoch":5,"training_loss":0.5}\n{"step":1001,"epo'
        log.write_text(text)
        result = self.flywheel("plot", run, "--csv", "-")
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        self.assertEqual([row["epoch"] for row in rows], ["1", "2", "3", "5"])
        self.assertIn("warning: passed over 1 lines", result.stderr)

    def test_a_run_without_its_log_or_without_its_newest_checkpoint_keeps_its_history(self):
        run = self.trained()
        expected = self.table(run)
        copy = shutil.copytree(run, self.path())
        (copy / "metrics.jsonl").unlink()
        damaged = shutil.copytree(run, self.path())
        newest(damaged).write_bytes(b"nothing")
        for other in (copy, damaged):
            rows = self.table(other)
            self.assertEqual(
                [row | {"run": ""} for row in rows], [row | {"run": ""} for row in expected]
            )


class TensorBoard(PlotTestCase):
    def scalars(self, folder) -> dict[str, list]:
        accumulator = EventAccumulator(str(folder))
        accumulator.Reload()
        self.assertEqual(accumulator.file_version, 2.0)
        return {tag: accumulator.Scalars(tag) for tag in accumulator.Tags()["scalars"]}

    def test_tensorboard_reads_every_number_at_its_step(self):
        runs = [self.trained("--seed", seed) for seed in (1, 2)]
        logs = self.folder / "logs"
        self.flywheel("plot", *runs, "--tensorboard", logs)
        tags = {
            "epoch": "epoch",
            "learning_rate": "learning_rate",
            "training_loss": "loss/training",
            "training_accuracy": "accuracy/training",
            "validation_loss": "loss/validation",
            "validation_accuracy": "accuracy/validation",
        }
        for run in runs:
            found = self.scalars(logs / run.name)
            self.assertEqual(set(found), set(tags.values()))
            expected = lines_of(run)
            for name, tag in tags.items():
                self.assertEqual(
                    [(event.step, event.value) for event in found[tag]],
                    [(line["step"], float(np.float32(line[name]))) for line in expected],
                )

    def test_times_go_back_from_the_save_by_what_the_epochs_took(self):
        run = self.trained()
        logs = self.folder / "logs"
        self.flywheel("plot", run, "--tensorboard", logs)
        times = [event.wall_time for event in self.scalars(logs / run.name)["epoch"]]
        timing = (run / "timing.jsonl").read_text().splitlines()
        seconds = [json.loads(line)["seconds"] for line in timing]
        np.testing.assert_allclose(np.diff(times), seconds[1:], atol=1e-6)
        # The save has whole seconds.
        self.assertEqual(times[-1], math.floor(times[-1]))

    def test_writing_anew_replaces_what_was_there(self):
        run = self.trained()
        logs = self.folder / "logs"
        self.flywheel("plot", run, "--tensorboard", logs)
        before = files_and_bytes(logs)
        self.flywheel("plot", run, "--tensorboard", logs)
        self.assertEqual(files_and_bytes(logs), before)
        self.resume(run, "--epochs", 5, "--quiet")
        self.flywheel("plot", run, "--tensorboard", logs)
        self.assertEqual(len(self.scalars(logs / run.name)["epoch"]), 5)


class Errors(PlotTestCase):
    def test_what_cannot_be_shown_says_why(self):
        run = self.trained()
        early = self.path()
        self.trained(run=early, epochs=1)
        (early / "metrics.jsonl").unlink()
        for file in checkpoints(early):
            file.unlink()
        for arguments, words in (
            (["nowhere"], ["no such run", "nowhere"]),
            ([self.data], ["no run"]),
            ([early], ["has not finished an epoch"]),
            ([run, "--metric", "speed"], ["'speed'", "training_loss, training_accuracy"]),
        ):
            with self.subTest(words=words):
                self.assert_error(self.flywheel("plot", *arguments, status=2), *words)

    def test_wrong_usage_is_told_from_trouble(self):
        run = self.trained(epochs=1)
        for arguments in ([], [run, run], [run, "-o", "a.png"], [run, "--x", "time"]):
            with self.subTest(arguments=arguments):
                self.assert_error(self.flywheel("plot", *arguments, status=64))

    def test_nothing_is_written_if_one_of_the_runs_is_missing(self):
        run = self.trained(epochs=1)
        chart = self.folder / "a.svg"
        self.assert_error(self.flywheel("plot", run, "nowhere", "-o", chart, status=2), "nowhere")
        self.assertFalse(chart.exists())
