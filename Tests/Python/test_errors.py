"""Bad input and bad luck: a clear error with the right exit status, and nothing is lost."""

import fcntl
import gzip
import json
import os
import resource
import shutil
import signal
import struct
from pathlib import Path

import h5py
import numpy as np

import checkpoint
from support import (
    TestCase,
    checkpoints,
    files_and_bytes,
    flip_bit,
    idx,
    limit_file_size,
    newest,
    newest_step,
    step_of,
    structured_images,
    temporary_files,
    write_idx,
    write_structured,
)


class ErrorTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = write_structured(self.folder / "data", 60, 4, 3)
        self.settings = ["--data", self.data, "--layers", "16-4-3", "--batch-size", 5]

    def finished_run(self, *settings) -> Path:
        return self.train(*self.settings, "--epochs", 2, *settings)

    def refuses(self, *arguments, status: int = 2, words: list = [], **options) -> None:
        """The command fails with this status and an error that says these words."""
        self.assert_error(self.flywheel(*arguments, status=status, **options), *words)


class States(ErrorTestCase):
    """Archives and flags that do not say what a training state is."""

    NAMED = ("--from", "pytorch", "--rule", "pytorch")
    KNOWN = (*NAMED, "--lr", 0.1, "--momentum", 0.9)

    def archive(self, **arrays) -> Path:
        path = self.path("archive").with_suffix(".npz")
        known = {"weight": np.zeros((2, 3)), "bias": np.zeros(2)}
        np.savez(path, **{f"layers.0.{key}": value for key, value in (known | arrays).items()})
        return path

    def refuses_to_convert(self, archive: Path, *arguments, words: list, status: int = 2) -> None:
        target = self.path("state").with_suffix(".h5")
        self.refuses("convert", archive, target, *arguments, status=status, words=words)
        self.assertFalse(target.exists())

    def test_all_numbers_that_are_missing_are_named_at_once(self):
        for given, words in (
            ((), ["learning rate and the momentum", "--learning-rate and --momentum"]),
            (("--momentum", 0.9), ["give --learning-rate."]),
            (("--lr", 0.1), ["give --momentum."]),
        ):
            with self.subTest(given=given):
                self.refuses_to_convert(self.archive(), *self.NAMED, *given, words=words)

    def test_parameters_without_buffers_are_not_called_buffers(self):
        self.refuses_to_convert(
            self.archive(), "--from", "pytorch", words=["which rule trains these parameters"]
        )

    def test_learning_rates_that_are_none_are_named(self):
        for flag in ("--lr", "--last-learning-rate", "--next-learning-rate"):
            for value in ("nan", "inf", -1):
                with self.subTest(flag=flag, value=value):
                    words = ["must be a number of at least 0"]
                    self.refuses_to_convert(
                        self.archive(), *self.KNOWN, flag, value, words=words
                    )

    def test_what_is_only_for_training_is_wrong_usage(self):
        for flag in (("--clip-norm", 1), ("--schedule", "cosine:over=3")):
            with self.subTest(flag=flag):
                words = [f"Unknown option '{flag[0]}'"]
                self.refuses_to_convert(self.archive(), *self.KNOWN, *flag, words=words, status=64)

    def test_a_buffer_of_another_shape_is_named(self):
        archive = self.archive(**{"weight.momentum_buffer": np.zeros((4, 4))})
        words = ["'layers.0.weight', its parameter by name, (2, 3). [tensor"]
        self.refuses_to_convert(archive, *self.KNOWN, words=words)

    def test_what_hdf5_cannot_hold_is_named(self):
        archive = self.archive(
            **{"weight.momentum_buffer": np.ones((2, 3)), "bias.momentum_buffer": np.ones(2)}
        )
        words = ["dense/kernel/Momentum", "nothing can lie below it"]
        self.refuses_to_convert(archive, *self.KNOWN, "--to", "tf1", words=words)


