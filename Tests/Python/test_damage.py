"""Damage of every kind to a small checkpoint is detected, or changes nothing that is read."""

import json
import random
import shutil
from pathlib import Path

import numpy as np

import checkpoint
from support import Images, TestCase, newest, only_full, step_of, write_idx

# How many damaged copies one process looks at.
BATCH = 1500


class DamageTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        # One pixel, one class: the smallest network there is, but every kind of tensor and value.
        images = Images(np.arange(3).reshape(3, 1, 1), np.zeros(3, np.uint8))
        data = write_idx(self.folder / "data", images, images[:1])
        run = self.train(
            "--data", data, "--layers", "1-1", "--batch-size", 1, "--validation", 1, "--epochs", 1
        )
        self.original = newest(run)
        self.data = self.original.read_bytes()
        self.whole = checkpoint.read(self.original)
        self.assertEqual(len(self.whole.velocity), 2)
        self.assertGreater(len(self.whole.history), 5)
        self.flywheel("verify", self.original)

    def verify(self, contents: dict[str, bytes]) -> tuple[dict[str, str], set[str]]:
        """Verifies damaged copies in one process for many of them.

        Returns what was said of each one that is not whole, and the names of those that are.
        """
        damaged, whole = {}, set()
        names = list(contents)
        for first in range(0, len(names), BATCH):
            run = self.path("batch")
            (run / "checkpoints").mkdir(parents=True)
            batch = names[first : first + BATCH]
            for number, name in enumerate(batch):
                self.file(run, number).write_bytes(contents[name])
            for number, reason in self.verify_run(run).items():
                if reason is None:
                    whole.add(batch[number])
                else:
                    damaged[batch[number]] = reason
            shutil.rmtree(run)
        self.assertEqual(set(damaged) | whole, set(names))
        self.assertFalse(set(damaged) & whole)
        return damaged, whole

    def file(self, run: Path, number: int) -> Path:
        return run / "checkpoints" / f"step-{number:012}.h5"

    def verify_run(self, run: Path) -> dict[int, str | None]:
        """What is wrong with each file of a run; None if it is whole."""
        result = self.finish(self.start("verify", run, "--json"))
        report = result.json
        self.assertEqual(len(report["files"]), len(list((run / "checkpoints").iterdir())))
        reasons = {}
        for entry in report["files"]:
            if not entry["whole"]:
                self.assertIn(entry["file"], entry["reason"])
            reasons[step_of(Path(entry["file"]))] = entry.get("reason")
        # One that cannot be judged at all, for example of a newer schema, is not called damaged.
        found = report["damaged"], report["unchecked"]
        self.assertEqual(sum(found), sum(reason is not None for reason in reasons.values()))
        self.assertEqual(result.status, 1 if found[0] else 2 if found[1] else 0)
        return reasons

    def assert_reads_the_same(self, data: bytes) -> None:
        path = self.path("whole")
        path.write_bytes(data)
        found = checkpoint.read(path)
        path.unlink()
        self.assertEqual(found.document_bytes, self.whole.document_bytes)
        self.assertEqual(found.attributes, self.whole.attributes)
        self.assertEqual(list(found.tensors), list(self.whole.tensors))
        for name, value in self.whole.tensors.items():
            self.assertEqual(found.tensors[name].dtype, value.dtype)
            self.assertEqual(found.tensors[name].shape, value.shape)
            self.assertEqual(found.tensors[name].tobytes(), value.tobytes())


