"""HDF5 files with every structure that the format has, written by the library of h5py."""

import ctypes
import functools
import itertools
import zlib
from pathlib import Path

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5p, h5s, h5t

VERSIONS = ("earliest", "v108", "v110", "v112", "v114", "v200", "latest")
# The newest that libhdf5 1.10, as Debian has it, writes and reads.
OLD_VERSIONS = VERSIONS[:3]


@functools.cache
def library() -> ctypes.CDLL:
    """The very library that h5py has loaded, for functions that h5py does not have."""
    package = Path(h5py.__file__).parent
    for pattern in ("../h5py.libs/libhdf5-*", ".dylibs/libhdf5.*"):
        for path in package.glob(pattern):
            return ctypes.CDLL(str(path.resolve()))
    raise OSError("h5py brings no libhdf5 of its own")


def call(name: str, *arguments) -> None:
    """Calls a function of libhdf5: identifiers are wide, everything else is an int."""
    converted = [
        ctypes.c_int64(item.id) if hasattr(item, "id") else item for item in arguments
    ]
    if getattr(library(), name)(*converted) < 0:
        raise OSError(f"{name} failed")


# Types


def _copy(type: h5t.TypeID, **changes) -> h5t.TypeID:
    type = type.copy()
    for name, value in changes.items():
        getattr(type, f"set_{name}")(*(value if isinstance(value, tuple) else (value,)))
    return type


def _enum(base: h5t.TypeID, **members: int) -> h5t.TypeID:
    type = h5t.enum_create(base)
    for name, value in members.items():
        type.enum_insert(name.encode(), value)
    return type


def _compound(size: int, **members) -> h5t.TypeID:
    type = h5t.create(h5t.COMPOUND, size)
    for name, (offset, member) in members.items():
        type.insert(name.encode(), offset, member)
    return type


def _text(size: int, padding: int, character_set: int) -> h5t.TypeID:
    type = h5t.C_S1.copy()
    type.set_size(size)
    type.set_strpad(padding)
    type.set_cset(character_set)
    return type


def _opaque(size: int, tag: str) -> h5t.TypeID:
    type = h5t.create(h5t.OPAQUE, size)
    type.set_tag(tag.encode())
    return type


def _small_float(size: int, exponent: int, mantissa: int) -> h5t.TypeID:
    """A floating-point number of HDF5 as IEEE would have it."""
    type = h5t.IEEE_F32LE.copy()
    # Field by field, each within the size at the time.
    type.set_fields(exponent + mantissa, mantissa, exponent, 0, mantissa)
    type.set_ebias(2 ** (exponent - 1) - 1)
    type.set_precision(8 * size)
    type.set_size(size)
    return type


def number_types() -> dict[str, h5t.TypeID]:
    """What Flywheel reads as numbers."""
    types = {}
    for order in "<>":
        for kind in "i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8".split():
            if order == "<" or kind[1] != "1":
                types[order + kind] = h5t.py_create(np.dtype(order + kind))
        end = "LE" if order == "<" else "BE"
        for size in (32, 64):
            part = getattr(h5t, f"IEEE_F{size}{end}")
            byte = size // 8
            types[f"{order}complex{size}"] = _compound(2 * byte, r=(0, part), i=(byte, part))
            types[f"{order}matlab{size}"] = _compound(2 * byte, real=(0, part), imag=(byte, part))
        types[f"{order}wide bool"] = _enum(getattr(h5t, f"STD_I32{end}"), FALSE=0, TRUE=1)
        order_value = h5t.ORDER_LE if order == "<" else h5t.ORDER_BE
        types[f"{order}float bfloat16"] = _copy(_small_float(2, 8, 7), order=order_value)
    types["bool"] = _enum(h5t.STD_I8LE, FALSE=0, TRUE=1)
    types["unsigned bool"] = _enum(h5t.STD_U8LE, TRUE=1, FALSE=0)
    types["bit field"] = h5t.STD_B8LE
    types["float e4m3"] = _small_float(1, 4, 3)
    types["float e5m2"] = _small_float(1, 5, 2)
    return types


