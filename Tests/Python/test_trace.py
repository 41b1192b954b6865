"""A trace: read with plain h5py, its steps done again in numpy from gradient and rule."""

import json
import zlib

import h5py
import jsonschema
import numpy as np
import referencing

import checkpoint
import reference
from support import SCHEMAS, TestCase, checkpoints, flip_bit, newest, structured_images, write_idx

RULES = {
    "pytorch": ("--rule", "pytorch", "--weight-decay", 0.01, "--dampening", 0.2),
    "nesterov": ("--rule", "pytorch", "--weight-decay", 0.01, "--nesterov"),
    "plain": ("--rule", "pytorch", "--momentum", 0),
    "nielsen": ("--rule", "nielsen", "--weight-decay", 0.5),
    "adam": ("--rule", "adam", "--weight-decay", 0.01, "--learning-rate", 0.01),
    "adamw": ("--rule", "adamw", "--weight-decay", 0.01, "--learning-rate", 0.01),
    "rmsprop": ("--rule", "rmsprop", "--momentum", 0.9, "--learning-rate", 0.001),
}


def step(document: dict, row: int, weight: np.ndarray, slots: dict, gradient, is_weight: bool):
    """A row's step from its state and gradient; the next row's weight and buffers."""
    optimizer = document["optimizer"]
    numbers = optimizer["groups"][0]
    rate = document["rows"][row]["learning_rates"][0]
    count = document["rows"][row]["step"] + 1
    momentum, decay = numbers.get("momentum", 0), numbers.get("weight_decay", 0)
    match optimizer["rule"]:
        case "pytorch":
            q = gradient + decay * weight
            if not momentum:
                return weight - rate * q, {}
            velocity = q
            if "velocity" in slots:
                velocity = momentum * slots["velocity"] + (1 - numbers["dampening"]) * q
            move = q + momentum * velocity if numbers["nesterov"] else velocity
            return weight - rate * move, {"velocity": velocity}
        case "nielsen":
            scaled = decay / optimizer["training_size"] if is_weight else 0
            velocity = momentum * slots.get("velocity", 0) - rate * (gradient + scaled * weight)
            return weight + velocity, {"velocity": velocity}
        case "adam" | "adamw":
            if optimizer["rule"] == "adamw":
                weight = weight * (1 - rate * decay)
            else:
                gradient = gradient + decay * weight
            beta1, beta2 = numbers["beta1"], numbers["beta2"]
            first = beta1 * slots.get("exp_avg", 0) + (1 - beta1) * gradient
            second = beta2 * slots.get("exp_avg_sq", 0) + (1 - beta2) * gradient**2
            root = np.sqrt(second / (1 - beta2**count)) + numbers["epsilon"]
            moved = weight - rate * first / (1 - beta1**count) / root
            return moved, {"exp_avg": first, "exp_avg_sq": second}
        case "rmsprop":
            gradient = gradient + decay * weight
            alpha = numbers["alpha"]
            average = alpha * slots.get("square_avg", 0) + (1 - alpha) * gradient**2
            buffer = momentum * slots.get("momentum_buffer", 0) + gradient / (
                np.sqrt(average) + numbers["epsilon"]
            )
            return weight - rate * buffer, {"square_avg": average, "momentum_buffer": buffer}