class Files(ErrorTestCase):
    """What is no checkpoint."""

    def hdf5(self, path: Path) -> Path:
        with h5py.File(path, "w") as file:
            file["weights/kernel"] = np.zeros((3, 4), np.float32)
            file["names"] = ["a", "bc"]
            file.create_dataset("packed", data=np.zeros(100), chunks=(10,), compression="gzip")
        return path

    def test_a_file_that_is_not_there_is_named(self):
        for command in ("inspect", "verify", "resume"):
            with self.subTest(command=command):
                path = self.folder / "nowhere.h5"
                self.refuses(command, path, words=[path])

    def test_a_directory_without_a_run_is_named(self):
        empty = self.folder / "empty"
        empty.mkdir()
        for command in ("inspect", "verify", "resume"):
            with self.subTest(command=command):
                self.refuses(command, empty, words=[empty])
        self.assertEqual(list(empty.iterdir()), [])

    def test_a_file_of_another_kind_does_not_verify(self):
        contents = {
            "text": b"epoch,loss\n1,0.5\n" * 100,
            "zip": b"PK\x03\x04" + bytes(300),
            "one byte": b"\x89",
            "empty": b"",
            "only the signature": b"\x89HDF\r\n\x1a\n",
        }
        for kind, data in contents.items():
            with self.subTest(kind=kind):
                path = self.path("other")
                path.write_bytes(data)
                result = self.flywheel("verify", path, status=1)
                self.assertIn(str(path), result.stdout)
                self.assertIn("NOT WHOLE", result.stdout)
                self.refuses("inspect", path, words=[path])
                self.refuses("resume", path, "--output", self.folder / "new", words=[path])
                self.assertFalse((self.folder / "new").exists())

    def test_hdf5_that_is_no_checkpoint_is_shown_but_not_resumed(self):
        path = self.hdf5(self.folder / "other.h5")
        before = path.read_bytes()
        shown = self.flywheel("inspect", path).stdout
        for word in ("no Flywheel checkpoint", "weights/kernel", "float32", "(3, 4)", "packed"):
            self.assertIn(word, shown)
        listed = self.flywheel("inspect", path, "--json").json
        self.assertEqual(listed["format"], "hdf5")
        self.assertEqual(
            {entry["name"] for entry in listed["tensors"]}, {"weights/kernel", "names", "packed"}
        )
        self.refuses("resume", path, words=[path, "flywheel.metadata"])
        self.assertIn("no checksums", self.flywheel("verify", path).stdout)
        self.assertEqual(path.read_bytes(), before)

    def test_a_directory_where_a_file_belongs_is_named(self):
        run = self.finished_run()
        newest(run).unlink()
        (run / "checkpoints" / "step-000000009999.h5").mkdir()
        result = self.resume(run)
        self.assertIn("step-000000009999.h5", result.stderr)

    def test_a_pipe_does_not_make_it_wait(self):
        path = self.folder / "pipe.h5"
        os.mkfifo(path)
        for command in ("inspect", "verify"):
            self.refuses(command, path, words=[path], timeout=10)


