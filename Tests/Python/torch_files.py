"""What a file of PyTorch holds, flattened as Flywheel shows it: by the rules, with the real torch."""

import collections
import io
import struct
import warnings
import zipfile
from pathlib import Path

import torch


def flatten(value) -> tuple[dict, dict, list]:
    """The tensors under their keys, the attributes under their owners, and the keys of empty groups."""
    tensors, attributes, empty = {}, {}, []
    _flatten(value, None, "", 0, (tensors, attributes, empty))
    return tensors, attributes, empty


# How near a value is to an optimizer's state.
NOWHERE, TABLE, PARAMETER, SLOT = range(4)


def _flatten(value, owner, name, state, found) -> None:
    tensors, attributes, empty = found
    key = name if not owner else f"{owner}.{name}"

    def attribute(value) -> None:
        attributes.setdefault(owner or "", {})[name if owner is not None else "value"] = value

    def descend(items, state=NOWHERE) -> None:
        for inner, item in items:
            _flatten(item, key, _name(inner), state, found)

    if value is None:
        return
    if isinstance(value, torch.storage.TypedStorage):
        value = torch.empty(0, dtype=value.dtype).set_(value)
    if isinstance(value, torch.Tensor):
        tensors[key if owner is not None else "tensor"] = value.detach()
        if vars(value):
            descend(vars(value).items())
    elif isinstance(value, dict):
        if not value and owner is not None:
            empty.append(key)
        is_optimizer = "state" in value and "param_groups" in value
        for inner, item in value.items():
            after = {TABLE: PARAMETER, PARAMETER: SLOT}.get(state, NOWHERE)
            if state == NOWHERE and is_optimizer and inner == "state":
                after = TABLE
            _flatten(item, key, _name(inner), after, found)
    elif isinstance(value, (list, tuple, set, frozenset)):
        value = list(value)
        kinds = {type(item) for item in value}
        if not value:
            if owner is not None:
                empty.append(key)
        elif kinds == {bool} or kinds == {str} or kinds == {int}:
            attribute(value)
        elif kinds <= {int, float}:
            attribute([float(item) for item in value])
        else:
            descend(enumerate(value))
    elif state == SLOT and type(value) in (int, float):
        dtype = torch.int64 if isinstance(value, int) else torch.float64
        tensors[key] = torch.tensor(value, dtype=dtype)
    elif isinstance(value, (torch.dtype, torch.device, torch.layout)):
        attribute(str(value))
    elif isinstance(value, (bytes, bytearray)):
        attribute(list(value))
    else:
        attribute(value)


def _name(key) -> str:
    return key if isinstance(key, str) else str(key)


DTYPES = [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128,
    torch.complex32, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
]  # fmt: skip


def element_bytes(tensor: torch.Tensor) -> bytes:
    """The elements, row-major, with their true signs."""
    plain = tensor.detach().resolve_conj().resolve_neg().reshape(-1)
    # A single element may keep a stride that it has no use for.
    plain = plain.clone(memory_format=torch.contiguous_format).as_strided(plain.shape, (1,))
    return bytes(plain.view(torch.uint8).tolist()) if plain.numel() else b""


def of_every_dtype() -> dict:
    """Tensors whose bytes are all different, of every type that PyTorch saves."""
    tensors = {}
    for dtype in DTYPES:
        size = torch.empty(0, dtype=dtype).element_size()
        data = bytes((37 * k + 1) % 251 for k in range(6 * size))
        if dtype == torch.bool:
            data = bytes([1, 0, 0, 1, 1, 0])
        tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype)
        tensors[str(dtype).removeprefix("torch.")] = tensor.reshape(2, 3)
    return tensors


def views() -> dict:
    """Tensors that share storages, begin within them, or go through them in other orders."""
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    images = torch.arange(2 * 3 * 4 * 5, dtype=torch.int16).reshape(2, 3, 4, 5)
    return collections.OrderedDict(
        base=base,
        tied=base,
        part=base[1:, :, 1:3],
        transposed=base.transpose(0, 2),
        middle=base[:, 1],
        row=base[1, 2],
        element=base[1, 1, 1],
        none=base[:, 3:],
        channels_last=images.to(memory_format=torch.channels_last),
        expanded=torch.tensor([[1.5], [2.5]], dtype=torch.float64).expand(2, 5),
        one=torch.tensor(3, dtype=torch.int8).expand(4, 3),
        truths=torch.tensor([[True, False, True], [False, False, True]]).t(),
        diagonal=torch.arange(9, dtype=torch.uint8).reshape(3, 3).diagonal(),
        scalar=torch.tensor(0.25, dtype=torch.bfloat16),
        long=torch.arange(300, dtype=torch.int32).reshape(3, 100).t(),
    )


