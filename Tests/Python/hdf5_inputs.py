"""HDF5 files to begin fuzzing with: each as small as the structures that it shows.

Made with h5py, and what it has no name for with the libhdf5 that h5py brings along.
"""

import ctypes
import tempfile
from pathlib import Path

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5o, h5p, h5s, h5t

_LIBRARIES = Path(h5py.__file__).parents[1] / "h5py.libs"


def _call(name, properties, *numbers):
    """Calls a function of libhdf5 on a list of properties."""
    library = ctypes.CDLL(str(next(_LIBRARIES.glob("libhdf5-*"))))
    status = getattr(library, name)(ctypes.c_int64(properties.id), *map(ctypes.c_uint, numbers))
    assert status >= 0, name


def _file(path, version, shared=(), user_block=0, sizes=None):
    """A new file; groups of old ones have small nodes, and all lies close together."""
    creation = h5p.create(h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    if user_block:
        creation.set_userblock(user_block)
    if sizes:
        creation.set_sizes(*sizes)
    if version == "earliest":
        _call("H5Pset_sym_k", creation, 2, 2)
        _call("H5Pset_istore_k", creation, 2)
    if shared:
        _call("H5Pset_shared_mesg_nindexes", creation, len(shared))
        for number, kinds in enumerate(shared):
            _call("H5Pset_shared_mesg_index", creation, number, kinds, 1)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_meta_block_size(1)
    _call("H5Pset_small_data_block_size", access, 1)
    bounds = {"earliest": h5f.LIBVER_EARLIEST, "v108": h5f.LIBVER_V18, "v110": h5f.LIBVER_V110,
              "v200": h5f.LIBVER_V200}[version]  # fmt: skip
    access.set_libver_bounds(bounds, bounds if version != "earliest" else h5f.LIBVER_LATEST)
    return h5py.File(h5f.create(str(path).encode(), h5f.ACC_TRUNC, creation, access))


def _group(file, name, dense=False):
    creation = h5p.create(h5p.GROUP_CREATE)
    creation.set_obj_track_times(False)
    if dense:
        creation.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
        _call("H5Pset_link_phase_change", creation, 0, 0)
    return h5py.Group(h5g.create(file.id, name.encode(), gcpl=creation))


def _dense_attributes(file, name, values):
    creation = h5p.create(h5p.DATASET_CREATE)
    creation.set_obj_track_times(False)
    creation.set_attr_phase_change(0, 0)
    space = h5s.create_simple((2,))
    dataset = h5py.Dataset(h5d.create(file.id, name.encode(), h5t.STD_I16LE, space, dcpl=creation))
    dataset[:] = [1, 2]
    for key, value in values.items():
        dataset.attrs[key] = value


def _compact(file, name, values):
    creation = h5p.create(h5p.DATASET_CREATE)
    creation.set_layout(h5d.COMPACT)
    space = h5s.create_simple(values.shape)
    h5py.Dataset(h5d.create(file.id, name.encode(), h5t.py_create(values.dtype, logical=True), space, dcpl=creation))[
        ...
    ] = values


def _old(path):
    with _file(path, "earliest") as file:
        file["a"] = np.arange(6, dtype="<f4").reshape(2, 3)
        file["b"] = np.arange(3, dtype=">i2")
        group = _group(file, "g")
        group["c"] = np.float64(0.25)
        group["hard"] = file["a"]
        file["soft"] = h5py.SoftLink("/g/c")
        file["out"] = h5py.ExternalLink("other.h5", "/x")
        file.attrs["step"] = 12


def _many_names(path):
    with _file(path, "earliest") as file:
        for number in range(12):
            file[f"name{number:02}"] = h5py.SoftLink("here")


def _old_chunks(path):
    with _file(path, "earliest") as file:
        options = {"chunks": (2, 2), "maxshape": (None, None)}
        numbers = np.arange(35, dtype="<i2").reshape(5, 7)
        file.create_dataset("plain", data=numbers, **options)
        file.create_dataset("packed", data=numbers, compression="gzip", shuffle=True, fletcher32=True, **options)


def _small_sizes(path):
    with _file(path, "earliest", user_block=512, sizes=(4, 4)) as file:
        file["a"] = np.arange(3, dtype="u1")
        file.create_dataset("c", data=np.arange(4, dtype="u1"), chunks=(3,))


def _compact_links(path):
    with _file(path, "v108") as file:
        file["x"] = np.arange(3, dtype="<f2")
        group = _group(file, "group")
        _compact(group, "truth", np.array([True, False, True]))
        _compact(group, "complex", np.array([1 + 2j, -3j], dtype="c8"))
        group["soft"] = h5py.SoftLink("truth")
        group["up"] = h5py.SoftLink("/group/soft")
        group["out"] = h5py.ExternalLink("other.h5", "/x")
        group["again"] = file
        file.attrs["texts"] = np.array([b"ab", b"c"], dtype="S2")
        file["type"] = np.dtype("<f8")


def _dense_links(path):
    with _file(path, "v110") as file:
        group = _group(file, "d", dense=True)
        for number in range(5):
            group[f"name{number}"] = h5py.SoftLink("here")
        group["x"] = np.int8(1)


def _deep_links(path):
    with _file(path, "v110") as file:
        group = _group(file, "d", dense=True)
        # More names than a leaf of the tree and a block of the heap have room for.
        for number in range(60):
            group[f"{number}"] = h5py.SoftLink("over the hills and far away")


def _dense(path):
    with _file(path, "v110") as file:
        _dense_attributes(file, "x", {"one": 1, "two": [1.5, 2.5], "text": np.bytes_(b"abc")})


def _huge_attribute(path):
    with _file(path, "v110") as file:
        _dense_attributes(file, "x", {"huge": np.arange(4_200, dtype="u1"), "small": 1})


def _shared(path):
    with _file(path, "v110", shared=[0x1000, 0x0002 | 0x0008 | 0x0020 | 0x0800]) as file:
        for name in "ab":
            values = np.arange(4, dtype="<f4")
            file.create_dataset(name, data=values, chunks=(4,), compression="gzip", fillvalue=2)
            file[name].attrs["unit"] = np.bytes_(b"metre") if name == "a" else 3


def _chunk_indexes(path):
    numbers = np.arange(12, dtype="<i4").reshape(3, 4)
    with _file(path, "v110") as file:
        file.create_dataset("single", data=numbers, chunks=(3, 4))
        file.create_dataset("single-packed", data=numbers, chunks=(3, 4), compression="gzip")
        file.create_dataset("fixed", data=numbers, chunks=(2, 2))
        file.create_dataset("fixed-packed", data=numbers, chunks=(2, 2), shuffle=True, fletcher32=True)
        creation = h5p.create(h5p.DATASET_CREATE)
        creation.set_chunk((2, 2))
        creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        space = h5s.create_simple((3, 4))
        implicit = h5py.Dataset(h5d.create(file.id, b"implicit", h5t.STD_I32LE, space, dcpl=creation))
        implicit[...] = numbers


def _growing(path):
    with _file(path, "v110") as file:
        options = {"chunks": (1, 2), "maxshape": (None, 4)}
        file.create_dataset("a", data=np.arange(28, dtype="u1").reshape(7, 4), **options)


def _growing_packed(path):
    with _file(path, "v200") as file:
        options = {"chunks": (2,), "maxshape": (None,), "compression": "gzip"}
        file.create_dataset("a", data=np.arange(9, dtype="<u2"), **options)


def _far(path):
    with _file(path, "v110") as file:
        dataset = file.create_dataset("a", (200,), "u1", chunks=(1,), maxshape=(None,), fillvalue=9)
        # In a data block that a super block leads to.
        dataset[150] = 1


def _tree_chunks(path):
    with _file(path, "v110") as file:
        options = {"chunks": (2, 2), "maxshape": (None, None)}
        file.create_dataset("a", data=np.arange(20, dtype="u1").reshape(4, 5), **options)
        options["chunks"] = (8, 8)
        file.create_dataset("b", data=np.zeros((9, 9), dtype="u1"), compression="lzf", **options)


def _pages(path):
    with _file(path, "v110") as file:
        dataset = file.create_dataset("a", (1_030,), "u1", chunks=(1,), fillvalue=7)
        dataset[3] = 1
        dataset[1_029] = 2


def _nearly_empty(path):
    with _file(path, "v110") as file:
        # Each is less than the laws allow for fill values, and all are more than they allow one after the other.
        for name in map(chr, range(ord("a"), ord("z") + 1)):
            file.create_dataset(name, (700_000,), "u1", chunks=(9_000,), fillvalue=7)


def _texts(path):
    with _file(path, "earliest") as file:
        file.create_dataset("f", data=np.array([b"a", b"bc"], dtype="S3"))
        file.create_dataset("v", data=["a", "", "long enough"], dtype=h5py.string_dtype())
        file["v"].attrs["v"] = "text"
    _shorten_heap(path)


def _shorten_heap(path):
    """Takes away the free end of the only heap of texts, which is as long as all else."""
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    place = heap + 16
    while (number := int.from_bytes(content[place : place + 2], "little")) != 0:
        assert number
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    end = heap + 4_096
    if end == len(content):
        del content[place:]
        end_place = 40 if content[8] == 0 else 44
        content[end_place : end_place + 8] = len(content).to_bytes(8, "little")
    content[heap + 8 : heap + 16] = (place - heap).to_bytes(8, "little")
    path.write_bytes(content)


def _types(path):
    with _file(path, "v200") as file:
        for name in ("<f8", ">f4", "<u8", ">c16", "i1", "<f2"):
            _compact(file, name, np.arange(2).astype(name))
        _compact(file, "record", np.zeros(1, dtype=[("a", "<i4"), ("b", "<f4", (2,))]))
        _compact(file, "enum", np.zeros(2, dtype=h5py.enum_dtype({"A": 0, "B": 3}, basetype="<i2")))
        opaque = h5t.create(h5t.OPAQUE, 2)
        opaque.set_tag(b"")
        bytes_of_two = h5d.create(file.id, b"opaque", opaque, h5s.create_simple((3,)))
        h5py.Dataset(bytes_of_two).attrs["dtype"] = np.bytes_(b"bfloat16")
        file["null"] = h5py.Empty("f4")
        file["type"] = np.dtype(">f8")
        named = h5t.open(file.id, b"type")
        h5d.create(file.id, b"of type", named, h5s.create_simple((2,)))
        file.create_dataset("object", (1,), dtype=h5py.ref_dtype)


INPUTS = {
    "old": _old,
    "many-names": _many_names,
    "old-chunks": _old_chunks,
    "small-sizes": _small_sizes,
    "compact-links": _compact_links,
    "dense-links": _dense_links,
    "deep-links": _deep_links,
    "dense-attributes": _dense,
    "huge-attribute": _huge_attribute,
    "shared-messages": _shared,
    "chunk-indexes": _chunk_indexes,
    "growing": _growing,
    "growing-packed": _growing_packed,
    "far": _far,
    "tree-chunks": _tree_chunks,
    "pages": _pages,
    "nearly-empty": _nearly_empty,
    "texts": _texts,
    "types": _types,
}


def files():
    with tempfile.TemporaryDirectory() as directory:
        for name, make in INPUTS.items():
            path = Path(directory) / f"{name}.h5"
            make(path)
            yield path.name, path.read_bytes()