class FlippedBits(DamageTestCase):
    def flipped(self, offset: int, bit: int) -> bytes:
        data = bytearray(self.data)
        data[offset] ^= 1 << bit
        return bytes(data)

    def check_flips(self, flips: list[tuple[int, int]]) -> None:
        contents = {f"{offset}-{bit}": self.flipped(offset, bit) for offset, bit in flips}
        damaged, whole = self.verify(contents)
        for name in whole:
            self.assert_reads_the_same(contents[name])
        # Most of the file matters; what does not is padding between tensors.
        self.assertGreater(len(damaged), len(whole))
        # What passes is unchanged for Flywheel itself, too.
        expected = self.flywheel("inspect", self.original, "--json").stdout
        generator = random.Random(1)
        for name in generator.sample(sorted(whole), min(10, len(whole))):
            path = self.path("whole")
            path.write_bytes(contents[name])
            self.assertEqual(self.flywheel("inspect", path, "--json").stdout, expected)

    def test_a_flipped_bit_in_every_byte_is_detected_or_changes_nothing(self):
        generator = random.Random(0)
        self.check_flips([(offset, generator.randrange(8)) for offset in range(len(self.data))])

    @only_full("every bit of every byte: 90,000 files")
    def test_every_flipped_bit_is_detected_or_changes_nothing(self):
        step = BATCH // 8
        for first in range(0, len(self.data), step):
            offsets = range(first, min(first + step, len(self.data)))
            contents = {f"{o}-{b}": self.flipped(o, b) for o in offsets for b in range(8)}
            for name in self.verify(contents)[1]:
                self.assert_reads_the_same(contents[name])

    def test_every_flipped_bit_of_a_tensor_is_detected(self):
        import h5py

        contents = {}
        with h5py.File(self.original) as file:
            for key in self.whole.tensors:
                dataset = file[key]
                start = dataset.id.get_offset()
                for offset in range(start, start + dataset.nbytes):
                    for bit in range(8):
                        contents[f"{offset}-{bit}"] = self.flipped(offset, bit)
        self.assertGreater(len(contents), 1000)
        damaged, whole = self.verify(contents)
        self.assertEqual(whole, set())
        self.assertTrue(all("CRC-32" in reason for reason in damaged.values()))

    def test_every_flipped_bit_of_the_document_is_detected(self):
        start = self.data.index(self.whole.document_bytes)
        generator = random.Random(2)
        offsets = range(start, start + len(self.whole.document_bytes))
        contents = {f"{o}": self.flipped(o, generator.randrange(8)) for o in offsets}
        self.assertEqual(self.verify(contents)[1], set())

    def test_a_flipped_bit_in_the_schema_number_is_damage_not_a_newer_schema(self):
        offset = self.data.index(b'"schema":3') + len(b'"schema":')
        for bit in range(4):
            with self.subTest(bit=bit):
                path = self.path("flipped")
                path.write_bytes(self.flipped(offset, bit))
                self.flywheel("verify", path, status=1)


class Truncations(DamageTestCase):
    def test_every_truncation_is_detected(self):
        contents = {f"{length}": self.data[:length] for length in range(len(self.data))}
        damaged, whole = self.verify(contents)
        self.assertEqual(whole, set())
        self.assertEqual(len(damaged), len(self.data))

    def test_a_hole_of_zeros_is_detected_or_changes_nothing(self):
        """What a power cut leaves of a page that never reached the disk."""
        contents = {}
        for size in (64, 512, 4096):
            for start in range(0, len(self.data), size):
                end = min(start + size, len(self.data))
                contents[f"{start}-{end}"] = (
                    self.data[:start] + bytes(end - start) + self.data[end:]
                )
        damaged, whole = self.verify(contents)
        for name in whole:
            self.assert_reads_the_same(contents[name])
        self.assertGreater(len(damaged), len(whole))

    def test_random_damage_of_many_bytes_never_crashes(self):
        generator = np.random.default_rng(5)
        contents = {}
        for number in range(1500):
            data = np.frombuffer(self.data, np.uint8).copy()
            places = generator.integers(0, len(data), generator.integers(2, 60))
            data[places] = generator.integers(0, 256, len(places))
            contents[f"{number}"] = data.tobytes()
        damaged, whole = self.verify(contents)
        for name in whole:
            self.assert_reads_the_same(contents[name])
        self.assertGreater(len(damaged), 1000)


class Verify(DamageTestCase):
    def test_one_unreadable_file_does_not_hide_the_others(self):
        """All files of a run are reported, whatever is wrong with one of them."""
        newer = checkpoint.seal(self.whole.document | {"schema": 4})
        unreadable = {
            "a newer schema": lambda path: checkpoint.replace_document(path, newer),
            "no checkpoint": lambda path: checkpoint.delete_document(path),
        }
        for name, spoil in unreadable.items():
            with self.subTest(unreadable=name):
                run = self.path("run")
                (run / "checkpoints").mkdir(parents=True)
                for number in (1, 2, 3):
                    shutil.copy(self.original, self.file(run, number))
                spoil(self.file(run, 1))
                self.file(run, 2).write_bytes(self.data[:100])
                result = self.finish(self.start("verify", run, "--json"))
                self.assertIn(result.status, (1, 2))
                self.assertNotEqual(result.stdout, "", result.stderr)
                self.assertEqual(
                    [entry["whole"] for entry in json.loads(result.stdout)["files"]],
                    [False, False, True],
                )

    def test_a_whole_run_is_told_file_by_file(self):
        result = self.flywheel("verify", self.original.parent.parent)
        self.assertIn(f"{self.original}: whole", result.stdout)
        self.assertEqual(result.stderr, "")

    def test_a_damaged_file_is_named_with_the_tensor_at_fault(self):
        import h5py

        with h5py.File(self.original) as file:
            offset = file["optimizer/velocity/layers.0.weight"].id.get_offset()
        path = self.path("damaged")
        data = bytearray(self.data)
        data[offset] ^= 16
        path.write_bytes(data)
        result = self.flywheel("verify", path, status=1)
        self.assertIn(str(path), result.stdout)
        self.assertIn("optimizer/velocity/layers.0.weight", result.stdout)
