"""Files of Keras in Flywheel: every variable under its name, bit for bit, whatever container it is in."""

import json
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np

import checkpoint
import keras_files
from support import REPOSITORY, TestCase, newest, only_full, write_structured

FIXTURES = REPOSITORY / "Tests" / "Fixtures" / "keras"


class KerasTestCase(TestCase):
    def arrays(self, path: Path) -> dict[str, np.ndarray]:
        """What Flywheel finds, by way of an .npz."""
        target = self.path("found").with_suffix(".npz")
        self.flywheel("convert", path, target, "--drop", "--quiet")
        with np.load(target) as file:
            return {name: file[name] for name in file.files if name != "flywheel.metadata"}

    def assert_same(self, found: dict, expected: dict) -> None:
        self.assertEqual(list(found), list(expected))
        for name, value in expected.items():
            self.assertEqual((found[name].dtype, found[name].shape), (value.dtype, value.shape), name)
            self.assertEqual(found[name].tobytes(), value.tobytes(), name)


class Found(KerasTestCase):
    """What was once made with Keras, without it."""

    def test_every_container_has_the_same_names_and_values(self):
        for stem in ("adam", "layered"):
            with self.subTest(model=stem):
                expected = json.loads((FIXTURES / "expected.json").read_text())[f"{stem}.h5"]
                self.assertEqual(list(self.arrays(FIXTURES / f"{stem}.keras")), list(expected))
                self.flywheel("diff", FIXTURES / f"{stem}.keras", FIXTURES / f"{stem}.h5")

    def test_the_directory_of_an_archive_is_the_archive(self):
        directory = self.folder / "model"
        with zipfile.ZipFile(FIXTURES / "layered.keras") as archive:
            archive.extractall(directory)
        self.flywheel("diff", directory, FIXTURES / "layered.keras")
        # Packed by another program, compressed.
        packed = self.folder / "packed.keras"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in directory.iterdir():
                archive.write(file, file.name)
        self.flywheel("diff", packed, FIXTURES / "layered.keras")

    def test_dense_stacks_are_understood_as_the_run_that_they_are(self):
        states = []
        for name in ("adam.keras", "adam.h5", "tensorflow-2.15.h5", "tensorflow-2.10.h5"):
            target = self.path("state").with_suffix(".h5")
            rate = ["--lr", 0.01] if "tensorflow" in name else []
            self.flywheel("convert", FIXTURES / name, target, "--rule", "keras_adam", *rate, "--quiet")
            self.flywheel("verify", target)
            states.append(target)
        self.flywheel("diff", *states[:2])
        self.flywheel("diff", *states[2:])
        self.assertEqual(checkpoint.read(states[2]).step, 7)

    def test_momenta_of_every_age_are_those_of_the_run(self):
        for style in keras_files.MOMENTA:
            with self.subTest(style=style):
                source = self.folder / f"{style}.h5"
                weights, momenta = keras_files.tensorflow_sgd(source, style)
                target = self.path("state").with_suffix(".h5")
                self.flywheel("convert", source, target, "--to", "flywheel", "--quiet")
                found = checkpoint.read(target)
                self.assertEqual((found.step, found.document["optimizer"]["rule"]), (7, "keras"))
                for number, layer in enumerate(("dense", "dense_1")):
                    for ours, theirs in (("weight", "kernel"), ("bias", "bias")):
                        name = f"layers.{number}.{ours}"
                        for key, values in (("model", weights), ("optimizer/velocity", momenta)):
                            value = values[f"{layer}/{theirs}"].T
                            np.testing.assert_array_equal(found.tensors[f"{key}/{name}"], value)

    def test_a_model_goes_to_torch_as_a_state_or_says_why_not(self):
        source = self.folder / "sgd.h5"
        keras_files.tensorflow_sgd(source, "2.15")
        # The same by way of arrays that say the optimizer.
        npz = self.folder / "sgd.npz"
        self.flywheel("convert", source, npz)
        for file in (source, npz):
            state = self.path("state").with_suffix(".pt")
            self.flywheel("convert", file, state)
            listed = self.flywheel("inspect", state, "--json").json["tensors"]
            self.assertIn("optimizer.state.3.momentum_buffer", listed)
            self.assertIn("model.layers.1.bias", listed)
        # Keras's epsilon is another number than torch's, and what is in layers has no names there.
        for name, word in (("adam.keras", "--approximate"), ("layered.keras", "not trained")):
            arrays = self.path("arrays").with_suffix(".pt")
            result = self.flywheel("convert", FIXTURES / name, arrays)
            self.assertIn("the arrays keep their names and axes, since --to pytorch", result.stderr)
            self.assertIn(word, result.stderr)
            self.flywheel("diff", FIXTURES / name, arrays)

    def test_arrays_of_another_framework_are_said_to_stay_so(self):
        source = self.folder / "numpy.npz"
        np.savez(source, W1=np.ones((4, 5)), b1=np.ones(5), W2=np.ones((5, 3)), b2=np.ones(3))
        result = self.flywheel("convert", source, self.folder / "numpy.pt")
        self.assertIn("'cs231n'", result.stderr)
        self.assertIn("--to pytorch", result.stderr)
        source = self.folder / "torch.npz"
        np.savez(source, **{"0.weight": np.ones((5, 4)), "0.bias": np.ones(5)})
        self.assertEqual(self.flywheel("convert", source, self.folder / "torch.pt").stderr, "")

    def test_what_a_flag_mends_is_not_said_to_be_of_another_format(self):
        source = self.folder / "torch.npz"
        np.savez(source, **{"0.weight": np.ones((5, 4), "f"), "0.bias": np.ones(5, "f")})
        result = self.flywheel("convert", source, self.folder / "model.keras", status=2)
        self.assertNotIn("files are for", result.stderr)
        # An epsilon of torch's that --approximate takes.
        settings = ["--data", "digits", "--layers", "784-4-10", "--rule", "adamw", "--epochs", 1, "--quiet"]
        self.flywheel("train", *settings, "--output", self.folder / "run")
        result = self.flywheel("convert", self.folder / "run", self.folder / "model.keras", status=2)
        self.assertIn("--approximate", result.stderr)
        self.assertNotIn("files are for", result.stderr)

    def test_what_is_no_chain_of_dense_layers_is_refused_with_what_takes_it(self):
        source = self.folder / "conv.npz"
        shapes = {"conv2d/kernel": (3, 3, 1, 2), "conv2d/bias": (2,), "dense/kernel": (18, 3), "dense/bias": (3,)}
        np.savez(source, **{f"layers/{name}": np.ones(shape, "f") for name, shape in shapes.items()})
        target = self.folder / "conv.pt"
        settings = ["--from", "keras_named", "--to", "pytorch", "--rule", "keras"]
        result = self.flywheel("convert", source, target, *settings, status=2)
        self.assert_error(result, "Only chains of dense layers are translated")
        self.assertIn("without --to", result.stderr)
        self.flywheel("convert", source, target)
        self.flywheel("diff", source, target)

    def test_what_is_not_read_is_refused_by_name(self):
        directory = self.folder / "saved"
        directory.mkdir()
        (directory / "saved_model.pb").write_bytes(b"\x08\x01")
        self.assert_error(self.flywheel("inspect", directory, status=2), "SavedModel", "model.save(")
        directory = self.folder / "checkpoints"
        directory.mkdir()
        (directory / "checkpoint").write_text('model_checkpoint_path: "ckpt-1"\n')
        (directory / "ckpt-1.index").write_bytes(b"")
        self.assert_error(self.flywheel("inspect", directory, status=2), "TensorFlow checkpoint")
        pickled = self.folder / "pickled.keras"
        with zipfile.ZipFile(pickled, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("model.weights.npz", b"PK")
        self.assert_error(self.flywheel("inspect", pickled, status=2), "model.weights.npz", "pickled")


class WithKeras(KerasTestCase):
    """Keras itself, and files that it saves."""

    def setUp(self) -> None:
        super().setUp()
        import keras
        from absl import logging

        logging.set_verbosity("error")  # it advises against .h5 each time
        self.keras = keras
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)

    def saved(self, model, name: str) -> Path:
        path = self.folder / name
        keras_files.save(self.keras, model, path)
        return path


