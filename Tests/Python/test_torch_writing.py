"""What `flywheel convert` writes as .pt, torch loads as it is, and goes on as if nothing had happened."""

import copy
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch

import checkpoint
from frameworks import Task, Torch
from support import TestCase, checkpoints, newest, only_full, write_structured

torch.set_num_threads(1)

# Those that numpy and torch have.
DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
]  # fmt: skip

# PyTorch's optimizers with numbers that are not their defaults.
OPTIMIZERS = {
    "SGD": [
        {"lr": 0.03}, {"lr": 0.03, "momentum": 0.9},
        {"lr": 0.03, "momentum": 0.9, "dampening": 0.25, "weight_decay": 0.01},
        {"lr": 0.03, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
        {"lr": 0.003, "momentum": 0.9, "maximize": True, "foreach": False},
    ],
    "Adam": [
        {"lr": 0.01}, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.01},
        {"lr": 0.01, "amsgrad": True}, {"lr": 0.01, "fused": True},
    ],
    "AdamW": [{"lr": 0.01}, {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}],
    "RMSprop": [
        {"lr": 0.01}, {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.01},
    ],
    "Adagrad": [{"lr": 0.05}, {"lr": 0.05, "lr_decay": 0.01, "initial_accumulator_value": 0.1}],
    "Adadelta": [{"lr": 0.5, "rho": 0.8}],
    "Adamax": [{"lr": 0.01}],
    "NAdam": [{"lr": 0.01}, {"lr": 0.01, "weight_decay": 0.01, "decoupled_weight_decay": True}],
    "RAdam": [{"lr": 0.01}],
    "ASGD": [{"lr": 0.01}],
    "Rprop": [{"lr": 0.01, "etas": (0.4, 1.3)}],
    "Adafactor": [{"lr": 0.01, "eps": (1e-30, 1e-3)}],
    "LBFGS": [{"lr": 0.1, "history_size": 4}],
}  # fmt: skip


def flattened(state, path: str = "") -> tuple[dict, dict]:
    """Tensors by dotted paths, and all else by the path of the dictionary that holds it: what a .pt file is read
    as, written down once more. None is left out."""
    tensors, facts = {}, {}
    items = state.items() if isinstance(state, dict) else enumerate(state)
    facts.setdefault(path, {})
    for name, value in items:
        name = str(name)
        inner = f"{path}.{name}" if path else name
        match value:
            case None:
                continue
            case torch.Tensor():
                tensors[inner] = value
            case dict() | [dict(), *_] | [torch.Tensor(), *_]:
                more, other = flattened(value, inner)
                tensors |= more
                facts |= other
            case _:
                facts[path][name] = value
    return tensors, facts


def write_h5(path: Path, state: dict) -> Path:
    """The same as an HDF5 file that knows nothing of torch."""
    tensors, facts = flattened(state)
    with h5py.File(path, "w") as file:
        for key, value in tensors.items():
            file[key] = value.numpy()
        for owner, values in facts.items():
            if not owner or values or owner.endswith(".state"):
                group = file.require_group(owner) if owner else file
                for name, value in values.items():
                    group.attrs[name] = value
    return path


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 4, generator=generator), torch.arange(6) % 3


def network() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))


def take_step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    inputs, labels = batch(seed)

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        return loss

    optimizer.step(closure)


