"""`flywheel convert` of whole training states: to other dialects and rules and back, to go on with `resume`."""

from pathlib import Path

import numpy as np

import checkpoint
from support import TestCase, checkpoints, newest, write_structured
from test_handover import RATE, SECOND_SEED, SGD, Handover

SAMPLES, BATCH = 23, 5  # 5 steps an epoch, the last of 3 samples

GROUPED = [
    "--rule", "pytorch", "--lr", 0.05, "--momentum", 0.9, "--weight-decay", 0.01,
    "--group", "*.bias:weight_decay=0",
]  # fmt: skip
PLAIN = ["--rule", "pytorch", "--lr", 0.05, "--momentum", 0.9]
# A rate that is 0 before the first step tells nothing of the scale of the others.
WARM = "constant:warmup=3,warmup_start=0,unit=step"


class StateTestCase(TestCase):
    """A small run that saves each of its steps, and conversions whose results are all verified."""

    def trained(self, *settings, precision: str = "float64", epochs: int = 3) -> Path:
        data = self.folder / "data"
        if not data.exists():
            write_structured(data, SAMPLES, 4, 3)
        return self.train(
            "--data", data, "--layers", "16-6-3", "--activation", "tanh", "--training", SAMPLES,
            "--validation", 0, "--batch-size", BATCH, "--epochs", epochs, "--precision", precision,
            "--save-every-steps", 1, "--keep", 99, *settings,
        )  # fmt: skip

    def convert(self, source: Path, kind: str, *arguments) -> Path:
        target = self.path("converted").with_suffix(kind)
        self.facts = self.flywheel("convert", source, target, *arguments, "--json").json
        self.flywheel("verify", target)
        return target

    def refuses(self, source: Path, *arguments, words: list) -> None:
        target = self.path("refused").with_suffix(".npz")
        self.assert_error(self.flywheel("convert", source, target, *arguments, status=2), *words)
        self.assertFalse(target.exists())

    def distance(self, found: dict, expected: dict) -> float:
        self.assertEqual(list(found), list(expected))
        return max(
            np.abs(found[name] - value).max() / np.abs(value).max()
            for name, value in expected.items()
        )


def comparable(file: checkpoint.Checkpoint, tensors_too: bool) -> dict:
    """A document without what equal states may differ in, and perhaps without its tensors' checksums."""
    document = file.stable_document()
    if not tensors_too:
        for entry in document["tensors"].values():
            del entry["crc32"]
    return document


class ThereAndBack(StateTestCase):
    def test_to_the_convention_of_nielsen_and_back_is_the_state_to_two_ulps(self):
        for precision in ("float32", "float64"):
            with self.subTest(precision=precision):
                source = checkpoints(self.trained(*GROUPED, precision=precision))[7]
                there = self.convert(source, ".npz", "--to", "nielsen")
                with np.load(there) as file:
                    names = set(file.files)
                self.assertLessEqual({"weights.0", "biases.1", "velocity.weights.1"}, names)
                back = self.convert(there, ".h5", "--to", "flywheel", "--rule", "pytorch")
                found, expected = checkpoint.read(back), checkpoint.read(source)
                self.assertEqual(found.tensors.keys(), expected.tensors.keys())
                for name, value in expected.tensors.items():
                    if name in expected.document["tensors"] and "velocity" in name:
                        self.assertEqual(found.tensors[name].dtype, value.dtype)
                        np.testing.assert_array_max_ulp(found.tensors[name], value, maxulp=2)
                    else:
                        self.assertEqual(found.tensors[name].tobytes(), value.tobytes(), name)
                documents = [comparable(each, False) for each in (found, expected)]
                # The trainer's groups list their parameters by name instead of a pattern.
                own, typed = (each["trainer"]["optimizer"].pop("groups") for each in documents)
                self.assertEqual(own[0].pop("parameters"), ["layers.0.bias", "layers.1.bias"])
                self.assertEqual(typed[0].pop("parameters"), ["*.bias"])
                self.assertEqual(own, typed)
                self.assertEqual(*documents)

    def test_a_dialect_alone_changes_no_bit(self):
        for settings in (GROUPED, ["--rule", "adam", "--amsgrad"], ["--rule", "rmsprop"]):
            with self.subTest(rule=settings[1]):
                source = checkpoints(self.trained(*settings, precision="float32"))[7]
                there = self.convert(source, ".npz", "--to", "pytorch")
                self.assertIsNone(self.facts["conversion"])
                back = self.convert(there, ".h5", "--to", "flywheel")
                self.assertIsNone(self.facts["conversion"])
                found, expected = checkpoint.read(back), checkpoint.read(source)
                self.assertEqual(list(found.tensors), list(expected.tensors))
                for name, value in expected.tensors.items():
                    self.assertEqual(found.tensors[name].tobytes(), value.tobytes(), name)
                self.assertEqual(comparable(found, True), comparable(expected, True))


