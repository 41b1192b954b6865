"""What h5py finds in an HDF5 file, in the words of `flywheel inspect`."""

import json
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
from h5py import h5, h5d, h5g, h5o, h5p, h5s, h5t

# Named by an attribute `dtype` of opaque bytes, as Keras has them.
NAMED = ("bfloat16", "float8_e4m3fn", "float8_e5m2")
# Bits of exponent and mantissa.
FLOATS = {
    "float16": (5, 10), "float32": (8, 23), "float64": (11, 52), "bfloat16": (8, 7),
    "float8_e4m3fn": (4, 3), "float8_e5m2": (5, 2),
}  # fmt: skip
FILTERS = {
    1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset",
    32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd",
}  # fmt: skip
READ_FILTERS = {1, 2, 3, 32000}
# The most bytes of a dataset that are compared.
LIMIT = 64 << 20
# How the words for types that are not read begin.
WORDS = {
    h5t.INTEGER: "an unusual integer", h5t.FLOAT: "an unusual floating-point number",
    h5t.TIME: "a time", h5t.BITFIELD: "a bit field", h5t.COMPOUND: "a compound type",
    h5t.REFERENCE: "a reference", h5t.ENUM: "an enumeration",
    h5t.VLEN: "sequences of variable length", h5t.ARRAY: "an array type",
    h5t.COMPLEX: "an unusual complex number", h5t.OPAQUE: "opaque bytes",
}  # fmt: skip


@dataclass(frozen=True)
class Elements:
    """Little-endian and row-major; texts without what fills them up."""

    type: str
    shape: tuple
    data: bytes | tuple | None  # None: too much to compare


@dataclass
class Contents:
    """What is in a file."""

    # As `inspect --json` has them; `type` is how it begins where it is in words.
    rows: list[dict] = field(default_factory=list)
    # By path; of those that can be read.
    datasets: dict[str, Elements] = field(default_factory=dict)
    # By path and name.
    attributes: dict[tuple[str, str], Elements] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    # Names, with the reason where it is a link's.
    obstacles: list[tuple[str, str | None]] = field(default_factory=list)


def contents(path: Path) -> Contents:
    """What h5py finds in a file: objects by their first path, links not followed."""
    found = Contents()
    with h5py.File(path) as file:
        root = file["/"].id
        _add_attributes(root, "/", found)
        _walk(root, "", found, {_identity(root): "/"})
    return found


def carried(path: Path) -> Contents:
    """What Flywheel took into an .npz."""
    found = Contents()
    document = {"tensors": {}, "attributes": {}, "groups": []}
    with np.load(path) as file:
        for key in file.files:
            data = file[key]
            if key == "flywheel.metadata":
                document = json.loads(data.tobytes())
                continue
            type = data.dtype.name if data.dtype.kind in "biufc" else data.dtype.str
            found.datasets["/" + key] = Elements(type, data.shape, data.tobytes())
    for key, entry in document["tensors"].items():
        data = found.datasets["/" + key]
        found.datasets["/" + key] = Elements(entry["dtype"], data.shape, data.data)
    for key, values in document["attributes"].items():
        for name, value in values.items():
            found.attributes["/" + key, name] = _carried_attribute(value)
    found.groups = ["/" + key for key in document["groups"]]
    return found


def _carried_attribute(value) -> Elements:
    match value:
        case str():
            return Elements("text", (), (value,))
        case list():
            return Elements("text", (len(value),), tuple(value))
        case int():
            return Elements("int64", (), struct.pack("<q", value))
        case float():
            return Elements("float64", (), struct.pack("<d", value))
        case {"dtype": dtype, "shape": shape, "bytes": digits}:
            return Elements(dtype, tuple(shape), bytes.fromhex(digits))
        case {"float64": bits}:  # what JSON has no numeral for
            return Elements("float64", (), struct.pack("<Q", int(bits, 16)))
        case _:
            raise ValueError(f"an attribute that is {value}")


def _walk(group: h5g.GroupID, prefix: str, found: Contents, first: dict) -> bool:
    """Adds what is in a group, and tells whether there is anything but names of other things."""
    is_filled = False
    for name in names(group):
        path = f"{prefix}/{name.decode()}"
        link = group.links.get_info(name)
        if link.type == h5py.h5l.TYPE_SOFT:
            target = group.links.get_val(name).decode(errors="replace")
            found.obstacles.append((path, f"is a link to {target}"))
            continue
        if link.type == h5py.h5l.TYPE_EXTERNAL:
            file, target = (part.decode(errors="replace") for part in group.links.get_val(name))
            found.obstacles.append((path, f"is a link to {target} in the file {file}"))
            continue
        if link.type != h5py.h5l.TYPE_HARD:
            found.obstacles.append((path, None))
            continue
        item = h5o.open(group, name)
        identity = _identity(item)
        is_dataset = isinstance(item, h5d.DatasetID)
        if identity in first:
            found.obstacles.append((path, f"is another name of {first[identity]}"))
            continue
        first[identity] = path
        if is_dataset:
            _add_dataset(item, path, found)
        elif not isinstance(item, h5g.GroupID):
            found.obstacles.append((path, "is a datatype with a name"))
            continue
        _add_attributes(item, path, found)
        if is_dataset and path in found.datasets and found.datasets[path].type in NAMED:
            found.attributes.pop((path, "dtype"), None)  # part of how such elements are held
        is_filled = True
        if not is_dataset and not _walk(item, path, found, first):
            found.groups.append(path)
    return is_filled


