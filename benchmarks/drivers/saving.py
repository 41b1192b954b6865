"""What saving after every epoch costs training: not at all, at once, behind training."""

import json
import statistics
from collections.abc import Callable

from measure import Contender, interleaved
from report import Table, Target, milliseconds, share
from training import Flywheel, Setting

SETTING = Setting((784, 100, 10), 10)
POLICIES = {
    "no saves but the first and the last": ("--save-every-epochs", "0"),
    "each epoch, behind training": ("--save-every-epochs", "1", "--background"),
    "each epoch, at once": ("--save-every-epochs", "1", "--no-background"),
}


def measure(
    flywheel: Flywheel, rounds: int, epochs: int, note_load: Callable[[], None]
) -> tuple[Table, list[Target]]:
    waited: dict[str, list[float]] = {name: [] for name in POLICIES}

    def contender(name: str) -> Contender:
        def run() -> dict:
            rate = flywheel.train(SETTING, epochs, *POLICIES[name])["samples_per_cpu_second"]
            lines = (flywheel.scratch / "run" / "timing.jsonl").read_text().splitlines()
            # The first line has the save before the first step, every other that of the epoch before.
            timing = [json.loads(line) for line in lines][1:]
            waited[name] += [line["saving_seconds"] for line in timing]
            return {
                "cpu": [flywheel.images / rate],
                "wall": [line["seconds"] for line in timing],
            }

        return run

    note_load()
    series = interleaved({name: contender(name) for name in POLICIES}, rounds, "saving")
    rows = []
    for name, each in series.items():
        wait = statistics.median(waited[name])
        rows.append(
            [
                name,
                milliseconds(each.median),
                milliseconds(each.median_wall),
                milliseconds(wait),
                share(wait / each.median_wall),
                share(sum(waited[name]) / sum(each.wall)),
            ]
        )
    name = "each epoch, behind training"
    wall = series[name].wall
    target = Target(
        f"{SETTING.name}: {name}: training waits / epoch",
        0.01,
        statistics.median(waited[name]) / statistics.median(wall),
        min(waited[name]) / min(wall),
        at_least=False,
    )
    head = ["saves", "CPU ms an epoch", "wall ms an epoch", "training waits ms"]
    head += ["of an epoch", "of it all, by means"]
    return Table(f"Saving while training {SETTING.name}", head, rows), [target]
