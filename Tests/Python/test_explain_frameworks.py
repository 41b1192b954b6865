"""`flywheel explain` on traces of the real torch, optax, scikit-learn and Keras."""

import sys

import numpy as np

import trainers
from support import REPOSITORY, TestCase, only_full
from trainers import BATCH, Batches, first_weights

sys.path.insert(0, str(REPOSITORY / "samples" / "explain"))

STEPS = 8


def torch_trace(folder, make, dtype: str, before=lambda step, optimizer: None) -> list:
    """A model with tanh between its layers, its steps dumped by the sample's own lines."""
    import torch

    from torch_dump import dump

    torch.set_num_threads(1)
    kind = getattr(torch, dtype)
    model = torch.nn.Sequential()
    for index, weights in enumerate(first_weights("float64")):
        if index:
            model.append(torch.nn.Tanh())
        layer = torch.nn.Linear(*weights.shape, dtype=kind)
        layer.weight.data = torch.tensor(weights.T.copy()).to(kind)
        layer.bias.data.zero_()
        model.append(layer)
    optimizer = make(torch, model)
    batches = Batches()
    for step in range(STEPS):
        before(step, optimizer)
        inputs, labels = batches.next()
        optimizer.zero_grad()
        scores = model(torch.tensor(inputs).to(kind))
        torch.nn.functional.cross_entropy(scores, torch.tensor(labels)).backward()
        dump(folder, step, model, optimizer)
        optimizer.step()
    return sorted(folder.glob("*.npz"))


def biases_apart(model, **options):
    """A group for biases, without decay, as everybody has it."""
    named = list(model.named_parameters())
    return [
        {"params": [p for name, p in named if name.endswith("weight")], **options},
        {"params": [p for name, p in named if name.endswith("bias")], **options, "weight_decay": 0},
    ]