class EditedCheckpoints(ErrorTestCase):
    """A checkpoint that somebody wrote into."""

    def edits(self, path: Path) -> dict:
        def edit(change):
            with h5py.File(path, "r+") as file:
                change(file)

        def document(**members):
            checkpoint.replace_document(
                path, checkpoint.seal(checkpoint.read(path).document | members)
            )

        weight = "model/layers.0.weight"
        velocity = "optimizer/velocity/layers.0.weight"

        def remove(file, key):
            del file[key]

        def replace(file, key, value):
            del file[key]
            file[key] = value

        return {
            "a missing parameter": (lambda: edit(lambda f: remove(f, weight)), [weight]),
            "a missing velocity": (lambda: edit(lambda f: remove(f, velocity)), [velocity]),
            "a missing history": (
                lambda: edit(lambda f: remove(f, "history")),
                ["history/"],
            ),
            "a misshapen parameter": (
                lambda: edit(lambda f: replace(f, weight, f[weight][...].T)),
                [weight, "(16, 4)", "(4, 16)"],
            ),
            "a flattened parameter": (
                lambda: edit(lambda f: replace(f, weight, f[weight][...].ravel())),
                [weight, "(64,)"],
            ),
            "a parameter of another type": (
                lambda: edit(lambda f: replace(f, weight, f[weight][...].astype(np.float64))),
                [weight, "float64", "float32"],
            ),
            "a parameter that is a group": (
                lambda: edit(lambda f: (remove(f, weight), f.create_group(weight))),
                [weight],
            ),
            "an edited number": (
                lambda: edit(lambda f: f[weight].write_direct(np.zeros((4, 16), np.float32))),
                [weight, "CRC-32"],
            ),
            "an extra dataset": (
                lambda: edit(lambda f: f.create_dataset("notes", data=[1, 2])),
                ["notes"],
            ),
            "an extra parameter": (
                lambda: edit(lambda f: f.create_dataset("model/layers.9.weight", data=[1.0])),
                ["layers.9.weight"],
            ),
            "an edited attribute": (
                lambda: edit(lambda f: f.attrs.__setitem__("learning_rate", 0.5)),
                ["learning_rate", "0.5"],
            ),
            "an edited attribute of another type": (
                lambda: edit(lambda f: f.attrs.__setitem__("step", "twenty")),
                ["step"],
            ),
            "a document with another optimizer's step": (
                lambda: document(
                    optimizer=checkpoint.read(path).document["optimizer"] | {"step": 77}
                ),
                ["step"],
            ),
            "a document with an unknown member": (lambda: document(colour="red"), ["colour"]),
            "a document without a format": (lambda: document(format="other"), ["format"]),
            "a document that is no object": (
                lambda: checkpoint.replace_document(path, b"[1,2,3]"),
                ["flywheel.metadata"],
            ),
            "an empty document": (
                lambda: checkpoint.replace_document(path, b""),
                ["flywheel.metadata"],
            ),
            "a document of floats": (
                lambda: edit(lambda f: replace(f, "flywheel.metadata", np.zeros(4))),
                ["flywheel.metadata", "float64"],
            ),
        }

    def test_verify_names_what_was_edited(self):
        run = self.finished_run()
        for name in self.edits(newest(run)):
            with self.subTest(edit=name):
                path = self.path("edited")
                shutil.copy(newest(run), path)
                change, words = self.edits(path)[name]
                change()
                result = self.flywheel("verify", path, status=1)
                for word in [path, *words]:
                    self.assertIn(str(word), result.stdout)

    def test_the_unedited_copy_verifies(self):
        """The negative control: opening and closing the file in h5py is no edit."""
        run = self.finished_run()
        with h5py.File(newest(run), "r+") as file:
            self.assertIn("model", file)
        self.flywheel("verify", newest(run))

    def test_resume_skips_a_checkpoint_whose_tensors_were_edited(self):
        for name in (
            "a missing parameter", "a missing velocity", "a misshapen parameter",
            "an edited number", "a document with an unknown member", "an empty document",
        ):  # fmt: skip
            with self.subTest(edit=name):
                run = self.finished_run()
                *_, older, path = checkpoints(run)
                self.edits(path)[name][0]()
                result = self.resume(run)
                self.assertIn("skipped a damaged checkpoint", result.stderr)
                self.assertIn(str(path), result.stderr)
                self.assertIn(f"from {older}", result.stderr)
                self.flywheel("verify", run)

    def test_a_newer_schema_is_named_and_what_to_do(self):
        run = self.finished_run()
        path = self.path("newer")
        shutil.copy(newest(run), path)
        checkpoint.replace_document(
            path, checkpoint.seal(checkpoint.read(path).document | {"schema": 4})
        )
        for command in ("inspect", "verify", "resume"):
            with self.subTest(command=command):
                self.refuses(command, path, words=[path, "schema 4", "newer Flywheel"])