@only_full("Keras takes seconds to load")
class Made(WithKeras):
    """What Keras writes now."""

    def test_ten_optimizers_in_three_containers(self):
        for name, (kind, settings) in keras_files.OPTIMIZERS.items():
            self.keras.utils.clear_session()
            optimizer = getattr(self.keras.optimizers, kind)(learning_rate=0.01, **settings)
            model = keras_files.dense(self.keras, optimizer)
            keras_files.train(self.keras, model)
            expected = keras_files.expected(model)
            with self.subTest(optimizer=name, container=".keras"):
                self.assert_same(self.arrays(self.saved(model, f"{name}.keras")), expected)
            with self.subTest(optimizer=name, container=".h5"):
                self.assert_same(self.arrays(self.saved(model, f"{name}.h5")), expected)
            for kind in (".weights.h5", ".weights.json"):
                with self.subTest(optimizer=name, container=kind):
                    found = self.arrays(self.saved(model, name + kind))
                    numbers = [key for key in found if key.startswith("optimizer/vars/")]
                    self.assertEqual(len(numbers), len(model.optimizer.variables))
                    for number, variable in enumerate(model.optimizer.variables):
                        value = found[f"optimizer/vars/{number}"]
                        self.assertEqual(value.tobytes(), np.array(variable).tobytes())

    def test_models_of_many_kinds_of_layers(self):
        for schedule in (False, True):
            self.keras.utils.clear_session()
            rate = self.keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9) if schedule else 0.01
            model = keras_files.layered(self.keras, self.keras.optimizers.Adam(rate))
            keras_files.train(self.keras, model)
            for kind in (".keras", ".h5"):
                with self.subTest(container=kind, schedule=schedule):
                    found = self.arrays(self.saved(model, f"model{schedule}{kind}"))
                    self.assert_same(found, keras_files.expected(model))

    def test_what_is_no_stack_of_known_layers_keeps_its_numbers(self):
        keras = self.keras

        @keras.saving.register_keras_serializable()
        class Doubled(keras.layers.Layer):
            def build(self, shape):
                self.first = self.add_weight(shape=(shape[-1],), name="first")
                self.second = self.add_weight(shape=(shape[-1],), name="second")

            def call(self, inputs):
                return inputs * self.first + self.second

        model = keras.Sequential([keras.Input((4,)), Doubled(), keras.layers.Dense(3)])
        model.compile("adam", "mse")
        keras_files.train(keras, model)
        found = self.arrays(self.saved(model, "odd.keras"))
        self.assertIn("layers/doubled/vars/1", found)
        self.assertIn("layers/dense/kernel", found)
        self.assertIn("optimizer/learning_rate", found)
        self.assertIn("optimizer/vars/9", found)

    def test_sixteen_bit_floats(self):
        keras = self.keras
        for dtype in ("bfloat16", "float16"):
            keras.utils.clear_session()
            policy = keras.DTypePolicy(dtype)
            layers = [keras.Input((4,)), keras.layers.Dense(5, dtype=policy)]
            model = keras.Sequential(layers)
            model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
            model.optimizer.build(model.trainable_variables)
            path = self.saved(model, f"{dtype}.keras")
            listed = self.flywheel("inspect", path, "--json").json["tensors"]
            types = {row["name"]: row["type"] for row in listed}
            self.assertEqual(types["layers/dense/kernel"], dtype)
            self.assertEqual(types["optimizer/momentum/dense/kernel"], dtype)

    def test_a_list_that_is_too_long_for_one_attribute(self):
        keras = self.keras
        layers = [keras.layers.Dense(1, name=f"{number}-" + 3000 * "x") for number in range(30)]
        model = keras.Sequential([keras.Input((1,)), *layers])
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        model.optimizer.build(model.trainable_variables)
        path = self.saved(model, "long.h5")
        with h5py.File(path) as file:
            self.assertIn("layer_names1", file["model_weights"].attrs)
        found = self.arrays(path)
        self.assertEqual(len(found), 2 * 30 + 2 + 2 * 30)
        self.assertTrue(all(name.startswith(("layers/", "optimizer/")) for name in found))