class WritingTestCase(TestCase):
    def convert(self, source: Path, *arguments, suffix: str = ".pt") -> Path:
        target = self.path("converted").with_suffix(suffix)
        self.flywheel("convert", source, target, *arguments)
        return target

    def load(self, path: Path):
        """The file, the same in each way to load it."""
        loaded = torch.load(path, weights_only=True)
        mapped = torch.load(path, weights_only=True, mmap=True)
        trusted = torch.load(path, weights_only=False)
        self.assert_same(mapped, loaded)
        self.assert_same(trusted, loaded)
        return loaded

    def assert_same(self, found, expected, path: str = "") -> None:
        """Equal in every type, bit for bit."""
        where = f"at {path or 'the top'}"
        if isinstance(expected, torch.Tensor):
            self.assertEqual((found.dtype, found.shape), (expected.dtype, expected.shape), where)
            self.assertTrue(same_bits(found, expected), where)
        elif isinstance(expected, dict):
            self.assertIsInstance(found, dict, where)
            self.assertEqual(set(found), set(expected), where)
            for name, value in expected.items():
                self.assert_same(found[name], value, f"{path}.{name}")
        elif isinstance(expected, (list, tuple)):
            self.assertIs(type(found), type(expected), where)
            self.assertEqual(len(found), len(expected), where)
            for index, (left, right) in enumerate(zip(found, expected)):
                self.assert_same(left, right, f"{path}.{index}")
        else:
            self.assertEqual((found, type(found)), (expected, type(expected)), where)


def same_bits(left: torch.Tensor, right: torch.Tensor) -> bool:
    def raw(tensor: torch.Tensor) -> bytes:
        contiguous = tensor.detach().contiguous()
        return bytes(contiguous.view(-1).view(torch.uint8).numpy()) if contiguous.numel() else b""

    return raw(left) == raw(right)