def new_types(file: h5py.File) -> dict[str, h5t.TypeID]:
    """Those that HDF5 2.0 brought, if a file may have them."""
    if file.libver[1] != "latest":
        return {}
    return {
        f"{order}new complex{size}": getattr(h5t, f"COMPLEX_IEEE_F{size}{end}")
        for order, end in (("<", "LE"), (">", "BE"))
        for size in (16, 32, 64)
    }


def carried_types() -> dict[str, h5t.TypeID]:
    """What Flywheel carries as bytes."""
    paddings = {
        "null ended": h5t.STR_NULLTERM, "nulls": h5t.STR_NULLPAD, "spaces": h5t.STR_SPACEPAD,
    }  # fmt: skip
    sets = {"ascii": h5t.CSET_ASCII, "utf8": h5t.CSET_UTF8}
    types = {
        f"text{size} {padding} {name}": _text(size, value, character_set)
        for size in (1, 6)
        for padding, value in paddings.items()
        for name, character_set in sets.items()
    }
    types["opaque"] = _opaque(3, "")
    types["tagged"] = _opaque(3, "of another program")
    types["days"] = _opaque(8, "NUMPY:<M8[D]")
    types["wide text"] = _opaque(12, "NUMPY:<U3")
    return types


def listed_types() -> dict[str, h5t.TypeID]:
    """What Flywheel lists and does not read."""
    f4, i4 = h5t.IEEE_F32LE, h5t.STD_I32LE
    pair = _compound(8, a=(0, i4), b=(4, f4))
    return {
        "long double": h5t.IEEE_F128LE,
        "bits of 12": _copy(h5t.STD_I16LE, precision=12),
        "bits from 4": _copy(h5t.STD_U16BE, precision=8, offset=4),
        "bit field of 16": h5t.STD_B16BE,
        "time": h5t.UNIX_D32LE,
        "enumeration": _enum(i4, RED=0, GREEN=1, BLUE=-5),
        "compound": pair,
        "loose compound": _compound(24, a=(4, i4), b=(16, pair)),
        "loose complex": _compound(12, r=(0, f4), i=(8, f4)),
        "complex of integers": _compound(8, r=(0, i4), i=(4, i4)),
        "array": h5t.array_create(f4, (2, 3)),
        "array of compounds": h5t.array_create(pair, (2,)),
    }


def pointer_types() -> dict[str, np.dtype]:
    """What Flywheel lists, and what h5py writes only from objects."""
    return {
        "text ascii": h5py.string_dtype("ascii"), "text utf8": h5py.string_dtype("utf-8"),
        "sequence": h5py.vlen_dtype(np.dtype("<i4")), "reference": h5py.ref_dtype,
        "region": h5py.regionref_dtype,
    }  # fmt: skip


def raw(name: str, type: h5t.TypeID, shape: tuple) -> np.ndarray:
    """Elements of a type, each of its own, as bytes that are valid for it."""
    count, size = int(np.prod(shape, dtype=int)), type.get_size()
    random = np.random.default_rng(zlib.crc32(name.encode()))
    data = random.integers(0, 256, (count, size), np.uint8)
    if "bool" in name or name == "bit field":
        data[:] = 0
        data[:, -1 if name[0] == ">" else 0] = random.integers(0, 2, count)
    elif name.startswith("text"):
        data = random.choice(np.frombuffer(b"ab \0", np.uint8), (count, size))
    elif type.get_class() == h5t.ENUM:
        data = random.integers(0, 2, count).astype("<i4").view(np.uint8).reshape(count, size)
    return np.frombuffer(data.tobytes(), f"V{size}").reshape(shape)


# Datasets