class GoingOn(StateTestCase):
    """A run that changes its rule on the way ends where the one ends that never did."""

    # Before the first step, after it, in the middle of an epoch, and between two.
    PLACES = (0, 1, 7, 10)

    def check(self, settings: list, rule: str, *arguments) -> dict:
        """Converts a run at several places; returns the last one's group of numbers."""
        run = self.trained(*settings)
        expected = checkpoint.read(newest(run))
        for place in self.PLACES:
            with self.subTest(rule=rule, place=place, settings=settings):
                state = self.convert(checkpoints(run)[place], ".h5", "--rule", rule, *arguments)
                end = self.path()
                self.resume(state, "--output", end)
                found = checkpoint.read(newest(end))
                self.assertEqual(found.document["optimizer"]["rule"], rule)
                self.assertEqual(found.step, expected.step)
                self.assertLessEqual(self.distance(found.model, expected.model), 1e-12)
                losses = [file.history["training_loss"] for file in (found, expected)]
                np.testing.assert_allclose(*losses, rtol=1e-11)
                self.flywheel("verify", end)
        return found.document["optimizer"]["groups"][0]

    def test_at_a_constant_rate(self):
        for rule in ("nielsen", "keras", "caffe", "cs231n"):
            self.check(GROUPED, rule)
        self.check([*PLAIN, "--nesterov"], "sklearn")

    def test_under_a_schedule_where_the_momentum_follows_the_rate(self):
        for schedule in ("cosine:over=15,unit=step,end=0.1", "step:every=1,factor=0.5"):
            for rule in ("nielsen", "keras"):
                group = self.check([*GROUPED, "--schedule", schedule], rule)
                self.assertIs(group["momentum_correction"], True)

    def test_under_a_schedule_that_a_rule_of_another_scale_multiplies(self):
        for schedule in ("cosine:over=15,unit=step,end=0.1", WARM):
            group = self.check([*PLAIN, "--schedule", schedule], "cs230")
            self.assertEqual(group["initial_learning_rate"], 0.5)

    def test_of_adam_without_epsilon(self):
        adam = ["--rule", "adam", "--lr", 0.01, "--epsilon", 0]
        for settings in ([], ["--amsgrad"], ["--schedule", "cosine:over=15,unit=step"]):
            self.check([*adam, *settings], "keras_adam")

    def test_with_another_rate_from_there_on(self):
        """It is the run whose schedule drops it there; without a new rule the trainer follows, too."""
        dropped = self.trained(*PLAIN, "--schedule", "multi_step:at=7,factor=0.1,unit=step")
        expected = checkpoint.read(newest(dropped))
        source = checkpoints(self.trained(*PLAIN))[7]
        drop = ["--next-learning-rate", 0.005]
        for settings in ([], ["--rule", "nielsen"], ["--rule", "cs230"], ["--rule", "keras"]):
            with self.subTest(settings=settings):
                end = self.path()
                self.resume(self.convert(source, ".h5", *drop, *settings), "--output", end)
                found = checkpoint.read(newest(end))
                self.assertLessEqual(self.distance(found.model, expected.model), 1e-12)
        # The drop is no trifle.
        end = self.path()
        self.resume(source, "--output", end)
        found = checkpoint.read(newest(end))
        self.assertGreater(self.distance(found.model, expected.model), 1e-2)