class Archives(WritingTestCase):
    def test_every_dtype_and_shape_loads_bit_for_bit(self):
        shapes = [(), (0,), (3,), (2, 0, 3), (2, 3, 4), (1, 1, 1, 1, 2)]
        generator = np.random.default_rng(1)
        arrays = {}
        for dtype in DTYPES:
            for index, shape in enumerate(shapes):
                size = int(np.prod(shape)) * np.dtype(dtype).itemsize
                data = generator.integers(0, 2 if dtype == "bool" else 256, size, np.uint8)
                arrays[f"{dtype}.{index}"] = data.view(dtype).reshape(shape)
        source = self.path("dtypes").with_suffix(".npz")
        np.savez(source, **arrays)
        found = self.load(self.convert(source))
        self.assertEqual(list(found), list(arrays))
        for key, value in arrays.items():
            self.assertEqual(str(found[key].dtype), f"torch.{value.dtype}")
            self.assertEqual(found[key].shape, value.shape)
            self.assertEqual(found[key].numpy().tobytes(), value.tobytes())

    def test_floats_that_numpy_has_not_go_through_a_conversion(self):
        values = np.array([0, 1, -2.5, 0.015625, 448], np.float32)
        source = self.path("floats").with_suffix(".npz")
        np.savez(source, w=values)
        for name in ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"):
            rules = self.path("rules").with_suffix(".json")
            rules.write_text(f'[{{"pattern": "w", "cast": "{name}"}}]')
            found = self.load(self.convert(source, "--map", rules))["w"]
            self.assertTrue(same_bits(found, torch.tensor(values).to(getattr(torch, name))), name)

    def test_a_plain_archive_is_a_state_dict(self):
        model = network()
        source = self.path("model").with_suffix(".npz")
        np.savez(source, **{key: value.numpy() for key, value in model.state_dict().items()})
        for suffix in (".pt", ".pth", ".ckpt", ".bin"):
            found = self.load(self.convert(source, suffix=suffix))
            self.assertEqual(type(found).__name__, "OrderedDict")
            fresh = torch.nn.Sequential(
                torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
            )
            fresh.load_state_dict(found)
            self.assert_same(fresh.state_dict(), dict(model.state_dict()))
            with torch.device("meta"):
                assigned = torch.nn.Sequential(
                    torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
                )
            assigned.load_state_dict(found, assign=True)
            self.assert_same(assigned.state_dict(), dict(model.state_dict()))

    def test_tied_weights_are_tied_again_by_their_model(self):
        model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
        model[1].weight = model[0].weight
        source = write_h5(self.path("tied").with_suffix(".h5"), model.state_dict())
        found = self.load(self.convert(source))
        model[0].weight.data.zero_()
        model.load_state_dict(found)
        self.assertIs(model[0].weight, model[1].weight)
        self.assert_same(dict(model.state_dict()), dict(found))

    def test_any_text_may_be_a_name(self):
        names = ["größe", "a/b", "..", "with space", "e\u0301", "🔥", "0", "x" * 1000, "model", "state"]
        source = self.path("names").with_suffix(".npz")
        with zipfile.ZipFile(source, "w") as file:
            for index, name in enumerate(names):
                if name == "..":
                    continue
                with file.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.array([index]))
        found = self.load(self.convert(source))
        self.assertEqual(
            {name: int(value) for name, value in found.items()},
            {name: index for index, name in enumerate(names) if name != ".."},
        )

    def test_torch_finds_the_offsets_of_elements_itself(self):
        source = self.path("offsets").with_suffix(".npz")
        arrays = {f"w{index}": np.arange(index + 1, dtype=np.float32) for index in range(5)}
        np.savez(source, **arrays)
        path = self.convert(source)
        content = path.read_bytes()
        for key, value in torch.load(path, map_location="meta", weights_only=True).items():
            offset = value.untyped_storage()._checkpoint_offset
            self.assertEqual(offset % 64, 0)
            self.assertEqual(content[offset:][: arrays[key].nbytes], arrays[key].tobytes())
        from torch.utils.serialization import config

        with config.patch({"load.calculate_storage_offsets": True}):
            self.assert_same(
                torch.load(path, mmap=True, weights_only=True),
                {key: torch.tensor(value) for key, value in arrays.items()},
            )

    def test_equal_archives_give_equal_files_whatever_they_are_called(self):
        source = write_h5(self.path("model").with_suffix(".h5"), network().state_dict())
        files = [self.convert(source, suffix=suffix).read_bytes() for suffix in (".pt", ".ckpt")]
        self.assertEqual(*files)

    def test_twenty_thousand_tensors_load(self):
        source = self.path("many").with_suffix(".h5")
        with h5py.File(source, "w") as file:
            for index in range(20_000):
                file[f"layer{index // 20}.w{index % 20}"] = np.full(index % 5, index, np.float32)
        found = torch.load(self.convert(source), weights_only=True)
        self.assertEqual(len(found), 20_000)
        for index in range(20_000):
            value = found[f"layer{index // 20}.w{index % 20}"]
            self.assertEqual(value.tolist(), [index] * (index % 5))

    @only_full("writes 5 GB")
    def test_a_tensor_of_more_than_4_gigabytes_loads(self):
        source = self.path("large").with_suffix(".npy")
        large = np.lib.format.open_memmap(source, "w+", np.uint8, (5 << 30,))
        large[[0, 1 << 32, -1]] = 1, 2, 3
        large.flush()
        found = torch.load(self.convert(source), mmap=True, weights_only=True)
        (value,) = found.values()
        self.assertEqual(value[[0, 1 << 32, -1]].tolist(), [1, 2, 3])

    def test_what_has_no_place_is_refused_and_may_be_dropped(self):
        source = self.path("odd").with_suffix(".h5")
        with h5py.File(source, "w") as file:
            file["w"] = np.ones(2, np.float32)
            file["w"].attrs["units"] = "m"
            file["text"] = np.array(b"abc")
            file.attrs["epoch"] = 3
            file.attrs["wave"] = 1 + 2j
        target = self.path("odd").with_suffix(".pt")
        result = self.flywheel("convert", source, target, status=2)
        self.assert_error(result, "'units' of 'w'", "'text'", "'wave'", "--drop")
        self.assertFalse(target.exists())
        result = self.flywheel("convert", source, target, "--drop")
        for name in ("'units' of 'w'", "'text'", "'wave'"):
            self.assertIn(name, result.stderr)
        self.assert_same(self.load(target), {"w": torch.ones(2), "epoch": 3})


