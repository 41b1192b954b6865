"""What torch.save wrote, torch.load finds again after conversions: the same types in the same order."""

import copy
import struct
from collections import Counter, OrderedDict
from pathlib import Path

import torch
from torch.optim import lr_scheduler

from support import TestCase, only_full
from test_torch_writing import network, same_bits, take_step

torch.set_num_threads(1)

# The ways from one .pt to the next.
WAYS = [(".pt",), (".h5", ".pt"), (".npz", ".pt"), (".safetensors", ".pt")]


def state() -> OrderedDict:
    return network().state_dict()


def trained(name: str = "SGD", **numbers) -> dict:
    model = network()
    optimizer = getattr(torch.optim, name)(model.parameters(), **numbers)
    take_step(model, optimizer, 0)
    return optimizer.state_dict()


def momentum() -> dict:
    return trained(lr=0.1, momentum=0.9)


# What people save.
FORMS = {
    "model": lambda: {"model": state()},
    "two networks": lambda: {
        "G": state(), "D": state(), "optG": momentum(), "optD": momentum(), "it": 3,
    },
    "averages": lambda: {
        "model": state(), "model_ema": state(), "optimizer": momentum(), "epoch": 1,
    },
    "averages alone": lambda: {"params_ema": state()},
    "another name": lambda: {"net": state(), "acc": 93.1, "epoch": 4},
    "parts": lambda: {"encoder": state(), "decoder": state(), "optimizer": momentum()},
    "another name beside an optimizer": lambda: {"net": state(), "optimizer": momentum(), "epoch": 4},
    "other names": lambda: {"net": state(), "optim": trained("Adam", lr=0.01), "arch": "mlp"},
    "facts before tensors": lambda: {"epoch": 4, "state_dict": state(), "best": 0.5},
    "a plain dictionary": lambda: dict(state()),
    "a dictionary without a module": lambda: {"mean": torch.zeros(2), "std": torch.ones(2), "n": 3},
    "nested": lambda: {"nets": {"a": state(), "b": {"c": state(), "d": [state(), state()]}}},
    "deep": lambda: {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"x": None, "y": [[]]}}}}}}}}},
    "a list": lambda: [torch.ones(2), 1, "a", None, [2.5], {}],
    "lists of tensors": lambda: {"many": [torch.tensor(i) for i in range(12)], "pair": (torch.ones(1),) * 2},
    "a tensor": lambda: torch.arange(3.0),
    "a number": lambda: 5,
    "a tuple of numbers": lambda: (1, 2.5),
    "nothing": lambda: None,
    "empty": lambda: {"list": [], "tuple": (), "dict": {}, "ordered": OrderedDict(), "set": set()},
    "None": lambda: {"none": None, "list": [None, 1, None], "all": [None] * 100, "in": {"it": None}},
    "numbers": lambda: {
        "pair": (1, 2.5), "list": [1, 2.5, 3], "floats": [1.0, 2.0], "mixed": [1, "a", 2.5, None],
        "bools": [True, False], "odd": [True, 1], "texts": ("a", "b"), "big": [2**60, 1],
        "negative": -0.0, "grid": [[1, 2], [3, 4]], "nan": [float("inf"), 1],
    },
    "keys": lambda: {
        1: "a", 2: "b", 3: "c", "4": "d", None: 5, True + 8: 6, 2.5: 7, (1, "x"): torch.ones(1),
        ("only",): 0, torch.float16: 1, "a.b": 3, "é 🔥/": None,
    },
    "tables": lambda: {"at": {i: torch.tensor([i]) for i in (5, 6, 7, 2, 1)}, "counts": {0: 1, 1: 2}},
    "other containers": lambda: {
        "counter": Counter({3: 1, 5: 2}), "size": torch.Size([2, 3]), "set": {1, 2, 3},
        "texts": {"a"}, "ordered": OrderedDict(b=1, a=None),
    },
    "other values": lambda: {
        "bytes": b"\x00\xffabc", "bytearray": bytearray(b"\x80"), "dtype": torch.float16,
        "device": torch.device("cpu"), "cuda": torch.device("cuda", 1), "layout": torch.strided,
        "text": "torch.float16", "types": [torch.int8, torch.bool],
    },
    "numbers in states": lambda: {
        "state": {0: {"step": 3, "rate": 0.5, "on": True, "none": None, "count": torch.tensor(7)}},
        "param_groups": [{"lr": 1, "betas": (0, 0.99), "params": [0]}],
    },
    "steps that are tensors": lambda: {
        "optimizer": {
            "state": {0: {"step": torch.tensor(3), "scale": torch.tensor(2.0, dtype=torch.float64)}},
            "param_groups": [{"params": [0]}],
        },
    },
    "names of its own": lambda: {"format": "pt", "model": state(), "torch.containers.x": 1},
    "a format": lambda: {"format": "pt", "w": torch.ones(1)},
}  # fmt: skip

