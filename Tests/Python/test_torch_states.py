"""Optimizers of the real torch, saved as people save them, and understood from their files alone."""

import copy

import numpy as np
import torch
from safetensors.torch import save_file

import checkpoint
import reference
from support import TestCase, newest

WIDTHS = [16, 6, 6, 3]
BATCH, SAMPLES = 8, 64


class Network(torch.nn.Module):
    def __init__(self, widths=WIDTHS):
        super().__init__()
        torch.manual_seed(3)
        self.layers = torch.nn.ModuleList(
            [torch.nn.Linear(*pair) for pair in zip(widths, widths[1:])]
        )

    def forward(self, values):
        for layer in self.layers[:-1]:
            values = torch.relu(layer(values))
        return self.layers[-1](values)


def step(model, optimizer, values, labels) -> None:
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(values), labels).backward()
    optimizer.step()


def trained(make_optimizer, steps: int = 3):
    """A model and its optimizer after some steps."""
    model = Network()
    optimizer = make_optimizer(model)
    torch.manual_seed(4)
    for _ in range(steps):
        step(model, optimizer, torch.randn(BATCH, WIDTHS[0]), torch.arange(BATCH) % WIDTHS[-1])
    return model, optimizer


def split(model, named: bool = False):
    """The parameters that decay and those that do not, as transformers' Trainer sorts them."""
    parameters = list(model.named_parameters())
    weights = [pair for pair in parameters if pair[1].ndim > 1]
    others = [pair for pair in parameters if pair[1].ndim == 1]
    return [
        {"params": group if named else [value for _, value in group], "weight_decay": decay}
        for group, decay in ((weights, 0.1), (others, 0.0))
    ]


optim = torch.optim