def signs() -> dict:
    """Tensors with the bits of conj() and of imaginary parts of that."""
    # No zeros and NaN, whose signs depend on how many elements PyTorch negates at once.
    numbers = torch.tensor([[1 + 2j, -3.5 + 1j], [0.5 - 1j, 2 - 1e30j]], dtype=torch.complex64)
    other = numbers.clone().to(torch.complex128)
    return {
        "conj": numbers.conj(),
        "turned": numbers.conj().t(),
        "neg": other.conj().imag,
        "both": torch._neg_view(other.clone().conj()),
    }


def objects() -> dict:
    """What Python objects a file may hold besides tensors."""
    return {
        "epoch": 3,
        "loss": 0.1,
        "name": "run é",
        "best": True,
        "nothing": None,
        "large": 2**63 + 1,
        "small": -(2**40),
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda:1"),
        "cpu": torch.device("cpu"),
        "dtype": torch.bfloat16,
        "layout": torch.strided,
        "complex": 1.5 - 2j,
        "bytes": b"\x00\xff\x80",
        "betas": (0.9, 0.999),
        "mixed": [1, 0.5],
        "flags": [True, False],
        "names": ["a", "b"],
        "several": [1, "two", None, [3.5]],
        "empty": {},
        "none": [],
        "milestones": collections.Counter({30: 1, 80: 2}),
        "set": {7},
        7: {(1, "x"): 2, None: 1, False: 0, 0.5: 4},
        "deep": {"er": {"tensor": torch.ones(2), "number": -1}},
    }



def resaved(source: bytes, change) -> bytes:
    """An archive with each member changed: `change` gets its name and bytes, and gives others, or None."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = change(info.filename, old.read(info))
            if data is not None:
                new.writestr(zipfile.ZipInfo(info.filename), data)
    return target.getvalue()


def saved(value, **options) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, target, **options)
    return target.getvalue()


def big_endian(value: dict) -> bytes:
    """What a big-endian machine saves: each storage of one dtype with its bytes the other way round."""
    parts = {}
    for tensor in flatten(value)[0].values():
        size = tensor.element_size() // (2 if tensor.is_complex() else 1)
        parts[len(parts)] = size

    def change(name: str, data: bytes) -> bytes:
        if name.endswith("/byteorder"):
            return b"big"
        if "/data/" not in name:
            return data
        size = parts[int(name.rsplit("/", 1)[1])]
        return b"".join(data[k : k + size][::-1] for k in range(0, len(data), size))

    return resaved(saved(value), change)


def deflated(source: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for info in old.infolist():
                new.writestr(info.filename, old.read(info))
    return target.getvalue()


def without_checksums(value) -> bytes:
    torch.serialization.set_crc32_options(False)
    try:
        return saved(value)
    finally:
        torch.serialization.set_crc32_options(True)


def old_stream(value) -> bytes:
    return saved(value, _use_new_zipfile_serialization=False)


def old_view() -> bytes:
    """A tensor of a part of a storage, as PyTorch 0.3 saved it: no later version writes such."""

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    head = old_stream(torch.zeros(1))
    start = head.index(b"\x80\x02", head.index(b"\x80\x02}") + 2)  # the object's own pickle
    identifier = (
        b"(" + text("storage") + b"ctorch\nShortStorage\n" + text("root") + text("cpu") + b"K\x08"
        + b"(" + text("view") + b"K\x02K\x05t" + b"t" + b"Q"
    )  # fmt: skip
    tensor = (
        b"ctorch._utils\n_rebuild_tensor\n(" + identifier + b"K\x01K\x02K\x02\x86K\x02K\x01\x86tR"
    )
    data = struct.pack("<q8h", 8, *range(100, 108))
    return (
        head[:start] + b"\x80\x02}" + text("x") + tensor + b"s."
        + b"\x80\x02](" + text("root") + b"e." + data
    )  # fmt: skip


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
