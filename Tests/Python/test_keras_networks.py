"""Networks that Keras models describe: what is no chain, or is not told, is not taken for one."""

import os
import unittest

import numpy as np

from support import TestCase, only_full

os.environ.setdefault("KERAS_BACKEND", "torch")

DIGITS = ["--data", "digits", "--batch-size", 50, "--training", 100, "--epochs", 3, "--quiet"]


@only_full("Keras takes seconds to load")
class KerasNetworks(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        import keras

        cls.keras = keras

    def trained(self, model, name, optimizer=None, loss="sparse_categorical_crossentropy"):
        """A model after two steps, in all of Keras's files."""
        random = np.random.default_rng(3)
        model.compile(optimizer or self.keras.optimizers.SGD(0.01, momentum=0.9), loss)
        inputs = random.normal(size=(4, 784)).astype("float32")
        for _ in range(2):
            model.train_on_batch(inputs, random.integers(0, 10, 4))
        for suffix in (".keras", ".h5"):
            model.save(self.folder / f"{name}{suffix}")
        model.save_weights(self.folder / f"{name}.weights.h5")
        return [self.folder / f"{name}{suffix}" for suffix in (".keras", ".h5")]

    def sequential(self, *activations, between=()):
        layers = self.keras.layers
        return self.keras.Sequential(
            [self.keras.Input((784,)), *between, *(layers.Dense(10, activation=name) for name in activations)]
        )

    def graphs(self):
        layers, keras = self.keras.layers, self.keras
        inputs = keras.Input((784,))
        first = layers.Dense(10, activation="relu", name="first")(inputs)
        second = layers.Dense(10, activation="relu", name="second")
        last = layers.Dense(10, activation="softmax", name="last")
        yield "add", keras.Model(inputs, last(layers.Add(name="add")([first, second(first)])))
        inputs = keras.Input((784,))
        first = layers.Dense(10, activation="relu", name="first")(inputs)
        second = layers.Dense(10, activation="relu", name="second")
        last = layers.Dense(10, activation="softmax", name="last")
        yield "second", keras.Model(inputs, last(second(second(first))))

    def test_numbered_buffers_do_not_tell_their_rule(self):
        for kind, settings in (
            ("Adam", {}), ("Adam", {"amsgrad": True}), ("Adamax", {}), ("Lamb", {}), ("Ftrl", {}),
            ("Adadelta", {}), ("SGD", {"momentum": 0.9, "use_ema": True}),
        ):  # fmt: skip
            with self.subTest(kind=kind, settings=settings):
                self.keras.utils.clear_session()
                optimizer = getattr(self.keras.optimizers, kind)(learning_rate=0.01, **settings)
                self.trained(self.sequential("relu", "softmax"), "model", optimizer)
                file, end = self.folder / "model.weights.h5", self.folder / "end.keras"
                result = self.flywheel("convert", file, end, "--force", status=2)
                self.assertIn("give --rule if it is one", result.stderr)
                if kind != "Adam":
                    continue
                # The number of buffers tells whether AMSGrad is on.
                self.flywheel("convert", file, end, "--rule", "keras_adam", "--force", "--quiet")
                there = self.keras.saving.load_model(end)
                self.assertEqual(there.optimizer.amsgrad, settings.get("amsgrad", False))


if __name__ == "__main__":
    unittest.main()