@only_full("Keras takes seconds to load")
class Written(WithKeras):
    """What Keras loads of Flywheel's: weights and optimizer, and it goes on as if it had made the file."""

    RULES = {
        "keras": ["--momentum", 0.9, "--nesterov"],
        "keras_adam": ["--weight-decay", 0.01, "--amsgrad"],
        "keras_rmsprop": ["--momentum", 0.8, "--centered"],
        "keras_adagrad": [],
    }

    TOLD = {
        "sgd": ["--momentum", 0.9], "plain": ["--momentum", 0], "amsgrad": ["--amsgrad"],
        "rmsprop": ["--momentum", 0.9, "--centered"], "adagrad": [],
    }  # fmt: skip

    def run_of(self, *settings, activation: str = "tanh") -> Path:
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, 40, 4, 3)
        return newest(
            self.train(
                "--data", data, "--layers", "16-6-3", "--activation", activation, "--batch-size", 5,
                "--validation", 0, "--loss", "softmax_cross_entropy", "--epochs", 2, "--lr", 0.01,
                *settings,
            )
        )  # fmt: skip

    def loaded(self, path: Path):
        """Loads a model as Keras does, and lets nothing pass that it only warns of."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            return self.keras.saving.load_model(path)

    def step(self, model) -> dict[str, np.ndarray]:
        """Every variable after one more step of training."""
        random = np.random.default_rng(8)
        inputs = random.normal(size=(5, *model.inputs[0].shape[1:])).astype("float32")
        model.train_on_batch(inputs, random.integers(0, 3, 5))
        return keras_files.expected(model)

    def test_a_run_goes_to_keras_with_its_optimizer_and_comes_back(self):
        for rule, settings in self.RULES.items():
            source = self.run_of("--rule", rule, *settings)
            expected = checkpoint.read(source)
            for kind in (".keras", ".keras.h5"):
                with self.subTest(rule=rule, kind=kind):
                    target = self.folder / f"{rule}{kind}"
                    self.flywheel("convert", source, target, "--quiet")
                    self.flywheel("verify", target)
                    self.keras.utils.clear_session()
                    model = self.loaded(target)
                    dense = [layer for layer in model.layers if layer.weights]
                    self.assertEqual(dense[0].activation.__name__, "tanh")
                    for number, layer in enumerate(dense):
                        kernel, bias = layer.get_weights()
                        name = f"model/layers.{number}"
                        np.testing.assert_array_equal(kernel.T, expected.tensors[f"{name}.weight"])
                        np.testing.assert_array_equal(bias, expected.tensors[f"{name}.bias"])
                    self.assertEqual(int(model.optimizer.iterations), expected.step)
                    arrays = self.arrays(target)
                    for name, value in keras_files.expected(model).items():
                        np.testing.assert_array_equal(arrays.pop(name), value, name)
                    if kind == ".keras":
                        self.assertEqual([name for name in arrays if "optimizer" in name], [])
                    back = self.folder / f"{rule}{kind}.back.h5"
                    self.flywheel("convert", target, back, "--to", "flywheel", "--quiet")
                    again = checkpoint.read(back)
                    self.assertEqual(list(again.tensors), list(expected.tensors))
                    for name, value in expected.tensors.items():
                        self.assertEqual(again.tensors[name].tobytes(), value.tobytes(), name)

    def test_keras_takes_the_same_step_after_a_detour(self):
        keras = self.keras
        for name in ("sgd", "plain", "amsgrad", "rmsprop", "adagrad"):
            kind, settings = keras_files.OPTIMIZERS[name]
            rule = {"SGD": "keras", "Adam": "keras_adam"}.get(kind, f"keras_{kind.lower()}")
            keras.utils.clear_session()
            layers = [keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(3)]
            model = keras.Sequential(layers)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(getattr(keras.optimizers, kind)(learning_rate=0.01, **settings), loss)
            for _ in range(3):
                self.step(model)
            expected = self.step(self.loaded(self.saved(model, f"{name}.keras")))
            for source in (".keras", ".h5", ".weights.h5"):
                with self.subTest(optimizer=name, source=source):
                    start = self.saved(model, name + source)
                    state = self.path("state").with_suffix(".h5")
                    # A .weights.h5 does not say what the others say.
                    told = ["--rule", rule, *self.TOLD[name]] if source == ".weights.h5" else []
                    self.flywheel("convert", start, state, "--to", "flywheel", *told, "--quiet")
                    end = self.path("end").with_suffix(".keras")
                    self.flywheel("convert", state, end, "--quiet")
                    there = self.loaded(end)
                    there.compile(there.optimizer, loss)
                    found = self.step(there)
                    self.assertEqual(list(found), list(expected))
                    for key, value in expected.items():
                        np.testing.assert_array_equal(found[key], value, key)

    def listed(self, path: Path) -> tuple[list, list]:
        """What a legacy file lists, in its order: the values of weights, and those of the optimizer."""
        with h5py.File(path) as file:
            model, state = file["model_weights"], file["optimizer_weights"]
            weights = [
                model[layer][name][()]
                for layer in model.attrs["layer_names"] for name in model[layer].attrs["weight_names"]
            ]  # fmt: skip
            return weights, [state[name][()] for name in state.attrs["weight_names"]]

    def test_models_go_from_one_container_to_the_other(self):
        keras = self.keras
        model = keras.Sequential(
            [
                keras.Input((6, 6, 2)), keras.layers.Conv2D(3, 3), keras.layers.BatchNormalization(),
                keras.layers.Flatten(), keras.layers.Dense(3, name="last"),
            ]
        )  # fmt: skip
        # Of a legacy file Keras 3.15 cannot load a loss by its short name.
        model.compile(keras.optimizers.Adam(0.01), keras.losses.MeanSquaredError())
        keras_files.train(keras, model)
        expected = keras_files.expected(model)
        for source in (".keras", ".h5"):
            start = self.saved(model, "model" + source)
            for target in (".keras", ".keras.h5"):
                with self.subTest(source=source, target=target):
                    end = self.path("end").with_suffix(target)
                    self.flywheel("convert", start, end, "--quiet")
                    self.assert_same(self.arrays(end), expected)
                    there = self.loaded(end)
                    if target == ".keras":
                        self.assert_same(keras_files.expected(there), expected)
                    else:
                        # Keras 3.15 itself leaves an optimizer's slots in a legacy file.
                        own = self.listed(self.saved(model, "own.h5"))
                        for ours, theirs in zip(self.listed(end), own):
                            self.assertEqual(len(ours), len(theirs))
                            for value, other in zip(ours, theirs):
                                np.testing.assert_array_equal(value, other)
                    for ours, theirs in zip(there.get_weights(), model.get_weights()):
                        np.testing.assert_array_equal(ours, theirs)
                    other = keras.models.clone_model(model)
                    other.load_weights(end)
                    for ours, theirs in zip(other.get_weights(), model.get_weights()):
                        np.testing.assert_array_equal(ours, theirs)

    def graph(self, optimizer, loss=None):
        """A graph of layers of several kinds, none of which has others in it."""
        layers = self.keras.layers
        inputs = self.keras.Input((6, 6, 2))
        left = layers.BatchNormalization()(layers.Conv2D(3, 3, activation="relu", name="seen")(inputs))
        left = layers.Dropout(0.1)(layers.Flatten()(left))
        right = layers.Dense(2, activation="tanh")(layers.Flatten()(inputs))
        outputs = layers.Dense(3, name="last")(layers.Concatenate()([left, right]))
        model = self.keras.Model(inputs, outputs)
        model.compile(optimizer, loss or self.keras.losses.MeanSquaredError())
        return model

    def test_a_graph_goes_through_every_container(self):
        keras = self.keras
        for optimizer in (keras.optimizers.Adam(0.01), keras.optimizers.Nadam(0.01)):
            keras.utils.clear_session()
            model = self.graph(optimizer)
            keras_files.train(keras, model)
            expected = keras_files.expected(model)
            for source in (".keras", ".h5"):
                start = self.saved(model, "graph" + source)
                for way in ((), (".npz",), (".h5",), (".safetensors",), (".keras.h5",), (".pt",)):
                    with self.subTest(optimizer=optimizer.name, source=source, way=way):
                        place = start
                        for suffix in way:
                            place, before = self.path("way").with_suffix(suffix), place
                            self.flywheel("convert", before, place, "--quiet")
                        end = self.path("end").with_suffix(".keras")
                        self.flywheel("convert", place, end, "--quiet")
                        there = self.loaded(end)
                        self.assert_same(keras_files.expected(there), expected)
                        self.assertEqual(there.get_layer("seen").activation.__name__, "relu")

    def test_a_weights_file_is_what_load_weights_takes(self):
        keras = self.keras
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for name, (kind, settings) in keras_files.OPTIMIZERS.items():

            def made(kind=kind, settings=settings):
                keras.utils.clear_session()
                return self.graph(getattr(keras.optimizers, kind)(learning_rate=0.01, **settings), loss)

            model = made()
            random = np.random.default_rng(5)
            inputs = random.normal(size=(4, 6, 6, 2)).astype("float32")
            for _ in range(3):
                model.train_on_batch(inputs, random.integers(0, 3, 4))
            expected = keras_files.expected(model)
            for source in (".keras", ".h5"):
                with self.subTest(optimizer=name, source=source):
                    end = self.path("end").with_suffix(".weights.h5")
                    result = self.flywheel("convert", self.saved(model, "graph" + source), end)
                    self.assertIn("holds no model", result.stderr)
                    there = made()
                    there.optimizer.build(there.trainable_variables)
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")
                        there.load_weights(end)
                    self.assert_same(keras_files.expected(there), expected)

    def test_a_run_goes_to_a_weights_file(self):
        source = self.run_of("--rule", "keras_adam", activation="relu")
        end = self.folder / "run.weights.h5"
        self.flywheel("convert", source, end, "--quiet")
        self.flywheel("verify", end)
        model = self.folder / "run.keras"
        self.flywheel("convert", source, model, "--quiet")
        expected = keras_files.expected(self.loaded(model))
        there = self.loaded(model)
        for variable in [*there.variables, *there.optimizer.variables]:
            variable.assign(np.zeros(variable.shape))
        there.load_weights(end)
        self.assert_same(keras_files.expected(there), expected)
        self.assert_error(
            self.flywheel("convert", source, end, "--to", "tf1", "--force", status=2),
            "under the names of 'keras'",
        )

    def test_torch_goes_on_with_a_model_of_keras(self):
        import torch

        keras = self.keras
        layers = [keras.Input((4,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), keras.losses.MeanSquaredError())
        keras_files.train(keras, model)
        random = np.random.default_rng(8)
        inputs, targets = (random.normal(size=(6, size)).astype("float32") for size in (4, 3))
        files = [self.saved(model, "dense" + kind) for kind in (".keras", ".h5")]
        model.train_on_batch(inputs, targets)
        expected = [value.T.copy() for value in model.get_weights()]
        for file in files:
            with self.subTest(source=file.name):
                state = self.path("state").with_suffix(".pt")
                self.flywheel("convert", file, state, "--quiet")
                state = torch.load(state, weights_only=True)
                there = torch.nn.Sequential(
                    torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
                )
                names = dict(zip(state["model"], there.state_dict()))
                there.load_state_dict({names[key]: value for key, value in state["model"].items()})
                optimizer = torch.optim.SGD(there.parameters(), lr=1)
                optimizer.load_state_dict(state["optimizer"])
                torch.nn.functional.mse_loss(
                    there(torch.tensor(inputs)), torch.tensor(targets)
                ).backward()
                optimizer.step()
                for ours, theirs in zip(there.parameters(), expected):
                    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-5, atol=1e-7)

    def test_what_changes_keras_steps_is_never_passed_over(self):
        keras = self.keras
        dense = keras.layers.Dense
        cases = {
            "kernel_constraint": [dense(3, kernel_constraint=keras.constraints.MaxNorm(0.5))],
            "activity_regularizer": [dense(3, activity_regularizer="l2")],
            "kernel_regularizer": [
                keras.Sequential([dense(5, kernel_regularizer=keras.regularizers.L2(0.1))]), dense(3),
            ],
            "not trained": [dense(5, trainable=False), dense(3, name="warm")],
        }  # fmt: skip
        for word, layers in cases.items():
            with self.subTest(word=word):
                model = keras.Sequential([keras.Input((4,)), *layers])
                model.compile(keras.optimizers.SGD(0.01, momentum=0.9), keras.losses.MeanSquaredError())
                keras_files.train(keras, model)
                for kind in (".keras", ".h5"):
                    source = self.saved(model, word.replace(" ", "-") + kind)
                    target = self.path("refused").with_suffix(".pt")
                    result = self.flywheel("convert", source, target, "--to", "pytorch", status=2)
                    self.assert_error(result, word)
                    self.assertFalse(target.exists())
                    self.assertIn(word, self.flywheel("convert", source, target).stderr)
        target = self.path("rest").with_suffix(".h5")
        self.flywheel("convert", source, target, "--to", "flywheel", "--only", "layers/warm/**", "--quiet")

    def test_what_cannot_be_a_model_for_keras_is_refused(self):
        scheduled = self.run_of("--schedule", "cosine:over=30,unit=step")
        target = self.folder / "refused.keras"
        result = self.flywheel("convert", scheduled, target, status=2)
        self.assert_error(result, "schedule", "--next-learning-rate")
        self.assertFalse(target.exists())
        result = self.flywheel("convert", scheduled, target, "--to", "nielsen", status=2)
        self.assert_error(result, "keras_named")
        layered = REPOSITORY / "Tests" / "Fixtures" / "keras" / "layered.keras"
        result = self.flywheel("convert", layered, target, status=2)
        self.assert_error(result, "Flywheel writes the variables of layers such as Dense")
        self.assertEqual([each.name for each in self.folder.glob(".*")], [])