class TheNextRate(Handover):
    def test_a_velocity_that_holds_the_rate_is_scaled_by_that_of_the_next_step(self):
        library, archive = self.trained("pytorch", "pytorch", SGD)
        before = library.parameters
        for group in library.optimizer.param_groups:
            group["lr"] = RATE / 10
        self.go(library, SECOND_SEED)
        expected = library.parameters

        def found(*arguments, rate: float) -> dict:
            state = self.path("nielsen").with_suffix(".npz")
            self.flywheel(
                "convert", archive, state, "--from", "pytorch", *self.flags("pytorch", SGD),
                "--to", "nielsen", "--quiet", *arguments,
            )  # fmt: skip
            self.flywheel("verify", state)
            run = self.train(
                "--from", state, "--lr", rate, "--data", self.data, "--layers", "16-6-3",
                "--activation", "tanh", "--precision", "float64", "--training", len(self.images),
                "--validation", 0, "--batch-size", 5, "--epochs", 1, "--seed", SECOND_SEED,
            )  # fmt: skip
            return checkpoint.read(newest(run)).model

        right = found("--next-learning-rate", RATE / 10, rate=RATE / 10)
        self.assertLessEqual(self.distance(right, expected), 1e-12)
        # Scaled by the rate that has gone, the velocity is ten times too long. Of the way that the weights
        # go from here, that is a large share.
        wrong = found(rate=RATE / 10)
        way, off = (
            np.concatenate([(these[name] - those[name]).ravel() for name in before])
            for these, those in ((expected, before), (wrong, expected))
        )
        self.assertGreater(np.linalg.norm(off) / np.linalg.norm(way), 0.1)


class Refusals(StateTestCase):
    def test_decoupled_decay_with_a_look_ahead_has_no_coupled_form(self):
        run = self.trained(
            "--rule", "keras", "--lr", 0.05, "--momentum", 0.9, "--nesterov", "--weight-decay", 0.1
        )
        self.refuses(
            newest(run), "--to", "pytorch", "--rule", "pytorch",
            words=["impossible", "layers.0.weight", "decoupled", "Nesterov"],
        )  # fmt: skip

    def test_two_learning_rates_have_no_room_where_there_is_one(self):
        run = self.trained(*PLAIN, "--group", "*.bias:learning_rate=0.1")
        self.refuses(
            newest(run), "--to", "nielsen",
            words=["'nielsen'", "learning_rate", "0.05", "0.1", "layers.0.bias"],
        )  # fmt: skip

    def test_one_next_rate_is_not_that_of_groups_with_several(self):
        run = self.trained(*PLAIN, "--group", "*.bias:learning_rate=0.1")
        self.refuses(
            newest(run), "--next-learning-rate", 0.01,
            words=["0.05, 0.1", "--next-learning-rate"],
        )  # fmt: skip

    def test_a_schedule_says_the_next_rate_itself(self):
        run = self.trained(*PLAIN, "--schedule", "cosine:over=9", epochs=2)
        self.refuses(
            newest(run), "--next-learning-rate", 0.01, words=["schedule", "--next-learning-rate"]
        )

    def test_what_is_not_exact_is_done_on_request_and_bounded(self):
        source = newest(self.trained("--rule", "adam", "--epsilon", 1e-4))
        to = ["--to", "keras", "--rule", "keras_adam"]
        self.refuses(source, *to, words=["epsilon", "--approximate"])
        self.convert(source, ".npz", *to, "--approximate")
        for part in self.facts["conversion"]:
            self.assertEqual(part["verdict"], "bounded")
            self.assertGreater(part["largest_error"], 0)

    def test_families_apart_are_refused_with_one_reason(self):
        source = newest(self.trained("--rule", "adam"))
        self.refuses(source, "--rule", "pytorch", words=["different families", "second moment"])

    def test_a_checkpoint_that_knows_its_own_numbers_is_not_told_them(self):
        source = newest(self.trained(*PLAIN))
        for flag, *value in (
            ("--group", "*.bias:weight_decay=0"), ("--step", 3), ("--last-learning-rate", 0.1),
        ):  # fmt: skip
            self.refuses(source, "--to", "nielsen", flag, *value, words=[flag, "document"])


