"""Data sets of other types, shapes and names than MNIST's, and how they are normalised."""

import gzip
import json
import zlib
from pathlib import Path

import h5py
import numpy as np

import checkpoint
import reference
from support import (
    Images,
    TestCase,
    flip_bit,
    idx,
    mnist,
    needs_mnist,
    newest,
    scikit_digits,
    structured_images,
    write_idx,
)

KERAS = ("x_train", "y_train", "x_test", "y_test")
MEDICAL = ("train_images", "train_labels", "test_images", "test_labels")


class ScikitDigits(TestCase):
    """Real data: scikit-learn's own digits."""

    SETTINGS = ("--layers", "64-32-10", "--batch-size", 16, "--validation", 0, "--seed", 3)

    def accuracy(self, folder, *settings) -> float:
        result = self.flywheel(
            "train", "--data", folder, *self.SETTINGS, *settings, "--json", "--quiet",
            "--output", self.path(),
        )  # fmt: skip
        return result.json["test_accuracy"]

    def test_every_rule_learns_them_in_a_few_epochs(self):
        folder = write_idx(self.folder / "digits", *scikit_digits(), compressed=True)
        for settings in (
            ("--rule", "pytorch", "--learning-rate", 0.05),
            ("--rule", "pytorch", "--learning-rate", 0.05, "--nesterov"),
            ("--rule", "nielsen", "--learning-rate", 0.05, "--weight-decay", 0.1),
            ("--rule", "adam", "--learning-rate", 0.01),
            ("--rule", "adamw", "--learning-rate", 0.01, "--weight-decay", 0.01),
            ("--rule", "rmsprop", "--learning-rate", 0.005),
        ):
            with self.subTest(settings=settings):
                accuracy = self.accuracy(folder, "--scale", 1 / 16, "--epochs", 6, *settings)
                self.assertGreater(accuracy, 0.9)

    def test_bytes_with_a_scale_equal_floats_that_were_scaled_before(self):
        training, test = scikit_digits()
        bytes_folder = write_idx(self.folder / "bytes", training, test)
        scaled = [Images(images.pixels / 16, images.labels) for images in (training, test)]
        for precision in ("float32", "float64"):
            for type in ("f4", "f8"):
                with self.subTest(precision=precision, type=type):
                    folder = write_idx(self.folder / type, *scaled, types=(type, "i4"))
                    common = (
                        "--layers", "64-20-10", "--precision", precision, "--epochs", 2,
                    )  # fmt: skip
                    whole = self.train("--data", bytes_folder, "--scale", 0.0625, *common)
                    floats = self.train("--data", folder, *common)
                    self.assertEqual(
                        (whole / "metrics.jsonl").read_text(),
                        (floats / "metrics.jsonl").read_text(),
                    )
                    for name, value in checkpoint.read(newest(whole)).model.items():
                        other = checkpoint.read(newest(floats)).model[name]
                        self.assertEqual(value.tobytes(), other.tobytes(), name)