UNLIMITED = h5s.UNLIMITED
SHAPE = (7, 5)
# The chunks, and the largest shape, which says what index newer versions take; None: no chunks.
LAYOUTS = {
    "contiguous": (None, SHAPE), "compact": (None, SHAPE), "single": (SHAPE, SHAPE),
    "implicit": ((3, 2), SHAPE), "fixed": ((3, 2), SHAPE), "growing": ((3, 2), (UNLIMITED, 5)),
    "growing across": ((2, 3), (9, UNLIMITED)), "growing both ways": ((3, 2), (UNLIMITED,) * 2),
}  # fmt: skip
FILTERS = {
    "none": (), "gzip": ("deflate",), "shuffle gzip": ("shuffle", "deflate"),
    "fletcher32": ("fletcher32",), "all": ("shuffle", "deflate", "fletcher32"),
    "checked first": ("fletcher32", "shuffle", "deflate"), "lzf": ("lzf",),
    "scaleoffset": ("scaleoffset",), "szip": ("szip",),
}  # fmt: skip


def properties(layout: str, filters: tuple = (), chunk: tuple | None = None) -> h5p.PropDCID:
    """How a dataset is to lie in the file."""
    result = h5p.create(h5p.DATASET_CREATE)
    chunk = chunk or LAYOUTS[layout][0]
    if chunk:
        result.set_chunk(chunk)
    if layout == "compact":
        result.set_layout(h5d.COMPACT)
    if layout == "implicit":
        result.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    for name in filters:
        match name:
            case "deflate": result.set_deflate(6)
            case "shuffle": result.set_shuffle()
            case "fletcher32": result.set_fletcher32()
            case "scaleoffset": result.set_scaleoffset(h5py.h5z.SO_INT, 0)
            case "szip": result.set_szip(h5py.h5z.SZIP_NN_OPTION_MASK, 2)
            case "lzf": result.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL)
    return result  # fmt: skip


def add(
    group: h5py.Group, name: str, type: h5t.TypeID, properties: h5p.PropDCID, data=None,
    shape: tuple = SHAPE, limits: tuple | None = None,
) -> h5d.DatasetID:  # fmt: skip
    """Makes a dataset; what is not given is not written."""
    space = h5s.create_simple(shape, limits)
    *parents, name = name.split("/")
    if parents:
        group = group.require_group("/".join(parents))
    dataset = h5d.create(group.id, name.encode(), type, space, properties)
    if data is not None:
        dataset.write(h5s.ALL, h5s.ALL, data, mtype=type)
    return dataset


def fill_types(file: h5py.File) -> None:
    """Every type in every layout, plain and compressed."""
    types = number_types() | carried_types() | listed_types() | new_types(file)
    for name, type in types.items():
        group = file.create_group(f"types/{name}")
        data = raw(name, type, SHAPE)
        for layout, (chunk, limits) in LAYOUTS.items():
            add(group, layout, type, properties(layout), data, limits=limits)
            if chunk and layout != "implicit":
                pipeline = properties(layout, ("shuffle", "deflate"))
                add(group, f"{layout} compressed", type, pipeline, data, limits=limits)
    for name, size in (("bfloat16", 2), ("float8_e4m3fn", 1), ("float8_e5m2", 1)):
        group = file.create_group(f"types/{name}")
        type = _opaque(size, "")
        for layout, (_, limits) in LAYOUTS.items():
            data = raw(name, type, SHAPE)
            dataset = add(group, layout, type, properties(layout), data, limits=limits)
            h5py.Dataset(dataset).attrs["dtype"] = name
    group = file.create_group("pointers")
    for name, dtype in pointer_types().items():
        for layout, chunk in (("contiguous", None), ("chunks", (2,))):
            options = {"compression": "gzip"} if chunk and "text" in name else {}
            data = group.create_dataset(f"{name} {layout}", (5,), dtype, chunks=chunk, **options)
            if "text" in name:
                data[:3] = ["ab", "", "ö" if name.endswith("utf8") else "o"]