class Settings(ErrorTestCase):
    """Settings that make no sense, or do not fit the data."""

    def test_a_setting_out_of_range_is_named_and_leaves_nothing_behind(self):
        cases = {
            "zero epochs": (["--epochs", 0], ["epochs", "0"]),
            "negative epochs": (["--epochs=-3"], ["epochs", "-3"]),
            "a batch larger than the data": (["--batch-size", 51], ["51", "50"]),
            "a batch of none": (["--batch-size", 0], ["batch_size"]),
            "none to train on": (["--training", 0], ["training"]),
            "too many to train on": (["--training", 61], ["61", "60"]),
            "more held out than there are": (["--validation", 61], ["61", "60"]),
            "all held out": (["--validation", 60], ["60"]),
            "training and validation overlap": (
                ["--training", 40, "--validation", 30], ["40", "30", "60"],
            ),
            "too many inputs": (["--layers", "17-4-3"], ["16", "17-4-3"]),
            "too few classes": (["--layers", "16-4-2"], ["3 classes", "16-4-2"]),
            "one layer": (["--layers", "16"], ["layers", "16"]),
            "an empty layer": (["--layers", "16-0-3"], ["layers", "16-0-3"]),
            "a negative layer": (["--layers=16--4-3"], []),
            "a huge layer": (["--layers", "16-99999999-3"], ["layers", "99999999"]),
            "an unknown rule": (["--rule", "adadelta"], ["adadelta", "pytorch", "nielsen", "adam"]),
            "a negative learning rate": (["--learning-rate=-0.1"], ["learning_rate", "-0.1"]),
            "a learning rate that is no number": (["--learning-rate", "nan"], ["learning_rate"]),
            "an infinite learning rate": (["--learning-rate", "inf"], ["learning_rate"]),
            "a momentum of one": (["--momentum", 1], ["momentum", "1.0"]),
            "a negative decay": (["--weight-decay=-1"], ["weight_decay"]),
            "nesterov without momentum": (["--nesterov", "--momentum", 0], ["nesterov"]),
            "nesterov with dampening": (["--nesterov", "--dampening", 0.1], ["nesterov"]),
            "nesterov in Nielsen's rule": (["--rule", "nielsen", "--nesterov"], ["nesterov"]),
            "dampening in Nielsen's rule": (
                ["--rule", "nielsen", "--dampening", 0.5], ["dampening"],
            ),
            "none to keep": (["--keep", 0], ["keep"]),
            "a negative interval": (["--save-every-steps=-1"], ["every_steps"]),
        }  # fmt: skip
        for name, (arguments, words) in cases.items():
            with self.subTest(setting=name):
                run = self.folder / "new"
                result = self.finish(
                    self.start("train", *self.settings, *arguments, "--output", run)
                )
                self.assertIn(result.status, (2, 64), result.stderr)
                self.assert_error(result, *words)
                self.assertFalse(run.exists(), "it left a directory behind")

    def test_a_wrong_flag_is_wrong_usage(self):
        cases = {
            "an unknown flag": ["train", "--learnrate", 0.1],
            "an unknown word": ["train", "--activation", "gelu"],
            "text for a number": ["train", "--epochs", "many"],
            "a fraction for a whole number": ["train", "--epochs", "1.5"],
            "a seed that is too large": ["train", "--seed", 2**64],
            "text for layers": ["train", "--layers", "16-x-3"],
            "no argument": ["inspect"],
            "too many arguments": ["verify", "a", "b"],
            "an unknown command": ["traim"],
            "--output with a run": ["resume", self.folder, "--output", "x"],
        }
        for name, arguments in cases.items():
            with self.subTest(usage=name):
                result = self.flywheel(*arguments, status=64)
                self.assertRegex(result.stderr, r"(?m)^Error: ")

    def test_zero_epochs_are_refused_on_resume(self):
        run = self.finished_run()
        before = files_and_bytes(run)
        self.refuses("resume", run, "--epochs", 0, status=64, words=["epochs"])
        self.assertEqual(files_and_bytes(run), before)

    def test_fewer_epochs_than_are_done_are_refused_and_lose_nothing(self):
        run = self.finished_run()
        before = files_and_bytes(run)
        self.refuses("resume", run, "--epochs", 1, words=["2 epochs are done already"])
        self.assertEqual(files_and_bytes(run), before)

    def test_a_network_too_large_for_memory_is_an_error(self):
        run = self.path()
        limit = 1 << 29

        def limit_memory():
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

        # A gigabyte of weights in the first layer.
        self.refuses(
            "train", *self.settings, "--layers", "16-16777216-3", "--output", run,
            words=["memory"], before=limit_memory,
        )  # fmt: skip
        self.assertFalse(run.exists(), "it left a run behind that cannot be resumed")