OPTIMIZERS = [
    "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Muon", "NAdam", "RAdam",
    "RMSprop", "Rprop", "SGD",
]  # fmt: skip

SCHEDULERS = {
    "MultiStepLR": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [3, 5, 5], gamma=0.1),
    "LambdaLR": lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.95**epoch),
    "OneCycleLR": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=40),
    "CosineAnnealingLR": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 30),
    "ReduceLROnPlateau": lambda optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, patience=1),
    "SequentialLR": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.LinearLR(optimizer), lr_scheduler.ExponentialLR(optimizer, 0.9)],
        [4],
    ),
}


class RoundTripTestCase(TestCase):
    def save(self, value) -> Path:
        path = self.path("saved").with_suffix(".pt")
        torch.save(value, path)
        return path

    def through(self, path: Path, suffixes: tuple[str, ...], *arguments) -> Path:
        for index, suffix in enumerate(suffixes):
            target = self.path(f"way-{index}").with_suffix(suffix)
            self.flywheel("convert", path, target, *arguments)
            path = target
        return path

    def load(self, path: Path):
        return torch.load(path, weights_only=True)

    def assert_equal(self, found, expected, way: tuple[str, ...] = (), path: str = "") -> None:
        """Equal in every type and in order, bit for bit; but safetensors sorts the names of tensors."""
        where = f"at {path or 'the top'}"
        self.assertIs(type(found), type(expected), where)
        if isinstance(expected, torch.Tensor):
            self.assertEqual((found.dtype, found.shape), (expected.dtype, expected.shape), where)
            self.assertTrue(same_bits(found, expected), where)
        elif isinstance(expected, dict):
            names = list(expected)
            if ".safetensors" in way and all(isinstance(v, torch.Tensor) for v in expected.values()):
                self.assertEqual(set(found), set(names), where)
            else:
                self.assertEqual(list(found), names, where)
            self.assertEqual({type(name) for name in found}, {type(name) for name in names}, where)
            for name in names:
                self.assert_equal(found[name], expected[name], way, f"{path}.{name}")
        elif isinstance(expected, (list, tuple)):
            self.assertEqual(len(found), len(expected), where)
            for index, (left, right) in enumerate(zip(found, expected)):
                self.assert_equal(left, right, way, f"{path}.{index}")
        elif isinstance(expected, float):
            self.assertEqual(struct.pack("d", found), struct.pack("d", expected), where)
        else:
            self.assertEqual(found, expected, where)


class Forms(RoundTripTestCase):
    def assert_stays(self, value, ways: list[tuple[str, ...]]) -> None:
        source = self.save(value)
        for way in ways:
            with self.subTest(way=way):
                self.assert_equal(self.load(self.through(source, way)), value, way)

    def test_every_form_is_what_it_was(self):
        for name, form in FORMS.items():
            with self.subTest(name):
                self.assert_stays(form(), WAYS[:1])

    def test_all_forms_together_are_what_they_were(self):
        self.assert_stays({name: form() for name, form in FORMS.items()}, WAYS)
        self.assert_stays([form() for form in FORMS.values()], WAYS)

    @only_full("converts each by itself")
    def test_every_form_goes_every_way(self):
        for name, form in FORMS.items():
            with self.subTest(name):
                self.assert_stays(form(), [*WAYS[1:], (".pt", ".npz", ".h5", ".pt")])

    def test_plain_files_say_nothing_of_their_form(self):
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        take_step(model, optimizer, 0)
        for value in (
            model.state_dict(), optimizer.state_dict(),
            {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3},
        ):  # fmt: skip
            listed = self.flywheel("inspect", self.save(value), "--json").stdout
            self.assertNotIn("torch.containers", listed)

    def test_versions_of_modules_are_left_out_and_nobody_misses_them(self):
        model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
        state = model.state_dict()
        self.assertEqual(state._metadata["1"], {"version": 2})
        for value in (state, {"net": state, "epoch": 1}):
            found = torch.load(self.through(self.save(value), (".pt",)), weights_only=False)
            found = found if value is state else found["net"]
            self.assertEqual(list(found), list(state))
            self.assertFalse(hasattr(found, "_metadata"))
            fresh = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
            fresh.load_state_dict(found, strict=True)
            self.assert_equal(dict(fresh.state_dict()), dict(state))

    def test_what_cannot_be_kept_is_refused_by_name(self):
        path = self.save({"w": torch.ones(1), "z": 1j, "big": 2**63, "huge": 2**70})
        result = self.flywheel("convert", path, self.path("o").with_suffix(".pt"), status=2)
        self.assert_error(result, "'z'", "'big'", "'huge'", "--drop")
        # A name that two values get would have no way back.
        for value in ({3: torch.ones(1), "3": 1}, {3: 1, "3": torch.ones(1)}):
            path = self.save({"in": value})
            for suffix in (".npz", ".safetensors"):
                result = self.flywheel("convert", path, self.path("o").with_suffix(suffix), status=2)
                self.assert_error(result, "'in.3'", "joined by dots")


