"""Whole processes, from start to end, that say what is in a checkpoint."""

import shutil
import sys
from pathlib import Path

from measure import interleaved
from processes import H5PY_LIST, running
from report import Table, milliseconds, times


def measure(flywheel: Path, checkpoint: Path, rounds: int, count: int) -> Table:
    file = str(checkpoint)
    commands = {
        "flywheel --version": [flywheel, "--version"],
        "flywheel inspect": [flywheel, "inspect", file],
        "flywheel verify": [flywheel, "verify", file],
        "h5ls -r": ["h5ls", "-r", file],
        "python -c pass": [sys.executable, "-c", "pass"],
        "python, import h5py, list": [sys.executable, "-c", H5PY_LIST, file],
    }
    if shutil.which("h5ls") is None:
        del commands["h5ls -r"]

    contenders = {name: running(command, count) for name, command in commands.items()}
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
