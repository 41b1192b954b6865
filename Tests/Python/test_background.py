"""All at once: Adam, groups, a schedule, clipping. Such a run goes on as if nothing had happened."""

import random
import signal
import time

import checkpoint
from support import checkpoints, newest, newest_step, only_full, step_of
from test_resume import ResumeTestCase

# A state with all that it can hold.
ADAM = [
    "--rule", "adam", "--learning-rate", 0.004, "--weight-decay", 0.01, "--amsgrad",
    "--group", "*.bias:weight_decay=0,learning_rate=0.01", "--clip-norm", 0.8,
    "--schedule", "cosine:over=900,end=0.05,unit=step,warmup=170,warmup_start=0.1",
]  # fmt: skip
RULES = {
    "Adam": [*ADAM, "--schedule", "cosine:over=100,end=0.05,unit=step,warmup=25,warmup_start=0.1"],
    "AdamW by epochs": [
        "--rule", "adamw", "--learning-rate", 0.004, "--group", "*.bias:weight_decay=0",
        "--schedule", "step:every=2,factor=0.5,warmup=1", "--clip-norm", 1,
    ],
    "RMSprop": [
        "--rule", "rmsprop", "--learning-rate", 0.001, "--momentum", 0.7, "--centered",
        "--group", "layers.1.*:momentum=0", "--schedule", "linear:over=7,end=0.2",
    ],
    "SGD": [
        "--rule", "pytorch", "--momentum", 0.9, "--nesterov", "--clip-norm", 0.5,
        "--group", "layers.0.weight:momentum=0,nesterov=false",
        "--schedule", "multi_step:at=20-50-700,factor=0.5,unit=step,warmup=10",
    ],
    "Nielsen": [
        "--rule", "nielsen", "--momentum", 0.5, "--weight-decay", 2,
        "--group", "layers.1.*:learning_rate=0.05", "--schedule", "cosine:over=5,end=0.5,warmup=2",
    ],
}  # fmt: skip


class ExactResume(ResumeTestCase):
    """Bit for bit, from inside an epoch."""

    def test_steps_in_two_processes_equal_those_in_one(self):
        """N steps are k and then N - k, in float32 and float64."""
        settings = [
            *self.settings("small"), "--epochs", 6, "--save-every-steps", 7, "--keep", 1000
        ]  # fmt: skip
        for rule, flags in RULES.items():
            for precision in ("float32", "float64"):
                with self.subTest(rule=rule, precision=precision):
                    straight = self.train(*settings, *flags, "--precision", precision)
                    files = {step_of(path): path for path in checkpoints(straight)}
                    # At first, in the warm-up, inside the third epoch, and just before the end.
                    for k in (0, 7, 49, 126):
                        run = self.path("continued")
                        self.resume(files[k], "--output", run)
                        self.assert_same_end(run, straight)

    def test_signals_inside_an_epoch_change_nothing(self):
        self.check_signals(precisions=("float32", "float64"), seed=1)

    @only_full("many signals")
    def test_many_signals_inside_epochs_change_nothing(self):
        for seed in range(2, 12):
            self.check_signals(precisions=("float32", "float64"), seed=seed)

    def check_signals(self, precisions: tuple, seed: int) -> None:
        generator = random.Random(seed)
        for precision in precisions:
            settings = [
                *self.settings(), *ADAM, "--precision", precision, "--save-every-steps", 20,
                "--seed", seed,
            ]  # fmt: skip
            straight = self.train(*settings)
            last = newest_step(straight)
            run = self.path("interrupted")
            command = ["train", *settings, "--output", run]
            for place, (number, status) in enumerate(
                ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, None))
            ):
                with self.subTest(precision=precision, signal=number, seed=seed):
                    target = int(last * (0.1 + 0.25 * place + 0.2 * generator.random()))
                    process = self.start_until(target, *command, run=run)
                    time.sleep(generator.uniform(0, 0.005))
                    process.send_signal(number)
                    if status is None:
                        process.communicate()
                        self.assertEqual(process.returncode, -signal.SIGKILL)
                    else:
                        self.assertEqual(self.finish(process).status, status)
                    saved = checkpoint.read(newest(run)).document
                    self.assertLess(saved["optimizer"]["step"], last)
                    command = ["resume", run]
            self.resume(run)
            self.assert_same_end(run, straight)

