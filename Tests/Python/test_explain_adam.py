"""`flywheel explain` on an Adam written by hand, with the mistakes that people make in it."""

import json

import jsonschema
import numpy as np

from support import SCHEMAS, TestCase

SCHEMA = json.loads((SCHEMAS / "explain.schema.json").read_text())


def steps(folder, mistake: str = "", count: int = 8) -> list[str]:
    """Dumps before each step: weights, their gradient, and both moments."""
    folder.mkdir()
    random = np.random.default_rng(0)
    target = random.normal(size=(20, 10))
    weights = random.normal(size=target.shape).astype("f4")
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, count + 1):
        gradient = (weights - target + 0.1 * random.normal(size=target.shape)).astype("f4")
        arrays = {"W1": weights, "dW1": gradient, "W1.exp_avg": first, "W1.exp_avg_sq": second}
        np.savez(folder / f"step{step:02}.npz", **arrays)
        first = (0.9 * first + 0.1 * gradient).astype("f4")
        second = (0.999 * second + 0.001 * gradient**2).astype("f4")
        mean, square = first / (1 - 0.9**step), second / (1 - 0.999**step)
        if mistake == "no bias correction":
            mean, square = first, second
        divisor = square if mistake == "no root" else np.sqrt(square)
        weights = (weights - 0.001 * mean / (divisor + 1e-8)).astype("f4")
    return sorted(str(path) for path in folder.glob("*.npz"))


MEANT = "torch.optim.Adam(lr=.001)"


class HandWrittenAdamTests(TestCase):
    def explain(self, mistake: str, status: int) -> dict:
        files = steps(self.path("trace"), mistake)
        document = self.flywheel("explain", "--json", *files, "--against", MEANT, status=status).json
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        return document

    def test_one_without_mistakes_is_as_meant(self):
        answer = self.explain("", 0)
        self.assertIn(answer["against"]["relation"], ("same", "compatible"))
        self.assertEqual(answer["against"]["change"], [])

    def test_without_bias_correction_the_lines_to_change_are_shown(self):
        answer = self.explain("no bias correction", 1)
        self.assertIn("no_bias_correction", [finding["kind"] for finding in answer["findings"]])
        against = answer["against"]
        self.assertEqual(
            [change["before"] for change in against["change"]],
            ["u = m1'/(sqrt(s') + eps)", "w' = w - lr u"],
        )
        # No call of torch's Adam does the same.
        self.assertEqual(against["equivalent"], [])

    def test_what_no_rule_explains_is_still_held_against_what_was_meant(self):
        answer = self.explain("no root", 1)
        self.assertEqual(answer["names"], [])
        self.assertEqual(answer["against"]["relation"], "other")
        self.assertIn("away", answer["against"]["differences"][0]["text"])