class Traces(TestCase):
    LAYERS = [12, 7, 5, 3]

    def setUp(self):
        super().setUp()
        self.images = structured_images(1, 50, 3, 4, 3)
        self.data = write_idx(self.folder / "data", self.images, structured_images(2, 20, 3, 4, 3))
        self.settings = (
            "--data", self.data, "--layers", "-".join(map(str, self.LAYERS)), "--batch-size", 8,
            "--precision", "float64", "--activation", "tanh", "--validation", 10, "--epochs", 3,
            "--seed", 9,
        )  # fmt: skip

    def read(self, path):
        trace = checkpoint.read(path)
        found, expected = checkpoint.sealed_checksum(trace.document_bytes)
        self.assertEqual(found, expected)
        for key, entry in trace.document["tensors"].items():
            tensor = trace.tensors[key]
            self.assertEqual([tensor.dtype.name, list(tensor.shape)], [entry["dtype"], entry["shape"]])
            self.assertEqual(f"{zlib.crc32(tensor.tobytes()):08x}", entry["crc32"])
        return trace

    def validate(self, document: dict) -> None:
        schemas = {
            name: json.loads((SCHEMAS / name).read_text())
            for name in ("trace.schema.json", "checkpoint.schema.json")
        }
        resources = [
            (name, referencing.Resource.from_contents(schema)) for name, schema in schemas.items()
        ]
        registry = referencing.Registry().with_resources(resources)
        validator = jsonschema.Draft202012Validator(schemas["trace.schema.json"], registry=registry)
        validator.validate(document)

    def replay(self, trace) -> None:
        """Every row's step, done in numpy, gives the next row."""
        document = trace.document
        rows = len(document["rows"])
        slots: dict = {}
        for key, value in trace.below("optimizer").items():
            slot, name = key.split("/")
            slots.setdefault(name, {})[slot] = value
        for name, values in trace.model.items():
            for row in range(rows - 1):
                at = {
                    slot: value[row + len(value) - rows]
                    for slot, value in slots.get(name, {}).items()
                    if row + len(value) - rows >= 0
                }
                after = {
                    slot: value[row + 1 + len(value) - rows]
                    for slot, value in slots.get(name, {}).items()
                }
                gradient = trace.below("gradient")[name][row]
                weight, buffers = step(
                    document, row, values[row], at, gradient, name.endswith("weight")
                )
                np.testing.assert_allclose(weight, values[row + 1], rtol=0, atol=1e-12)
                self.assertEqual(after.keys(), buffers.keys())
                for slot, value in buffers.items():
                    np.testing.assert_allclose(value, after[slot], rtol=0, atol=1e-12)

    def check_gradients(self, trace, run) -> None:
        """Each row's gradient is that of its batch at its weights, in numpy."""
        saved = checkpoint.read(newest(run))
        plan = reference.plan(saved)
        settings = saved.document["trainer"]["network"]
        for row, number in enumerate(trace.tensors["trace/step"]):
            parameters = {name: values[row] for name, values in trace.model.items()}
            network = reference.Network(parameters, settings["activation"], settings["loss"])
            batch = self.images[plan.batch(int(number))]
            gradients = network.gradients(batch.inputs, batch.labels)
            for name, gradient in gradients.items():
                found = trace.below("gradient")[name][row]
                np.testing.assert_allclose(found, gradient, rtol=0, atol=1e-13)

    def test_a_trace_replays_in_numpy_under_every_rule(self):
        for name, rule in RULES.items():
            with self.subTest(rule=name):
                run = self.path()
                result = self.flywheel(
                    "train", *self.settings, *rule, "--trace", "0:7", "--json", "--output", run
                )
                path = run / "trace-0.h5"
                self.assertEqual(result.json["trace"], str(path))
                trace = self.read(path)
                self.assertEqual(trace.tensors["trace/step"].tolist(), list(range(7)))
                self.assertEqual(trace.tensors["trace/step"].dtype, np.int64)
                keeps = name != "plain"
                self.assertEqual(bool(trace.below("optimizer")), keeps)
                for value in trace.below("optimizer").values():
                    self.assertEqual(len(value), 6)
                self.replay(trace)
                self.check_gradients(trace, run)
                self.validate(trace.document)

    def test_gradients_are_those_before_clipping(self):
        run = self.train(*self.settings, "--clip-norm", 1e-3, "--trace", "2:4")
        trace = self.read(run / "trace-2.h5")
        self.check_gradients(trace, run)
        self.assertEqual(trace.document["optimizer"]["clipping"], {"max_norm": 1e-3})

    def test_rates_are_those_of_each_step_and_group(self):
        run = self.train(
            *self.settings, "--schedule", "linear:over=10,unit=step", "--learning-rate", 0.5,
            "--group", "*.bias:learning_rate=0.25", "--trace", "1:5",
        )  # fmt: skip
        rows = self.read(run / "trace-1.h5").document["rows"]
        self.assertEqual([row["step"] for row in rows], [1, 2, 3, 4, 5])
        for row in rows:
            factor = 1 - row["step"] / 10
            for rate in row["learning_rates"]:
                self.assertTrue(
                    any(abs(rate - full * factor) < 1e-15 for full in (0.5, 0.25)), row
                )
            self.assertEqual(len(set(row["learning_rates"])), 2)

    def test_a_traced_run_equals_an_untraced_one_bit_for_bit(self):
        for name, rule in RULES.items():
            for extra in ((), ("--clip-norm", 0.1)):
                for precision in ("float32", "float64"):
                    with self.subTest(rule=name, extra=extra, precision=precision):
                        settings = (*self.settings, *rule, *extra, "--precision", precision)
                        plain = self.train(*settings)
                        traced = self.train(*settings, "--trace", "3:8")
                        self.assertEqual(
                            (plain / "metrics.jsonl").read_text(),
                            (traced / "metrics.jsonl").read_text(),
                        )
                        before, after = (checkpoint.read(newest(run)) for run in (plain, traced))
                        self.assertEqual(before.stable_document(), after.stable_document())
                        # Its rows are the states that checkpoints at those steps have.
                        self.read(traced / "trace-3.h5")

    def test_rows_are_the_states_that_checkpoints_have(self):
        run = self.train(
            *self.settings, "--save-every-steps", 1, "--keep", 100, "--trace", "0:9"
        )
        trace = self.read(run / "trace-0.h5")
        for row, path in enumerate(checkpoints(run)[:9]):
            saved = checkpoint.read(path)
            for name, value in saved.model.items():
                np.testing.assert_array_equal(trace.model[name][row], value)
            for name, value in saved.velocity.items():
                np.testing.assert_array_equal(trace.velocity[name][row - 1], value)

    def test_a_resumed_run_can_be_traced_and_no_trace_is_overwritten(self):
        run = self.train(*self.settings, "--epochs", 1, "--trace", "1:2")
        first = (run / "trace-1.h5").read_bytes()
        result = self.resume(run, "--epochs", 2, "--trace", "1:2", status=2)
        self.assert_error(result, "start at step 1", "from step 5 to 9")
        self.resume(run, "--epochs", 2, "--trace", "6:2", "--quiet")
        self.assertEqual(self.read(run / "trace-6.h5").tensors["trace/step"].tolist(), [6, 7])
        # From a checkpoint file again, in the same place as another trace of the same steps.
        branch = self.path()
        self.resume(checkpoints(run)[0], "--output", branch, "--trace", "1:2", "--quiet")
        other = self.read(branch / "trace-1.h5")
        self.assertEqual((run / "trace-1.h5").read_bytes(), first)
        for key, value in self.read(run / "trace-1.h5").tensors.items():
            np.testing.assert_array_equal(value, other.tensors[key])

    def test_a_run_that_ends_first_leaves_the_rows_there_are(self):
        run = self.train(*self.settings, "--epochs", 1, "--trace", "3:100")
        trace = self.read(run / "trace-3.h5")
        self.assertEqual(trace.tensors["trace/step"].tolist(), [3, 4])

    def test_a_run_that_diverges_leaves_the_steps_that_led_to_it(self):
        run = self.path()
        result = self.flywheel(
            "train", *self.settings, "--activation", "relu", "--learning-rate", 1e200,
            "--trace", "0:100", "--output", run, status=2,
        )  # fmt: skip
        self.assertIn("not finite", result.stderr)
        trace = self.read(run / "trace-0.h5")
        self.assertGreater(len(trace.document["rows"]), 1)
        self.flywheel("verify", run / "trace-0.h5")

    def test_inspect_and_verify_know_a_trace(self):
        run = self.train(*self.settings, "--trace", "0:3")
        path = run / "trace-0.h5"
        text = self.flywheel("inspect", path).stdout
        for words in ("Flywheel trace, schema 1", "rows       3", "gradient/layers.0.weight", "(3, 7, 12)"):
            self.assertIn(words, text)
        document = self.flywheel("inspect", path, "--json").json
        self.assertEqual(document, json.loads(checkpoint.read(path).document_bytes))
        self.assertIn("whole, 20 tensors", self.flywheel("verify", path).stdout)
        # The run's own checks look at checkpoints alone.
        self.assertNotIn("trace", self.flywheel("verify", run).stdout)
        self.assert_error(self.resume(path, status=2), "flywheel.trace")
        with h5py.File(path) as file:
            offset = file["gradient/layers.0.bias"].id.get_offset()
        flip_bit(path, offset + 3)
        result = self.flywheel("verify", path, status=1)
        self.assertIn("gradient/layers.0.bias", result.stdout)

    def test_what_makes_no_sense_is_refused_and_leaves_nothing_behind(self):
        for text in ("3", "a:b", "-1:2", "0:0", "1:2:3", ":"):
            with self.subTest(text=text):
                result = self.flywheel("train", f"--trace={text}", status=64)
                self.assert_error(result)
        for text, words in (
            ("15:1", "from step 0 to 14"),
            ("0:1000000000", None),
        ):
            run = self.path()
            settings = (*self.settings, "--epochs", 3 if words else 10**9)
            result = self.flywheel("train", *settings, "--trace", text, "--output", run, status=2)
            self.assert_error(result, words or "trace fewer steps")
            self.assertFalse(run.exists())