class Ties(RoundTripTestCase):
    def test_tensors_that_are_one_stay_one(self):
        shared = torch.arange(6.0).reshape(2, 3)
        other = torch.arange(6.0)
        value = {
            "net": OrderedDict(a=shared, b=shared, c=other, d=shared),
            "list": [other, shared.t(), other[:3], shared.clone()],
        }
        source = self.save(value)
        for way in WAYS:
            with self.subTest(way=way):
                found = self.load(self.through(source, way))
                self.assert_equal(found, value, way)
                net, rest = found["net"], found["list"]
                pointers = {net[key].data_ptr() for key in "abd"}
                self.assertEqual(len(pointers), 1)
                self.assertEqual(net["c"].data_ptr(), rest[0].data_ptr())
                others = {tensor.data_ptr() for tensor in (net["a"], net["c"], *rest[1:])}
                self.assertEqual(len(others), 5)

    def test_counts_that_are_one_stay_one(self):
        count = torch.tensor(7)
        found = self.load(self.through(self.save({"a": count, "b": count}), (".npz", ".pt")))
        self.assertEqual(found["a"].data_ptr(), found["b"].data_ptr())

    def test_what_is_another_one_since_is_written_by_itself(self):
        shared = torch.arange(4.0)
        source = self.save(OrderedDict(a=shared, b=shared))
        rules = self.path("rules").with_suffix(".json")
        rules.write_text('[{"pattern": "b", "cast": "float16"}]')
        found = self.load(self.through(source, (".pt",), "--map", rules))
        self.assertEqual([value.dtype for value in found.values()], [torch.float32, torch.float16])


class Changes(RoundTripTestCase):
    """Names that change or go on the way leave the rest as it was."""

    def test_a_part_is_what_its_names_tell(self):
        source = self.save({"G": state(), "D": state(), "epoch": 3})
        found = self.load(self.through(source, (".pt",), "--only", "G.*"))
        self.assertEqual(list(found), [f"G.{name}" for name in state()])

    def test_renamed_tensors_go_where_their_names_lead(self):
        value = {"G": state(), "D": OrderedDict(w=torch.ones(2)), "epoch": 3, "none": None}
        source = self.save(value)
        found = self.load(
            self.through(source, (".pt",), "--rename", "D.w=D.v", "--rename", "G.0.bias=x")
        )
        self.assertEqual(list(found), ["G", "D", "epoch", "none", "x"])
        self.assertEqual(list(found["D"]), ["v"])
        self.assertNotIn("0.bias", found["G"])
        found = self.load(self.through(source, (".pt",), "--rename", "D.w=other"))
        self.assertEqual(list(found), ["G", "epoch", "none", "other"])

    def test_what_is_renamed_to_the_usual_words_is_loaded_under_them(self):
        value = {"net": state(), "optim": trained("Adam"), "epoch": 3}
        renames = ("--rename", "net.=model.", "--rename", "optim.=optimizer.")
        found = self.load(self.through(self.save(value), (".pt",), *renames))
        self.assertEqual(list(found), ["epoch", "model", "optimizer"])
        self.assert_equal(found["model"], value["net"])
        self.assert_equal(found["optimizer"], value["optim"])