def fill_filters(file: h5py.File, left_out: tuple[str, ...] = ()) -> None:
    """Some types through all filters, in every layout."""
    types = number_types() | carried_types()
    for name in ("<f4", ">f8", "<i2", "bool", "<complex32", "text6 nulls ascii", "opaque"):
        type = types[name]
        is_number = name[1] in "fi"
        for layout, (chunk, limits) in LAYOUTS.items():
            if not chunk or layout == "implicit":
                continue
            group = file.create_group(f"filters/{name}/{layout}")
            for label, filters in FILTERS.items():
                if label in left_out:
                    continue
                if label == "scaleoffset" and name != "<i2" or label == "szip" and not is_number:
                    continue
                # Half of it is noise, which gzip cannot make smaller and leaves out.
                data = raw(name, type, SHAPE).copy()
                data[:4] = data[0, 0]
                add(group, label, type, properties(layout, filters), data, limits=limits)


def fill_masks(file: h5py.File) -> None:
    """Chunks that went through some of their filters, as each of them says for itself."""
    random = np.random.default_rng(3)
    for layout, (chunk, limits) in LAYOUTS.items():
        if not chunk or layout == "implicit":
            continue
        for label in ("shuffle gzip", "all"):
            pipeline = properties(layout, FILTERS[label])
            dataset = add(
                file, f"masks/{layout} {label}", h5t.STD_I32LE, pipeline, limits=limits
            )
            places = itertools.product(*(range(0, n, c) for n, c in zip(SHAPE, chunk)))
            for number, place in enumerate(places):
                # The checksum is left out always: it is the library that computes it.
                mask = number % 4 | (4 if label == "all" else 0)
                data = random.integers(0, 9, chunk).astype("<i4")
                stored = data.tobytes()
                if not mask & 1:
                    stored = data.view(np.uint8).reshape(-1, 4).T.tobytes()
                if not mask & 2:
                    stored = zlib.compress(stored)
                dataset.write_direct_chunk(place, stored, mask)


def fill_shapes(file: h5py.File) -> None:
    """Shapes with no elements, one, many axes, and what was resized."""
    f4 = np.dtype("<f4")
    group = file.create_group("shapes")
    group["scalar"] = np.float32(1.5)
    group["scalar text"] = np.bytes_("ab")
    group["scalar bool"] = True
    group["null"] = h5py.Empty("f4")
    group["null text"] = h5py.Empty("S3")
    group.create_dataset("empty", (0,), f4)
    group.create_dataset("empty inner", (3, 0, 2), f4)
    group.create_dataset("empty chunks", (0, 3), f4, chunks=(2, 2), maxshape=(None, 3))
    group.create_dataset("many axes", data=np.arange(64, dtype=f4).reshape((2,) * 6))
    group.create_dataset("32 axes", data=np.ones((1,) * 31 + (3,), f4), chunks=(1,) * 31 + (2,))
    group.create_dataset("chunk larger", data=np.ones((3, 3), f4), chunks=(5, 7), maxshape=(9, 9))
    group.create_dataset("one column", data=np.arange(40.0), chunks=(1,))
    for name, limits in (("one", (None, 8)), ("both", (None, None)), ("fixed", (40, 40))):
        for compression in (None, "gzip"):
            data = group.create_dataset(
                f"resized {name} {compression}", data=np.arange(48, dtype=f4).reshape(6, 8),
                chunks=(4, 3), maxshape=limits, fillvalue=-1, compression=compression,
            )  # fmt: skip
            data.resize((13, 8))
            data[12] = 7
            data.resize((11, 7))
            data.resize((17, 8))
    shrunk = group.create_dataset(
        "shrunk", data=np.ones((99, 3)), chunks=(10, 2), maxshape=(None, None)
    )
    shrunk.resize((5, 1))


def fill_fill_values(file: h5py.File) -> None:
    """What was never written, of every type."""
    for name, type in (number_types() | carried_types()).items():
        group = file.create_group(f"fill/{name}")
        value = raw(name, type, (1,))
        for layout, (chunk, limits) in LAYOUTS.items():
            default, set_ = properties(layout), properties(layout)
            _set_fill_value(set_, type, value)
            add(group, f"{layout} zeros", type, default, limits=limits)
            dataset = add(group, f"{layout} set", type, set_, limits=limits)
            if chunk:
                part = h5s.create_simple(SHAPE)
                part.select_hyperslab((3, 2), (2, 1))
                dataset.write(
                    h5s.create_simple((2, 1)), part, raw(name, type, (2, 1)), mtype=type
                )
    never = properties("fixed")
    never.set_fill_time(h5d.FILL_TIME_NEVER)
    add(file, "fill/never", h5t.IEEE_F32LE, never)


