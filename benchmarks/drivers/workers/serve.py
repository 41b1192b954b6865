"""The other end of `measure.Worker`: one request a line on standard input, one answer a line."""

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

Operation = Callable[..., dict[str, Any]]


def serve(operations: dict[str, Operation]) -> None:
    """Answers requests until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        answer = operations[request.pop("operation")](**request)
        print(json.dumps(answer), flush=True)


def timed(
    count: int, body: Callable[[], Any], before: Callable[[], None] = lambda: None
) -> dict[str, list[float]]:
    """Wall and CPU seconds of each repetition; what `body` gives is released after the clock."""
    wall, cpu = [], []
    gc.collect()
    gc.disable()
    for _ in range(count):
        before()
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        result = body()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
        del result
    gc.enable()
    return {"wall": wall, "cpu": cpu}