def names(group: h5g.GroupID) -> list[bytes]:
    """In the order in which they came if the group knows it, else in that of their bytes."""
    found = []
    tracks = group.get_create_plist().get_link_creation_order() & h5p.CRT_ORDER_TRACKED
    group.links.iterate(found.append, idx_type=h5.INDEX_CRT_ORDER if tracks else h5.INDEX_NAME)
    return found


def _identity(item) -> int:
    return h5o.get_info(item).addr


def type_of(type: h5t.TypeID, name: str | None = None) -> str | None:
    """The type of elements that are read; None if they are not.

    The attribute `dtype` of a dataset can name what opaque bytes are.
    """
    kind, size = type.get_class(), type.get_size()
    if kind == h5t.BITFIELD:  # h5py does not tell how many of the bits count
        return "bool" if size == 1 else None
    if kind == h5t.INTEGER:
        if type.get_precision() != 8 * size or type.get_offset() or size not in (1, 2, 4, 8):
            return None
        return f"{'' if type.get_sign() else 'u'}int{8 * size}"
    if kind == h5t.FLOAT:
        return _float(type, size)
    if kind == h5t.ENUM:
        values = {type.get_member_name(i): type.get_member_value(i)
                  for i in range(type.get_nmembers())}  # fmt: skip
        is_whole = type_of(type.get_super()) is not None
        return "bool" if values == {b"FALSE": 0, b"TRUE": 1} and is_whole else None
    if kind == h5t.COMPLEX:
        return _complex([type.get_super()] * 2)
    if kind == h5t.COMPOUND:
        return _compound(type, size)
    if kind == h5t.STRING:
        return None if type.is_variable_str() else f"|S{size}"
    if kind == h5t.OPAQUE:
        tag = type.get_tag().decode(errors="replace")
        if not tag and name in NAMED and np.dtype(getattr(ml_dtypes, name)).itemsize == size:
            return name
        tagged = tag.removeprefix("NUMPY:")
        return tagged if tagged != tag and tagged[1:2] in ("M", "m", "U") else f"|V{size}"
    return None


def _float(type: h5t.TypeFloatID, size: int) -> str | None:
    sign, exponent, exponent_size, mantissa, mantissa_size = type.get_fields()
    for name, (e, m) in FLOATS.items():
        if (
            (exponent_size, mantissa_size) == (e, m)
            and 8 * size == type.get_precision() == 1 + e + m
            and (mantissa, exponent, sign, type.get_offset()) == (0, m, m + e, 0)
            and type.get_ebias() == 2 ** (e - 1) - 1
            and type.get_norm() == h5t.NORM_IMPLIED
            and type.get_order() in (h5t.ORDER_LE, h5t.ORDER_BE)
        ):
            return name
    return None