# An optimizer, Flywheel's name of its rule, and torch's words for its buffers by Flywheel's.
OPTIMIZERS = {
    "SGD": (lambda m: optim.SGD(m.parameters(), lr=0.1), "pytorch", {}),
    "SGD with momentum": (
        lambda m: optim.SGD(
            m.parameters(), lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.01
        ),
        "pytorch", {"velocity": "momentum_buffer"},
    ),
    "SGD with Nesterov's momentum": (
        lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True, maximize=True),
        "pytorch", {"velocity": "momentum_buffer"},
    ),
    "Adam": (
        lambda m: optim.Adam(m.parameters(), lr=0.01, betas=(0.8, 0.9), weight_decay=0.1),
        "adam", {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"},
    ),
    "Adam with AMSGrad": (
        lambda m: optim.Adam(m.parameters(), lr=0.01, amsgrad=True),
        "adam",
        {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq", "max_exp_avg_sq": "max_exp_avg_sq"},
    ),
    "AdamW": (
        lambda m: optim.AdamW(m.parameters(), lr=0.01, eps=1e-6),
        "adamw", {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"},
    ),
    "RMSprop": (
        lambda m: optim.RMSprop(
            m.parameters(), lr=0.01, alpha=0.9, momentum=0.5, centered=True, weight_decay=0.1
        ),
        "rmsprop",
        {"square_avg": "square_avg", "momentum_buffer": "momentum_buffer", "grad_avg": "grad_avg"},
    ),
    "Adagrad": (
        lambda m: optim.Adagrad(
            m.parameters(), lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.2
        ),
        "adagrad", {"sum": "sum"},
    ),
}  # fmt: skip

# How groups are given, and how they are matched to the model.
GROUPS = {
    "one group": (lambda m: optim.AdamW(m.parameters(), lr=0.01), "by position; all shapes fit"),
    "one group with names": (lambda m: optim.AdamW(m.named_parameters(), lr=0.01), "by name"),
    "backwards, with names": (
        lambda m: optim.AdamW(list(m.named_parameters())[::-1], lr=0.01), "by name",
    ),
    "decay and no decay": (
        lambda m: optim.AdamW(split(m), lr=0.01), "by position within each group",
    ),
    "decay and no decay, with names": (
        lambda m: optim.AdamW(split(m, named=True), lr=0.01), "by name",
    ),
    "no decay first": (
        lambda m: optim.AdamW(split(m)[::-1], lr=0.01), "by position within each group",
    ),
    "a last layer by itself": (
        lambda m: optim.AdamW(
            [
                {"params": m.layers[2].parameters(), "lr": 0.1},
                {"params": [*m.layers[0].parameters(), *m.layers[1].parameters()]},
            ],
            lr=0.01,
        ),
        "by position within each group",
    ),
}  # fmt: skip


class TorchStates(TestCase):
    def save(self, model, optimizer, **others):
        file = self.path().with_suffix(".pt")
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(state | others, file)
        return file

    def understood(self, file, *flags):
        """The checkpoint that a file becomes, and what was said."""
        target = self.path().with_suffix(".h5")
        result = self.flywheel("convert", file, target, "--to", "flywheel", *flags)
        return checkpoint.read(target), result.stderr

    def assert_same(self, found, model, optimizer, slots) -> None:
        """Every parameter, buffer and number is torch's."""
        groups = found.document["optimizer"]["groups"]
        group_of = {entry["name"]: entry["group"] for entry in found.document["parameters"]}
        numbers = {id(p): group for group in optimizer.param_groups for p in group["params"]}
        self.assertEqual(set(found.slots), set(slots))
        for name, parameter in model.named_parameters():
            np.testing.assert_array_equal(found.model[name], parameter.detach().numpy())
            for slot, word in slots.items():
                expected = optimizer.state[parameter][word].numpy()
                np.testing.assert_array_equal(found.slots[slot][name], expected, f"{slot} {name}")
            group, expected = groups[group_of[name]], numbers[id(parameter)]
            self.assertEqual(group["learning_rate"], expected["lr"])
            self.assertEqual(group["weight_decay"], expected["weight_decay"])
            for word in ("momentum", "dampening", "alpha", "lr_decay", "nesterov", "amsgrad", "centered"):
                if word in expected:
                    self.assertEqual(group[word], expected[word], word)
            if "betas" in expected:
                self.assertEqual((group["beta1"], group["beta2"]), expected["betas"])
            if "eps" in expected:
                self.assertEqual(group["epsilon"], expected["eps"])

    def test_each_optimizer_is_known_by_its_file(self):
        for name, (make, rule, slots) in OPTIMIZERS.items():
            with self.subTest(name):
                model, optimizer = trained(make)
                file = self.save(model, optimizer, step=3)
                found, notes = self.understood(file)
                self.assertEqual(found.document["optimizer"]["rule"], rule)
                self.assertEqual(found.step, 3)
                self.assertIn(f"'optimizer.param_groups' says the rule, '{rule}'", notes)
                self.assert_same(found, model, optimizer, slots)

    def test_a_learning_rate_may_be_a_tensor(self):
        model, optimizer = trained(lambda m: optim.Adam(m.parameters(), lr=torch.tensor(0.01)))
        file = self.save(model, optimizer)
        found, notes = self.understood(file)
        self.assertIn("torch.optim.Adam", notes)
        for group in found.document["optimizer"]["groups"]:
            self.assertEqual(group["learning_rate"], float(np.float32(0.01)))
        # As an array it stays one.
        target = self.path().with_suffix(".pt")
        self.flywheel("convert", file, target)
        rate = torch.load(target)["optimizer"]["param_groups"][0]["lr"]
        self.assertTrue(torch.equal(rate, torch.tensor(0.01)))

    def test_groups_are_those_of_the_model(self):
        slots = {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"}
        for name, (make, way) in GROUPS.items():
            with self.subTest(name):
                model, optimizer = trained(make)
                file = self.save(model, optimizer)
                found, notes = self.understood(file)
                self.assertIn(way, notes)
                self.assert_same(found, model, optimizer, slots)
                shown = self.flywheel("inspect", file, "--json").json["optimizer"]
                self.assertIn(way, shown["matching"])
                self.assertEqual(shown["step"], 3)
                self.assertEqual(len(shown["groups"]), len(optimizer.param_groups))

    def test_keys_may_begin_otherwise(self):
        model, optimizer = trained(lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9))
        slots = {"velocity": "momentum_buffer"}
        for names in (
            ("model_state_dict", "optimizer_state_dict"), ("state_dict", "optimizer"),
            ("model", "optim"),
        ):  # fmt: skip
            with self.subTest(names):
                file = self.path().with_suffix(".pt")
                torch.save(dict(zip(names, (model.state_dict(), optimizer.state_dict()))), file)
                found, _ = self.understood(file, "--step", 3)
                self.assert_same(found, model, optimizer, slots)

    def test_an_old_adam_has_to_be_told_from_adamw(self):
        model, optimizer = trained(lambda m: optim.AdamW(m.parameters(), lr=0.01))
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        del state["optimizer"]["param_groups"][0]["decoupled_weight_decay"]
        file = self.path().with_suffix(".pt")
        torch.save(state, file)
        target = self.path().with_suffix(".h5")
        result = self.flywheel("convert", file, target, "--to", "flywheel", status=2)
        self.assert_error(result, "torch.optim.Adam or AdamW", "--rule", "adam, adamw")
        found, _ = self.understood(file, "--rule", "adamw")
        self.assertEqual(found.document["optimizer"]["groups"][0]["weight_decay"], 0.01)

    def test_what_cannot_be_taken_over_is_refused_by_name(self):
        def momentum(parameters, **options):
            return optim.SGD(parameters, lr=0.1, momentum=0.9, **options)

        cases = {
            "another optimizer": (
                lambda m: optim.NAdam(m.parameters()), (), ["torch.optim.NAdam is none"],
            ),
            "an optimizer that climbs": (
                lambda m: optim.Adam(m.parameters(), maximize=True), (),
                ["maximize is true", "'adam'"],
            ),
            "frozen parameters": (
                lambda m: momentum(m.layers[2].parameters()), (), ["2 parameters", "has 6"],
            ),
            "frozen parameters by name": (
                lambda m: momentum([(f"layers.2.{n}", p) for n, p in m.layers[2].named_parameters()]),
                (), ["'model.layers.0.weight'", "does not move"],
            ),
            "groups without buffers": (
                lambda m: optim.SGD(split(m), lr=0.1), (), ["several ways", "named_parameters()"],
            ),
            "backwards": (lambda m: momentum(list(m.parameters())[::-1]), (), ["State 0", "(3,)"]),
            "another momentum": (
                lambda m: momentum(m.parameters()), ("--momentum", 0.5),
                ["momentum 0.9", "given is 0.5"],
            ),
            "another rule": (
                lambda m: momentum(m.parameters()), ("--rule", "adam"), ["'adam'", "torch.optim.SGD"],
            ),
            "another decay of some": (
                lambda m: momentum(m.parameters()), ("--group", "*.bias:weight_decay=1"),
                ["weight_decay 0.0", "'layers.0.bias'"],
            ),
        }  # fmt: skip
        for name, (make, flags, words) in cases.items():
            with self.subTest(name):
                file = self.save(*trained(make))
                target = self.path().with_suffix(".h5")
                result = self.flywheel("convert", file, target, "--to", "flywheel", *flags, status=2)
                self.assert_error(result, *words)
                self.assertFalse(target.exists())
                self.flywheel("inspect", file)

    def test_two_files_are_compared_with_their_optimizers(self):
        model, optimizer = trained(lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9))
        one = self.save(model, optimizer, step=3)
        other = self.path().with_suffix(".npz")
        self.flywheel("convert", one, other, "--to", "keras")
        result = self.flywheel("diff", one, other)
        self.assertIn("rule keras", result.stdout)
        for group in optimizer.param_groups:
            group["weight_decay"] = 0.5
        result = self.flywheel("diff", one, self.save(model, optimizer, step=3), status=1)
        self.assertRegex(result.stdout, r"weight_decay +0 +0\.5 +differs")

    # A run goes on

    def test_a_run_goes_on_from_its_file(self):
        random = np.random.default_rng(1)
        labels = random.integers(0, WIDTHS[-1], SAMPLES).astype(np.uint8)
        values = random.integers(0, 256, (SAMPLES, WIDTHS[0]), dtype=np.uint8)
        data = self.folder / "data.npz"
        arrays = {"x_train": values, "y_train": labels, "x_test": values, "y_test": labels}
        np.savez(data, **arrays)
        inputs = torch.tensor(values / 255, dtype=torch.float32)
        targets = torch.tensor(labels.astype(np.int64))
        makers = {
            "SGD": lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01),
            "AdamW in groups": lambda m: optim.AdamW(split(m), lr=0.01),
        }
        settings = (
            "--data", data, "--batch-size", BATCH, "--validation", 0, "--activation", "relu",
            "--loss", "softmax_cross_entropy", "--seed", 5,
        )  # fmt: skip
        for name, make in makers.items():
            with self.subTest(name):
                model = Network()
                optimizer = make(model)

                def epoch(index: int) -> None:
                    order = torch.from_numpy(reference.epoch_order(5, index, SAMPLES))
                    for batch in order.split(BATCH):
                        step(model, optimizer, inputs[batch], targets[batch])

                epoch(0)
                epoch(1)
                file = self.save(model, optimizer, global_step=2 * SAMPLES // BATCH)
                run = self.path()
                self.flywheel("resume", file, *settings, "--epochs", 4, "--output", run)
                epoch(2)
                epoch(3)
                found = checkpoint.read(newest(run))
                self.assertEqual(found.step, 4 * SAMPLES // BATCH)
                self.assertEqual(list(found.history["epoch"]), [3, 4])
                for key, parameter in model.named_parameters():
                    np.testing.assert_allclose(
                        found.model[key], parameter.detach().numpy(), rtol=1e-4, atol=1e-6
                    )
                # What is a run of Flywheel's from here on is one in every way.
                self.flywheel("verify", run)
                self.flywheel("resume", run, "--epochs", 5)
                self.assertEqual(list(checkpoint.read(newest(run)).history["epoch"]), [3, 4, 5])

    def test_what_a_run_needs_to_go_on_is_listed(self):
        file = self.save(*trained(lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9)))
        result = self.flywheel("resume", file, status=2)
        self.assert_error(
            result, "--data, --batch-size, --activation, --loss, --epochs (their total), --step"
        )
        settings = (
            "--data", "digits", "--batch-size", BATCH, "--activation", "relu",
            "--loss", "softmax_cross_entropy", "--epochs", 2,
        )  # fmt: skip
        result = self.flywheel("resume", file, *settings, status=2)
        self.assert_error(result, "give --step.")
        run = self.path()
        result = self.flywheel(
            "resume", file, *settings, "--step", 3, "--output", run, status=2
        )
        self.assert_error(result, "16")
        self.assertFalse(run.exists())

    def test_only_whole_epochs_go_on(self):
        model, optimizer = trained(lambda m: optim.Adam(m.parameters()))
        file = self.save(model, optimizer)
        data = self.folder / "data.npz"
        values = np.zeros((SAMPLES, WIDTHS[0]), np.uint8)
        labels = (np.arange(SAMPLES) % WIDTHS[-1]).astype(np.uint8)
        np.savez(data, x_train=values, y_train=labels, x_test=values, y_test=labels)
        result = self.flywheel(
            "resume", file, "--data", data, "--batch-size", BATCH, "--activation", "relu",
            "--loss", "softmax_cross_entropy", "--epochs", 2, "--validation", 0, status=2,
        )  # fmt: skip
        self.assert_error(result, "3 steps behind it", "0 epochs of 8 batches", "3 batches")

    def test_a_checkpoint_needs_no_flags_to_go_on(self):
        run = self.train("--epochs", 1, "--training", 64, "--validation", 0)
        result = self.flywheel("resume", run, "--batch-size", 3, status=64)
        self.assert_error(result, "A checkpoint says itself", "Leave out --batch-size.")


class Words(torch.nn.Module):
    """Layers called by words, whose order is not that of the alphabet."""

    def __init__(self, widths=(8, 8, 8, 8, 8)):
        super().__init__()
        torch.manual_seed(5)
        names = ("input", "hidden", "down", "out")
        for name, pair in zip(names, zip(widths, widths[1:])):
            setattr(self, name, torch.nn.Linear(*pair))

    def forward(self, values):
        return self.out(self.down(self.hidden(self.input(values))))


class Attention(torch.nn.Module):
    """A small language model, most of whose parameters have the shape of another."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(6)
        self.embeddings = torch.nn.Embedding(20, 8)
        self.query, self.key, self.value = (torch.nn.Linear(8, 8) for _ in range(3))
        self.LayerNorm = torch.nn.LayerNorm(8)
        self.classifier = torch.nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embeddings(tokens)
        x = x + (self.query(x) * self.key(x)).softmax(-1) * self.value(x)
        return self.classifier(self.LayerNorm(x))


def one_group(model):
    return model.parameters()


def walked(model, groups, values, steps: int = 2):
    """A model and an AdamW after some steps."""
    optimizer = optim.AdamW(groups(model), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        model(values).pow(2).mean().backward()
        optimizer.step()
    return model, optimizer


class TrainerFolders(TestCase):
    """What transformers' Trainer saves, which sorts the model's names since it writes safetensors."""

    def save(self, model, optimizer, sorts: bool = True):
        folder = self.path()
        folder.mkdir()
        if sorts:
            save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
        else:
            torch.save(model.state_dict(), folder / "pytorch_model.bin")
        torch.save(optimizer.state_dict(), folder / "optimizer.pt")
        (folder / "trainer_state.json").write_text('{"epoch": 1.0, "global_step": 2}')
        return folder

    def assert_moments(self, folder, model, optimizer, *flags) -> str:
        """Each parameter's moments are its own, and PyTorch takes them back; returns what was said."""
        file = self.path().with_suffix(".pt")
        result = self.flywheel("convert", folder, file, "--to", "pytorch", *flags)
        saved = torch.load(file, weights_only=True)
        parameters = dict(model.named_parameters())
        self.assertEqual(sum(len(g["params"]) for g in saved["optimizer"]["param_groups"]), len(parameters))
        for group in saved["optimizer"]["param_groups"]:
            for number, name in zip(group["params"], group["param_names"]):
                expected = optimizer.state[parameters[name]]
                for word in ("exp_avg", "exp_avg_sq"):
                    found = saved["optimizer"]["state"][number][word]
                    self.assertTrue(torch.equal(found, expected[word]), f"{word} of {name}")
        fresh = copy.deepcopy(optimizer)
        fresh.load_state_dict(saved["optimizer"])
        for own, other in zip(optimizer.param_groups, fresh.param_groups):
            for left, right in zip(own["params"], other["params"]):
                self.assertTrue(torch.equal(optimizer.state[left]["exp_avg"], fresh.state[right]["exp_avg"]))
        return result.stderr

    def assert_refused(self, folder, *words, target=".npz", flags=("--to", "flywheel")) -> None:
        file = self.path().with_suffix(target)
        result = self.flywheel("convert", folder, file, *flags, status=2)
        self.assert_error(result, *words)
        self.assertFalse(file.exists())
        self.flywheel("inspect", folder)

    def test_numbers_in_names_are_an_order(self):
        for bias in (True, False):
            for name, groups in (("one group", one_group), ("two groups", split)):
                with self.subTest(name, bias=bias):
                    torch.manual_seed(7)
                    model = torch.nn.Sequential(*[torch.nn.Linear(8, 8, bias=bias) for _ in range(12)])
                    model, optimizer = walked(model, groups, torch.randn(4, 8))
                    file = self.path().with_suffix(".h5")
                    folder = self.save(model, optimizer)
                    self.flywheel("convert", folder, file, "--to", "flywheel")
                    found = checkpoint.read(file)
                    for index, layer in enumerate(model):
                        expected = optimizer.state[layer.weight]["exp_avg"].numpy()
                        key = f"layers.{index}.weight"
                        np.testing.assert_array_equal(found.model[key], layer.weight.detach().numpy())
                        np.testing.assert_array_equal(found.slots["exp_avg"][key], expected)

    def test_words_are_none(self):
        for name, groups in (("one group", one_group), ("two groups", split)):
            with self.subTest(name):
                model, optimizer = walked(Words(), groups, torch.randn(4, 8))
                self.assert_refused(
                    self.save(model, optimizer), "'optimizer.param_groups'", "pytorch_model.bin",
                    "param_names", "--rename",
                )  # fmt: skip
                # The module's own file keeps its order.
                notes = self.assert_moments(self.save(model, optimizer, sorts=False), model, optimizer)
                self.assertIn("by position", notes)
                # So do numbers that a person gives.
                file = self.path().with_suffix(".h5")
                renames = [
                    part
                    for place, name in enumerate(("input", "hidden", "down", "out"))
                    for part in ("--rename", f"model.{name}.=model.{place}.")
                ]
                folder = self.save(model, optimizer)
                self.flywheel("convert", folder, file, "--to", "flywheel", *renames)
                found = checkpoint.read(file)
                for place, name in enumerate(("input", "hidden", "down", "out")):
                    expected = optimizer.state[getattr(model, name).weight]["exp_avg"].numpy()
                    key = f"layers.{place}.weight"
                    np.testing.assert_array_equal(found.slots["exp_avg"][key], expected)

    def test_shapes_of_their_own_tell(self):
        for name, groups in (("one group", one_group), ("two groups", split)):
            with self.subTest(name):
                model, optimizer = walked(Words((4, 5, 6, 7, 3)), groups, torch.randn(4, 4))
                folder = self.save(model, optimizer)
                file = self.path().with_suffix(".h5")
                result = self.flywheel("convert", folder, file, "--to", "flywheel")
                self.assertIn("by shape, which each has for itself", result.stderr)
                found = checkpoint.read(file)
                for place, layer in enumerate(("input", "hidden", "down", "out")):
                    expected = optimizer.state[getattr(model, layer).weight]["exp_avg"].numpy()
                    key = f"layers.{place}.weight"
                    np.testing.assert_array_equal(found.slots["exp_avg"][key], expected)

    def test_names_keep_the_optimizer_s_order(self):
        class Convolutions(torch.nn.Module):
            def __init__(self):
                super().__init__()
                torch.manual_seed(8)
                self.stem = torch.nn.Conv2d(1, 2, 3)
                self.body = torch.nn.Conv2d(2, 3, 3)
                self.head = torch.nn.Linear(3, 4)

            def forward(self, values):
                return self.head(self.body(self.stem(values)).mean((2, 3)))

        for name, groups in (
            ("one group", one_group),
            (
                "two groups",
                lambda m: [
                    {"params": [p for p in m.parameters() if p.ndim > 1], "weight_decay": 0.1},
                    {"params": [p for p in m.parameters() if p.ndim == 1], "weight_decay": 0.0},
                ],
            ),
        ):
            with self.subTest(name):
                model, optimizer = walked(Convolutions(), groups, torch.randn(2, 1, 8, 8))
                self.assert_moments(self.save(model, optimizer), model, optimizer)

    def test_a_language_model_is_right_or_refused(self):
        tokens = torch.arange(20).reshape(4, 5)
        model, optimizer = walked(Attention(), split, tokens)
        self.assert_refused(
            self.save(model, optimizer), "several have shape (8,)", "pytorch_model.bin",
        )  # fmt: skip
        self.assert_moments(self.save(model, optimizer, sorts=False), model, optimizer)

    def test_layers_alone_are_in_no_order_either(self):
        model = Words()
        file = self.path().with_suffix(".safetensors")
        save_file(model.state_dict(), file)
        flags = ("--from", "pytorch", "--to", "flywheel", "--rule", "pytorch", "--lr", "0.1", "--momentum", "0")
        self.assert_refused(file, "several orders", "--rename", flags=flags)
        other = self.path().with_suffix(".pt")
        torch.save(model.state_dict(), other)
        target = self.path().with_suffix(".h5")
        self.flywheel("convert", other, target, *flags)
        for place, name in enumerate(("input", "hidden", "down", "out")):
            expected = getattr(model, name).weight.detach().numpy()
            np.testing.assert_array_equal(checkpoint.read(target).model[f"layers.{place}.weight"], expected)


class WhatIsNoParameter(TestCase):
    def convert(self, state, *flags, status: int = 0):
        file, target = self.path().with_suffix(".pt"), self.path().with_suffix(".h5")
        torch.save(state, file)
        return target, self.flywheel("convert", file, target, "--to", "flywheel", *flags, status=status)

    def test_groups_that_could_be_swapped_are_refused(self):
        torch.manual_seed(9)
        model = torch.nn.Sequential(torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 4, bias=False))
        groups = [{"params": model[1].parameters(), "lr": 0.1}, {"params": model[0].parameters(), "lr": 0.001}]
        optimizer = optim.SGD(groups, momentum=0.9)
        model(torch.randn(3, 4)).sum().backward()
        optimizer.step()
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        _, result = self.convert(state, status=2)
        self.assert_error(result, "several have shape (4, 4), and are in several groups", "param_names")

    def test_tensors_beside_the_model_are_no_parameters(self):
        # As PyTorch's ImageNet example saves.
        for make in (
            lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9),
            lambda m: optim.SGD(m.named_parameters(), lr=0.1, momentum=0.9),
        ):
            model, optimizer = trained(make)
            state = {
                "epoch": 3, "arch": "resnet18",
                "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()},
                "best_acc1": torch.tensor(93.0), "optimizer": optimizer.state_dict(),
            }  # fmt: skip
            _, result = self.convert(state, "--step", 3, status=2)
            self.assert_error(result, "does not explain 'best_acc1'", "--drop")
            target, _ = self.convert(state, "--step", 3, "--drop")
            found = checkpoint.read(target)
            self.assertEqual(len(found.model), 6)
            for name, parameter in model.named_parameters():
                expected = optimizer.state[parameter]["momentum_buffer"].numpy()
                np.testing.assert_array_equal(found.slots["velocity"][name], expected)

    def test_a_tied_parameter_is_one(self):
        class Tied(torch.nn.Module):
            def __init__(self):
                super().__init__()
                torch.manual_seed(10)
                self.embed = torch.nn.Embedding(7, 4)
                self.norm = torch.nn.LayerNorm(4)
                self.lm_head = torch.nn.Linear(4, 7, bias=False)
                self.lm_head.weight = self.embed.weight

            def forward(self, tokens):
                return self.lm_head(self.norm(self.embed(tokens)))

        model, optimizer = walked(Tied(), split, torch.arange(7))
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        _, result = self.convert(state)
        self.assertIn("'model.lm_head.weight' is 'model.embed.weight' under another name", result.stderr)
        source, file = self.path().with_suffix(".pt"), self.path().with_suffix(".pt")
        torch.save(state, source)
        self.flywheel("convert", source, file, "--to", "pytorch")
        saved = torch.load(file, weights_only=True)
        missing = Tied().load_state_dict(saved["model"], strict=False)
        self.assertEqual(missing.missing_keys, ["lm_head.weight"])
        fresh = copy.deepcopy(optimizer)
        fresh.load_state_dict(saved["optimizer"])
        for own, other in zip(optimizer.param_groups, fresh.param_groups):
            for left, right in zip(own["params"], other["params"]):
                self.assertTrue(torch.equal(optimizer.state[left]["exp_avg"], fresh.state[right]["exp_avg"]))

    def test_an_optimizer_s_own_word_is_said(self):
        model, optimizer = trained(lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9))
        optimizer.param_groups[0]["trust_coefficient"] = 0.001
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": 3}
        _, result = self.convert(state)
        self.assertIn("trust_coefficient", result.stderr)
        optimizer.state[model.layers[0].weight]["trust"] = torch.zeros(WIDTHS[1], WIDTHS[0])
        _, result = self.convert({**state, "optimizer": optimizer.state_dict()}, "--drop", status=2)
        self.assert_error(result, "trust_coefficient", "trust'")

    def test_what_torch_saved_is_pytorch_s(self):
        torch.manual_seed(11)
        model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
        file = self.path().with_suffix(".pt")
        torch.save(model.state_dict(), file)
        target = self.path().with_suffix(".keras")
        self.flywheel("convert", file, target, "--rule", "pytorch", "--lr", 0.1, "--momentum", 0)


