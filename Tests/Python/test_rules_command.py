"""`flywheel rules` says what every update rule does, and what it says is true."""

import json
import re
from math import sqrt

import jsonschema
import numpy as np

from support import SCHEMAS, TestCase


def python(formula: str) -> str:
    """A formula as Python has it: names side by side are multiplied."""
    tokens = re.findall(r"[a-zA-Z_][a-zA-Z0-9_]*'?|[0-9.]+(?:e-?[0-9]+)?|\S", formula)
    code = ""
    previous = "("
    for token in tokens:
        is_operand = token[0].isalnum() or token == "("
        if is_operand and previous not in ("+", "-", "/", "^", "(", ",", "sqrt", "max"):
            code += "*"
        code += {"^": "**", "lambda": "lambda_"}.get(token, token.replace("'", "_after"))
        previous = token
    return code


def value(formula: str, values: dict) -> float:
    names = {"lambda_" if name == "lambda" else name: number for name, number in values.items()}
    return eval(python(formula), {"sqrt": sqrt, "max": max}, names)


def step(equations: list[str], values: dict) -> dict:
    """What a step makes of buffers and weight."""
    values = dict(values)
    for equation in equations:
        name, formula = equation.split(" = ")
        values[name.replace("'", "_after")] = value(formula, values)
    after = {name[:-6]: number for name, number in values.items() if name.endswith("_after")}
    return values | after


class Rules(TestCase):
    def rules(self, *names: str) -> list[dict]:
        return self.flywheel("rules", *names, "--json").json["rules"]

    def rule(self, name: str, switch: str | None = None) -> list[str]:
        (rule,) = self.rules(name)
        switches = [switch] if switch else []
        (found,) = (step for step in rule["steps"] if step["switches"] == switches)
        return found["equations"]

    def test_json_is_as_the_schema_says(self):
        schema = json.loads((SCHEMAS / "rules.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        document = self.flywheel("rules", "--json").json
        validator.validate(document)
        self.assertGreater(len(document["rules"]), 50)
        validator.validate(self.flywheel("rules", "keras", "--json").json)
        document["rules"][0]["colour"] = "red"
        self.assertFalse(validator.is_valid(document))

    def test_every_rule_fits_80_columns(self):
        names = [rule["name"] for rule in self.rules()]
        for command in ([], *([name] for name in names)):
            with self.subTest(command=command):
                result = self.flywheel("rules", *command)
                self.assertEqual(result.stderr, "")
                lines = result.stdout.splitlines()
                self.assertLessEqual(max(map(len, lines)), 80, result.stdout)
                self.assertGreater(len(lines), 10)

    def test_what_there_is_not_is_trouble(self):
        result = self.flywheel("rules", "pytorhc", status=2)
        self.assertIn("pytorhc", result.stderr)
        self.assertIn("pytorch", result.stderr)

    def test_the_invariants_are_those_of_the_equations(self):
        random = np.random.default_rng(1)
        checked = 0
        for rule in self.rules():
            for variant in rule["steps"]:
                if not (invariants := variant["invariants"]):
                    continue
                with self.subTest(rule=rule["name"], switches=variant["switches"]):
                    letters = [entry["letter"] for entry in rule["hyperparameters"]]
                    values = {letter: random.uniform(0.1, 0.9) for letter in letters if letter}
                    values |= {"m": 7.0, "n": 50.0}
                    v, w, g = np.eye(3)  # the map of (v, w, g), column by column
                    after = step(variant["equations"], values | {"v": v, "w": w, "g": g})
                    matrix = np.array([after["v"][:2], after["w"][:2]])
                    b, q = after["v"][2], after["w"][2]
                    expected = {
                        "trace": np.trace(matrix),
                        "determinant": np.linalg.det(matrix),
                        "gradient": q,
                        "lagged_gradient": matrix[1, 0] * b - matrix[0, 0] * q,
                    }
                    if not rule["slots"]:
                        # The buffer stays as it is if there is none: it has no part in the map.
                        expected |= {"trace": matrix[1, 1], "determinant": 0, "lagged_gradient": 0}
                    for name, number in expected.items():
                        self.assertAlmostEqual(value(invariants[name], values), number, 12, name)
                    checked += 1
        self.assertGreater(checked, 40)

    def test_the_equations_are_what_torch_does(self):
        import torch

        letters = {"lr": 0.1, "mu": 0.9, "lambda": 0.3, "b1": 0.9, "b2": 0.99, "eps": 0.01}
        sgd = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3}
        adam = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 0.01, "weight_decay": 0.3}
        for name, switch, make in (
            ("pytorch", None, lambda w: torch.optim.SGD(w, **sgd)),
            ("pytorch", "nesterov", lambda w: torch.optim.SGD(w, **sgd, nesterov=True)),
            ("pytorch", "maximize", lambda w: torch.optim.SGD(w, **sgd, maximize=True)),
            ("adam", None, lambda w: torch.optim.Adam(w, **adam)),
            ("adam", "amsgrad", lambda w: torch.optim.Adam(w, **adam, amsgrad=True)),
            ("adamw", None, lambda w: torch.optim.AdamW(w, **adam)),
        ):
            with self.subTest(rule=name, switch=switch):
                equations = self.rule(name, switch)
                weight = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
                optimizer = make([weight])
                state = letters | {"w": 0.5, "v": 0.0, "m1": 0.0, "s": 0.0, "x": 0.0, "tau": 0.0}
                for t, gradient in enumerate((1.0, -0.25, 0.5, 2.0), 1):
                    weight.grad = torch.tensor(gradient, dtype=torch.float64)
                    optimizer.step()
                    corrections = {"c1": 1 - 0.9**t, "c2": 1 - 0.99**t}
                    state = step(equations, state | corrections | {"g": gradient})
                    self.assertAlmostEqual(state["w"], weight.item(), 12)

    def test_the_lines_that_the_question_is_about(self):
        self.assertEqual(self.rule("question"), ["v' = mu v + g", "w' = w - lr v' - (lr lambda/m) w"])
        self.assertEqual(
            self.rule("pytorch"), ["v' = mu v + (1 - tau) (g + lambda w)", "w' = w - lr v'"]
        )
        self.assertEqual(
            self.rule("nielsen"), ["v' = mu v - lr (g + (lambda/n) w)", "w' = w + v'"]
        )
        self.assertEqual(self.rule("keras")[1], "w' = w + v' - lr lambda w")