def fill_elsewhere(file: h5py.File) -> None:
    """What is in other files and datasets, and what is only told about."""
    group = file.create_group("elsewhere")
    group.create_dataset("in a file", (2,), "f8", external=[("raw", 0, 16)])
    files = [("raw", 0, 16), ("more", 8, 16)]
    group.create_dataset("in two files", (4,), "f8", external=files)
    group.create_dataset("here", data=np.arange(6.0))
    layout = h5py.VirtualLayout((6,), "f8", maxshape=(None,))
    layout[:3] = h5py.VirtualSource(".", "elsewhere/here", (6,))[:3]
    layout[3:] = h5py.VirtualSource("other.h5", "a", (3,))
    group.create_virtual_dataset("virtual", layout, fillvalue=-1)
    h5py.h5o.set_comment(group.id, b"about a group")
    h5py.h5o.set_comment(group["here"].id, b"about a dataset")
    timed = properties("growing")
    timed.set_obj_track_times(True)
    timed.set_attr_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
    timed.set_attr_phase_change(0, 0)
    data = raw("timed", h5t.STD_I32BE, SHAPE)
    dataset = add(group, "timed", h5t.STD_I32BE, timed, data, limits=LAYOUTS["growing"][1])
    for name in ("z", "a", "m"):
        h5py.Dataset(dataset).attrs[name] = name


def fill_random(file: h5py.File, seed: int, count: int) -> None:
    """Datasets of any shape that grow, shrink and are written to in parts; the same for a seed."""
    random = np.random.default_rng(seed)
    types = number_types() | carried_types()
    pipelines = [filters for filters in FILTERS.values() if not {"scaleoffset", "szip"} & {*filters}]
    for number in range(count):
        name = random.choice(list(types))
        type = types[name]
        rank = int(random.integers(1, 5))
        shape = tuple(map(int, random.integers(1, (60, 20, 9, 6)[rank - 1], rank)))
        limits, chunk, filters = shape, None, ()
        if random.random() < 0.9:
            limits = tuple(
                UNLIMITED if random.random() < 0.4 else int(extent + random.integers(0, 9))
                for extent in shape
            )
            # Chunks of unlimited extents may be larger than these.
            chunk = tuple(
                int(random.integers(1, extent + (3 if limit == UNLIMITED else 1)))
                for extent, limit in zip(shape, limits)
            )
            filters = pipelines[random.integers(len(pipelines))]
        creation = properties("growing" if chunk else "contiguous", filters, chunk)
        if random.random() < 0.5:
            _set_fill_value(creation, type, raw(name, type, (1,)))
        if random.random() < 0.3 and not filters:
            creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        dataset = add(file, f"random/{seed}/{number} {name}", type, creation, None, shape, limits)
        for _ in range(random.integers(0, 5)):
            if chunk and random.random() < 0.5:
                shape = tuple(
                    int(random.integers(1, (extent + 9 if limit == UNLIMITED else limit) + 1))
                    for extent, limit in zip(shape, limits)
                )
                dataset.set_extent(shape)
            start = tuple(int(random.integers(0, extent)) for extent in shape)
            part = tuple(
                int(random.integers(1, extent - first + 1)) for first, extent in zip(start, shape)
            )
            space = h5s.create_simple(shape)
            space.select_hyperslab(start, part)
            dataset.write(h5s.create_simple(part), space, raw(name, type, part), mtype=type)


def _set_fill_value(properties: h5p.PropDCID, type: h5t.TypeID, value: np.ndarray) -> None:
    call("H5Pset_fill_value", properties, type, value.ctypes.data_as(ctypes.c_void_p))