class Continuing(RoundTripTestCase):
    def resumed(self, kind: type, saved: dict, numbers: dict) -> tuple:
        model = network()
        for parameter in model.parameters():
            parameter.data.zero_()
        model.load_state_dict(saved["model"])
        optimizer = kind(self.parameters(kind, model), **numbers)
        optimizer.load_state_dict(saved["optimizer"])
        return model, optimizer

    def parameters(self, kind: type, model) -> list:
        # Muon is for matrices only.
        return [p for p in model.parameters() if p.ndim == 2 or kind is not torch.optim.Muon]

    def test_every_optimizer_goes_on_with_its_defaults(self):
        for name in OPTIMIZERS:
            kind = getattr(torch.optim, name)
            numbers = {"lr": 0.01} if name == "SGD" else {}
            model = network()
            optimizer = kind(self.parameters(kind, model), **numbers)
            for seed in range(3):
                take_step(model, optimizer, seed)
            value = copy.deepcopy(
                {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 2}
            )
            source = self.save(value)
            found = {way: self.load(self.through(source, way)) for way in WAYS}
            runs = [self.resumed(kind, saved, numbers) for saved in found.values()]
            for way, saved in found.items():
                with self.subTest(name, way=way):
                    self.assert_equal(saved, value, way)
            with self.subTest(name):
                for seed in range(10, 30):
                    take_step(model, optimizer, seed)
                    for other, fresh in runs:
                        take_step(other, fresh, seed)
                for way, (other, fresh) in zip(WAYS, runs):
                    self.assert_equal(other.state_dict(), model.state_dict(), way)
                    self.assert_equal(fresh.state_dict(), optimizer.state_dict(), way)

    def test_every_scheduler_goes_on(self):
        for name, make in SCHEDULERS.items():
            model = network()
            optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
            scheduler = make(optimizer)
            for seed in range(2):
                take_step(model, optimizer, seed)
                step(scheduler)
            value = copy.deepcopy(
                {
                    "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(),
                }
            )  # fmt: skip
            source = self.save(value)
            saved = [self.load(self.through(source, way)) for way in WAYS]
            rates = None
            for _ in range(8):
                take_step(model, optimizer, 9)
                step(scheduler)
            rates = optimizer.param_groups[0]["lr"], scheduler.state_dict()
            for way, found in zip(WAYS, saved):
                with self.subTest(name, way=way):
                    self.assert_equal(found, value, way)
                    other, fresh = self.resumed(torch.optim.SGD, found, {"lr": 1.0})
                    resumed = make(fresh)
                    fresh.load_state_dict(found["optimizer"])
                    resumed.load_state_dict(found["scheduler"])
                    for _ in range(8):
                        take_step(other, fresh, 9)
                        step(resumed)
                    self.assertEqual(fresh.param_groups[0]["lr"], rates[0])
                    self.assert_equal(resumed.state_dict(), rates[1])


def step(scheduler) -> None:
    """A step, of those too that look at a loss."""
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(1.0)
    else:
        scheduler.step()


class Texts(RoundTripTestCase):
    def test_texts_about_a_safetensors_file_are_no_part_of_a_state(self):
        from safetensors.torch import save_file

        names = ["model.embed.weight", "model.v", "scale", "i"]
        path = self.path("model").with_suffix(".safetensors")
        tensors = {name: torch.ones(2) for name in names}
        save_file(tensors, path, {"format": "pt"})
        found = self.load(self.through(path, (".bin",)))
        self.assertEqual(sorted(found), sorted(names))
        save_file(tensors, path, {"format": "pt", "author": "somebody"})
        result = self.flywheel("convert", path, self.path("x").with_suffix(".pt"), status=2)
        self.assert_error(result, "'author'", "state_dict", "--drop")
        found = self.load(self.through(path, (".pt",), "--drop"))
        self.assertEqual(sorted(found), sorted(names))


class Types(RoundTripTestCase):
    def test_types_that_are_only_carried_keep_their_names(self):
        kinds = ["float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "complex32"]
        for name in kinds:
            value = torch.arange(8, dtype=torch.uint8).view(getattr(torch, name))
            with self.subTest(name):
                source = self.save({"x": value})
                ways = [(".pt",)]
                if name != "complex32":
                    ways += [(".safetensors", ".pt")]
                for way in ways:
                    found = self.load(self.through(source, way))["x"]
                    self.assertEqual(found.dtype, value.dtype)
                    self.assertEqual(
                        found.view(torch.uint8).tolist(), value.view(torch.uint8).tolist()
                    )
        first, second = (self.path(name).with_suffix(".pt") for name in "ab")
        for path, name in ((first, kinds[0]), (second, kinds[2])):
            torch.save({"x": torch.arange(8, dtype=torch.uint8).view(getattr(torch, name))}, path)
        self.flywheel("diff", first, second, status=1)