class WhatTellsNoOrder(TestCase):
    """Files of torch whose optimizer's numbers do not tell whose they are, or not by themselves."""

    def save(self, model, optimizer):
        file = self.path().with_suffix(".pt")
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
        return file

    def assert_slots(self, file, model, optimizer, word: str = "exp_avg", names=None, flags=()) -> str:
        """Each parameter's buffer is its own; returns what was said."""
        target = self.path().with_suffix(".h5")
        result = self.flywheel("convert", file, target, "--to", "flywheel", *flags)
        found = checkpoint.read(target)
        (slot,) = (name for name in found.slots if name in (word, "velocity"))
        for name, parameter in model.named_parameters():
            own = (names or {}).get(name, name)
            expected = optimizer.state[parameter][word].numpy()
            np.testing.assert_array_equal(found.model[own], parameter.detach().numpy(), own)
            np.testing.assert_array_equal(found.slots[slot][own], expected, own)
        return result.stderr

    def laundered(self, file, suffix: str):
        """The file once more, after it was one that sorts names."""
        between, back = self.path().with_suffix(suffix), self.path().with_suffix(".pt")
        self.flywheel("convert", file, between)
        self.flywheel("convert", between, back)
        return back

    def test_a_file_that_was_sorted_is_in_no_order(self):
        for bias, groups in ((False, one_group), (True, one_group), (True, split)):
            torch.manual_seed(7)
            model = torch.nn.Sequential(*[torch.nn.Linear(8, 8, bias=bias) for _ in range(12)])
            model, optimizer = walked(model, groups, torch.randn(4, 8))
            file = self.save(model, optimizer)
            names = {name: f"layers.{name}" for name, _ in model.named_parameters()}
            self.assert_slots(file, model, optimizer, names=names)
            with self.subTest(bias=bias, groups=groups.__name__):
                back = self.laundered(file, ".safetensors")
                self.assert_slots(back, model, optimizer, names=names)
                self.flywheel("diff", file, back)

    def test_words_that_were_sorted_are_refused_until_they_have_numbers(self):
        model, optimizer = walked(Words(), one_group, torch.randn(4, 8))
        file = self.laundered(self.save(model, optimizer), ".safetensors")
        target = self.path().with_suffix(".keras")
        result = self.flywheel("convert", file, target, status=2)
        self.assert_error(result, "alphabetical order, as of files that sort them", "--rename")
        layers = ("input", "hidden", "down", "out")
        renames = [
            part
            for place, name in enumerate(layers)
            for part in ("--rename", f"model.{name}.=model.{place}.")
        ]
        names = {
            f"{layer}.{kind}": f"layers.{place}.{kind}"
            for place, layer in enumerate(layers)
            for kind in ("weight", "bias")
        }
        self.assert_slots(file, model, optimizer, names=names, flags=renames)

    def test_layers_that_were_sorted_are_no_chain(self):
        file = self.path().with_suffix(".pt")
        torch.save(dict(sorted(Words().state_dict().items())), file)
        flags = ("--to", "keras", "--rule", "pytorch", "--lr", 0.1, "--momentum", 0)
        result = self.flywheel("convert", file, self.path().with_suffix(".h5"), *flags, status=2)
        self.assert_error(result, "several orders", "alphabetical order", "--rename")

    def test_parameters_that_are_no_layers_are_counted_at_their_place(self):
        class Position(torch.nn.Module):
            def __init__(self):
                super().__init__()
                torch.manual_seed(12)
                self.position = torch.nn.Parameter(torch.randn(6, 6))
                self.layer = torch.nn.Linear(6, 6, bias=False)

            def forward(self, values):
                return self.layer(values + values @ self.position)

        class Scale(torch.nn.Module):
            """A norm of one's own, with its bias first."""

            def __init__(self):
                super().__init__()
                torch.manual_seed(13)
                self.layer = torch.nn.Linear(6, 5)
                self.norm = torch.nn.Module()
                self.norm.bias = torch.nn.Parameter(torch.randn(5))
                self.norm.weight = torch.nn.Parameter(torch.randn(5))

            def forward(self, values):
                return self.layer(values) * self.norm.weight + self.norm.bias

        normed = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Linear(6, 6))
        normed = torch.nn.utils.parametrizations.weight_norm(normed[0]), normed[1]
        for model in (Position(), Scale(), torch.nn.Sequential(*normed)):
            model, optimizer = walked(model, one_group, torch.randn(4, 6))
            with self.subTest(type(model).__name__):
                notes = self.assert_slots(self.save(model, optimizer), model, optimizer)
                self.assertIn("by position; all shapes fit, if the optimizer was given", notes)

    def test_models_beside_each_other_have_no_order(self):
        def convert(width: int, groups, status: int):
            torch.manual_seed(14)
            encoder, decoder = (
                torch.nn.Sequential(torch.nn.Linear(*shape)) for shape in ((4, width), (width, 4))
            )
            optimizer = optim.SGD(groups(encoder, decoder), lr=0.1, momentum=0.9)
            decoder(encoder(torch.randn(3, 4))).sum().backward()
            optimizer.step()
            parts = {"encoder": encoder, "decoder": decoder, "optimizer": optimizer}
            file = self.path().with_suffix(".pt")
            torch.save({key: part.state_dict() for key, part in parts.items()}, file)
            target = self.path().with_suffix(".h5")
            result = self.flywheel("convert", file, target, "--to", "flywheel", status=status)
            if status == 0:
                found = checkpoint.read(target)
                for place, part in enumerate((encoder, decoder)):
                    expected = optimizer.state[part[0].weight]["momentum_buffer"].numpy()
                    np.testing.assert_array_equal(found.slots["velocity"][f"layers.{place}.weight"], expected)
            return result

        def one(*models):
            return [parameter for model in models for parameter in model.parameters()]

        def kinds(*models):
            return [{"params": [m[0].weight for m in models]}, {"params": [m[0].bias for m in models]}]

        for groups in (lambda e, d: one(d, e), lambda e, d: kinds(d, e)):
            self.assert_error(
                convert(4, groups, 2), "'encoder', 'decoder'", "several orders", "named_parameters()"
            )
        # Shapes of their own tell.
        convert(5, lambda e, d: one(d, e), 0)
        convert(5, one, 0)
        convert(5, kinds, 0)

    def test_what_was_not_moved_is_said(self):
        def frozen(make):
            torch.manual_seed(15)
            model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
            model[0].requires_grad_(False)
            optimizer = make(model.parameters())
            model(torch.randn(3, 4)).sum().backward()
            optimizer.step()
            return self.save(model, optimizer)

        file = frozen(lambda p: optim.SGD(p, lr=0.1, momentum=0.9))
        words = "none for 'model.0.weight', 'model.0.bias', so that no step has moved them"
        self.assertIn(words, self.flywheel("inspect", file, "--json").json["optimizer"]["matching"])
        target = self.path().with_suffix(".h5")
        result = self.flywheel("convert", file, target, "--to", "flywheel")
        self.assertIn(words, result.stderr)
        result = self.flywheel("convert", file, self.path().with_suffix(".keras"), status=2)
        self.assert_error(result, "frozen")
        # Without momentum there is no state to miss.
        file = frozen(lambda p: optim.SGD(p, lr=0.1))
        result = self.flywheel("convert", file, self.path().with_suffix(".h5"), "--to", "flywheel")
        self.assertNotIn("frozen", result.stderr)

    def test_one_model_and_its_optimizer_of_several_can_be_taken(self):
        model, optimizer = trained(lambda m: optim.Adam(m.parameters(), lr=0.01))
        other, second = trained(lambda m: optim.Adam(m.parameters(), lr=0.02), steps=5)
        state = {"g": model, "d": other, "optimizer_g": optimizer, "optimizer_d": second}
        file = self.path().with_suffix(".pt")
        torch.save({key: part.state_dict() for key, part in state.items()}, file)
        flags = ("--only", "d.**", "--only", "optimizer_d.**")
        self.assert_slots(file, other, second, flags=flags)
        target = self.path().with_suffix(".pt")
        self.flywheel("convert", file, target, *flags)
        saved = torch.load(target, weights_only=True)
        self.assertEqual(list(saved["model"]), [f"d.{name}" for name in other.state_dict()])
        second.load_state_dict(saved["optimizer_d"])
        self.assertEqual(second.param_groups[0]["lr"], 0.02)

    def test_words_that_no_optimizer_has_are_listed(self):
        model, optimizer = trained(lambda m: optim.Adam(m.parameters(), lr=0.01))
        optimizer.param_groups[0]["lr_scale"] = 0.5
        file = self.save(model, optimizer)
        self.assertIn("lr_scale", self.flywheel("inspect", file).stdout)
        shown = self.flywheel("inspect", file, "--json").json["optimizer"]
        self.assertEqual(shown["unknown_words"], ["lr_scale"])