class Dictionaries(WritingTestCase):
    def test_numbers_texts_and_lists_beside_tensors_are_what_they_were(self):
        state = {
            "model": network().state_dict(), "epoch": 3, "best": 0.1, "arch": "mlp", "done": True,
            "losses": [0.5, 0.25], "names": ["a", "b"], "sizes": [1, 2, 3], "big": 2**40, "low": -7,
        }  # fmt: skip
        source = write_h5(self.path("facts").with_suffix(".h5"), state)
        self.assert_same(self.load(self.convert(source)), state | {"model": dict(state["model"])})

    def test_lightning_files_keep_their_dictionaries(self):
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        take_step(model, optimizer, 0)
        state = {
            "epoch": 1, "global_step": 20, "pytorch-lightning_version": "2.5.0",
            "state_dict": dict(model.state_dict()),
            "loops": {"fit_loop": {"epoch_progress": {"total": {"ready": 2, "done": 1}}}},
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [{"last_epoch": 1, "step_size": 5}],
        }  # fmt: skip
        source = write_h5(self.path("lightning").with_suffix(".h5"), state)
        self.assert_same(self.load(self.convert(source, suffix=".ckpt")), state)

    def test_an_optimizer_alone_is_its_state_dict(self):
        model = network()
        optimizer = torch.optim.AdamW(model.parameters(), 0.01)
        take_step(model, optimizer, 0)
        source = write_h5(self.path("optimizer").with_suffix(".h5"), optimizer.state_dict())
        self.assert_same(self.load(self.convert(source)), optimizer.state_dict())

    def test_a_state_without_its_groups_is_refused_until_they_are_said(self):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), 0.03, momentum=0.9)
        take_step(model, optimizer, 0)
        arrays = dict(model.state_dict())
        for index, slots in optimizer.state_dict()["state"].items():
            arrays[f"optimizer.state.{index}.momentum_buffer"] = slots["momentum_buffer"]
        source = self.path("dump").with_suffix(".npz")
        np.savez(source, **{key: value.numpy() for key, value in arrays.items()})
        target = self.path("refused").with_suffix(".pt")
        self.assert_error(
            self.flywheel("convert", source, target, status=2), "param_groups", "--rule"
        )
        path = self.convert(source, "--rule", "pytorch", "--lr", 0.03, "--momentum", 0.9)
        self.assert_goes_on(path, model, optimizer)

    def assert_goes_on(self, path: Path, model, optimizer, steps: int = 1) -> dict:
        """The file, loaded into a fresh model and optimizer, takes the same steps as the run that it is of."""
        found = self.load(path)
        other = network()
        for parameter in other.parameters():
            parameter.data.zero_()
        other.load_state_dict(found["model"])
        groups = [
            {"params": [list(other.parameters())[index] for index in group["params"]]}
            for group in optimizer.state_dict()["param_groups"]
        ]
        fresh = type(optimizer)(groups, lr=1.0)
        fresh.load_state_dict(found["optimizer"])
        for seed in range(5, 5 + steps):
            take_step(model, optimizer, seed)
            take_step(other, fresh, seed)
            for left, right in zip(other.parameters(), model.parameters()):
                self.assertTrue(same_bits(left, right), f"step {seed}")
        self.assert_same(
            {key: value for key, value in fresh.state_dict().items() if key == "state"},
            {key: value for key, value in optimizer.state_dict().items() if key == "state"},
        )
        return found

    def test_every_optimizer_takes_the_step_that_it_would_have_taken(self):
        for name, variants in OPTIMIZERS.items():
            for numbers in variants:
                with self.subTest(optimizer=name, numbers=numbers):
                    model = network()
                    optimizer = getattr(torch.optim, name)(model.parameters(), **numbers)
                    for seed in range(3):
                        take_step(model, optimizer, seed)
                    state = {
                        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 2,
                    }  # fmt: skip
                    source = write_h5(self.path("state").with_suffix(".h5"), state)
                    found = self.assert_goes_on(self.convert(source), model, optimizer, steps=2)
                    expected = copy.deepcopy(state["optimizer"])
                    self.assertEqual(found["epoch"], 2)
                    # step_sizes come as the floats that they are.
                    self.assertEqual(found["optimizer"]["param_groups"], expected["param_groups"])

    def test_several_groups_stay_apart_and_keep_their_names(self):
        model = network()
        named = dict(model.named_parameters())
        optimizer = torch.optim.AdamW(
            [
                {"params": [(name, named[name]) for name in named if name.endswith("bias")]},
                {
                    "params": [(name, named[name]) for name in named if name.endswith("weight")],
                    "weight_decay": 0.3, "lr": 0.02, "own": "note",
                },
            ],
            lr=0.01,
        )  # fmt: skip
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        take_step(model, optimizer, 0)
        scheduler.step()
        state = {"model": dict(model.state_dict()), "optimizer": optimizer.state_dict()}
        source = write_h5(self.path("groups").with_suffix(".h5"), state)
        self.assert_same(self.load(self.convert(source)), state)


