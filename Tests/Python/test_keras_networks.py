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

    def test_a_graph_is_no_chain(self):
        for word, model in self.graphs():
            for file in self.trained(model, word):
                with self.subTest(file=file.name):
                    target = file.with_suffix(".pt")
                    result = self.flywheel("convert", file, target, "--force")
                    self.assertIn(f"no chain of layers: '{word}' takes", result.stderr)
                    self.flywheel("diff", file, target)
                    asked = ("convert", file, target, "--to", "pytorch", "--force")
                    self.assertIn(f"'{word}' takes", self.flywheel(*asked, status=2).stderr)
                    resumed = ("resume", file, *DIGITS, "--output", self.folder / "run")
                    self.assertIn(f"'{word}' takes", self.flywheel(*resumed, status=2).stderr)

    def test_layers_that_call_one_another_in_code_have_no_order(self):
        keras = self.keras

        class Backwards(keras.Model):
            def __init__(self, **settings):
                super().__init__(**settings)
                self.first = keras.layers.Dense(784)
                self.second = keras.layers.Dense(784)

            def call(self, inputs):
                return self.first(self.second(inputs))

        keras_file, legacy = self.trained(Backwards(), "backwards")
        for file, words in ((keras_file, "the arrays keep"), (legacy, "in several orders")):
            with self.subTest(file=file.name):
                result = self.flywheel("convert", file, self.folder / "model.pt", "--force")
                self.assertIn("the arrays keep their names", result.stderr)
                self.assertIn(words, result.stderr)
        for suffix in (".npz", ".safetensors", ".pt"):
            arrays = self.folder / f"arrays{suffix}"
            self.flywheel("convert", legacy, arrays, "--force", "--quiet")
            asked = ("convert", arrays, self.folder / "state.h5", "--to", "pytorch", "--from", "keras_named")
            self.assertIn("in several orders", self.flywheel(*asked, status=2).stderr)

    def test_the_configuration_tells_the_order_that_a_container_sorts_away(self):
        layers = self.keras.layers
        names = ("z", "a", "m")
        model = self.keras.Sequential(
            [self.keras.Input((784,)), *(layers.Dense(784, use_bias=False, name=name) for name in names)]
        )
        file, _ = self.trained(model, "sorted")
        arrays, state = self.folder / "arrays.safetensors", self.folder / "state.npz"
        self.flywheel("convert", file, arrays, "--quiet")
        self.flywheel("convert", arrays, state, "--to", "pytorch", "--quiet")
        with np.load(state) as found:
            for number, layer in enumerate(model.layers):
                kernel = np.asarray(layer.kernel)
                np.testing.assert_array_equal(found[f"layers.{number}.weight"], kernel.T)

    def test_a_run_goes_on_only_as_the_model_says(self):
        layers = self.keras.layers
        plain = self.trained(self.sequential("relu", "softmax"), "plain")
        for file in plain:
            # The activation and the loss are the model's.
            self.flywheel("resume", file, *DIGITS, "--output", self.folder / f"run{file.suffix}")
        for flags, word in (
            (["--activation", "tanh"], "'relu', --activation says 'tanh'"),
            (["--loss", "squared_error"], "'softmax' and its loss"),
        ):
            result = self.flywheel("resume", plain[0], *flags, *DIGITS, status=2)
            self.assertIn(word, result.stderr)
        noisy = [layers.GaussianNoise(1.0), layers.Rescaling(5.0)]
        flags = ["--activation", "relu", "--loss", "softmax_cross_entropy"]
        for name, model, word in (
            ("gelu", self.sequential("gelu", "softmax"), "hidden layers are gelu"),
            ("mixed", self.sequential("relu", "sigmoid", "softmax"), "relu, sigmoid"),
            ("noisy", self.sequential("relu", "softmax", between=noisy), "GaussianNoise 'gaussian_noise', Resc"),
        ):
            for file in self.trained(model, name):
                with self.subTest(file=file.name):
                    self.assertIn(word, self.flywheel("resume", file, *flags, *DIGITS, status=2).stderr)
        for suffix in (".keras", ".h5"):
            result = self.flywheel("convert", self.folder / f"noisy{suffix}", self.folder / f"noisy{suffix}.pt")
            self.assertIn("the model also has GaussianNoise 'gaussian_noise', Rescaling '", result.stderr)

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
                result = self.flywheel("convert", file, end, "--rule", "keras_adam", "--force")
                self.assertIn("nothing says beta1 0.9, beta2 0.999, epsilon 1e-07", result.stderr)
                there = self.keras.saving.load_model(end)
                self.assertEqual(there.optimizer.amsgrad, settings.get("amsgrad", False))

    def test_layers_of_a_model_that_was_not_compiled_may_not_be_trained(self):
        model = self.sequential("relu", "softmax")
        model.trainable = False
        for suffix in (".keras", ".h5"):
            file = self.folder / f"frozen{suffix}"
            model.save(file)
            asked = ("convert", file, self.folder / "frozen.pt", "--to", "pytorch", "--rule", "keras", "--lr", 1)
            result = self.flywheel(*asked, "--momentum", 0.9, status=2)
            self.assertIn("'layers/' is not trained", result.stderr)

    def test_models_with_the_same_arrays_are_not_the_same(self):
        model = self.sequential("gelu", "softmax")
        file, legacy = self.trained(model, "one")
        other = self.sequential("relu", "softmax")
        other.set_weights(model.get_weights())
        other.compile("sgd", "mse")
        other.save(self.folder / "other.keras")
        model.save(self.folder / "again.keras", include_optimizer=False)
        self.flywheel("diff", file, legacy)
        pair = (self.folder / "again.keras", self.folder / "other.keras")
        self.flywheel("diff", *pair, "--only", "model/**")
        result = self.flywheel("diff", *pair, status=1)
        self.assertIn("gelu", result.stdout)
        (_, added), (_, shared) = self.graphs()
        added.save(self.folder / "added.keras")
        shared.set_weights(added.get_weights())
        shared.save(self.folder / "shared.keras")
        pair = (self.folder / "added.keras", self.folder / "shared.keras")
        result = self.flywheel("diff", *pair, "--json", status=1)
        self.assertIn("InputLayer, Dense, Dense, Add, Dense", result.stdout)


if __name__ == "__main__":
    unittest.main()