class Normalization(TestCase):
    LAYERS = "12-5-3"

    def images(self) -> tuple[Images, Images]:
        return structured_images(1, 60, 3, 4, 3), structured_images(2, 20, 3, 4, 3)

    def test_what_the_network_sees_is_scaled_shifted_and_divided(self):
        """A run that learns nothing reports the loss of its first weights on all samples."""
        for type in ("u1", "i1", "i2", "i4", "f4", "f8"):
            training, test = self.images()
            if type == "i1":
                for images in (training, test):
                    images.pixels = images.pixels.astype(np.int8)
            folder = write_idx(self.folder / type, training, test, types=(type, "u1"))
            for numbers in ({}, {"scale": 0.25, "mean": 10.5, "deviation": -3.0}, {"mean": 0.3}):
                with self.subTest(type=type, numbers=numbers):
                    flags = [word for name, value in numbers.items() for word in (f"--{name}", value)]
                    run = self.train(
                        "--data", folder, "--layers", self.LAYERS, "--precision", "float64",
                        "--learning-rate", 0, "--momentum", 0, "--validation", 0, "--epochs", 1,
                        "--activation", "tanh", *flags,
                    )  # fmt: skip
                    saved = checkpoint.read(newest(run))
                    default = {
                        "scale": 1 / 255 if type == "u1" else 1.0, "mean": 0.0, "deviation": 1.0,
                    }  # fmt: skip
                    expected = default | numbers
                    data = saved.document["data"]
                    self.assertEqual({name: data[name] for name in expected}, expected)
                    self.assertEqual(data["dtype"], np.dtype(type).name)
                    configuration = json.loads((run / "configuration.json").read_text())
                    self.assertEqual(configuration["data"]["normalization"], expected)
                    inputs = training.pixels.reshape(60, 12).astype(np.float64)
                    inputs = (inputs * expected["scale"] - expected["mean"]) / expected["deviation"]
                    loss, _ = reference.network(saved).measure(inputs, training.labels)
                    self.assertAlmostEqual(saved.history["training_loss"][0], loss / 60, delta=1e-12)

    def test_a_resumed_run_is_normalised_alike_or_refused(self):
        folder = write_idx(self.folder / "data", *self.images())
        settings = ("--data", folder, "--layers", self.LAYERS, "--mean", 0.5, "--deviation", 0.25)
        whole = self.train(*settings, "--epochs", 3)
        run = self.train(*settings, "--epochs", 1)
        self.resume(run, "--epochs", 3, "--quiet")
        self.assertEqual(
            (whole / "metrics.jsonl").read_text(), (run / "metrics.jsonl").read_text()
        )
        path = run / "configuration.json"
        configuration = json.loads(path.read_text())
        configuration["data"]["normalization"]["mean"] = 0.25
        path.write_text(json.dumps(configuration))
        result = self.resume(run, "--epochs", 4, status=2)
        self.assert_error(result, "data.normalization.mean is 0.25, not 0.5, as the checkpoint")

    def test_numbers_that_make_no_sense_are_refused(self):
        for flag, value in (("--scale", 0), ("--deviation", 0), ("--mean", "inf")):
            with self.subTest(flag=flag):
                result = self.flywheel("train", flag, value, status=64)
                self.assert_error(result, f"normalization's {flag[2:]} is", "finite number")

    def test_a_number_that_is_not_finite_is_named(self):
        training, test = self.images()
        training.pixels = training.pixels.astype(np.float32)
        training.pixels[7, 2, 1] = np.nan
        folder = write_idx(self.folder / "data", training, test, types=("f4", "u1"))
        result = self.flywheel("train", "--data", folder, "--layers", self.LAYERS, status=2)
        self.assert_error(result, "Value 9 of sample 7 is nan", "train-images-idx3-ubyte")