class Configurations(ErrorTestCase):
    """JSON files that cannot be used."""

    def test_json_that_is_wrong_names_the_file_and_the_place(self):
        cases = {
            "a missing brace": ('{"epochs": 3', ["byte 12"]),
            "a comma too many": ('{"epochs": 3,}', ["byte 13"]),
            "a comment": ('{"epochs": 3} // three', ["byte 14"]),
            "a single quote": ("{'epochs': 3}", ["byte 1"]),
            "a duplicate": ('{"epochs": 3, "epochs": 4}', ["epochs"]),
            "NaN": ('{"optimizer": {"learning_rate": NaN}}', ["byte 32"]),
            "a number like none": ('{"epochs": 03}', ["byte 1"]),
            "not UTF-8": (b'{"epochs\xff": 3}', ["byte"]),
            "nothing": ("", ["byte 0"]),
            "depth": ("[" * 100_000, ["byte"]),
        }
        for name, (text, words) in cases.items():
            with self.subTest(json=name):
                path = self.folder / "bad.json"
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
                run = self.folder / "new"
                self.refuses("train", path, "--output", run, words=[path, *words])
                self.assertFalse(run.exists())

    def test_members_that_are_wrong_are_named(self):
        cases = {
            "an unknown member": ({"epoch": 3}, ["epoch"]),
            "an unknown member of a section": ({"optimizer": {"lr": 0.1}}, ["lr"]),
            "text for a number": ({"epochs": "three"}, ["epochs"]),
            "a fraction for a whole number": ({"epochs": 2.5}, ["epochs"]),
            "a section of the wrong type": ({"network": [784, 10]}, ["network"]),
            "an unknown word": ({"network": {"activation": "gelu"}}, ["gelu", "relu"]),
            "layers of text": ({"network": {"layers": ["784", "10"]}}, ["layers"]),
            "no object": ([1, 2], []),
            "zero epochs": ({"epochs": 0}, ["epochs"]),
            "a negative seed": ({"seed": -1}, ["seed"]),
            "a seed that is too large": ({"seed": 2**64}, ["byte 9", "64 bits"]),
        }
        for name, (value, words) in cases.items():
            with self.subTest(configuration=name):
                path = self.folder / "bad.json"
                path.write_text(json.dumps(value))
                run = self.folder / "new"
                self.refuses("train", path, "--output", run, words=[path, *words])
                self.assertFalse(run.exists())

    def test_a_configuration_that_is_not_there_is_named(self):
        path = self.folder / "nowhere.json"
        self.refuses("train", path, "--output", self.path(), words=[path])

    def test_a_configuration_edited_between_is_refused_and_says_what_may_change(self):
        edits = {
            "learning rate": ("optimizer", "learning_rate", 0.5),
            "layers": ("network", "layers", [16, 5, 3]),
            "batch size": ("data", "batch_size", 6),
            "seed": (None, "seed", 9),
        }
        for name, (section, member, value) in edits.items():
            with self.subTest(edited=name):
                run = self.finished_run()
                path = run / "configuration.json"
                configuration = json.loads(path.read_text())
                (configuration[section] if section else configuration)[member] = value
                path.write_text(json.dumps(configuration))
                before = files_and_bytes(run)
                setting = f"{section}.{member}" if section else member
                self.refuses(
                    "resume", run, words=[path, f"{setting} is", "Only epochs,", "may change"]
                )
                self.assertEqual(files_and_bytes(run), before)

    def test_data_that_moved_are_found_where_the_edited_configuration_says(self):
        run = self.train(*self.settings, "--epochs", 3)
        moved = self.folder / "moved"
        self.data.rename(moved)
        self.refuses("resume", run, "--epochs", 4, words=[self.data])
        path = run / "configuration.json"
        configuration = json.loads(path.read_text())
        configuration["data"]["source"] = str(moved)
        path.write_text(json.dumps(configuration))
        self.resume(run, "--epochs", 4)

    def test_data_that_moved_are_named_to_resume(self):
        run = self.train(*self.settings, "--epochs", 3, "--keep", 10)
        moved = self.folder / "moved"
        self.data.rename(moved)
        self.resume(run, "--epochs", 4, "--data", moved)
        self.resume(run, "--epochs", 5)
        branch = self.path()
        self.flywheel("resume", checkpoints(run)[1], "--data", moved, "--output", branch)
        self.assertNotEqual(
            checkpoint.read(newest(branch)).document["saved"]["run"],
            checkpoint.read(newest(run)).document["saved"]["run"],
        )

    def test_a_newest_checkpoint_of_a_newer_schema_is_not_trained_over(self):
        """It is whole; an old program must not go back behind it and delete it."""
        run = self.finished_run()
        path = newest(run)
        document = checkpoint.read(path).document
        checkpoint.replace_document(path, checkpoint.seal(document | {"schema": 4}))
        before = files_and_bytes(run)
        self.refuses("resume", run, "--epochs", 9, words=[path, "newer Flywheel"])
        self.assertEqual(files_and_bytes(run), before)

    def test_files_with_other_names_are_left_alone(self):
        run = self.finished_run()
        others = ["step-best.h5", "step-000000000003-copy.h5", "notes.txt"]
        for name in others:
            (run / "checkpoints" / name).write_bytes(b"mine")
        self.resume(run, "--epochs", 9)
        for name in others:
            self.assertEqual((run / "checkpoints" / name).read_bytes(), b"mine")

    def test_epochs_and_checkpoints_may_be_edited_between(self):
        run = self.finished_run()
        path = run / "configuration.json"
        configuration = json.loads(path.read_text())
        configuration["epochs"] = 4
        configuration["checkpoints"]["keep"] = 1
        path.write_text(json.dumps(configuration))
        self.resume(run)
        self.assertEqual([step_of(path) for path in checkpoints(run)], [40])

    def test_a_damaged_configuration_of_a_run_is_named(self):
        run = self.finished_run()
        path = run / "configuration.json"
        path.write_text(path.read_text()[:50])
        self.refuses("resume", run, words=[path, "byte"])