def fill_indices(file: h5py.File) -> None:
    """Indices of several levels and pages, full and nearly empty."""
    u1 = h5t.STD_U8LE
    random = np.random.default_rng(4)
    for filters in ((), ("deflate",)):
        label = "compressed" if filters else "plain"
        for layout, limits in (("fixed", 1), ("growing", UNLIMITED)):
            count = 5_000
            data = random.integers(0, 256, count, np.uint8)
            pipeline = properties(layout, filters, (2,))
            bound = (count if limits == 1 else UNLIMITED,)
            add(file, f"indices/{layout} {label}", u1, pipeline, data, (count,), bound)
        data = random.integers(0, 256, (90, 80), np.uint8)
        pipeline = properties("growing both ways", filters, (2, 3))
        limits = (UNLIMITED, UNLIMITED)
        add(file, f"indices/both ways {label}", u1, pipeline, data, (90, 80), limits)
        for layout in ("fixed", "growing", "growing both ways"):
            _add_sparse(file, layout, label, filters, 9_000)
    # Chunks at the edge that are not filtered although the others are.
    for layout, (chunk, limits) in LAYOUTS.items():
        if chunk and layout not in ("single", "implicit"):
            pipeline = properties(layout, ("shuffle", "deflate"))
            call("H5Pset_chunk_opts", pipeline, ctypes.c_uint(2))
            data = raw("edges", h5t.STD_I32BE, SHAPE)
            add(file, f"indices/edges {layout}", h5t.STD_I32BE, pipeline, data, limits=limits)


def fill_far_indices(file: h5py.File) -> None:
    """Pages of blocks, which come only after 130,000 chunks; libhdf5 takes seconds to read them."""
    for filters in ((), ("deflate",)):
        for layout in ("fixed", "growing", "growing both ways"):
            _add_sparse(file, layout, "compressed" if filters else "plain", filters, 300_000)


def fill_pieces(file: h5py.File) -> None:
    """Datasets that are too large to be read at once."""
    data = np.arange(9_000_000).reshape(3_000, 3_000)
    options = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    file.create_dataset("pieces/whole", data=data.astype(">f4"))
    file.create_dataset("pieces/chunks", data=data.astype("<f4"), chunks=(700, 1_100), **options)
    across = data.astype(">i4").reshape(9, -1)
    file.create_dataset("pieces/across", data=across, chunks=(2, 300_001), maxshape=(None, None))


def _add_sparse(file: h5py.File, layout: str, label: str, filters: tuple, count: int) -> None:
    """Many chunks of one element of which hardly any is there."""
    rank = 2 if layout == "growing both ways" else 1
    shape = (count, 1)[:rank]
    limits = (count if layout == "fixed" else UNLIMITED, UNLIMITED)[:rank]
    pipeline = properties(layout, filters, (1,) * rank)
    name = f"indices/{count} {layout} {label}"
    dataset = add(file, name, h5t.STD_U8LE, pipeline, None, shape, limits)
    for start in (0, 19, 1_023, 5_000, 8_980, 131_071, 140_000, 262_143, 299_990):
        if start < count:
            part = h5s.create_simple(shape)
            part.select_hyperslab((start, 0)[:rank], (10, 1)[:rank])
            data = np.arange(1, 11, dtype=np.uint8).reshape((10, 1)[:rank])
            dataset.write(h5s.create_simple(data.shape), part, data, mtype=h5t.STD_U8LE)


# Attributes, groups and files