class Reports(StateTestCase):
    def test_a_dialect_that_fits_alone_is_recognised_and_said(self):
        run = self.trained(*PLAIN)
        archive = self.path("torch").with_suffix(".npz")
        arrays = checkpoint.read(newest(run)).model
        velocity = checkpoint.read(newest(run)).velocity
        np.savez(
            archive, **arrays,
            **{f"{name}.momentum_buffer": value for name, value in velocity.items()},
        )  # fmt: skip
        told = ["--learning-rate", 0.05, "--momentum", 0.9, "--step", 15]
        target = self.convert(archive, ".h5", "--to", "flywheel", *told)
        self.assertEqual(
            self.facts["from"], {"dialect": "pytorch", "recognised": True, "rule": "pytorch"}
        )
        self.assertEqual(self.facts["to"], {"dialect": "flywheel", "rule": "pytorch"})
        self.assertEqual(self.facts["step"], 15)
        for name, value in arrays.items():
            np.testing.assert_array_equal(checkpoint.read(target).model[name], value)
        text = self.flywheel("convert", archive, self.path("t").with_suffix(".npz"), *told).stdout
        self.assertIn("from pytorch (recognised), rule pytorch", text)

    def test_several_dialects_that_fit_are_listed(self):
        archive = self.path("plain").with_suffix(".npz")
        np.savez(archive, **{"W1": np.ones((4, 4)), "b1": np.zeros(4)})
        self.refuses(
            archive, "--to", "pytorch", "--learning-rate", 0.1,
            words=["2 dialects", "'cs230'", "'cs231n'", "Say which it is"],
        )  # fmt: skip

    def test_rates_that_no_checkpoint_can_hold_are_refused(self):
        archive = self.path("torch").with_suffix(".npz")
        np.savez(archive, **{"layers.0.weight": np.ones((2, 3)), "layers.0.bias": np.ones(2)})
        told = ["--from", "pytorch", "--rule", "pytorch", "--learning-rate", 0.1, "--momentum", 0.9]
        for flag in ("--last-learning-rate", "--next-learning-rate"):
            for value in (-1, "nan", "inf"):
                self.refuses(archive, *told, flag, value, words=[flag, "at least 0"])

    def test_facts_for_scripts(self):
        source = newest(self.trained(*GROUPED))
        self.convert(source, ".npz", "--to", "nielsen")
        facts = self.facts
        self.assertEqual(facts["from"]["dialect"], "flywheel")
        self.assertIs(facts["from"]["recognised"], False)
        self.assertEqual(facts["to"], {"dialect": "nielsen", "rule": "nielsen"})
        self.assertEqual([facts["content"], facts["source"]["format"], facts["target"]["format"]],
                         ["checkpoint", "hdf5", "npz"])  # fmt: skip
        [group] = facts["groups"]
        self.assertEqual(group["parameters"], list(checkpoint.read(source).model))
        numbers = group["hyperparameters"]
        decay = 0.01 * SAMPLES
        self.assertAlmostEqual(numbers["weight_decay"], decay)
        self.assertEqual([numbers["learning_rate"], numbers["momentum"]], [0.05, 0.9])
        words = group["in_the_words_of_the_dialect"]
        self.assertEqual([words["eta"], words["mu"]], [0.05, 0.9])
        self.assertAlmostEqual(words["lmbda"], decay)
        weights, biases = facts["conversion"]
        self.assertEqual(weights["parameters"], ["layers.0.weight", "layers.1.weight"])
        for part in (weights, biases):
            self.assertEqual(part["verdict"], "exact_while_rate_is_constant")
            self.assertIn("momentum_t", part["explanation"])
            self.assertIsNone(part["largest_error"])
            self.assertEqual(
                part["buffers"],
                [{"slot": "velocity", "source": "velocity", "scale": -0.05, "weight_share": 0,
                  "constant": 0}],
            )  # fmt: skip
