#!/usr/bin/env python3
"""Makes Tests/Fixtures/pickles/pickles.json with Python's own pickler: bytes, and what they print as.

It is committed: run this only to add one. What the Swift tests print of the graph that they read must be the same.
"""

import collections
import io
import json
import pickle
from pathlib import Path

FIXTURE = Path(__file__).resolve().parents[1] / "Fixtures" / "pickles" / "pickles.json"


class Storage:
    """What lies outside of a pickle, under an identifier."""

    def __init__(self, *identifier) -> None:
        self.identifier = identifier


class Call:
    """What is pickled as the call of a global."""

    def __init__(self, function, *arguments, state=None) -> None:
        self.function, self.arguments, self.state = function, arguments, state

    def __reduce__(self):
        return (self.function, self.arguments, self.state)[: 2 if self.state is None else 3]


class Parameter:
    """What is pickled as a new object, with its attributes as its state."""

    def __init__(self, **attributes) -> None:
        vars(self).update(attributes)


Parameter.__module__ = "torch.nn.parameter"


def named(module: str, name: str):
    """A global that need not exist here: picklers look it up, which these tests make them skip."""

    def function():
        """Never called."""

    function.__module__, function.__qualname__, function.__name__ = module, name, name
    return function


REBUILD = named("torch._utils", "_rebuild_tensor_v2")
FLOATS = named("torch", "FloatStorage")


class Pickler(pickle._Pickler):
    """Python's pickler in Python, which is told the names of globals instead of looking them up."""

    def persistent_id(self, value):
        return value.identifier if isinstance(value, Storage) else None

    def save_global(self, value, name=None):
        if getattr(value, "__module__", None) not in ("torch", "torch._utils", "torch.nn.parameter"):
            return super().save_global(value, name)
        if self.proto >= 4:
            self.save(value.__module__)
            self.save(value.__qualname__)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{value.__module__}\n{value.__qualname__}\n".encode())
        self.memoize(value)

    dispatch = dict(pickle._Pickler.dispatch)
    dispatch[type(REBUILD)] = save_global


def printed(value) -> str:
    """A value as the Swift tests print it."""
    if isinstance(value, Storage):
        return f"persistent {printed(value.identifier)}"
    if isinstance(value, Call):
        arguments = ", ".join(map(printed, value.arguments))
        name = f"{value.function.__module__}.{value.function.__qualname__}"
        text = f"{name}({arguments})"
        return text if value.state is None else f"{text}<{printed(value.state)}>"
    if isinstance(value, Parameter):
        return f"new torch.nn.parameter.Parameter()<{printed(vars(value))}>"
    if isinstance(value, collections.Counter):
        return f"collections.Counter({printed(dict(value))})"
    if isinstance(value, dict):
        items = ", ".join(f"{printed(key)}: {printed(item)}" for key, item in value.items())
        state = vars(value) if isinstance(value, collections.OrderedDict) else None
        return f"{{{items}}}" + (f"<{printed(state)}>" if state else "")
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, list):
        return "[" + ", ".join(map(printed, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(printed, value)) + (",)" if len(value) == 1 else ")")
    if isinstance(value, set):
        return f"builtins.set({printed(list(value))})"
    if isinstance(value, complex):
        return f"builtins.complex({value.real!r}, {value.imag!r})"
    if isinstance(value, bytes):
        return f"_codecs.encode('{value.decode('latin-1')}', 'latin1')"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        count = len(pickle.encode_long(value))
        return "0x" + value.to_bytes(count, "big", signed=True).hex()
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)


def state_dict() -> collections.OrderedDict:
    tensors = collections.OrderedDict()
    for number, (name, shape) in enumerate({"weight": (2, 3), "bias": (3,), "scale": ()}.items()):
        storage = Storage("storage", FLOATS, str(number), "cpu", 6)
        strides = tuple(range(len(shape), 0, -1))
        tensors[f"0.{name}"] = Call(
            REBUILD, storage, 0, shape, strides, False, collections.OrderedDict()
        )
    tensors._metadata = collections.OrderedDict({"": {"version": 1}, "0": {"version": 1}})
    return tensors


def values() -> dict:
    shared = ["a", "b"]
    return {
        "None": None,
        "truth values": [True, False],
        "integers": [0, 1, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**31, -(2**31) - 1],
        "long integers": [2**39, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**64, 10**40, -(10**40)],
        "the magic number of torch": 0x1950A86A20F9469CFC6C,
        "floats": [0.0, -0.0, 0.1, 1e300, 5e-324, float("inf"), -1.5],
        "texts": ["", "weight", "Größe 𝛽", "x" * 255, "y" * 256, "line\nend"],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), ((),))],
        "lists": [[], [1], [1, 2], [[[]]]],
        "a list of 1,050 items": list(range(1050)),
        "dictionaries": [{}, {"a": 1}, {1: "a", "1": "b", None: 0.5, 2.5: True, (1, 2): []}],
        "a dictionary of 1,050 items": {f"key.{number}": number for number in range(1050)},
        "an ordered dictionary": collections.OrderedDict({"b": 1, "a": 2}),
        "a counter": collections.Counter({30: 1, 80: 2}),
        "a set": {3},
        "a complex number": 1.5 - 2j,
        "bytes": b"abc\xe9",
        "what is shared": [shared, shared, (shared, "a"), "a"],
        "a call with a state": Call(REBUILD, 1, state={"a": 1}),
        "a new object": Parameter(data=2, hooks=None),
        "a state_dict": state_dict(),
        "an optimizer's state_dict": {
            "state": {0: {"step": 3, "exp_avg": None}},
            "param_groups": [{"lr": 0.001, "betas": (0.9, 0.999), "params": [0], "nesterov": False}],
        },
    }


def main() -> None:
    cases = []
    for name, value in values().items():
        for protocol in (2, 4):
            if protocol == 4 and isinstance(value, (set, bytes)):
                continue  # they have operations of their own there
            stream = io.BytesIO()
            Pickler(stream, protocol).dump(value)
            bytes_ = stream.getvalue()
            cases.append({"name": f"{name}, protocol {protocol}", "protocol": protocol,
                          "bytes": bytes_.hex(), "printed": printed(value)})
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    FIXTURE.write_text(json.dumps(cases, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
