#!/usr/bin/env python3
"""Makes the files in Tests/Fixtures/hdf5/structures, and expected.json beside them.

Each has one of every datatype and layout that its version of the format knows, and expected.json says at which
address each header is. They are committed: other versions of the library give other bytes.
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
from h5py import h5o, h5p, h5s, h5t

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "hdf5" / "structures"


def text(size, padding=h5t.STR_NULLPAD, characters=h5t.CSET_ASCII):
    type = h5t.C_S1.copy()
    type.set_size(size)
    type.set_strpad(padding)
    type.set_cset(characters)
    return type


def floating(size, precision, sign, exponent, exponent_size, mantissa_size, bias):
    type = h5t.IEEE_F64LE.copy() if size > 4 else h5t.IEEE_F32LE.copy()
    if size > type.get_size():
        type.set_size(size)
        type.set_precision(precision)
    type.set_fields(sign, exponent, exponent_size, 0, mantissa_size)
    type.set_precision(precision)
    type.set_size(size)
    type.set_ebias(bias)
    return type


def integer(offset, precision):
    type = h5t.STD_I32LE.copy()
    type.set_precision(precision)
    type.set_offset(offset)
    return type


def opaque(size, tag):
    type = h5t.create(h5t.OPAQUE, size)
    type.set_tag(tag)
    return type


def compound(size, *members):
    type = h5t.create(h5t.COMPOUND, size)
    for name, offset, member in members:
        type.insert(name, offset, member)
    return type


def enumeration(base, *members):
    type = h5t.enum_create(base)
    for name, value in members:
        type.enum_insert(name, value)
    return type


def types():
    """Each type with what Flywheel reads it as, or the words in which it is refused."""
    for size in (8, 16, 32, 64):
        for sign, name in (("I", "int"), ("U", "uint")):
            for order in ("LE", "BE"):
                yield getattr(h5t, f"STD_{sign}{size}{order}"), f"{name}{size}", None
    for size in (16, 32, 64):
        for order in ("LE", "BE"):
            yield getattr(h5t, f"IEEE_F{size}{order}"), f"float{size}", None
    yield floating(2, 16, 15, 7, 8, 7, 127), "bfloat16", None
    yield floating(1, 8, 7, 3, 4, 3, 7), "float8_e4m3fn", None
    yield floating(1, 8, 7, 2, 5, 2, 15), "float8_e5m2", None
    words = "an unusual floating-point number of {} bytes: {} bits, of them {} of exponent and {} of mantissa, bias {}"
    yield floating(10, 80, 79, 64, 15, 64, 16383), None, words.format(10, 80, 15, 64, 16383)
    yield floating(2, 16, 15, 10, 5, 10, 16), None, words.format(2, 16, 5, 10, 16)
    yield integer(0, 20), None, "an unusual integer of 4 bytes"
    yield integer(4, 28), None, "an unusual integer of 4 bytes"
    yield h5t.UNIX_D32LE, None, "a time"
    yield h5t.STD_B8LE, "bool", None
    yield h5t.STD_B16BE, None, "a bit field of 2 bytes"
    for padding in (h5t.STR_NULLTERM, h5t.STR_NULLPAD, h5t.STR_SPACEPAD):
        yield text(7, padding), "|S7", None
    yield text(300, characters=h5t.CSET_UTF8), "|S300", None
    yield text(h5t.VARIABLE, h5t.STR_NULLTERM, h5t.CSET_UTF8), None, "text of variable length"
    yield opaque(3, b""), "|V3", None
    yield opaque(3, b"a tag of some length"), "|V3", None
    yield opaque(8, b"NUMPY:<M8[ns]"), "<M8[ns]", None
    for part, name in ((h5t.IEEE_F32LE, "complex64"), (h5t.IEEE_F32BE, "complex64"), (h5t.IEEE_F64LE, "complex128")):
        size = part.get_size()
        yield compound(2 * size, (b"r", 0, part), (b"i", size, part)), name, None
    yield compound(16, (b"real", 0, h5t.IEEE_F64BE), (b"imag", 8, h5t.IEEE_F64BE)), "complex128", None
    mixed = compound(12, (b"r", 0, h5t.IEEE_F32LE), (b"i", 4, h5t.IEEE_F64LE))
    yield mixed, None, "a compound type of 12 bytes"
    inner = h5t.array_create(h5t.STD_I16BE, (2, 3))
    outer = compound(300, (b"mixed", 0, mixed), ("größe".encode(), 12, inner), (b"last", 296, h5t.STD_U8LE))
    yield outer, None, "a compound type of 300 bytes"
    yield inner, None, "an array type of 12 bytes"
    yield h5t.STD_REF_OBJ, None, "a reference"
    yield h5t.STD_REF_DSETREG, None, "a reference"
    truth = ((b"FALSE", 0), (b"TRUE", 1))
    yield enumeration(h5t.STD_I8LE, *truth), "bool", None
    yield enumeration(h5t.STD_I16BE, *truth[::-1]), "bool", None
    yield enumeration(h5t.STD_U8LE, *truth, (b"MAYBE", 2)), None, "an enumeration of 1 bytes, other than h5py's bool"
    yield h5t.vlen_create(h5t.vlen_create(h5t.STD_I32LE)), None, "sequences of variable length"


def complex_types():
    yield h5t.COMPLEX_IEEE_F32LE, "complex64", None
    yield h5t.COMPLEX_IEEE_F64BE, "complex128", None
    yield h5t.COMPLEX_IEEE_F16LE, None, "an unusual complex number of 4 bytes"


def is_big(type):
    if type.get_class() in (h5t.INTEGER, h5t.FLOAT, h5t.BITFIELD):
        return type.get_size() > 1 and type.get_order() == h5t.ORDER_BE
    if type.get_class() == h5t.ENUM:
        return is_big(type.get_super())
    return False


def add_types(file, all_types):
    expected = []
    for index, (type, element, words) in enumerate(all_types):
        name = f"type {index}".encode()
        type = type.copy()
        type.commit(file.id, name)
        big = is_big(type)
        if type.get_class() == h5t.COMPOUND and element:
            big = is_big(type.get_member_type(0))
        if words is None and element is not None and "complex" in element and type.get_class() != h5t.COMPOUND:
            big = type.get_super().get_order() == h5t.ORDER_BE
        expected.append({
            "address": h5o.get_info(type).addr,
            # In memory a text of variable length is a pointer.
            "byteCount": 16 if words == "text of variable length" else type.get_size(),
            "element": element,
            "words": words,
            "isBigEndian": big,
        })
    return expected


def add_dataset(file, name, shape, limits=None, dtype="<i4", data=False, set_up=None, index=None, **options):
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    if set_up:
        set_up(properties)
    dataset = file.create_dataset(name, shape, dtype, maxshape=limits, dcpl=properties, **options)
    if data:
        dataset[...] = np.arange(np.prod(shape)).reshape(shape)
    return describe(dataset, index)


def describe(dataset, index):
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(i) for i in range(properties.get_nfilters())]
    fill = None
    if properties.fill_value_defined() == 2:  # by the user
        fill = np.zeros((), dataset.dtype)
        properties.get_fill_value(fill)
        fill = fill.tobytes().hex()
    offset = dataset.id.get_offset()
    # libhdf5 adds the user block to the address that leads nowhere, too.
    if offset == dataset.file.userblock_size - 1:
        offset = None
    layouts = {0: "compact", 1: "contiguous", 2: "chunked", 3: "virtual"}
    return {
        "address": h5o.get_info(dataset.id).addr,
        "shape": list(dataset.shape) if dataset.shape is not None else None,
        "limits": list(dataset.maxshape) if dataset.shape is not None else None,
        "layout": layouts[properties.get_layout()],
        "offset": offset,
        "chunk": list(dataset.chunks) if dataset.chunks else None,
        "index": index if dataset.chunks else None,
        "filters": [[f[0], f[1] & 1, list(f[2])] for f in filters],
        "fill": fill,
    }


def add_datasets(file, is_new):
    def index(name):
        return name if is_new else "btree1"

    def compact(properties):
        properties.set_layout(0)

    yield add_dataset(file, "scalar", ())
    yield add_dataset(file, "nowhere", (2, 3))
    yield add_dataset(file, "somewhere", (2, 3), data=True)
    yield add_dataset(file, "compact", (3,), data=True, set_up=compact)
    yield describe(file.create_dataset("none", data=h5py.Empty("<f4")), None)
    yield add_dataset(file, "big", (5,), dtype=">f8", fillvalue=0.5)
    yield add_dataset(file, "single", (4,), chunks=(4,), index=index("single"), data=True)
    yield add_dataset(
        file, "single filtered", (4,), chunks=(4,), index=index("single"), data=True, compression="gzip", shuffle=True
    )
    yield add_dataset(file, "fixed", (5, 7), chunks=(2, 3), index=index("fixedArray"), fillvalue=-3)
    early = lambda properties: properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    yield add_dataset(file, "implicit", (4,), chunks=(2,), index=index("implicit"), set_up=early)
    yield add_dataset(file, "extensible", (5, 7), (None, 9), chunks=(2, 3), index=index("extensibleArray"))
    yield add_dataset(
        file, "tree", (2, 2, 300), (None, 7, None), chunks=(1, 2, 300), index=index("btree2"),
        compression="gzip", compression_opts=9, fletcher32=True,
    )
    yield add_dataset(file, "lzf", (6,), chunks=(3,), index=index("fixedArray"), compression="lzf")
    yield add_dataset(file, "scaled", (6,), chunks=(3,), index=index("fixedArray"), scaleoffset=4)


def add_attributes(file):
    """Attributes of every kind of extents; one has a type that another object holds."""
    target = file.create_group("attributes")
    target.attrs["text"] = "größe"
    target.attrs["fixed"] = np.bytes_(b"abc")
    target.attrs["numbers"] = np.arange(6, dtype=">i2").reshape(2, 3)
    target.attrs["nothing"] = h5py.Empty("<f8")
    file["committed"] = np.dtype("<u2")
    target.attrs.create("shared", np.arange(3, dtype="<u2"), dtype=file["committed"])
    return {
        "address": h5o.get_info(target.id).addr,
        "attributes": {
            "text": [[], 16, None],
            "fixed": [[], 3, b"abc".hex()],
            "numbers": [[2, 3], 2, np.arange(6, dtype=">i2").tobytes().hex()],
            "nothing": [None, 8, ""],
            "shared": [[3], 2, np.arange(3, dtype="<u2").tobytes().hex()],
        },
    }


def add_links(file):
    group = file.create_group("links", track_order=False)
    group["hard"] = group
    group["soft"] = h5py.SoftLink("/some/where")
    group["außen"] = h5py.ExternalLink("other.h5", "/there")
    return h5o.get_info(group.id).addr


def make(path, version, userblock):
    bounds = (version, "v108" if version == "earliest" else version)
    with h5py.File(path, "w", libver=bounds, userblock_size=userblock) as file:
        all_types = list(types()) + (list(complex_types()) if version == "v200" else [])
        return {
            "types": add_types(file, all_types),
            "datasets": list(add_datasets(file, version not in ("earliest", "v108"))),
            "attributes": add_attributes(file),
            "links": add_links(file),
        }


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {}
    for version, userblock in (("earliest", 0), ("v108", 512), ("v110", 0), ("v200", 0)):
        path = FOLDER / f"{version}.h5"
        path.unlink(missing_ok=True)
        expected[version] = make(path, version, userblock)
        print(f"{path.name}: {path.stat().st_size} bytes")
    (FOLDER / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