def fill_attributes(file: h5py.File) -> None:
    """Attributes of every type; few and many, small and large, of every kind of object."""
    group = file.create_group("attributes")
    types = number_types() | carried_types() | listed_types() | new_types(file)
    for label, shape in (("scalar", ()), ("row", (3,)), ("grid", (2, 2)), ("empty", (0,))):
        target = group.create_group(label)
        for name, type in types.items():
            space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
            attribute = h5py.h5a.create(target.id, name.encode(), type, space)
            if 0 not in shape:
                attribute.write(raw(name, type, shape or (1,)).reshape(shape), mtype=type)
    texts = group.create_group("texts")
    for encoding in ("ascii", "utf-8"):
        dtype = h5py.string_dtype(encoding)
        one = "ab" if encoding == "ascii" else "größer"
        texts.attrs.create(f"one {encoding}", one, dtype=dtype)
        texts.attrs.create(f"row {encoding}", ["a", "", "b" * 500], dtype=dtype)
        texts.attrs.create(f"grid {encoding}", [["a", "b"], ["c", "d"]], dtype=dtype)
        texts.attrs.create(f"fixed {encoding}", np.bytes_("größer".encode()),
                           dtype=h5py.string_dtype(encoding, 12))  # fmt: skip
    texts.attrs["no text"] = np.bytes_(b"\xff\xfe")
    texts.attrs["null"] = h5py.Empty("f4")
    texts.attrs["größe"] = 1
    texts.attrs.create("reference", file["attributes"].ref, dtype=h5py.ref_dtype)
    for count in (7, 8, 9, 300):
        for tracks in (False, True):
            many = group.create_group(f"{count} {tracks}", track_order=tracks)
            for number in np.random.default_rng(count).permutation(count):
                many.attrs[f"number {number}"] = number
            if count == 300:
                for number in range(0, count, 3):
                    del many.attrs[f"number {number}"]
    dataset = file.create_dataset("attributes/dataset", data=np.arange(3.0))
    for number in range(20):
        dataset.attrs[f"n{number}"] = np.arange(number)


def fill_large_attributes(file: h5py.File) -> None:
    """More than a header can hold; not in files of the earliest version."""
    for label, sizes in (("one", [70_000]), ("several", [9, 5_000, 40_000, 200_000, 1_000_000])):
        group = file.create_group(f"large {label}")
        for size in sizes:
            group.attrs[f"of {size}"] = np.arange(size, dtype=np.uint8)


def fill_groups(file: h5py.File) -> None:
    """Groups of all sizes, deep ones, and links of every kind."""
    for tracks in (False, True):
        top = file.create_group(f"groups {tracks}", track_order=tracks)
        for count in (0, 1, 8, 9, 40, 3_000):
            group = top.create_group(f"of {count}", track_order=tracks)
            names = [f"{'a longer name ' * (number % 7 == 0)}{number}" for number in range(count)]
            for number in np.random.default_rng(count).permutation(count):
                if number % 50 == 3:
                    group[names[number]] = np.float32(number)
                else:
                    group[names[number]] = h5py.SoftLink(f"/somewhere {number}")
            for name in names[::5] if count >= 40 else ():
                del group[name]
    path = "/".join(f"level {level}" for level in range(40))
    file[f"deep/{path}/end"] = 1.0
    links = file.create_group("links")
    links["z"] = links["a"] = np.arange(3)
    links["Ä"] = links["a"]
    links["again"] = file["links"]
    links["up"] = file["/"]
    links["soft"] = h5py.SoftLink("/links/a")
    links["dangling"] = h5py.SoftLink("nowhere/at all")
    links["external"] = h5py.ExternalLink("other.h5", "/a/b")
    links["long"] = h5py.SoftLink("/x" * 1_000)
    links["type"] = np.dtype("<f8")
    links["of the type"] = links.create_dataset("typed", (2,), links["type"])
    links["typed"].attrs.create("typed", 5.0, dtype=links["type"])