class Comparison(TestCase):
    A = "pytorch(lr=.01, momentum=.9, weight_decay=.1)"

    def compare(self, *arguments, status: int) -> dict:
        """The answer as JSON, which the schema holds for."""
        document = self.flywheel("rules", *arguments, "--json", status=status).json
        schema = json.loads((SCHEMAS / "rule-comparison.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(document)
        self.assertEqual(document["same"], status == 0)
        return document

    def test_the_exit_status_says_whether_two_are_the_same_run(self):
        for second, status in (
            (self.A, 0), ("optax", 0), ("caffe", 0), ("keras", 1), ("adam(lr=.01)", 1),
            ("keras(lr=.01, momentum=.9, l2=.05, bias_l2=.05)", 0),
            ("keras(lr=.01, momentum=.9, l2=.05)", 1),
        ):  # fmt: skip
            with self.subTest(second=second):
                self.compare(self.A, second, status=status)
                result = self.flywheel("rules", self.A, second, "--quiet", status=status)
                self.assertEqual(result.stdout + result.stderr, "")

    def test_the_figures_of_the_question(self):
        for m, ratio in ((10, 111), (32, 356), (100, 1113)):
            with self.subTest(m=m):
                answer = self.compare(self.A, "question", "--batch-size", m, status=1)
                torch, question = answer["weights"]["first"], answer["weights"]["second"]
                self.assertAlmostEqual(torch["idle_shrink"], 0.0111268, 7)
                self.assertEqual(round(torch["idle_shrink"] / question["idle_shrink"]), ratio)
                self.assertAlmostEqual(question["penalty"], 0.01 / m, 12)
                self.assertEqual(answer["biases"]["second"]["idle_shrink"], 0)
        answer = self.compare("question", self.A, "--batch-size", 32, status=1)
        needed = answer["weights"]["conversion"]["hyperparameters"]
        self.assertAlmostEqual(needed["momentum"], 0.899972, 6)
        self.assertAlmostEqual(needed["weight_decay"], 3.125e-4, 9)

    def test_the_conversion_says_what_becomes_of_the_velocity(self):
        answer = self.compare(self.A, "keras", status=1)
        conversion = answer["weights"]["conversion"]
        self.assertEqual(conversion["verdict"]["kind"], "exact_while_rate_is_constant")
        self.assertEqual(
            conversion["buffers"],
            [
                {
                    "slot": "velocity", "source": "velocity", "scale": -0.01, "weight_share": 0.0,
                    "constant": 0.0,
                }
            ],
        )  # fmt: skip

    def test_the_question_as_it_was_posted(self):
        posted = "torch.optim.SGD(torch_model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.1)"
        result = self.flywheel("rules", posted, "question", "--batch-size", 32, status=1)
        lines = result.stdout.splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertEqual(lines[0], "pytorch(learning_rate=0.01, momentum=0.9, weight_decay=0.1)")
        text = " ".join(result.stdout.split())
        self.assertIn("shrinks by 0.01113 a step in pytorch, 3.125e-05 in question", text)
        self.assertIn("'question' decays weights only", text)

    def test_trouble_is_said_with_its_place(self):
        for arguments, words in (
            (["pytorch(lr=.01,,)", "keras"], "character 16"),
            (["SGD(lr=1)", "keras"], "torch.optim.SGD (pytorch)"),
            (["pytorch(lr=-1)", "keras"], "at least 0"),
        ):
            with self.subTest(arguments=arguments):
                result = self.flywheel("rules", *arguments, status=2)
                self.assertIn(words, result.stderr)
                self.assertEqual(result.stdout, "")
        for arguments in (["a", "b", "c"], ["pytorch(lr=1)"], ["pytorch", "keras", "--batch-size", "0"]):
            self.flywheel("rules", *arguments, status=64)