class Data(ErrorTestCase):
    """Data sets that are damaged or do not go together."""

    def spoilt(self, name: str, change, compressed: bool = False) -> Path:
        """A data set of which one file went through a function."""
        folder = write_idx(
            self.path("data"),
            structured_images(1, 60, 4, 4, 3),
            structured_images(2, 20, 4, 4, 3),
            compressed,
        )
        path = folder / (name + (".gz" if compressed else ""))
        path.write_bytes(change(path.read_bytes()))
        return path

    def refuses_data(self, path: Path, *words) -> None:
        run = self.folder / "new"
        self.refuses(
            "train", "--data", path.parent, "--layers", "16-4-3", "--batch-size", 5,
            "--output", run, words=[path, *words],
        )  # fmt: skip
        self.assertFalse(run.exists())

    IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"

    def test_a_plain_file_cut_short_is_named(self):
        for length in (0, 3, 4, 15, 16, 17, 16 + 60 * 16 - 1):
            with self.subTest(length=length):
                self.refuses_data(self.spoilt(self.IMAGES, lambda data: data[:length]))

    def test_a_compressed_file_cut_short_is_named(self):
        for length in (0, 1, 2, 10, 60, 300):
            with self.subTest(length=length):
                self.refuses_data(self.spoilt(self.IMAGES, lambda data: data[:length], True))
        for missing in (1, 4, 8):
            with self.subTest(missing=missing):
                self.refuses_data(self.spoilt(self.IMAGES, lambda data: data[:-missing], True))

    def test_a_compressed_file_with_a_flipped_bit_is_named(self):
        def flip(data: bytes) -> bytes:
            changed = bytearray(data)
            changed[len(data) // 2] ^= 4
            return bytes(changed)

        self.refuses_data(self.spoilt(self.IMAGES, flip, True))

    def test_bytes_after_the_end_are_named(self):
        self.refuses_data(self.spoilt(self.IMAGES, lambda data: data + b"\0"), "after the last")

    def test_a_wrong_magic_number_is_named(self):
        for magic in (0x800, 0xA03, 0x703, 0x10803, 0):
            with self.subTest(magic=hex(magic)):
                path = self.spoilt(
                    self.IMAGES, lambda data: struct.pack(">I", magic) + data[4:]
                )
                self.refuses_data(path, f"0x{magic:x}", "0x0803")

    def test_huge_extents_are_refused_without_asking_for_the_memory(self):
        def enlarge(data: bytes) -> bytes:
            return data[:4] + struct.pack(">III", 2**32 - 1, 2**32 - 1, 2**32 - 1) + data[16:]

        self.refuses_data(self.spoilt(self.IMAGES, enlarge))
        self.refuses_data(
            self.spoilt(
                self.IMAGES,
                lambda data: gzip.compress(
                    struct.pack(">IIII", 0x803, 2**31, 4, 4) + b"\0" * 16
                ),
                True,
            )
        )

    def test_no_images_at_all_are_named(self):
        none = np.zeros((0, 4, 4), np.uint8)
        self.refuses_data(self.spoilt(self.IMAGES, lambda data: idx(none)), "0 samples")

    def test_labels_that_do_not_go_with_the_images_are_named(self):
        path = self.spoilt(self.LABELS, lambda data: idx(np.zeros(59)))
        self.refuses_data(path, "59", "60")

    def test_a_test_label_out_of_range_is_named(self):
        path = self.spoilt(
            "t10k-labels-idx1-ubyte", lambda data: data[:-1] + b"\x07"
        )
        self.refuses_data(path, "7", "3 classes")

    def test_test_images_of_another_size_are_named(self):
        folder = write_idx(
            self.path("data"),
            structured_images(1, 60, 4, 4, 3),
            structured_images(2, 20, 5, 5, 3),
        )
        self.refuses(
            "train", "--data", folder, "--layers", "16-4-3", "--output", self.path(),
            words=[folder, "5 x 5", "4 x 4"],
        )  # fmt: skip

    def test_a_folder_without_data_is_named_with_the_files_that_belong_there(self):
        empty = self.folder / "empty"
        empty.mkdir()
        for folder, word in ((empty, self.IMAGES), (self.folder / "nowhere", "no such file")):
            self.refuses(
                "train", "--data", folder, "--output", self.path(),
                words=[folder, word],
            )  # fmt: skip

    def test_data_changed_between_are_noticed(self):
        run = self.train(*self.settings, "--epochs", 3)
        flip_bit(self.data / self.IMAGES, 100, 7)
        before = files_and_bytes(run)
        self.refuses("resume", run, "--epochs", 5, words=["data have changed", "same data"])
        for name, data in files_and_bytes(run).items():
            self.assertTrue(data == before[name], f"{name} has changed")

    def test_compressed_data_are_the_same_data(self):
        """The negative control: what is compressed differently has the same digest."""
        run = self.train(*self.settings, "--epochs", 3)
        for path in list(self.data.iterdir()):
            (self.data / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        self.resume(run, "--epochs", 4)


class Divergence(ErrorTestCase):
    """Numbers that leave what can be computed with."""

    def test_a_loss_that_is_not_finite_stops_and_names_the_step(self):
        for precision, rate in (("float32", 1e38), ("float64", 1e306)):
            with self.subTest(precision=precision):
                run = self.path()
                result = self.flywheel(
                    "train", *self.settings, "--precision", precision, "--learning-rate", rate,
                    "--output", run, status=2,
                )  # fmt: skip
                self.assert_error(result, "step 2 (epoch 1, batch 2)", "lower learning rate")
                self.assertRegex(result.stderr, "loss is -?(nan|inf)|not finite")
                self.check_last_good(run)

    def check_last_good(self, run: Path) -> None:
        self.assertTrue(checkpoints(run))
        self.flywheel("verify", run)
        for value in checkpoint.read(newest(run)).model.values():
            self.assertTrue(np.isfinite(value).all())
        self.assertEqual(temporary_files(run), [])

    def test_the_loss_that_stops_is_named_with_its_step(self):
        run = self.path()
        result = self.finish(
            self.start(
                "train", *self.settings, "--learning-rate", 30, "--epochs", 200,
                "--activation", "relu", "--weight-decay", 10, "--save-every-steps", 1,
                "--output", run,
            )  # fmt: skip
        )
        self.assertEqual(result.status, 2, result.stderr)
        self.assertRegex(result.stderr, r"at step \d+ \(epoch \d+, batch \d+\)")
        self.check_last_good(run)
        # The step named is the one after the last good checkpoint.
        self.assertIn(f"at step {newest_step(run) + 1} ", result.stderr)

    def test_the_last_good_checkpoint_can_be_resumed(self):
        """It diverges again, at the same step, and says so again."""
        run = self.path()
        command = [*self.settings, "--learning-rate", 30, "--epochs", 200, "--weight-decay", 10]
        first = self.flywheel("train", *command, "--output", run, status=2)
        again = self.resume(run, status=2)
        self.assertEqual(
            [line for line in again.stderr.splitlines() if line.startswith("error:")],
            [line for line in first.stderr.splitlines() if line.startswith("error:")],
        )
        self.check_last_good(run)


class Disks(ErrorTestCase):
    """Directories and disks that refuse."""

    def test_an_unwritable_place_is_named(self):
        file = self.folder / "file"
        file.write_text("not a directory")
        for place in (file / "run", file, Path("/proc/flywheel-run"), Path("/proc/1/run")):
            with self.subTest(place=place):
                self.refuses(
                    "train", *self.settings, "--output", place, words=[place.parent]
                )
        self.assertEqual(file.read_text(), "not a directory")

    def test_an_output_directory_that_is_not_empty_is_refused(self):
        place = self.folder / "full"
        place.mkdir()
        (place / "thesis.txt").write_text("years of work")
        self.refuses(
            "train", *self.settings, "--output", place, words=[place, "thesis.txt", "another directory"]
        )
        self.assertEqual((place / "thesis.txt").read_text(), "years of work")
        run = self.finished_run()
        before = files_and_bytes(run)
        self.refuses("train", *self.settings, "--output", run, words=[run, "resume"])
        self.refuses("resume", newest(run), "--output", run, words=[run])
        self.assertEqual(files_and_bytes(run), before)

    def test_an_empty_output_directory_is_used(self):
        place = self.folder / "empty"
        place.mkdir()
        self.train(*self.settings, run=place)
        self.flywheel("verify", place)

    def test_a_file_size_limit_while_saving_loses_nothing(self):
        wide = ["--layers", "16-400-3", "--epochs", 6, "--save-every-steps", 4]
        straight = self.train(*self.settings, *wide)
        size = checkpoints(straight)[-1].stat().st_size
        run = self.path()
        # Room for the first checkpoint, which has no velocities; not for the others.
        self.assertLess(self.first_size(wide), size * 2 // 3)
        result = self.flywheel(
            "train", *self.settings, *wide, "--output", run, status=2,
            before=limit_file_size(size * 2 // 3),
        )  # fmt: skip
        self.assert_error(result, "File too large", run / "checkpoints")
        self.assertNotIn("flywheel-tmp", result.stderr)
        self.assertEqual(temporary_files(run), [])
        self.assertEqual([step_of(path) for path in checkpoints(run)], [0])
        self.flywheel("verify", run)
        self.resume(run)
        self.assert_same_tensors(newest(run), newest(straight))
        self.assertEqual(
            (run / "metrics.jsonl").read_bytes(), (straight / "metrics.jsonl").read_bytes()
        )

    def first_size(self, settings: list) -> int:
        run = self.train(*self.settings, *settings, "--keep", 1000)
        return checkpoints(run)[0].stat().st_size

    def assert_same_tensors(self, found: Path, expected: Path) -> None:
        found, expected = checkpoint.read(found), checkpoint.read(expected)
        self.assertEqual(set(found.tensors), set(expected.tensors))
        for name, value in expected.tensors.items():
            self.assertEqual(found.tensors[name].tobytes(), value.tobytes(), name)

    def test_every_file_size_limit_is_a_clear_error(self):
        """Wherever in the file the disk is full."""
        straight = self.finished_run()
        size = newest(straight).stat().st_size
        limits = [0, 1, 100, 511, 512, 1000, 2048, *range(4000, size, 701), size - 1]
        for limit in limits:
            with self.subTest(limit=limit):
                run = self.path()
                result = self.flywheel(
                    "train", *self.settings, "--epochs", 2, "--output", run, status=2,
                    before=limit_file_size(limit),
                )  # fmt: skip
                self.assert_error(result, "File too large", run)
                self.assertEqual(temporary_files(run), [])
                if checkpoints(run):
                    self.flywheel("verify", run)

    def test_a_limit_while_resuming_keeps_what_was_there(self):
        run = self.finished_run()
        before = files_and_bytes(run / "checkpoints")
        result = self.resume(
            run, "--epochs", 5, status=2, before=limit_file_size(newest(run).stat().st_size - 1)
        )
        self.assert_error(result, "File too large")
        after = files_and_bytes(run / "checkpoints")
        self.assertEqual(after, before)
        self.assertEqual(temporary_files(run), [])
        self.resume(run)
        self.assertEqual(newest_step(run), 50)

    def test_a_full_device_for_messages_is_no_error(self):
        with open("/dev/full", "wb") as full:
            process = self.start(
                "train", *self.settings, "--epochs", 1, "--output", self.path(), stderr=full
            )
            process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)


class Locks(ErrorTestCase):
    """One trainer in a run."""

    def test_a_second_trainer_is_refused_and_the_first_unharmed(self):
        settings = [*self.settings, "--epochs", 3000, "--save-every-steps", 7]
        run = self.path()
        process = self.start("train", *settings, "--output", run)
        self.wait_until(lambda: newest_step(run) >= 21, "step 21")
        self.refuses("resume", run, words=[run, "Another process"])
        self.refuses("train", *settings, "--output", run, words=[run, "Another process"])
        self.assertIsNone(process.poll(), "the first ended too early")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).status, 143)
        self.flywheel("verify", run)

    def test_a_running_trainer_can_be_inspected_and_verified(self):
        run = self.path()
        process = self.start(
            "train", *self.settings, "--epochs", 3000, "--save-every-epochs", 0, "--output", run
        )
        self.wait_until(lambda: newest_step(run) >= 0, "the first checkpoint")
        self.flywheel("inspect", run)
        self.flywheel("verify", run)
        process.kill()

    def test_a_lock_file_left_behind_locks_nothing(self):
        run = self.finished_run()
        self.assertTrue((run / "lock").exists())
        self.resume(run, "--epochs", 3)

    def test_a_lock_that_another_program_holds_is_respected(self):
        run = self.finished_run()
        with open(run / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuses("resume", run, words=["Another process"])
        self.resume(run)
