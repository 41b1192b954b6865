"""The names, types and shapes that dialects are tested against are those that frameworks save today.

Tests/Fixtures/dialects/archives.json has what each saved after three steps of a network of 4, 5 and 3; the
Swift tests recognise every one, and express the same.
"""

import json
import os
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

ARCHIVES = Path(__file__).resolve().parents[1] / "Fixtures" / "dialects" / "archives.json"

SHAPES = {
    "layers.0.weight": (5, 4), "layers.0.bias": (5,), "layers.1.weight": (3, 5),
    "layers.1.bias": (3,),
}  # fmt: skip


def described(arrays: dict) -> dict:
    """Arrays as the fixture has them."""
    return {key: [value.dtype.name, *value.shape] for key, value in arrays.items()}


class Frameworks(unittest.TestCase):
    def test_each_saves_what_the_fixture_says(self) -> None:
        import frameworks

        inputs, labels = np.random.default_rng(1).normal(size=(6, 4)), np.arange(6) % 3
        for expected in json.loads(ARCHIVES.read_text()):
            with self.subTest(expected["dialect"], rule=expected["rule"], by=expected["by"]):
                dtype = np.float32 if expected["dialect"] == "mlx" else np.float64
                parameters = {
                    name: np.linspace(-1, 1, np.prod(shape)).reshape(shape).astype(dtype)
                    for name, shape in SHAPES.items()
                }
                library = frameworks.LIBRARIES[expected["dialect"]]
                task = frameworks.Task(parameters, [(expected["numbers"], list(parameters))])
                trainer = library(expected["rule"], task)
                for _ in range(3):
                    trainer.step(inputs.astype(dtype), labels)
                by_index = expected["dialect"] == "pytorch" and expected["by"] != "name"
                found = trainer.save_by_index() if by_index else trainer.save()
                self.assertEqual(described(found), expected["arrays"])


class Keras(unittest.TestCase):
    def test_a_weights_file_has_the_names_of_the_fixture(self) -> None:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras

        expected = next(
            archive for archive in json.loads(ARCHIVES.read_text()) if archive["rule"] == "keras_adam"
        )
        keras.config.set_floatx("float64")
        keras.utils.clear_session()
        model = keras.Sequential(
            [keras.layers.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(3)]
        )
        model.compile(keras.optimizers.Adam(0.01), "mse")
        model.optimizer.build(model.trainable_variables)
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.weights.h5"
            model.save_weights(path)
            with h5py.File(path) as file:
                file.visititems(
                    lambda name, item: found.update({name: item[()]})
                    if isinstance(item, h5py.Dataset) else None
                )  # fmt: skip
        self.assertEqual(described(found), expected["arrays"])


if __name__ == "__main__":
    unittest.main()