SAMPLES = 24

# Rules of a Flywheel run, and what torch calls their optimizer.
RULES = {
    "sgd": ("SGD", ["--rule", "pytorch", "--lr", 0.1]),
    "momentum": ("SGD", ["--rule", "pytorch", "--lr", 0.1, "--momentum", 0.9]),
    "dampening": (
        "SGD",
        ["--rule", "pytorch", "--lr", 0.1, "--momentum", 0.9, "--dampening", 0.3, "--weight-decay", 0.01],
    ),
    "nesterov": (
        "SGD",
        ["--rule", "pytorch", "--lr", 0.1, "--momentum", 0.9, "--nesterov", "--weight-decay", 0.01],
    ),
    "groups": (
        "SGD",
        [
            "--rule", "pytorch", "--lr", 0.1, "--momentum", 0.9, "--weight-decay", 0.02,
            "--group", "*.bias:weight_decay=0,learning_rate=0.2",
        ],
    ),
    "adam": ("Adam", ["--rule", "adam", "--lr", 0.01, "--weight-decay", 0.01]),
    "adamw": ("AdamW", ["--rule", "adamw", "--lr", 0.01, "--weight-decay", 0.1]),
    "amsgrad": ("Adam", ["--rule", "adam", "--lr", 0.01, "--amsgrad"]),
    "rmsprop": ("RMSprop", ["--rule", "rmsprop", "--lr", 0.01, "--momentum", 0.9, "--centered"]),
    "adagrad": ("Adagrad", ["--rule", "adagrad", "--lr", 0.05]),
}  # fmt: skip