class ShapesAndNames(TestCase):
    def test_a_sample_may_be_one_number_or_have_many_dimensions(self):
        for shape in ((), (1,), (2, 3, 4), (1, 2, 1, 2, 1, 2)):
            with self.subTest(shape=shape):
                random = np.random.default_rng(4)
                labels = np.arange(40) % 2
                samples = random.normal(size=(40, *shape)) + 8 * labels.reshape(-1, *[1] * len(shape))
                images = Images(samples, labels)
                folder = write_idx(self.path("data"), images, images[:10], types=("f4", "i2"))
                size = int(np.prod(shape))
                result = self.flywheel(
                    "train", "--data", folder, "--layers", f"{size}-8-2", "--batch-size", 4,
                    "--epochs", 20, "--json", "--quiet", "--learning-rate", 0.01,
                    "--output", self.path(),
                )  # fmt: skip
                self.assertEqual(result.json["test_accuracy"], 1)

    def test_there_may_be_more_than_256_classes(self):
        samples = np.eye(300, 400)
        images = Images(samples, np.arange(300))
        folder = write_idx(self.folder / "data", images, images, types=("f4", "i2"))
        result = self.flywheel(
            "train", "--data", folder, "--layers", "400-300", "--batch-size", 10, "--epochs", 3,
            "--validation", 0, "--learning-rate", 5, "--json", "--quiet",
            "--output", self.path(),
        )  # fmt: skip
        self.assertEqual(result.json["test_accuracy"], 1)

    def test_a_data_set_of_several_is_named_behind_the_directory(self):
        folder = self.folder / "emnist"
        folder.mkdir()
        images = structured_images(1, 40, 3, 3, 3)
        for name in ("emnist-letters", "emnist-digits"):
            for part in ("train", "test"):
                for kind, array in (("images", images.pixels), ("labels", images.labels)):
                    path = folder / f"{name}-{part}-{kind}-idx{array.ndim}-ubyte.gz"
                    # As gunzip reads it: members follow each other, zeros behind them are padding.
                    data = idx(array)
                    path.write_bytes(
                        gzip.compress(data[:20]) + gzip.compress(data[20:]) + bytes(512)
                    )
        settings = ("--layers", "9-3", "--epochs", 1)
        result = self.flywheel("train", "--data", folder, *settings, status=2)
        self.assert_error(result, "Several data sets", folder / "emnist-digits")
        run = self.train("--data", folder / "emnist-letters", *settings)
        self.assertEqual(checkpoint.read(newest(run)).document["data"]["training"], 34)
        self.resume(run, "--epochs", 2, "--quiet")


def arrays(training: Images, test: Images, names=KERAS) -> dict[str, np.ndarray]:
    """The arrays of a data set under the names of a convention."""
    return dict(zip(names, (training.pixels, training.labels, test.pixels, test.labels)))


