"""Data sets of other types, shapes and names than MNIST's, and how they are normalised."""

import gzip
import json

import numpy as np

import checkpoint
import reference
from support import Images, TestCase, idx, newest, scikit_digits, structured_images, write_idx


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