class Runs(WritingTestCase):
    """A run that Flywheel trained goes on in torch."""

    def trained(self, *settings, precision: str = "float64", epochs: int = 6) -> Path:
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, SAMPLES, 4, 3)
        return self.train(
            "--data", data, "--layers", "16-6-3", "--activation", "tanh", "--training", SAMPLES,
            "--validation", 0, "--batch-size", SAMPLES, "--epochs", epochs, "--precision", precision,
            "--save-every-steps", 1, "--keep", 99, *settings,
        )  # fmt: skip

    def resumed(self, found: dict, kind: str, dtype: np.dtype) -> Torch:
        """A model and an optimizer that know nothing but what the file says."""
        groups = found["optimizer"]["param_groups"]
        task = Task(
            {name: np.zeros(value.shape, dtype) for name, value in found["model"].items()},
            [({"learning_rate": 1.0}, group["param_names"]) for group in groups],
        )
        trainer = Torch("adam", task)
        named = dict(trainer.model.named_parameters())
        trainer.optimizer = getattr(torch.optim, kind)(
            [{"params": [named[name] for name in group["param_names"]]} for group in groups]
        )
        trainer.model.load_state_dict(found["model"])
        trainer.optimizer.load_state_dict(found["optimizer"])
        return trainer

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        from support import structured_images

        images = structured_images(1, SAMPLES, 4, 4, 3)
        return images.inputs, images.labels

    def test_torch_goes_on_where_flywheel_would_have_gone(self):
        inputs, labels = self.data()
        for precision, tolerance in (("float64", 1e-12), ("float32", 2e-5)):
            for name, (kind, settings) in RULES.items():
                with self.subTest(name, precision=precision):
                    run = self.trained(*settings, precision=precision)
                    # Nobody has to say that .pt is for torch.
                    found = self.load(self.convert(checkpoints(run)[3]))
                    self.assertEqual((found["step"], found["epoch"]), (3, 3))
                    trainer = self.resumed(found, kind, np.dtype(precision))
                    self.assertEqual(
                        set(found["optimizer"]["param_groups"][0]),
                        {"param_names", *getattr(torch.optim, kind)(
                            trainer.model.parameters()
                        ).state_dict()["param_groups"][0]},
                    )  # fmt: skip
                    for _ in range(3):
                        trainer.step(inputs.astype(precision), labels)
                    expected = checkpoint.read(newest(run)).tensors
                    for parameter, value in trainer.parameters.items():
                        np.testing.assert_allclose(
                            value, expected[f"model/{parameter}"], tolerance, tolerance
                        )

    def test_a_run_before_its_first_step_starts_in_torch(self):
        inputs, labels = self.data()
        run = self.trained(*RULES["adam"][1])
        trainer = self.resumed(self.load(self.convert(checkpoints(run)[0])), "Adam", np.float64)
        for _ in range(6):
            trainer.step(inputs, labels)
        expected = checkpoint.read(newest(run)).tensors
        for parameter, value in trainer.parameters.items():
            np.testing.assert_allclose(value, expected[f"model/{parameter}"], 1e-11, 1e-12)

    def test_adamw_says_so_to_adam(self):
        run = self.trained(*RULES["adamw"][1], epochs=1)
        groups = self.load(self.convert(run))["optimizer"]["param_groups"]
        self.assertIs(groups[0]["decoupled_weight_decay"], True)

    def test_a_run_under_a_rule_of_keras_goes_on_under_torchs(self):
        inputs, labels = self.data()
        run = self.trained("--rule", "keras", "--lr", 0.1, "--momentum", 0.9)
        trainer = self.resumed(self.load(self.convert(checkpoints(run)[3])), "SGD", np.float64)
        for _ in range(3):
            trainer.step(inputs, labels)
        expected = checkpoint.read(newest(run)).tensors
        for parameter, value in trainer.parameters.items():
            np.testing.assert_allclose(value, expected[f"model/{parameter}"], 1e-12, 1e-12)

    def test_a_run_that_torch_cannot_go_on_with_says_what_to_do(self):
        run = self.trained("--rule", "keras_adam", "--lr", 0.01, epochs=1)
        target = self.path("refused").with_suffix(".pt")
        result = self.flywheel("convert", run, target, status=2)
        self.assert_error(result, "No rule of 'pytorch'", "--to flywheel")
        found = self.load(self.convert(run, "--to", "flywheel"))
        self.assertIn("model/layers.0.weight", found)

    def test_a_schedule_says_where_it_started(self):
        run = self.trained(
            *RULES["momentum"][1], "--schedule", "step:every=2,factor=0.5", epochs=4
        )
        (group,) = self.load(self.convert(checkpoints(run)[3]))["optimizer"]["param_groups"]
        self.assertEqual((group["lr"], group["initial_lr"]), (0.05, 0.1))

    def test_what_torch_does_not_know_lies_beside(self):
        run = self.trained(*RULES["momentum"][1], epochs=1)
        found = self.load(self.convert(run))
        self.assertLessEqual({"model", "optimizer", "step", "epoch", "flywheel.metadata"}, set(found))
        source = checkpoint.read(newest(run))
        for key, value in source.tensors.items():
            if key.startswith(("random/", "history/")):
                self.assertEqual(found[key].numpy().tobytes(), value.tobytes())