class Archives(TestCase):
    """The same samples from an archive of arrays give the same run."""

    SETTINGS = ("--layers", "12-5-3", "--batch-size", 8, "--epochs", 2)

    def images(self) -> tuple[Images, Images]:
        return structured_images(1, 60, 3, 4, 3), structured_images(2, 20, 3, 4, 3)

    def npz(self, save=np.savez, **arrays) -> Path:
        path = self.path("data").with_suffix(".npz")
        save(path, **arrays)
        return path

    def assert_same_run(self, found: Path, expected: Path) -> None:
        """Every bit is equal but what says where the data are."""
        self.assertEqual(
            (found / "metrics.jsonl").read_text(), (expected / "metrics.jsonl").read_text()
        )
        found, expected = checkpoint.read(newest(found)), checkpoint.read(newest(expected))
        self.assertEqual(list(found.tensors), list(expected.tensors))
        for name, value in expected.tensors.items():
            self.assertEqual(found.tensors[name].tobytes(), value.tobytes(), name)
        documents = [found.stable_document(), expected.stable_document()]
        sources = [document["data"].pop("source") for document in documents]
        self.assertEqual(sources, ["arrays", "idx"])
        for document in documents:
            del document["trainer"]["data"]["source"]
        self.assertEqual(*documents)

    @needs_mnist
    def test_mnist_from_an_npz_trains_as_from_its_own_files(self):
        contents = {}
        files = ("train-images", "train-labels", "t10k-images", "t10k-labels")
        for name, file in zip(KERAS, files):
            data = gzip.decompress(next(mnist().glob(f"{file}-idx*")).read_bytes())
            shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
            contents[name] = np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)
        settings = ("--layers", "784-30-10", "--epochs", 1)
        expected = self.train("--data", mnist(), *settings)
        for save in (np.savez, np.savez_compressed):
            with self.subTest(save=save.__name__):
                archive = self.npz(save, **contents)
                found = self.train("--data", archive, *settings)
                self.assert_same_run(found, expected)
                archive.unlink()

    def test_every_container_and_both_conventions_give_the_same_run(self):
        images = self.images()
        expected = self.train("--data", write_idx(self.folder / "idx", *images), *self.SETTINGS)
        for names in (KERAS, MEDICAL):
            contents = arrays(*images, names)
            folder = self.path("npy")
            folder.mkdir()
            for name, value in contents.items():
                np.save(folder / f"{name}.npy", value)
            file = self.path("data").with_suffix(".h5")
            with h5py.File(file, "w") as h5:
                for name, value in contents.items():
                    h5[name] = value
            column = contents | {names[1]: contents[names[1]][:, None]}
            fortran = contents | {names[0]: np.asfortranarray(contents[names[0]])}
            for source in (
                self.npz(**contents),
                self.npz(np.savez_compressed, **contents),
                self.npz(**contents, val_images=np.zeros(3), val_labels=np.zeros(3)),
                self.npz(**column),
                self.npz(**fortran),
                folder,
                file,
            ):
                with self.subTest(names=names, source=source):
                    found = self.train("--data", source, *self.SETTINGS)
                    self.assert_same_run(found, expected)

    def test_every_type_gives_the_run_of_the_same_numbers(self):
        training, test = self.images()
        for images in (training, test):
            images.pixels = (images.pixels // 2).astype(np.int8)
        for precision in ("float32", "float64"):
            settings = (*self.SETTINGS, "--precision", precision, "--scale", 0.0078125)
            expected = self.train(
                "--data", write_idx(self.path("idx"), training, test, types=("i1", "u1")), *settings
            )
            for type in "i1 <i2 >i2 <u2 <i4 <u4 <i8 <u8 <f2 <f4 >f4 <f8 >f8".split():
                with self.subTest(precision=precision, type=type):
                    contents = arrays(training, test)
                    for name in ("x_train", "x_test"):
                        contents[name] = contents[name].astype(type)
                    for name in ("y_train", "y_test"):
                        contents[name] = contents[name].astype(type.replace("f", "i"))
                    found = self.train("--data", self.npz(**contents), *settings)
                    self.assertEqual(
                        (found / "metrics.jsonl").read_text(),
                        (expected / "metrics.jsonl").read_text(),
                    )
                    data = checkpoint.read(newest(found)).document["data"]
                    self.assertEqual(data["dtype"], np.dtype(type).name)

    def test_the_digest_is_that_of_the_bytes_in_memory(self):
        training, test = self.images()
        contents = arrays(training, test)
        contents["x_train"] = contents["x_train"].astype(">f4")
        contents["x_test"] = contents["x_test"].astype(">f4")
        run = self.train("--data", self.npz(**contents), *self.SETTINGS)
        little = {
            name: value.astype(value.dtype.newbyteorder("<")).tobytes()
            for name, value in contents.items()
        }
        first = zlib.crc32(little["y_train"], zlib.crc32(little["x_train"]))
        second = zlib.crc32(little["y_test"], zlib.crc32(little["x_test"]))
        digest = checkpoint.read(newest(run)).document["data"]["digest"]
        self.assertEqual(digest, f"crc32:{first:08x},{second:08x}")

    def test_a_run_goes_on_with_the_same_samples_in_another_file(self):
        images = self.images()
        folder = write_idx(self.folder / "idx", *images)
        expected = self.train("--data", folder, *self.SETTINGS, "--epochs", 3)
        run = self.train("--data", folder, *self.SETTINGS, "--epochs", 1)
        archive = self.npz(np.savez_compressed, **arrays(*images))
        self.resume(run, "--epochs", 2, "--data", archive, "--quiet")
        # From now on it finds them by itself.
        self.resume(run, "--epochs", 3, "--quiet")
        self.assert_same_run(run, expected)
        others = structured_images(3, 60, 3, 4, 3), images[1]
        result = self.resume(run, "--epochs", 4, "--data", self.npz(**arrays(*others)), status=2)
        self.assert_error(result, "The data have changed")

    def test_the_built_in_digits_train_from_a_file_as_without_one(self):
        file = self.folder / "digits.npz"
        self.flywheel("digits", file)
        with np.load(file) as arrays:
            self.assertEqual([arrays[name].dtype for name in KERAS], 4 * [np.dtype(np.uint8)])
            self.assertEqual(arrays["x_train"].shape, (24_000, 28, 28))
            self.assertEqual(arrays["y_test"].shape, (4000,))
        settings = ("--layers", "784-2-10", "--training", 64, "--epochs", 1, "--quiet", "--json")
        own = self.flywheel("train", *settings, "--output", self.path()).json
        read = self.flywheel("train", *settings, "--output", self.path(), "--data", file).json
        self.assertEqual(own["test_loss"], read["test_loss"])
        result = self.flywheel("digits", file, status=2)
        self.assertIn("already", result.stderr)

    def test_without_arrays_to_test_with_there_is_no_test(self):
        contents = arrays(*self.images())
        del contents["x_test"], contents["y_test"]
        run = self.path()
        result = self.flywheel(
            "train", "--data", self.npz(**contents), *self.SETTINGS, "--json", "--quiet",
            "--output", run,
        )  # fmt: skip
        self.assertIsNone(result.json["test_accuracy"])
        data = checkpoint.read(newest(run)).document["data"]
        self.assertEqual(data["test"], 0)
        self.assertTrue(data["digest"].endswith(",00000000"))
        self.flywheel("verify", run)
        self.resume(run, "--epochs", 3, "--quiet")

    def test_what_does_not_fit_is_an_error_that_teaches(self):
        good = arrays(*self.images())
        one_hot = np.eye(3)[good["y_train"]]
        for changed, words in (
            ({"y_train": one_hot}, ("'y_train'", "(60, 3)", "labels.argmax(axis=1)")),
            ({"y_train": good["y_train"].astype(float)}, ("'y_train'", "float64", "integer")),
            ({"y_train": good["y_train"][:-1]}, ("'y_train'", "59 labels", "60 samples")),
            ({"y_test": good["y_test"] + 7}, ("'y_test'", "only 3 classes")),
            ({"x_test": good["x_test"][:, :2]}, ("2 x 4", "3 x 4")),
            ({"x_train": good["x_train"] * 1j}, ("'x_train'", "complex128")),
            ({"x_train": good["x_train"].astype("S3")}, ("'x_train'",)),
            ({"x_train": np.full((60, 3, 4), np.nan), "x_test": np.zeros((20, 3, 4))},
             ("'x_train'", "Value 0 of sample 0 is nan")),
        ):  # fmt: skip
            with self.subTest(words=words):
                archive = self.npz(**good | changed)
                result = self.flywheel("train", "--data", archive, *self.SETTINGS, status=2)
                self.assert_error(result, archive, *words)
        for missing in KERAS:
            with self.subTest(missing=missing):
                archive = self.npz(**{name: good[name] for name in KERAS if name != missing})
                result = self.flywheel("train", "--data", archive, *self.SETTINGS, status=2)
                self.assert_error(result, f"There is no '{missing}'")
        unknown = self.npz(features=good["x_train"], classes=good["y_train"])
        result = self.flywheel("train", "--data", unknown, *self.SETTINGS, status=2)
        known = (", ".join(KERAS), ", ".join(MEDICAL))
        self.assert_error(result, unknown, "holds features, classes", *known)
        text = self.folder / "images.txt"
        text.write_text("no images, only words")
        result = self.flywheel("train", "--data", text, *self.SETTINGS, status=2)
        self.assert_error(result, text, "This is a file", ".npz")

    def test_a_damaged_archive_is_noticed(self):
        archive = self.npz(**arrays(*self.images()))
        data = archive.read_bytes()
        flip_bit(archive, data.index(b"NUMPY") + 200)
        result = self.flywheel("train", "--data", archive, *self.SETTINGS, status=2)
        self.assert_error(result, archive)
        archive.write_bytes(data[: len(data) // 2])
        result = self.flywheel("train", "--data", archive, *self.SETTINGS, status=2)
        self.assert_error(result, archive)
