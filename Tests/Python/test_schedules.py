"""Groups of parameters, learning rates that change, and clipped gradients, against PyTorch's."""

import itertools
import math
from fnmatch import fnmatch

import checkpoint
import reference
from test_optimizers import EPOCHS, HALF, STEPS, TOLERANCE, HundredSteps, torch_optimizer

BATCHES = 7  # in an epoch
LAST = EPOCHS * BATCHES

# Each shape in both units: as typed, PyTorch's schedulers, and the counts at which one gives way to
# the next. What is shorter than the run shows what comes after its end.
SHAPES = {
    ("constant", "step"): ("constant", [("ConstantLR", {"factor": 1.0})], []),
    ("constant", "epoch"): ("constant", [("ConstantLR", {"factor": 1.0})], []),
    ("step", "step"): (
        "step:every=9,factor=0.7", [("StepLR", {"step_size": 9, "gamma": 0.7})], [],
    ),
    ("step", "epoch"): (
        "step:every=4,factor=0.5", [("StepLR", {"step_size": 4, "gamma": 0.5})], [],
    ),
    ("multi_step", "step"): (
        "multi_step:at=1-30-31-88,factor=0.4",
        [("MultiStepLR", {"milestones": [1, 30, 31, 88], "gamma": 0.4})], [],
    ),
    ("multi_step", "epoch"): (
        "multi_step:at=2-3-9,factor=0.3",
        [("MultiStepLR", {"milestones": [2, 3, 9], "gamma": 0.3})], [],
    ),
    # PyTorch's cosine would rise again after its end: there a constant takes its place.
    ("cosine", "step"): (
        "cosine:over=80,end=0.1",
        [("CosineAnnealingLR", {"T_max": 80}), ("ConstantLR", {"factor": 0.1})], [80],
    ),
    ("cosine", "epoch"): (
        "cosine:over=9,end=0.1",
        [("CosineAnnealingLR", {"T_max": 9}), ("ConstantLR", {"factor": 0.1})], [9],
    ),
    ("linear", "step"): (
        "linear:over=70,end=0.25",
        [("LinearLR", {"start_factor": 1.0, "end_factor": 0.25, "total_iters": 70})], [],
    ),
    ("linear", "epoch"): (
        "linear:over=11,end=0.25",
        [("LinearLR", {"start_factor": 1.0, "end_factor": 0.25, "total_iters": 11})], [],
    ),
}  # fmt: skip

# Over how many units a warm-up goes, and where it starts; PyTorch's cannot start at 0.
WARMUPS = {"step": (13, 0.2), "epoch": (3, 0.2)}


def typed(shape: str, unit: str, has_warmup: bool) -> str:
    """A row of the table as the command line has it."""
    text = SHAPES[shape, unit][0]
    text += ("," if ":" in text else ":") + f"unit={unit}"
    if has_warmup:
        over, start = WARMUPS[unit]
        text += f",warmup={over},warmup_start={start}"
    return text


def torch_scheduler(optimizer, shape: str, unit: str, has_warmup: bool, end: float = 0.1):
    """PyTorch's scheduler for a row of the table."""
    import torch

    kinds = torch.optim.lr_scheduler
    _, parts, milestones = SHAPES[shape, unit]
    schedulers = []
    if has_warmup:
        over, start = WARMUPS[unit]
        schedulers.append(kinds.LinearLR(optimizer, start, 1.0, over))
        milestones = [over, *(over + place for place in milestones)]
    for name, options in parts:
        if name == "CosineAnnealingLR":
            # One number for all groups, so that they must have one rate.
            (rate,) = {group.get("initial_lr", group["lr"]) for group in optimizer.param_groups}
            options = options | {"eta_min": 0.1 * rate}
        if name == "ConstantLR":
            options = options | {"total_iters": 10**9}
        schedulers.append(getattr(kinds, name)(optimizer, **options))
    return kinds.SequentialLR(optimizer, schedulers, milestones)