def fill_filtered_heaps(file: h5py.File) -> None:
    """Groups whose links lie compressed in heaps, those too long for their blocks as well."""
    for filters in (("H5Pset_deflate",), ("H5Pset_deflate", "H5Pset_fletcher32")):
        creation = h5p.create(h5p.GROUP_CREATE)
        for name in filters:
            arguments = (ctypes.c_uint(6),) if name == "H5Pset_deflate" else ()
            call(name, creation, *arguments)
        name = f"heaps {len(filters)}".encode()
        group = h5py.Group(h5g.create(file.id, name, gcpl=creation))
        for number in range(1_500):
            group[f"link {number}"] = h5py.SoftLink(f"/somewhere {number}")
        for size in (3_000, 5_000, 20_000, 60_000):
            group[f"long {size}"] = h5py.SoftLink("/" + "ab" * (size // 2))


def fill_shared(file: h5py.File) -> None:
    """The same types, shapes, pipelines, fill values and attributes again and again."""
    for number in range(80):
        data = file.create_dataset(
            f"shared/{number}", data=np.arange(12.0).reshape(3, 4) + number, chunks=(2, 3),
            compression="gzip", shuffle=True, fillvalue=number % 3,
        )  # fmt: skip
        data.attrs["the same"] = np.arange(30)
        data.attrs["text"] = "for all"
        for other in range(number % 12):
            data.attrs[f"attribute {other}"] = np.full(other + 5, other)


def fill_library_filters(file: h5py.File) -> None:
    """Those filters that libhdf5 has without h5py's help."""
    fill_filters(file, left_out=("lzf",))


def write(path: Path, version: str, *fills, newest: str = "latest", **options) -> None:
    """Makes a file in a version of the format."""
    with h5py.File(path, "w", libver=(version, newest), **options) as file:
        for fill in fills:
            fill(file)


# Files that differ as a whole: what is set before they are made, and what is in them.


def _sized(offset: int, length: int):
    return lambda creation: creation.set_sizes(offset, length)


def _shared(kinds: tuple, most_in_list: int, fewest_in_tree: int):
    def set_up(creation: h5p.PropFCID) -> None:
        call("H5Pset_shared_mesg_nindexes", creation, ctypes.c_uint(len(kinds)))
        for index, kind in enumerate(kinds):
            unsigned = (ctypes.c_uint(number) for number in (index, kind, 1))
            call("H5Pset_shared_mesg_index", creation, *unsigned)
        limits = (ctypes.c_uint(most_in_list), ctypes.c_uint(fewest_in_tree))
        call("H5Pset_shared_mesg_phase_change", creation, *limits)

    return set_up


def _narrow_trees(creation: h5p.PropFCID) -> None:
    call("H5Pset_sym_k", creation, ctypes.c_uint(2), ctypes.c_uint(1))
    call("H5Pset_istore_k", creation, ctypes.c_uint(2))


def _strategy(strategy: int, persists: bool):
    return lambda creation: creation.set_file_space_strategy(strategy, persists, 1)


EVERY_MESSAGE = 0x1F
FILES = {
    "user block of 512": ("earliest", lambda creation: creation.set_userblock(512)),
    "user block of 65536": ("v110", lambda creation: creation.set_userblock(65_536)),
    "sizes 4 4": ("earliest", _sized(4, 4)),
    "sizes 4 8": ("v110", _sized(4, 8)),
    "sizes 8 4": ("latest", _sized(8, 4)),
    "narrow trees": ("earliest", _narrow_trees),
    "paged space": ("v110", _strategy(h5f.FSPACE_STRATEGY_PAGE, True)),
    "kept free space": ("v110", _strategy(h5f.FSPACE_STRATEGY_FSM_AGGR, True)),
    "no free space": ("earliest", _strategy(h5f.FSPACE_STRATEGY_NONE, False)),
    "shared messages in a list": ("v108", _shared((EVERY_MESSAGE,), 4_000, 0)),
    "shared messages in a tree": ("v108", _shared((EVERY_MESSAGE,), 0, 0)),
    "shared messages of each kind": ("v110", _shared((1, 2, 4, 8, 16), 10, 5)),
    "shared messages in old files": ("earliest", _shared((EVERY_MESSAGE,), 50, 40)),
}


def write_special(path: Path, name: str, *fills) -> None:
    """Makes one of the files that differ as a whole."""
    version, set_up = FILES[name]
    oldest = {
        "earliest": h5f.LIBVER_EARLIEST, "v108": h5f.LIBVER_V18, "v110": h5f.LIBVER_V110,
        "latest": h5f.LIBVER_LATEST,
    }[version]  # fmt: skip
    creation, access = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    set_up(creation)
    access.set_libver_bounds(oldest, h5f.LIBVER_LATEST)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    with h5py.File(h5f.create(str(path).encode(), h5f.ACC_TRUNC, creation, access)) as file:
        for fill in fills:
            fill(file)
