"""Whole processes, from start to end, that say what is in a checkpoint."""

import shutil
import sys
from pathlib import Path

from measure import Contender, interleaved, spawn
from report import Table, milliseconds, times

LIST = "import sys, h5py; h5py.File(sys.argv[1]).visititems(lambda n, o: print(n, o))"


def measure(flywheel: Path, checkpoint: Path, rounds: int, count: int) -> Table:
    file = str(checkpoint)
    commands = {
        "flywheel --version": [str(flywheel), "--version"],
        "flywheel inspect": [str(flywheel), "inspect", file],
        "flywheel verify": [str(flywheel), "verify", file],
        "h5ls -r": ["h5ls", "-r", file],
        "python -c pass": [sys.executable, "-c", "pass"],
        "python, import h5py, list": [sys.executable, "-c", LIST, file],
    }
    if shutil.which("h5ls") is None:
        del commands["h5ls -r"]

    def contender(command: list[str]) -> Contender:
        def run() -> dict:
            pairs = [spawn(command) for _ in range(count)]
            return {"wall": [wall for wall, _ in pairs], "cpu": [cpu for _, cpu in pairs]}

        return run

    contenders = {name: contender(command) for name, command in commands.items()}
    series = interleaved(contenders, rounds, "start")
    inspect = series["flywheel inspect"]
    rows = [
        [
            name,
            milliseconds(each.median),
            milliseconds(each.best),
            milliseconds(each.median_wall),
            times(each.median / inspect.median),
        ]
        for name, each in series.items()
    ]
    return Table(
        "Whole processes on S", ["", "CPU ms", "best", "wall ms", "CPU / flywheel inspect"], rows
    )