# What makes an optimizer; what must be among the names, with its numbers; more arguments.
TORCH = {
    "SGD": (lambda t, m: t.optim.SGD(m.parameters(), lr=0.05), "pytorch", {"learning_rate": 0.05}),
    "SGD with momentum": (
        lambda t, m: t.optim.SGD(m.parameters(), lr=0.05, momentum=0.9),
        "pytorch", {"learning_rate": 0.05, "momentum": 0.9},
    ),
    "SGD with decay": (
        lambda t, m: t.optim.SGD(m.parameters(), lr=0.05, momentum=0.9, weight_decay=0.1),
        "pytorch", {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1},
    ),
    "SGD with Nesterov": (
        lambda t, m: t.optim.SGD(
            m.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True
        ),
        "pytorch", {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    ),
    "SGD with dampening": (
        lambda t, m: t.optim.SGD(m.parameters(), lr=0.05, momentum=0.9, dampening=0.3),
        "pytorch", {"learning_rate": 0.05, "momentum": 0.9, "dampening": 0.3},
    ),
    "SGD that climbs": (
        lambda t, m: t.optim.SGD(m.parameters(), lr=0.05, momentum=0.9, maximize=True),
        "pytorch", {"learning_rate": 0.05, "momentum": 0.9, "maximize": True},
    ),
    "Adam": (lambda t, m: t.optim.Adam(m.parameters(), lr=1e-3), "adam", {"learning_rate": 1e-3}),
    "Adam with decay": (
        lambda t, m: t.optim.Adam(m.parameters(), lr=1e-3, weight_decay=0.1),
        "adam", {"learning_rate": 1e-3, "weight_decay": 0.1},
    ),
    "Adam with amsgrad": (
        lambda t, m: t.optim.Adam(m.parameters(), lr=1e-3, amsgrad=True),
        "adam", {"learning_rate": 1e-3, "amsgrad": True},
    ),
    "AdamW": (
        lambda t, m: t.optim.AdamW(m.parameters(), lr=1e-3, weight_decay=0.1),
        "adamw", {"learning_rate": 1e-3, "weight_decay": 0.1},
    ),
    "AdamW with other betas": (
        lambda t, m: t.optim.AdamW(m.parameters(), lr=1e-3, betas=(0.8, 0.95), weight_decay=0.1),
        "adamw", {"learning_rate": 1e-3, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1},
    ),
    "RMSprop": (
        lambda t, m: t.optim.RMSprop(m.parameters(), lr=1e-3), "rmsprop", {"learning_rate": 1e-3}
    ),
    "RMSprop with momentum": (
        lambda t, m: t.optim.RMSprop(m.parameters(), lr=1e-3, momentum=0.9, centered=True),
        "rmsprop", {"learning_rate": 1e-3, "momentum": 0.9, "centered": True},
    ),
    "Adagrad": (
        lambda t, m: t.optim.Adagrad(m.parameters(), lr=1e-2), "adagrad", {"learning_rate": 1e-2}
    ),
}  # fmt: skip


class FrameworkTestCase(TestCase):
    def explain(self, files, *options, statuses=(0,)) -> dict:
        result = self.finish(self.start("explain", "--json", *files, *options))
        self.assertIn(result.status, statuses, result.stderr + result.stdout)
        return result.json

    def assert_named(self, found: dict, rule: str, numbers: dict, share: float) -> None:
        names = {name["rule"]: name for name in found["names"]}
        self.assertIn(rule, names, found.get("verdict"))
        for name, value in numbers.items():
            got = names[rule]["hyperparameters"].get(name)
            if isinstance(value, bool):
                self.assertEqual(got, value, name)
            else:
                self.assertAlmostEqual(got / value, 1, delta=share, msg=name)

    def write(self, folder, steps: list[dict]) -> list:
        folder.mkdir(parents=True)
        for index, arrays in enumerate(steps):
            np.savez(folder / f"step{index:03}.npz", **arrays)
        return sorted(folder.glob("*.npz"))


class TorchTests(FrameworkTestCase):
    def test_every_optimizer_is_named_with_its_numbers(self):
        for name, (make, rule, numbers) in TORCH.items():
            for dtype, share in (("float64", 1e-6), ("float32", 2e-2)):
                with self.subTest(optimizer=name, dtype=dtype):
                    files = torch_trace(self.path("trace"), make, dtype)
                    self.assert_named(self.explain(files), rule, numbers, share)

    def test_a_group_without_decay_is_seen(self):
        files = torch_trace(
            self.path("trace"),
            lambda t, m: t.optim.SGD(
                biases_apart(m, lr=0.05, momentum=0.9, weight_decay=0.1), lr=0.05
            ),
            "float64",
        )
        found = self.explain(
            files, "--against", "torch.SGD(.05, momentum=.9, weight_decay=.1)", statuses=(1,)
        )
        self.assertIn("biases_not_decayed", {f["kind"] for f in found["findings"]})
        self.assertFalse(found["against"]["same"])

    def test_the_rule_that_was_meant_is_the_same_run(self):
        for name, call in (
            ("SGD with decay", "torch.optim.SGD(lr=0.05, momentum=0.9, weight_decay=0.1)"),
            ("AdamW", "torch.optim.AdamW(lr=1e-3, weight_decay=0.1)"),
            ("Adam", "torch.optim.Adam(lr=1e-3)"),
        ):
            for dtype in ("float64", "float32"):
                with self.subTest(optimizer=name, dtype=dtype):
                    files = torch_trace(self.path("trace"), TORCH[name][0], dtype)
                    found = self.explain(files, "--against", call)
                    self.assertTrue(found["against"]["same"])
        files = torch_trace(self.path("trace"), TORCH["Adam with decay"][0], "float64")
        found = self.explain(
            files, "--against", "torch.optim.AdamW(lr=1e-3, weight_decay=0.1)", statuses=(1,)
        )
        self.assertFalse(found["against"]["same"])

    def test_a_schedule_is_seen(self):
        def halve(step, optimizer):
            optimizer.param_groups[0]["lr"] = 0.05 / 2 ** (step // 3)

        files = torch_trace(self.path("trace"), TORCH["SGD with decay"][0], "float64", halve)
        found = self.explain(files)
        rates = [0.05 / 2 ** (step // 3) for step in range(STEPS - 1)]
        np.testing.assert_allclose(found["learning_rates"], rates, rtol=1e-6)
        self.assert_named(found, "pytorch", {"momentum": 0.9, "weight_decay": 0.1}, 1e-6)

    def test_checkpoints_of_every_step_are_a_dump(self):
        """Their buffers have numbers; whose they are the file's own groups say."""
        import torch

        model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
        for number, (make, rule, numbers) in enumerate(
            [
                (lambda t, m: t.optim.SGD(m.parameters(), lr=0.05, momentum=0.9), "pytorch", {"learning_rate": 0.05}),
                (lambda t, m: t.optim.Adam(m.parameters(), lr=0.01), "adam", {"learning_rate": 0.01, "beta1": 0.9}),
            ]
        ):  # fmt: skip
            with self.subTest(rule=rule):
                optimizer = make(torch, model)
                files = []
                for step in range(STEPS):
                    optimizer.zero_grad()
                    inputs, labels = torch.randn(32, 4), torch.randint(0, 3, (32,))
                    torch.nn.functional.cross_entropy(model(inputs), labels).backward()
                    optimizer.step()
                    files.append(self.folder / f"{number}-{step}.pt")
                    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                    torch.save(state, files[-1])
                found = self.explain(files)
                self.assert_named(found, rule, numbers, 1e-3)
                self.assertNotIn("optimizer.state", str(found["names"]))
                self.assertIn(f"the dump says learning_rate {numbers['learning_rate']}", str(found["notes"]))

    def test_dumps_may_be_safetensors(self):
        from safetensors.numpy import save_file

        files = torch_trace(self.path("trace"), TORCH["SGD with decay"][0], "float32")
        others = [path.with_suffix(".safetensors") for path in files]
        for path, other in zip(files, others):
            save_file(dict(np.load(path)), other)
        found, expected = self.explain(others), self.explain(files)
        self.assertEqual(found["names"], expected["names"])
        self.assertEqual(found["findings"], expected["findings"])

    def test_bfloat16_shows_no_more_than_it_can(self):
        import torch

        folder = self.path("trace")
        files = torch_trace(
            folder,
            lambda t, m: t.optim.SGD(m.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4),
            "float32",
        )
        for file in files:
            with np.load(file) as arrays:
                rounded = {
                    name: torch.tensor(array).bfloat16().float().numpy()
                    for name, array in arrays.items()
                }
            np.savez(file, **rounded)
        found = self.explain(files, statuses=(0, 1))
        truth = {"a": 0.9, "b": 1, "c": 1e-4, "p": -0.045, "q": -0.05, "r": -5e-6}
        for name, estimate in found["weights"]["coefficients"].items():
            if name in truth:
                error = abs(estimate["value"] - truth[name])
                self.assertLess(error, 5 * estimate["standard_error"], name)


class OptaxTests(FrameworkTestCase):
    def trace(self, make, dtype="float64", slots=lambda state: {}) -> list:
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
        import optax

        jnp = jax.numpy
        parameters = {}
        for index, weights in enumerate(first_weights(dtype), start=1):
            parameters |= {f"W{index}": jnp.array(weights), f"b{index}": jnp.zeros(weights.shape[1], dtype)}
        depth = len(parameters) // 2

        def loss(parameters, inputs, labels):
            value = inputs
            for index in range(1, depth + 1):
                value = jnp.tanh(value) if index > 1 else value
                value = value @ parameters[f"W{index}"] + parameters[f"b{index}"]
            return optax.softmax_cross_entropy_with_integer_labels(value, labels).mean()

        gradient = jax.jit(jax.grad(loss))
        optimizer = make(optax)
        state = optimizer.init(parameters)
        batches, steps = Batches(), []
        for _ in range(STEPS):
            inputs, labels = batches.next()
            gradients = gradient(parameters, inputs.astype(dtype), labels)
            arrays = dict(parameters) | {f"d{name}": value for name, value in gradients.items()}
            for prefix, tree in slots(state).items():
                arrays |= {prefix.format(name): value for name, value in tree.items()}
            steps.append({name: np.asarray(value) for name, value in arrays.items()})
            updates, state = optimizer.update(gradients, state, parameters)
            parameters = optax.apply_updates(parameters, updates)
        return self.write(self.path("trace"), steps)

    def test_sgd_and_its_decays(self):
        def momentum(state):
            import optax

            return {"v{}": optax.tree_utils.tree_get(state, "trace")}

        for name, make, rule, numbers in (
            ("nesterov", lambda o: o.sgd(0.05, momentum=0.9, nesterov=True), "optax", {"nesterov": True}),
            (
                "coupled",
                lambda o: o.chain(o.add_decayed_weights(0.1), o.sgd(0.05, momentum=0.9)),
                "optax", {"weight_decay": 0.1},
            ),
            (
                "decoupled",
                lambda o: o.chain(
                    o.trace(0.9), o.add_decayed_weights(0.1), o.scale_by_learning_rate(0.05)
                ),
                "optax_decoupled", {"weight_decay": 0.1},
            ),
        ):  # fmt: skip
            for dtype, share in (("float64", 1e-6), ("float32", 2e-2)):
                with self.subTest(name, dtype=dtype):
                    found = self.explain(self.trace(make, dtype, momentum))
                    wanted = {"learning_rate": 0.05, "momentum": 0.9} | numbers
                    self.assert_named(found, rule, wanted, share)

    def test_adam_without_its_buffers(self):
        for name, make, rule, numbers in (
            ("adam", lambda o: o.adam(1e-3), "optax_adam", {"learning_rate": 1e-3}),
            (
                "adamw", lambda o: o.adamw(1e-3, weight_decay=0.1), "optax_adamw",
                {"learning_rate": 1e-3, "weight_decay": 0.1},
            ),
            ("rmsprop", lambda o: o.rmsprop(1e-3), "optax_rmsprop", {"learning_rate": 1e-3}),
        ):  # fmt: skip
            with self.subTest(name):
                self.assert_named(self.explain(self.trace(make)), rule, numbers, 1e-3)

    def test_adam_with_its_buffers(self):
        def moments(state):
            import optax

            get = optax.tree_utils.tree_get
            return {"{}.exp_avg": get(state, "mu"), "{}.exp_avg_sq": get(state, "nu")}

        for dtype, share in (("float64", 1e-6), ("float32", 2e-2)):
            files = self.trace(lambda o: o.adamw(1e-3, weight_decay=0.1), dtype, moments)
            numbers = {"learning_rate": 1e-3, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.999}
            self.assert_named(self.explain(files), "optax_adamw", numbers, share)


class ScikitLearnTests(FrameworkTestCase):
    def trace(self, solver: str, **options) -> list:
        """MLPClassifier's own steps; what its optimizer is given has the decay in it already."""
        from sklearn.neural_network import MLPClassifier

        alpha = 0.1
        weights = first_weights("float64")
        model = MLPClassifier(
            [array.shape[1] for array in weights[:-1]], activation="tanh", alpha=alpha, solver=solver,
            batch_size=1_000_000, shuffle=False, **options,
        )  # fmt: skip
        batches, steps = Batches(), []
        inputs, labels = batches.next()
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.partial_fit(inputs, labels, classes=np.arange(batches.classes))
        optimizer = model._optimizer
        original = optimizer.update_params

        def update(parameters, gradients):
            arrays = {}
            depth = len(weights)
            for kind, start in (("W", 0), ("b", depth)):
                for index in range(depth):
                    value, gradient = parameters[start + index], gradients[start + index]
                    name = f"{kind}{index + 1}"
                    decay = alpha / BATCH * value if kind == "W" else 0
                    arrays |= {name: value.copy(), f"d{name}": gradient - decay}
                    if solver == "sgd":
                        arrays[f"v{name}"] = optimizer.velocities[start + index].copy()
                    else:
                        arrays[f"{name}.exp_avg"] = optimizer.ms[start + index].copy()
                        arrays[f"{name}.exp_avg_sq"] = optimizer.vs[start + index].copy()
            steps.append(arrays)
            original(parameters, gradients)

        optimizer.update_params = update
        for _ in range(STEPS):
            model.partial_fit(*batches.next())
        return self.write(self.path("trace"), steps)

    def test_its_sgd(self):
        for nesterov in (True, False):
            files = self.trace(
                "sgd", learning_rate_init=0.05, momentum=0.9, nesterovs_momentum=nesterov
            )
            found = self.explain(files, "--batch-size", BATCH)
            numbers = {
                "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1, "nesterov": nesterov,
            }  # fmt: skip
            self.assert_named(found, "sklearn", numbers, 1e-6)

    def test_its_adam(self):
        files = self.trace("adam", learning_rate_init=1e-3)
        found = self.explain(files, "--batch-size", BATCH)
        self.assert_named(found, "sklearn_adam", {"learning_rate": 1e-3}, 1e-6)


class KerasTests(FrameworkTestCase):
    @only_full("Keras takes long to start")
    def test_its_optimizers(self):
        import os

        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras
        import torch

        for name, make, rule, numbers in (
            (
                "SGD", lambda o: o.SGD(0.05, momentum=0.9, weight_decay=0.1), "keras",
                {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1},
            ),
            (
                "Nesterov", lambda o: o.SGD(0.05, momentum=0.9, nesterov=True), "keras",
                {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
            ),
            ("Adam", lambda o: o.Adam(1e-3), "keras_adam", {"learning_rate": 1e-3}),
            ("RMSprop", lambda o: o.RMSprop(1e-3), "keras_rmsprop", {"learning_rate": 1e-3}),
        ):  # fmt: skip
            with self.subTest(name):
                keras.config.set_floatx("float64")
                layers = [trainers.Layer(weights) for weights in first_weights("float64")]
                variables = [
                    keras.Variable(value, name=f"{kind}{index + 1}")
                    for index, layer in enumerate(layers)
                    for kind, value in (("W", layer.W), ("b", layer.b))
                ]
                optimizer = make(keras.optimizers)
                optimizer.build(variables)
                batches, steps = Batches(), []
                slots = {
                    "momentum": "v{}", "velocity": "{}.exp_avg_sq" if "Adam" in name else "{}.square_avg",
                }  # fmt: skip
                if name == "Adam":
                    slots = {"momentum": "{}.exp_avg", "velocity": "{}.exp_avg_sq"}
                for _ in range(STEPS):
                    for index, layer in enumerate(layers):
                        layer.W, layer.b = (
                            np.array(variables[2 * index + k].numpy()) for k in (0, 1)
                        )
                    trainers.fill_gradients(layers, *batches.next())
                    arrays, gradients = {}, []
                    for index, layer in enumerate(layers, start=1):
                        arrays |= {f"W{index}": layer.W, f"b{index}": layer.b}
                        arrays |= {f"dW{index}": layer.dW, f"db{index}": layer.db}
                        gradients += [torch.tensor(layer.dW), torch.tensor(layer.db)]
                    for variable in optimizer.variables[2:]:
                        for slot, template in slots.items():
                            if variable.name.endswith(f"_{slot}"):
                                owner = variable.name.removesuffix(f"_{slot}")
                                arrays[template.format(owner)] = np.array(variable.numpy())
                    steps.append(arrays)
                    optimizer.apply(gradients, variables)
                found = self.explain(self.write(self.path("trace"), steps))
                self.assert_named(found, rule, numbers, 1e-4)

    @only_full("Keras takes long to start")
    def test_its_files_of_every_step_are_a_dump(self):
        """Which variables are the optimizer's buffers, and its numbers, the model's configuration says."""
        import os

        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras

        # Other tests may have left a policy of 64 bits, under which Keras still decays by a factor of 32.
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        for suffix in (".keras", ".h5"):
            for rule, make, numbers in (
                ("keras", lambda o: o.SGD(0.05, momentum=0.9, weight_decay=0.1), {"weight_decay": 0.1}),
                ("keras_adam", lambda o: o.Adam(0.01), {"learning_rate": 0.01, "beta1": 0.9}),
            ):
                with self.subTest(suffix, rule=rule):
                    keras.utils.set_random_seed(1)
                    model = keras.Sequential(
                        [keras.Input((4,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3)]
                    )
                    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                    model.compile(optimizer=make(keras.optimizers), loss=loss)
                    random = np.random.default_rng(0)
                    files = []
                    for step in range(STEPS):
                        inputs, labels = random.normal(size=(32, 4)), random.integers(0, 3, 32)
                        model.train_on_batch(inputs.astype(np.float32), labels)
                        files.append(self.folder / f"{rule}-{step}{suffix}")
                        model.save(files[-1])
                    found = self.explain(files)
                    self.assert_named(found, rule, numbers, 1e-3)
                    self.assertIn("the dump says learning_rate 0.0", str(found["notes"]))
