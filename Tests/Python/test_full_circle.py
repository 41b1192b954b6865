"""One run by five hands: PyTorch, Flywheel in Nielsen's convention, Keras, Flywheel, PyTorch again. It is the
run that PyTorch alone would have made."""

import gzip
from pathlib import Path

import numpy as np

import checkpoint
import reference
from frameworks import Keras, Task, Torch
from support import Images, TestCase, mnist, needs_mnist, newest, only_full, structured_images, write_idx

RATE, MOMENTUM, DECAY, BATCH = 0.05, 0.9, 1e-4, 32


class FullCircle(TestCase):
    """Each leg is an epoch of its own seed: torch's groups decay weights by 1e-4 and biases not at all."""

    def check(self, images: Images, data: Path, layers: list[int], dtype, tolerance: float) -> None:
        found = self.circle(images, data, layers, dtype)
        expected = self.torch_alone(images, layers, dtype, seeds=range(5))
        self.assertLessEqual(self.distance(found, expected), tolerance)

    def distance(self, found: dict, expected: dict) -> float:
        return max(
            np.abs(found[name] - value).max() / np.abs(value).max()
            for name, value in expected.items()
        )

    def task(self, layers: list[int], dtype) -> Task:
        parameters, _ = reference.initial_parameters("xavier_uniform", layers, seed=3)
        parameters = {name: value.astype(dtype) for name, value in parameters.items()}
        numbers = {"learning_rate": RATE, "momentum": MOMENTUM}
        return Task(
            parameters,
            [
                (numbers | {"weight_decay": DECAY}, [n for n in parameters if n.endswith("weight")]),
                (numbers | {"weight_decay": 0.0}, [n for n in parameters if n.endswith("bias")]),
            ],
        )

    def epoch(self, library, images: Images, seed: int, turned: bool = False) -> None:
        """An epoch in Flywheel's order; turned, each batch is summed from its other end."""
        dtype = next(iter(library.parameters.values())).dtype
        order = reference.epoch_order(seed, 0, len(images))
        for start in range(0, len(images), BATCH):
            batch = images[order[start : start + BATCH][:: -1 if turned else 1]]
            library.step(batch.inputs.astype(dtype), batch.labels)

    def torch_alone(self, images, layers, dtype, seeds, turned: bool = False) -> dict:
        library = Torch("pytorch", self.task(layers, dtype))
        for seed in seeds:
            self.epoch(library, images, seed, turned)
        return library.parameters

    def circle(self, images: Images, data: Path, layers: list[int], dtype) -> dict:
        task = self.task(layers, dtype)
        sizes = ["--batch-size", BATCH, "--train-size", len(images)]

        torch = Torch("pytorch", task)
        self.epoch(torch, images, 0)
        np.savez(self.folder / "torch.npz", **torch.save())
        self.convert(
            "torch.npz", "torch.h5", "--from", "pytorch", "--rule", "pytorch",
            "--learning-rate", RATE, "--momentum", MOMENTUM, "--weight-decay", DECAY,
            "--group", "*.bias:weight_decay=0", *sizes,
        )  # fmt: skip

        self.convert("torch.h5", "nielsen.npz", "--to", "nielsen")
        nielsen = self.flywheel_epoch("nielsen.npz", data, layers, dtype, seed=1)
        document = checkpoint.read(nielsen).document["optimizer"]
        self.assertEqual(document["rule"], "nielsen")
        self.assertEqual(len(document["groups"]), 1)
        self.assertAlmostEqual(document["groups"][0]["weight_decay"], DECAY * len(images))

        self.convert(nielsen, "keras.npz", "--to", "keras")
        with np.load(self.folder / "keras.npz") as file:
            arrays = dict(file)
        del arrays[checkpoint.DOCUMENT]
        numbers = {
            "learning_rate": RATE, "momentum": MOMENTUM, "nesterov": False, "l2": DECAY / 2,
        }  # fmt: skip
        keras = Keras("keras", Task(task.parameters, [(numbers, list(task.parameters))]))
        keras.load(arrays)
        self.epoch(keras, images, 2)
        np.savez(self.folder / "kept.npz", **keras.save())
        self.convert(
            "kept.npz", "keras.h5", "--from", "keras", "--rule", "keras", "--learning-rate", RATE,
            "--momentum", MOMENTUM, "--l2", DECAY / 2, *sizes,
        )  # fmt: skip

        own = self.flywheel_epoch("keras.h5", data, layers, dtype, seed=3)
        self.convert(own, "back.npz", "--to", "pytorch")
        with np.load(self.folder / "back.npz") as file:
            arrays = dict(file)
        torch = Torch("pytorch", task)
        torch.load(arrays)
        self.epoch(torch, images, 4)
        return torch.parameters

    def convert(self, source, target, *arguments) -> None:
        self.flywheel("convert", source, target, *arguments, "--quiet")

    def flywheel_epoch(self, file, data: Path, layers: list[int], dtype, seed: int) -> Path:
        run = self.train(
            "--from", file, "--data", data, "--layers", "-".join(map(str, layers)),
            "--activation", "tanh", "--precision", np.dtype(dtype).name, "--validation", 0,
            "--batch-size", BATCH, "--epochs", 1, "--seed", seed, timeout=600,
        )  # fmt: skip
        return newest(run)

    def test_a_small_run_goes_all_the_way_round_in_float64(self):
        images = structured_images(5, 320, 8, 8, 10)
        data = write_idx(self.folder / "data", images, structured_images(6, 9, 8, 8, 10))
        self.check(images, data, [64, 12, 10], np.float64, 1e-12)

    def mnist(self) -> Images:
        def read(name: str, header: int) -> np.ndarray:
            with gzip.open(mnist() / f"{name}-ubyte.gz") as file:
                return np.frombuffer(file.read(), np.uint8, offset=header)

        pixels = read("train-images-idx3", 16).reshape(-1, 28, 28)
        return Images(pixels, read("train-labels-idx1", 8))

    @needs_mnist
    @only_full("five epochs of MNIST, twice")
    def test_mnist_goes_all_the_way_round_in_float64(self):
        self.check(self.mnist(), mnist(), [784, 30, 10], np.float64, 1e-9)

    @needs_mnist
    @only_full("five epochs of MNIST, three times")
    def test_in_float32_the_way_round_costs_no_more_than_another_order_of_sums(self):
        images, layers = self.mnist(), [784, 30, 10]
        alone = self.torch_alone(images, layers, np.float32, range(5))
        turned = self.torch_alone(images, layers, np.float32, range(5), turned=True)
        rounding = self.distance(turned, alone)
        self.assertGreater(rounding, 0)
        found = self.circle(images, mnist(), layers, np.float32)
        self.assertLessEqual(self.distance(found, alone), 3 * rounding)