class ScheduleTestCase(HundredSteps):
    def every(self, unit: str, *settings) -> dict[int, checkpoint.Checkpoint]:
        """The checkpoints of a run after each step, or after each epoch and some steps."""
        run = self.run_of(
            *settings, "--save-every-epochs", 1, "--save-every-steps", 1 if unit == "step" else 10
        )
        files = self.files(run)
        self.assertEqual(len(files), LAST + 1 if unit == "step" else 1 + EPOCHS + LAST // 10 - 1)
        return files

    def check_scheduled(
        self,
        files: dict[int, checkpoint.Checkpoint],
        run: reference.TorchRun,
        scheduler,
        unit: str,
    ) -> None:
        """The rates of each step that was saved, and the state after each epoch, are PyTorch's."""
        plan = reference.plan(files[0])
        initial = [group["initial_lr"] for group in run.optimizer.param_groups]
        last = [None] * len(initial)
        for step in range(LAST + 1):
            if step > 0:
                batch = self.images[plan.batch(step - 1)]
                last = run.learning_rates
                run.step(batch.inputs, batch.labels)
                if unit == "step" or step % BATCHES == 0:
                    scheduler.step()
            if step not in files:
                continue
            file = files[step]
            groups = file.document["optimizer"]["groups"]
            self.assert_rates(groups, "learning_rate", run.learning_rates, initial, file.step)
            self.assert_rates(groups, "last_learning_rate", last, initial, file.step)
            self.assertEqual([group["initial_learning_rate"] for group in groups], initial)
            position = file.step if unit == "step" else file.step // BATCHES
            self.assertEqual(file.document["schedule"]["position"], position)
            if file.step % BATCHES == 0:
                self.assert_same_state(run, file)

    def assert_rates(self, groups: list, name: str, expected: list, initial: list, step) -> None:
        for group, rate, scale in zip(groups, expected, initial, strict=True):
            if rate is None:
                self.assertIsNone(group[name])
            else:
                self.assertAlmostEqual(
                    group[name], rate, delta=TOLERANCE * scale, msg=f"{name} after step {step}"
                )


class Schedules(ScheduleTestCase):
    def test_each_schedule_equals_pytorchs_with_and_without_warmup(self):
        for (shape, unit), has_warmup in itertools.product(SHAPES, (False, True)):
            text = typed(shape, unit, has_warmup)
            with self.subTest(schedule=text):
                files = self.every(
                    unit, "--learning-rate", 0.3, "--momentum", 0.9, "--schedule", text
                )
                make = torch_optimizer("SGD", {"lr": 0.3, "momentum": 0.9})
                run = reference.TorchRun(files[0], make)
                # A scheduler writes its first rate into the optimizer when it is made.
                scheduler = torch_scheduler(run.optimizer, shape, unit, has_warmup)
                self.check_scheduled(files, run, scheduler, unit)
                self.check_history(files)

    def check_history(self, files: dict[int, checkpoint.Checkpoint]) -> None:
        """An epoch's row has the rate of its last step."""
        history = files[LAST].history
        self.assertEqual(len(history["learning_rate"]), EPOCHS)
        for step, rate in zip(history["step"], history["learning_rate"], strict=True):
            (group,) = files[step].document["optimizer"]["groups"]
            self.assertEqual(rate, group["last_learning_rate"])

    def test_schedules_of_adam_equal_pytorchs(self):
        for shape, unit in (("cosine", "step"), ("linear", "epoch")):
            with self.subTest(shape=shape, unit=unit):
                files = self.every(
                    unit, "--rule", "adam", "--learning-rate", 0.02,
                    "--schedule", typed(shape, unit, True),
                )  # fmt: skip
                run = reference.TorchRun(files[0], torch_optimizer("Adam", {"lr": 0.02}))
                scheduler = torch_scheduler(run.optimizer, shape, unit, True)
                self.check_scheduled(files, run, scheduler, unit)

    def test_the_defaults_of_a_schedule_are_as_documented(self):
        """Epochs, from a third at first, down to nothing, and a tenth each time."""

        def cosine(t: int) -> float:
            return (1 + math.cos(math.pi * t / 8)) / 2 if t < 8 else 0

        for text, factor in (
            ("constant", lambda t: 1),
            ("constant:warmup=4", lambda t: min((1 + 2 * t / 4) / 3, 1)),
            ("step:every=3", lambda t: 0.1 ** (t // 3)),
            ("multi_step:at=2-5", lambda t: 0.1 ** ((t >= 2) + (t >= 5))),
            ("linear:over=8", lambda t: max(0, 1 - t / 8)),
            ("cosine:over=8", cosine),
            ("cosine:over=8,warmup=2", lambda t: (1 + t) / 3 if t < 2 else cosine(t - 2)),
        ):
            with self.subTest(schedule=text):
                run = self.run_of("--learning-rate", 0.3, "--schedule", text)
                for step, file in self.files(run).items():
                    (group,) = file.document["optimizer"]["groups"]
                    self.assertAlmostEqual(
                        group["learning_rate"], 0.3 * factor(step // BATCHES), delta=1e-15
                    )

    def test_nielsens_velocity_keeps_the_rate_of_its_step(self):
        """The rule as its book has it, with another rate at each step: no scheduler knows it."""
        files = self.every(
            "step", "--rule", "nielsen", "--learning-rate", 0.3, "--momentum", 0.6,
            "--weight-decay", 1, "--schedule", "linear:over=90,end=0.1,unit=step",
        )  # fmt: skip
        plan = reference.plan(files[0])
        network, optimizer = reference.network(files[0]), reference.optimizer(files[0])
        for file in list(files.values())[1:]:
            done = file.step - 1
            optimizer.learning_rate = 0.3 * max(0.1, 1 - 0.9 * done / 90)
            batch = self.images[plan.batch(done)]
            gradients = network.gradients(batch.inputs, batch.labels)
            optimizer.step(network.parameters, gradients)
            self.assert_close(file.model, network.parameters, f"step {file.step}")
            self.assert_close(file.velocity, optimizer.velocity, f"step {file.step}")


# A rule, its groups as typed, and the same in PyTorch's words: what all have, and for each group
# the names of its parameters with what differs.
GROUPS = {
    "biases without decay": (
        "--rule pytorch --learning-rate 0.1 --momentum 0.9 --weight-decay 0.05",
        ["*.bias:weight_decay=0"],
        "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05},
        [(["*.weight"], {}), (["*.bias"], {"weight_decay": 0.0})],
    ),
    "one without momentum": (
        "--rule pytorch --learning-rate 0.1 --momentum 0.8 --weight-decay 0.01",
        ["layers.1.weight:momentum=0,learning_rate=0.3"],
        "SGD", {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.01},
        [
            (["layers.0.*", "layers.1.bias"], {}),
            (["layers.1.weight"], {"momentum": 0.0, "lr": 0.3}),
        ],
    ),
    "three, the first that matches counts": (
        "--rule pytorch --learning-rate 0.1 --momentum 0.9",
        [
            "layers.0.*:learning_rate=0.02,momentum=0.5,dampening=0.25",
            "*.bias:learning_rate=0.2,nesterov=true",
        ],
        "SGD", {"lr": 0.1, "momentum": 0.9},
        [
            (["layers.1.weight"], {}),
            (["layers.0.*"], {"lr": 0.02, "momentum": 0.5, "dampening": 0.25}),
            (["layers.1.bias"], {"lr": 0.2, "nesterov": True}),
        ],
    ),
    "several names in one": (
        "--rule pytorch --learning-rate 0.1 --momentum 0.9",
        ["layers.0.bias,layers.1.weight:learning_rate=0.01"],
        "SGD", {"lr": 0.1, "momentum": 0.9},
        [
            (["layers.0.weight", "layers.1.bias"], {}),
            (["layers.0.bias", "layers.1.weight"], {"lr": 0.01}),
        ],
    ),
    "Adam": (
        "--rule adam --learning-rate 0.01 --weight-decay 0.02",
        [
            "*.bias:learning_rate=0.03,weight_decay=0,beta1=0.5,beta2=0.9",
            "layers.1.weight:epsilon=0.01,amsgrad=true",
        ],
        "Adam", {"lr": 0.01, "weight_decay": 0.02},
        [
            (["layers.0.weight"], {}),
            (["*.bias"], {"lr": 0.03, "weight_decay": 0.0, "betas": (0.5, 0.9)}),
            (["layers.1.weight"], {"eps": 0.01, "amsgrad": True}),
        ],
    ),
    "AdamW": (
        "--rule adamw --learning-rate 0.02 --weight-decay 0.3",
        ["*.bias:weight_decay=0"],
        "AdamW", {"lr": 0.02, "weight_decay": 0.3},
        [(["*.weight"], {}), (["*.bias"], {"weight_decay": 0.0})],
    ),
    "RMSprop": (
        "--rule rmsprop --learning-rate 0.01",
        ["*.bias:momentum=0.7,learning_rate=0.002", "layers.1.weight:centered=true,alpha=0.8"],
        "RMSprop", {"lr": 0.01},
        [
            (["layers.0.weight"], {}),
            (["*.bias"], {"momentum": 0.7, "lr": 0.002}),
            (["layers.1.weight"], {"centered": True, "alpha": 0.8}),
        ],
    ),
    # In PyTorch's convention, decay is divided by the number of samples and is for weights alone.
    "Nielsen": (
        "--rule nielsen --learning-rate 0.1 --momentum 0.6 --weight-decay 0.54",
        ["layers.1.*:learning_rate=0.2,weight_decay=0.27,momentum=0.3"],
        "SGD", {"lr": 0.1, "momentum": 0.6},
        [
            (["layers.0.weight"], {"weight_decay": 0.02}),
            (["layers.0.bias"], {}),
            (["layers.1.weight"], {"lr": 0.2, "momentum": 0.3, "weight_decay": 0.01}),
            (["layers.1.bias"], {"lr": 0.2, "momentum": 0.3}),
        ],
    ),
}  # fmt: skip


def flags(settings: str, groups: list[str]) -> list[str]:
    return [*settings.split(), *(word for group in groups for word in ("--group", group))]


def grouped_optimizer(name: str, options: dict, groups: list):
    """Makes PyTorch's optimizer with groups as its users write them."""

    def make(parameters: dict):
        import torch

        chosen = [
            {
                "params": [
                    value
                    for name, value in parameters.items()
                    if any(fnmatch(name, pattern) for pattern in patterns)
                ]
            }
            | others
            for patterns, others in groups
        ]
        assert sum(len(group["params"]) for group in chosen) == len(parameters)
        return getattr(torch.optim, name)(chosen, foreach=False, **options)

    return make


class Groups(ScheduleTestCase):
    def test_groups_equal_pytorchs(self):
        for case, (settings, typed_groups, *in_torch) in GROUPS.items():
            with self.subTest(groups=case):
                files = self.trace(*flags(settings, typed_groups))
                run = reference.TorchRun(files[0], grouped_optimizer(*in_torch))
                self.check_trajectory(run, files)

    def test_a_checkpoint_says_which_parameter_has_which_numbers(self):
        for case, (settings, typed_groups, *in_torch) in GROUPS.items():
            if case == "Nielsen":
                continue  # PyTorch has two groups for each of its
            with self.subTest(groups=case):
                file = self.trace(*flags(settings, typed_groups))[HALF]
                document = file.document
                run = reference.TorchRun(file, grouped_optimizer(*in_torch))
                self.assertEqual(len(document["optimizer"]["groups"]), len(run.groups))
                for index, (options, names) in enumerate(run.groups):
                    group = reference.hyperparameters(document["optimizer"]["groups"][index])
                    self.assertEqual(group, reference.flywheel_group(options, list(group)))
                    found = [
                        item["name"] for item in document["parameters"] if item["group"] == index
                    ]
                    self.assertEqual(sorted(found), sorted(names))

    def test_a_group_without_momentum_keeps_no_buffer(self):
        settings, typed_groups, *_ = GROUPS["one without momentum"]
        file = self.trace(*flags(settings, typed_groups))[HALF]
        self.assertEqual(set(file.velocity), set(file.model) - {"layers.1.weight"})
        settings, typed_groups, *_ = GROUPS["RMSprop"]
        file = self.trace(*flags(settings, typed_groups))[HALF]
        self.assertEqual(set(file.slots["momentum_buffer"]), {"layers.0.bias", "layers.1.bias"})
        self.assertEqual(set(file.slots["grad_avg"]), {"layers.1.weight"})

    def test_the_state_of_groups_changes_hands(self):
        """As without groups: PyTorch goes on from Flywheel's state, and Flywheel from PyTorch's."""
        for case, (settings, typed_groups, *in_torch) in GROUPS.items():
            with self.subTest(groups=case):
                files = self.trace(*flags(settings, typed_groups))
                run = reference.TorchRun(files[HALF])
                self.check_trajectory(run, files, first=HALF)
                run = reference.TorchRun(files[0], grouped_optimizer(*in_torch))
                self.go(run, range(HALF), reference.plan(files[0]))
                document, tensors = run.written_over(files[HALF], HALF)
                file = checkpoint.write(self.path("torch.h5"), document, tensors)
                output = self.path("continued")
                self.flywheel("resume", file, "--data", self.data, "--output", output)
                self.check_trajectory(run, self.files(output), first=HALF)

    def test_a_schedule_changes_the_rate_of_each_group_in_proportion(self):
        settings, typed_groups, *in_torch = GROUPS["Adam"]
        for shape, unit in (("step", "step"), ("linear", "step"), ("multi_step", "epoch")):
            with self.subTest(shape=shape, unit=unit):
                files = self.every(
                    unit, *flags(settings, typed_groups), "--schedule", typed(shape, unit, True)
                )
                run = reference.TorchRun(files[0], grouped_optimizer(*in_torch))
                scheduler = torch_scheduler(run.optimizer, shape, unit, True)
                self.check_scheduled(files, run, scheduler, unit)


class Clipping(ScheduleTestCase):
    # A norm that some gradients exceed and others do not.
    NORM = 0.5

    def check_clipped(self, files: dict, run: reference.TorchRun) -> None:
        run.max_norm = self.NORM
        plan = reference.plan(files[0])
        norms = []
        for step in range(STEPS):
            batch = self.images[plan.batch(step)]
            norms.append(run.step(batch.inputs, batch.labels))
            if step + 1 in files:
                self.assert_same_state(run, files[step + 1])
        self.assertGreater(sum(norm > self.NORM for norm in norms), STEPS // 10)
        self.assertGreater(sum(norm < self.NORM for norm in norms), STEPS // 10)

    def test_clipped_gradients_equal_pytorchs(self):
        for settings, name, options in (
            ("--rule pytorch --learning-rate 0.1 --momentum 0", "SGD", {"lr": 0.1}),
            ("--learning-rate 0.1 --momentum 0.5", "SGD", {"lr": 0.1, "momentum": 0.5}),
            ("--rule adam --learning-rate 0.005", "Adam", {"lr": 0.005}),
            (
                "--rule rmsprop --learning-rate 0.002 --momentum 0.5 --weight-decay 0.1",
                "RMSprop", {"lr": 0.002, "momentum": 0.5, "weight_decay": 0.1},
            ),
        ):  # fmt: skip
            with self.subTest(rule=settings):
                files = self.trace(*settings.split(), "--clip-norm", self.NORM)
                clipping = files[0].document["optimizer"]["clipping"]
                self.assertEqual(clipping, {"max_norm": self.NORM})
                run = reference.TorchRun(files[0], torch_optimizer(name, options))
                self.check_clipped(files, run)

    def test_the_norm_is_that_of_all_groups_together(self):
        for case in ("one without momentum", "Nielsen"):
            with self.subTest(groups=case):
                settings, typed_groups, *in_torch = GROUPS[case]
                files = self.trace(*flags(settings, typed_groups), "--clip-norm", self.NORM)
                self.check_clipped(
                    files, reference.TorchRun(files[0], grouped_optimizer(*in_torch))
                )


class AllTogether(ScheduleTestCase):
    """Adam with groups, a cosine after a warm-up, and clipping: the state changes hands."""

    SETTINGS = [
        "--rule", "adam", "--learning-rate", "0.02", "--weight-decay", "0.01",
        "--group", "*.bias:weight_decay=0,beta1=0.8", "--clip-norm", "0.5",
        "--schedule", "cosine:over=84,unit=step,warmup=13,warmup_start=0.2",
    ]  # fmt: skip
    GROUPS = [(["*.weight"], {}), (["*.bias"], {"weight_decay": 0.0, "betas": (0.8, 0.999)})]

    def scheduler(self, run: reference.TorchRun):
        from torch.optim import lr_scheduler

        return lr_scheduler.SequentialLR(
            run.optimizer,
            [
                lr_scheduler.LinearLR(run.optimizer, 0.2, 1.0, 13),
                lr_scheduler.CosineAnnealingLR(run.optimizer, 84),
            ],
            [13],
        )

    def run_from(self, file: checkpoint.Checkpoint) -> reference.TorchRun:
        make = grouped_optimizer("Adam", {"lr": 0.02, "weight_decay": 0.01}, self.GROUPS)
        run = reference.TorchRun(file, make)
        run.max_norm = 0.5
        return run

    def go_scheduled(self, run: reference.TorchRun, scheduler, steps: range, plan) -> None:
        for step in steps:
            self.go(run, range(step, step + 1), plan)
            scheduler.step()

    def test_pytorch_goes_on_from_flywheels_checkpoint(self):
        from torch.optim.lr_scheduler import CosineAnnealingLR

        files = self.trace(*self.SETTINGS)
        run = self.run_from(files[HALF])
        document = files[HALF].document
        for (group, _), saved in zip(run.groups, document["optimizer"]["groups"], strict=True):
            group["lr"] = saved["learning_rate"]
            group["initial_lr"] = saved["initial_learning_rate"]
        # PyTorch counts from the end of the warm-up, and a scheduler takes one step as it is made.
        position = document["schedule"]["position"] - document["schedule"]["warmup"]["over"]
        scheduler = CosineAnnealingLR(run.optimizer, 84, last_epoch=position - 1)
        self.go_scheduled(run, scheduler, range(HALF, STEPS - 10), reference.plan(files[0]))
        self.assert_same_state(run, files[STEPS - 10])

    def test_flywheel_goes_on_from_pytorchs_state(self):
        files = self.trace(*self.SETTINGS)
        plan = reference.plan(files[0])
        run = self.run_from(files[0])
        scheduler = self.scheduler(run)
        last = None
        for step in range(HALF):
            last = run.learning_rates
            self.go_scheduled(run, scheduler, range(step, step + 1), plan)
        document, tensors = run.written_over(files[HALF], HALF)
        for group, rate in zip(document["optimizer"]["groups"], last, strict=True):
            group["last_learning_rate"] = rate
        file = checkpoint.write(self.path("torch.h5"), document, tensors)
        output = self.path("continued")
        self.flywheel("resume", file, "--data", self.data, "--output", output)
        self.go_scheduled(run, scheduler, range(HALF, STEPS - 10), plan)
        self.assert_same_state(run, self.files(output)[STEPS - 10])

    def test_a_state_that_contradicts_its_trainer_is_refused(self):
        """The document says these twice, or a buffer is missing: to go on would be a guess."""
        file = self.trace(*self.SETTINGS)[HALF]

        def changed(**sections) -> dict:
            document = file.document
            for section, members in sections.items():
                document[section] |= members
            return document

        def grouped(*groups) -> dict:
            return changed(optimizer={"groups": list(groups)})

        first, second = file.document["optimizer"]["groups"]
        parameters = file.document["parameters"]
        moved = [item | {"group": 1} if "weight" in item["name"] else item for item in parameters]
        key = "optimizer/exp_avg_sq/layers.0.bias"
        whole, buffer = file.tensors, file.tensors[key]
        cases = {
            "another shape": (changed(schedule={"over": 83}), whole),
            "another unit": (changed(schedule={"unit": "epoch"}), whole),
            "another warm-up": (changed(schedule={"warmup": None}), whole),
            "another position": (changed(schedule={"position": HALF + 1}), whole),
            "no schedule": (file.document | {"schedule": None}, whole),
            "another rate": (grouped(first | {"learning_rate": 0.5}, second), whole),
            "another first rate": (grouped(first | {"initial_learning_rate": 0.5}, second), whole),
            "another beta": (grouped(first, second | {"beta1": 0.7}), whole),
            "a group too few": (grouped(first), whole),
            "a group too many": (grouped(first, second, second), whole),
            "a parameter of another group": (file.document | {"parameters": moved}, whole),
            "another clipping": (changed(optimizer={"clipping": {"max_norm": 0.6}}), whole),
            "no clipping": (changed(optimizer={"clipping": None}), whole),
            "another rule": (changed(optimizer={"rule": "adamw"}), whole),
            "a buffer is missing": (
                file.document, {name: value for name, value in whole.items() if name != key},
            ),
            "all buffers are missing": (
                file.document,
                {name: value for name, value in whole.items() if not name.startswith("optimizer")},
            ),
            "a buffer too many": (
                file.document, whole | {"optimizer/max_exp_avg_sq/layers.0.bias": buffer},
            ),
            "a buffer of another shape": (file.document, whole | {key: buffer[1:]}),
            "a buffer of another type": (file.document, whole | {key: buffer.astype("float32")}),
        }  # fmt: skip
        for case, (document, tensors) in cases.items():
            with self.subTest(change=case):
                path = checkpoint.write(self.path("contradiction.h5"), document, tensors)
                result = self.flywheel(
                    "resume", path, "--data", self.data, "--output", self.path(), status=2
                )
                self.assert_error(result, path)
