"""`flywheel explain` as a command: its JSON is what the schema says, its status is the answer."""

import json

import jsonschema
import numpy as np

from support import SCHEMAS, TestCase

RATE, MOMENTUM, DECAY, BATCH = 0.01, 0.9, 0.1, 32


class ExplainCommandTests(TestCase):
    def dump(self, leave_out: str = " ", decay_past: float = RATE * DECAY / BATCH):
        """Steps of the question's code with gradients out of the air."""
        random = np.random.default_rng(3)
        values = {"W1": random.standard_normal((20, 10)), "b1": random.standard_normal(10)}
        velocities = {name: np.zeros_like(value) for name, value in values.items()}
        arrays: dict[str, list] = {}
        for _ in range(6):
            gradients = {name: random.standard_normal(value.shape) for name, value in values.items()}
            for prefix, dumped in (("", values), ("d", gradients), ("v", velocities)):
                for name, value in dumped.items():
                    if not (prefix + name).startswith(leave_out):
                        arrays.setdefault(prefix + name, []).append(value.copy())
            for name, value in values.items():
                velocities[name] = MOMENTUM * velocities[name] + gradients[name]
                shrink = decay_past if name == "W1" else 0
                values[name] = value - shrink * value - RATE * velocities[name]
        path = self.path("steps").with_suffix(".npz")
        np.savez(path, **{name: np.stack(steps) for name, steps in arrays.items()})
        return path

    def explain(self, *arguments, status: int) -> dict:
        """The answer as JSON, which the schema holds for."""
        document = self.flywheel("explain", *arguments, "--json", status=status).json
        schema = json.loads((SCHEMAS / "explain.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(document)
        return document

    def test_what_is_printed_is_what_the_schema_says(self):
        for leave_out, match in ((" ", "numbers"), ("v", "run"), ("d", "part")):
            with self.subTest(leave_out=leave_out):
                path = self.dump(leave_out)
                found = self.explain(path, "--batch-size", BATCH, status=0)
                self.assertEqual(found["family"], "sgd")
                self.assertIn(match, {name["match"] for name in found["names"]})
                lines = self.flywheel("explain", path, "--batch-size", BATCH).stdout.splitlines()
                self.assertLessEqual(max(map(len, lines)), 80)

    def test_the_exit_status_says_whether_it_is_the_rule_that_was_meant(self):
        path = self.dump()
        for call, relation in (
            ("question(lr=.01, momentum=.9, weight_decay=.1)", "same"),
            ("torch.optim.SGD(lr=.01, momentum=.9, weight_decay=.1)", "other"),
            ("adam(lr=.01)", "other"),
        ):
            status = 0 if relation == "same" else 1
            with self.subTest(call=call):
                arguments = (path, "--against", call, "--batch-size", BATCH)
                found = self.explain(*arguments, status=status)
                self.assertEqual(found["against"]["relation"], relation)
                result = self.flywheel("explain", *arguments, "--quiet", status=status)
                self.assertEqual(result.stdout + result.stderr, "")

    def test_without_decay_many_frameworks_make_the_same_steps(self):
        path = self.dump(decay_past=0)
        for call, relation in (
            ("torch.optim.SGD(lr=.01, momentum=.9)", "same"),
            ("keras.SGD(.01, momentum=.9)", "same_run"),
            ("nielsen(lr=.01, momentum=.9)", "same_run"),
        ):
            with self.subTest(call=call):
                found = self.explain(path, "--against", call, "--train-size", 100, status=0)
                self.assertEqual(found["against"]["relation"], relation)

    def test_trouble(self):
        path = self.dump()
        for arguments, words in (
            (("--against", "nielsen"), "--train-size"),
            (("--weights", "nothing*"), "nothing*"),
            (("--against", "torch.optim.SDG"), "SDG"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(words, self.flywheel("explain", path, *arguments, status=2).stderr)
        self.assertIn(
            "--batch-size", self.flywheel("explain", path, "--summed-gradient", status=64).stderr
        )
