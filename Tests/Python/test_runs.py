"""`flywheel runs` lists what there is, whatever state it is in."""

import shutil

from support import TestCase, checkpoints, newest, write_structured


class Runs(TestCase):
    def setUp(self) -> None:
        super().setUp()
        data = write_structured(self.folder / "data", 64, 4, 3)
        self.runs = self.folder / "runs"
        settings = [
            "--data", data, "--layers", "16-4-3", "--batch-size", 8, "--epochs", 3, "--keep", 2,
            "--validation", 16,
        ]  # fmt: skip
        first = self.train(*settings, run=self.runs / "2")
        long = "a-name-that-says-all-about-the-run-and-then-goes-on-for-quite-a-while-longer"
        for name in ("10", long, "damaged", "broken", "empty"):
            shutil.copytree(first, self.runs / name)
        newest(self.runs / "damaged").write_bytes(b"no checkpoint")
        (self.runs / "broken" / "configuration.json").write_text("}")
        for path in checkpoints(self.runs / "empty"):
            path.unlink()
        (self.runs / "notes").mkdir()
        (self.runs / "notes.txt").write_text("not a run")
        self.names = ["2", "10", long, "broken", "damaged", "empty"]

    def test_the_table_fits_80_columns_and_names_what_is_wrong(self):
        result = self.flywheel("runs")
        self.assertEqual(result.stderr, "")
        lines = result.stdout.splitlines()
        table = lines[: 1 + len(self.names)]
        self.assertLessEqual(max(map(len, table)), 80, result.stdout)
        self.assertEqual([line.split()[1] for line in table[1:]], [
            "done", "done", "done", "broken", "stopped", "broken",
        ])  # fmt: skip
        self.assertIn("best: validation_accuracy", lines)
        notes = "\n".join(lines[len(table) :])
        for name in ("damaged", "broken", "empty"):
            self.assertIn(f"runs/{name}: ", notes)
        self.assertIn(newest(self.runs / "damaged").name, notes)

    def test_scripts_read_the_same_from_json(self):
        runs = self.flywheel("runs", self.runs, "--json").json["runs"]
        self.assertEqual([run["run"] for run in runs], [str(self.runs / name) for name in self.names])
        whole, damaged, empty = runs[0], runs[4], runs[5]
        size = sum(path.stat().st_size for path in (self.runs / "2").rglob("*") if path.is_file())
        self.assertEqual(whole["bytes"], size)
        self.assertEqual((whole["epoch"], whole["epochs"], whole["checkpoints"]), (3, 3, 2))
        self.assertTrue(whole["finished"])
        self.assertFalse(whole["training"])
        self.assertIsNone(whole["trouble"])
        self.assertEqual(damaged["epoch"], 2)
        self.assertEqual(len(damaged["damaged"]), 1)
        self.assertEqual(empty["trouble"]["code"], "not_found")

    def test_a_run_itself_may_be_named_and_what_is_missing_does_not_hide_the_rest(self):
        result = self.flywheel("runs", self.runs / "2", self.folder / "nowhere", status=2)
        self.assertIn("nowhere", result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 3)
        self.assertIn("no runs", self.flywheel("runs", self.runs / "notes").stdout)