def _compound(type: h5t.TypeCompoundID, size: int) -> str | None:
    if type.get_nmembers() != 2:
        return None
    places = [type.get_member_offset(i) for i in range(2)]
    order = (0, 1) if places[0] == 0 else (1, 0)
    members = [type.get_member_type(i) for i in order]
    names = tuple(type.get_member_name(i) for i in order)
    is_packed = [places[i] for i in order] == [0, size // 2] and members[0].get_size() == size // 2
    if names not in ((b"r", b"i"), (b"real", b"imag")) or not is_packed:
        return None
    return _complex(members) if members[0].equal(members[1]) else None


def _complex(parts: list[h5t.TypeID]) -> str | None:
    part = type_of(parts[0])
    return {"float32": "complex64", "float64": "complex128"}.get(part)


def _add_dataset(dataset: h5d.DatasetID, path: str, found: Contents) -> None:
    type, space = dataset.get_type(), dataset.get_space()
    size = type.get_size()
    properties = dataset.get_create_plist()
    is_null = space.get_simple_extent_type() == h5s.NULL
    named = _named(dataset)
    element = type_of(type, named)
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    layout = properties.get_layout()
    is_virtual = layout == h5d.VIRTUAL
    is_external = properties.get_external_count() > 0
    shape = None if is_null or is_virtual else space.shape
    if element == "bool":
        size = 1
    is_read = (
        element is not None and shape is not None and not is_external
        and set(filters) <= READ_FILTERS
    )  # fmt: skip
    storage = ""
    if is_virtual:
        storage = "virtual"
    elif is_null:
        pass
    elif is_external:
        storage = "in other files"
    elif layout == h5d.COMPACT:
        storage = "compact"
    elif layout == h5d.CHUNKED:
        names = [f"{FILTERS[id]} ({id})" if id in FILTERS else f"number {id}" for id in filters]
        storage = ", ".join([f"chunks of {properties.get_chunk()}", *names])
    data = _elements(dataset, type, element, shape) if is_read else None
    found.rows.append(
        {
            "name": path[1:],
            "type": element if is_read else words(type, element),
            "shape": shape if shape is None else list(shape),
            "bytes": size * math.prod(shape) if is_read else None,
            "storage": storage,
        }
    )
    if data is not None:
        found.datasets[path] = data


def words(type: h5t.TypeID, element: str | None) -> str:
    """How the listing begins to tell of elements that cannot be read where they are."""
    if element is not None and element[0] not in "|<>":
        return element
    if type.get_class() == h5t.STRING:
        return "text of variable length" if type.is_variable_str() else "text of"
    return WORDS[type.get_class()]


def _named(item) -> str | None:
    if not h5py.h5a.exists(item, b"dtype"):
        return None
    try:
        value = h5py.Dataset(item).attrs["dtype"]
    except (OSError, TypeError, ValueError):
        return None
    return value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else None


def _elements(item, type: h5t.TypeID, element: str, shape: tuple) -> Elements:
    """Reads a dataset or an attribute as what its elements are."""
    memory = _memory_type(type, element)
    if memory.get_size() * math.prod(shape) > LIMIT:
        return Elements(element, tuple(shape), None)
    data = np.zeros(shape, f"V{memory.get_size()}")
    if isinstance(item, h5py.h5a.AttrID):
        item.read(data, mtype=memory)
    elif data.size:
        item.read(h5s.ALL, h5s.ALL, data, mtype=memory)
    data = data.tobytes()
    if element == "bool" and memory.get_size() > 1:
        data = np.frombuffer(data, f"<i{memory.get_size()}").astype("?").tobytes()
    return Elements(element, tuple(shape), data)


def _memory_type(type: h5t.TypeID, element: str) -> h5t.TypeID:
    """The little-endian type of the same kind, for libhdf5 to convert to."""
    if type.get_class() == h5t.COMPOUND:
        memory = h5t.create(h5t.COMPOUND, type.get_size())
        for i in range(2):
            part = _memory_type(type.get_member_type(i), "")
            memory.insert(type.get_member_name(i), type.get_member_offset(i), part)
        return memory
    memory = type.copy()
    if type.get_class() == h5t.COMPLEX:
        return {8: h5t.COMPLEX_IEEE_F32LE, 16: h5t.COMPLEX_IEEE_F64LE}[type.get_size()]
    if type.get_class() == h5t.STRING:
        memory.set_strpad(h5t.STR_NULLPAD)
    elif type.get_class() == h5t.ENUM:
        memory = h5t.enum_create(_memory_type(type.get_super(), ""))
        for i in range(type.get_nmembers()):
            memory.enum_insert(type.get_member_name(i), type.get_member_value(i))
    elif type.get_class() != h5t.OPAQUE and type.get_size() > 1:
        memory.set_order(h5t.ORDER_LE)
    return memory


def _add_attributes(item, path: str, found: Contents) -> None:
    attributes = []
    for index in range(h5py.h5a.get_num_attrs(item)):
        attribute = h5py.h5a.open(item, index=index, order=h5.ITER_NATIVE)
        attributes.append((attribute.name, attribute))
    for name, attribute in sorted(attributes, key=lambda pair: pair[0]):
        value = _attribute(attribute)
        if value is None:
            found.obstacles.append((f"the attribute '{name.decode()}' of {path}", None))
        else:
            found.attributes[path, name.decode()] = value


def _attribute(attribute: h5py.h5a.AttrID) -> Elements | None:
    """The value of an attribute; None if it is no numbers, truths or texts in at most a row."""
    type, space = attribute.get_type(), attribute.get_space()
    if space.get_simple_extent_type() == h5s.NULL:
        return None
    shape = space.shape
    if type.get_class() != h5t.STRING:
        element = type_of(type)
        if element is None or element[0] in "|<>":
            return None
        value = _elements(attribute, type, element, shape)
        is_sound = element != "bool" or set(value.data) <= {0, 1}
        return value if is_sound else None
    if type.is_variable_str():
        texts = np.zeros(shape, object)
        attribute.read(texts, mtype=h5t.py_create(h5py.string_dtype("ascii")))
        texts = [text or b"" for text in texts.ravel()]
    else:
        size = type.get_size()
        data = _elements(attribute, type, f"|S{size}", shape).data
        texts = [data[i : i + size] for i in range(0, len(data), size)]
    try:
        texts = tuple(text.split(b"\0")[0].decode() for text in texts)
    except UnicodeDecodeError:
        return None
    return Elements("text", shape, texts) if len(shape) < 2 else None
