"""Training throughput: Flywheel, numpy and eager PyTorch on the same images, one thread each."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure import ENVIRONMENT, Contender, Series, Worker, interleaved
from report import Table, Target, times

LEARNING_RATE, MOMENTUM = 0.01, 0.9
WORKERS = Path(__file__).parent / "workers"


@dataclass(frozen=True)
class Setting:
    layers: tuple[int, ...]
    batch: int
    loss: str = "softmax_cross_entropy"

    @property
    def network(self) -> str:
        return "-".join(map(str, self.layers))

    @property
    def name(self) -> str:
        loss = "" if self.loss == "softmax_cross_entropy" else ", sigmoid CE"
        return f"{self.network}, batch {self.batch}{loss}"

    @property
    def numbers(self) -> dict:
        """What the Python trainers need beside the layers."""
        return {
            "batch": self.batch,
            "loss": self.loss,
            "learning_rate": LEARNING_RATE,
            "momentum": MOMENTUM,
        }


SMALL = [
    *(Setting((784, 30, 10), batch) for batch in (10, 32, 128)),
    *(Setting((784, 100, 10), batch) for batch in (10, 32, 128)),
    Setting((784, 30, 10), 10, "sigmoid_cross_entropy"),
]
LARGE = [Setting((784, 512, 512, 10), 128)]


class Flywheel:
    """`flywheel train`, a process of its own each time; it reports its pace itself."""

    def __init__(self, binary: Path, data: Path, scratch: Path, images: int):
        self.binary, self.data, self.scratch, self.images = binary, data, scratch, images

    def train(self, setting: Setting, epochs: int, *more: str) -> dict:
        """The printed result, with the CPU and wall seconds that training took."""
        run = self.scratch / "run"
        shutil.rmtree(run, ignore_errors=True)
        command = [
            *(self.binary, "train", "--quiet", "--json", "--output", run, "--data", self.data),
            *("--layers", setting.network, "--activation", "sigmoid", "--loss", setting.loss),
            *("--rule", "pytorch", "--learning-rate", LEARNING_RATE, "--momentum", MOMENTUM),
            *("--batch-size", setting.batch, "--last-batch", "drop", "--epochs", epochs),
            *("--initialization", "pytorch", "--validation", 0, "--save-every-epochs", 0),
            *more,
        ]
        result = subprocess.run(
            [str(word) for word in command], env=ENVIRONMENT, capture_output=True, text=True
        )
        if result.returncode != 0:
            raise SystemExit(f"error: {' '.join(map(str, command))}\n{result.stderr}")
        return json.loads(result.stdout)

    def pace(self, setting: Setting, seconds: float) -> Contender:
        """Trains for as many whole epochs as take about so much CPU time."""
        rate = 0.0

        def contender() -> dict:
            nonlocal rate
            epochs = max(1, math.ceil(seconds * rate / self.images))
            rate = self.train(setting, epochs)["samples_per_cpu_second"]
            timing = (self.scratch / "run" / "timing.jsonl").read_text().splitlines()
            wall = sum(json.loads(line)["seconds"] for line in timing)
            return {"cpu": [1 / rate], "wall": [wall / (epochs * self.images)]}

        return contender


class Trainers:
    """All contenders."""

    def __init__(self, flywheel: Flywheel, accelerated: Flywheel | None):
        self.flywheel, self.accelerated = flywheel, accelerated
        self.numpy = Worker([sys.executable, str(WORKERS / "numpy_trainer.py")])
        self.torch = Worker([sys.executable, str(WORKERS / "torch_trainer.py")])
        for worker in (self.numpy, self.torch):
            worker.ask("load", directory=str(flywheel.data))

    def close(self) -> None:
        self.numpy.close()
        self.torch.close()

    def contenders(self, setting: Setting, seconds: float) -> dict[str, Contender]:
        contenders = {"flywheel": self.flywheel.pace(setting, seconds)}
        if self.accelerated:
            contenders["accelerated"] = self.accelerated.pace(setting, seconds)
        for name, worker in (
            *(("fast", self.numpy), ("textbook", self.numpy)),
            *(("eager", self.torch), ("fused", self.torch)),
        ):
            contenders[name] = self.worker_pace(worker, name, setting, seconds)
        return contenders

    @staticmethod
    def worker_pace(worker: Worker, name: str, setting: Setting, seconds: float) -> Contender:
        def contender() -> dict:
            answer = worker.ask(
                "train",
                name=name,
                layers=setting.layers,
                cpu_seconds=seconds,
                **setting.numbers,
            )
            return {key: [answer[key] / answer["samples"]] for key in ("cpu", "wall")}

        return contender

    def check(self) -> str:
        """Has numpy repeat 200 steps of Flywheel: the contenders compute the same thing."""
        results = []
        for loss in ("softmax_cross_entropy", "sigmoid_cross_entropy"):
            setting = Setting((784, 30, 10), 10, loss)
            count = 2000
            self.flywheel.train(setting, 1, "--training", str(count), "--keep", "2", "--seed", "3")
            first, last = sorted((self.flywheel.scratch / "run" / "checkpoints").iterdir())
            answer = self.numpy.ask(
                "check",
                first=str(first),
                last=str(last),
                count=count,
                seed=3,
                **setting.numbers,
            )
            moved = answer.pop("moved")
            if max(answer.values()) > 1e-4 * moved:
                raise SystemExit(f"error: numpy and Flywheel disagree on {loss}: {answer}")
            results.append(max(answer.values()) / moved)
        return (
            "Checked before the clock ran: from one Flywheel checkpoint, in Flywheel's order of "
            "samples, both numpy trainers arrive at the weights of the checkpoint 200 steps later "
            f"(largest difference {max(results):.0e} of the largest change, float32)."
        )


def thousands(series: Series) -> str:
    return f"{1e-3 / series.median:.1f}"


def measure(
    title: str,
    settings: list[Setting],
    trainers: Trainers,
    rounds: int,
    seconds: float,
    note_load: Callable[[], None],
) -> tuple[Table, list[Target]]:
    rows, targets = [], []
    for setting in settings:
        note_load()
        series = interleaved(trainers.contenders(setting, seconds), rounds, setting.name)
        flywheel, fast = series["flywheel"], series["fast"]
        torch = min(series["eager"], series["fused"], key=lambda s: s.median)
        rows.append(
            [setting.name, *map(thousands, series.values())]
            + [times(other.median / flywheel.median) for other in (fast, series["textbook"], torch)]
        )
        print("  " + "  ".join(rows[-1]), file=sys.stderr)
        if setting.layers == (784, 30, 10) and setting.batch == 10:
            for name, wanted, other in (
                ("the fast numpy", 4, fast),
                ("the faster eager torch", 15, torch),
            ):
                targets.append(
                    Target(
                        f"{setting.name}: flywheel / {name}",
                        wanted,
                        other.median / flywheel.median,
                        other.best / flywheel.best,
                    )
                )
        if trainers.accelerated:
            for name, other in (("the fast numpy", fast), ("the faster eager torch", torch)):
                accelerated = series["accelerated"]
                targets.append(
                    Target(
                        f"{setting.name}: accelerated / {name}",
                        1,
                        other.median / accelerated.median,
                        other.best / accelerated.best,
                    )
                )
    head = ["network", "flywheel"] + (["accelerated"] if trainers.accelerated else [])
    head += ["numpy fast", "numpy textbook", "torch SGD", "torch SGD fused"]
    head += ["flywheel / numpy fast", "/ textbook", "/ torch"]
    return Table(title, head, rows), targets
