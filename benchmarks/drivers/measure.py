"""Workers, rounds and the statistics of what they answer."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# One thread each: two that spin for each other on a shared machine measure the machine.
ENVIRONMENT = os.environ | {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class Worker:
    """A process that stays warm and does one operation for each line it is sent."""

    def __init__(self, command: Sequence[str], processors: int | None = None):
        """Starts it; on no more than so many processors, if it is said and the system can do that."""
        restrict = None
        if processors is not None and hasattr(os, "sched_setaffinity"):
            few = sorted(os.sched_getaffinity(0))[:processors]

            def restrict() -> None:
                os.sched_setaffinity(0, few)

        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=ENVIRONMENT,
            preexec_fn=restrict,
        )

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps({"operation": operation, **request}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the worker ended"}
        if "error" in answer:
            raise SystemExit(f"error: {operation} {request}: {answer['error']}")
        return answer

    def confirm(self, path: str, size: tuple[int, int]) -> None:
        """Has HDF5Worker load a file, and ends the program if it finds not that many arrays and bytes."""
        answer = self.ask("load", path=path, count=1)
        if (answer["count"], answer["bytes"]) != size:
            raise SystemExit(f"error: of {size} libhdf5 finds in {path} {answer}")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Series:
    """What one contender took, repetition by repetition, in seconds per unit of work."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def add(self, answer: dict[str, Any]) -> None:
        self.cpu += answer["cpu"]
        self.wall += answer["wall"]

    @property
    def median(self) -> float:
        return statistics.median(self.cpu)

    @property
    def best(self) -> float:
        return min(self.cpu)

    @property
    def median_wall(self) -> float:
        return statistics.median(self.wall)

    @property
    def json(self) -> dict[str, Any]:
        return {"cpu": self.cpu, "wall": self.wall}


Contender = Callable[[], dict[str, Any]]


def interleaved(
    contenders: dict[str, Contender],
    rounds: int,
    label: str,
    seldom: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Series]:
    """Each contender once a round, the first one another in each round; one more round, to warm up,
    is not counted. What takes long may be seldom: not in the warm-up, then in every so manieth
    round."""
    series = {name: Series() for name in contenders}
    names = list(contenders)
    for number in range(-1, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if number % seldom.get(name, 1) != 0:
                continue
            answer = contenders[name]()
            if number >= 0:
                series[name].add(answer)
        if sys.stderr.isatty():
            print(f"\r{label}: round {number + 1} of {rounds} ", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return series


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds, and bytes of memory at most, but no less than this program's."""

    wall: float
    cpu: float
    memory: int


def spawn(command: Sequence[str], expected_status: int = 0) -> Spent:
    """Runs a program to its end with its output thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, null, descriptor) for descriptor in (0, 1, 2)]
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, ENVIRONMENT, file_actions=files)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    os.close(null)
    if os.waitstatus_to_exitcode(status) != expected_status:
        raise SystemExit(f"error: {' '.join(command)} ended with status {status}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)
