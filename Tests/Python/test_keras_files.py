"""Files of Keras in Flywheel: every variable under its name, bit for bit, whatever container it is in."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np

import keras_files
from support import REPOSITORY, TestCase, only_full

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
        facts = self.flywheel("inspect", states[2], "--json").json
        self.assertEqual(facts["document"]["optimizer"]["step"], 7)

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


@only_full("Keras takes seconds to load")
class Made(KerasTestCase):
    """What Keras writes now."""

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
                found = self.arrays(self.saved(model, f"{name}.h5"))
                if name == "nadam":  # a number that Keras gives no name of its own
                    [found_number] = [key for key in found if key.startswith("optimizer/variable")]
                    found["optimizer/u_product"] = found.pop(found_number)
                self.assert_same(found, expected)
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
