#!/usr/bin/env python3
"""Makes Tests/Fixtures/hdf5/chunks-*.h5.z, and chunks.json beside them: chunks behind every kind of index.

They are committed: run this only to add one, since other versions of the library give other bytes. With a folder
as argument it makes larger ones of all kinds there.
"""

import json
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "hdf5"

FILTERS = {
    "plain": {},
    "shuffle": {"shuffle": True},
    "gzip": {"compression": "gzip"},
    "shuffle-gzip": {"shuffle": True, "compression": "gzip", "compression_opts": 9},
    "fletcher": {"fletcher32": True},
    "shuffle-gzip-fletcher": {"shuffle": True, "compression": "gzip", "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "shuffle-lzf-fletcher": {"shuffle": True, "compression": "lzf", "fletcher32": True},
}

# What tells libhdf5 which index to use: the extents, those of a chunk, and to what they may grow.
SHAPES = {
    "single": ((5, 7), (5, 7), None),
    "fixed": ((5, 7), (2, 3), None),
    "fixed-growing": ((5, 7), (2, 3), (6, 20)),
    "growing": ((5, 7), (2, 3), (None, 7)),
    "growing-inner": ((5, 7, 3), (2, 3, 2), (6, None, 4)),
    "growing-both": ((5, 7), (2, 3), (None, None)),
    "one-axis": ((23,), (4,), (None,)),
    "odd": ((7,), (7,), None),
}

TYPES = ["<i2", ">i4", "<f4", ">f8", "u1", "<c8", ">c16", "bool", "S5", "<f2", "<u8", "V3"]


def values(shape, dtype, seed=0):
    """Numbers that compress a little, and differ from place to place."""
    count = int(np.prod(shape))
    dtype = np.dtype(dtype)
    if dtype.kind in "SV":
        words = [bytes([65 + (i + seed) % 26, 97 + i % 7, 48 + i % 10][: 1 + i % 3]) for i in range(count)]
        return np.array(words, dtype=f"S{dtype.itemsize}").view(dtype).reshape(shape)
    numbers = (np.arange(count) * 7 + seed) % 101
    if dtype.kind == "b":
        numbers = numbers % 2
    if dtype.kind == "c":
        numbers = numbers + 1j * (numbers[::-1] % 9)
    return numbers.astype(dtype).reshape(shape)


class Writer:
    def __init__(self, path, libver):
        path.unlink(missing_ok=True)
        self.file = h5py.File(path, "w", libver=(libver, libver) if libver != "earliest" else libver)
        self.expected = {}

    def expect(self, name, data):
        data = np.asarray(data)
        if data.dtype.kind in "iufc":
            data = data.astype(data.dtype.newbyteorder("<"))
        raw = np.ascontiguousarray(data).tobytes()
        self.expected[name] = {"shape": list(data.shape), "crc32": zlib.crc32(raw)}

    def add(self, name, shape, dtype, chunk, limits=None, **options):
        data = values(shape, dtype)
        self.file.create_dataset(
            name, data=data, dtype=data.dtype, chunks=chunk, maxshape=limits, **options
        )
        self.expect(name, data)

    def sparse(self, name, shape, dtype, chunk, limits, blocks, fill=None, **options):
        """Only some blocks are written; all else is the fill value."""
        dataset = self.file.create_dataset(
            name, shape, dtype, chunks=chunk, maxshape=limits, fillvalue=fill, **options
        )
        data = np.full(shape, 0 if fill is None else fill, dtype)
        for number, block in enumerate(blocks):
            data[block] = values(data[block].shape, dtype, number + 1)
            dataset[block] = data[block]
        self.expect(name, data)

    def low_level(self, name, data, type_id, chunk, edit=None, limits=None, memory_type=None):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if chunk:
            properties.set_chunk(chunk)
        if edit:
            edit(properties)
        space = h5py.h5s.create_simple(data.shape, limits)
        dataset = h5py.h5d.create(self.file.id, name.encode(), type_id, space, properties)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, data, memory_type)
        return dataset

    def close(self):
        self.file.close()
        return self.expected


def special(writer, is_large):
    """What h5py's own calls do not make."""
    early = lambda properties: properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    data = values((5, 7), "<i4")
    writer.low_level("implicit", data, h5py.h5t.STD_I32LE, (2, 3), early)
    writer.expect("implicit", data)
    writer.low_level("implicit-growing", data, h5py.h5t.STD_I32LE, (2, 3), early, (8, 20))
    writer.expect("implicit-growing", data)

    def plain_edges(properties):
        properties.set_deflate(6)
        if hasattr(properties, "set_chunk_opts"):
            properties.set_chunk_opts(2)

    writer.low_level("edges", data, h5py.h5t.STD_I32LE, (2, 3), plain_edges)
    writer.expect("edges", data)

    for name, padding in (("null-terminated", h5py.h5t.STR_NULLTERM), ("space-padded", h5py.h5t.STR_SPACEPAD)):
        for chunk in (None, (3,)):
            text = np.array([b"ab", b"", b"abcde", b"a b ", b"xyz"], "S6")
            kind = h5py.h5t.TypeID.copy(h5py.h5t.C_S1)
            kind.set_size(6)
            kind.set_strpad(padding)
            raw = text
            if padding == h5py.h5t.STR_SPACEPAD:
                raw = np.array([t.ljust(6) for t in text], "S6")
                text = np.array([t.rstrip(b" ") for t in text], "S6")
            else:
                raw = np.array([b"ab\0cd\0", b"\0zzz\0", b"abcde", b"a b ", b"xyz"], "S6")
            key = f"{name}-{'chunked' if chunk else 'contiguous'}"
            writer.low_level(key, raw, kind, chunk, memory_type=kind)
            writer.expect(key, text)

    wide = h5py.h5t.enum_create(h5py.h5t.STD_I32BE)
    wide.enum_insert(b"FALSE", 0)
    wide.enum_insert(b"TRUE", 1)
    truths = np.array([0, 1, 1, 0, 1], ">i4")
    writer.low_level("wide-truths", truths, wide, (2,), memory_type=wide)
    writer.expect("wide-truths", truths.astype("u1"))

    # A chunk that skipped filters.
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_shuffle()
    properties.set_deflate(1)
    space = h5py.h5s.create_simple((8,), (h5py.h5s.UNLIMITED,))
    dataset = h5py.h5d.create(writer.file.id, b"masks", h5py.h5t.STD_I32LE, space, properties)
    data = values((8,), "<i4")
    dataset.write_direct_chunk((0,), data[:4].tobytes(), 3)
    shuffled = np.ascontiguousarray(data[4:].view("u1").reshape(4, 4).T).tobytes()
    dataset.write_direct_chunk((4,), shuffled, 2)
    writer.expect("masks", data)

    # Datasets that grew, and shrank.
    dataset = writer.file.create_dataset("resized", (4, 4), "<i4", chunks=(2, 2), maxshape=(None, 9), fillvalue=-5)
    whole = np.full((4, 4), -5, "<i4")
    whole[:] = values((4, 4), "<i4")
    dataset[:] = whole
    dataset.resize((3, 3))
    dataset.resize((7, 6))
    grown = np.full((7, 6), -5, "<i4")
    grown[:3, :3] = whole[:3, :3]
    writer.expect("resized", grown)
    assert np.array_equal(dataset[:], grown)


def many(writer, is_large):
    """Arrays with pages, groups of blocks, and trees of several levels."""
    if writer.file.libver[0] == "earliest":
        writer.sparse("tree", (9, 9), "<u1", (1, 1), (None, None), [np.s_[2:, :]], fill=1)
    else:
        writer.sparse("pages", (1100,), "<i2", (1,), None, [np.s_[5:9], np.s_[1090:]], fill=-2)
        writer.sparse("blocks", (400,), "<u1", (1,), (None,), [np.s_[:7], np.s_[100:120], np.s_[395:]], fill=9)
        writer.sparse("tree", (14, 14), "<u1", (1, 1), (None, None), [np.s_[2:, :]], fill=1)
        ends = [np.s_[:5], np.s_[131_070:131_100], np.s_[199_990:]]
        writer.sparse("super-pages", (200_000,), "u1", (1,), (None,), ends)
    if not is_large:
        return
    writer.sparse("tree-large", (40, 40), "<u1", (1, 1), (None, None), [np.s_[3:9, 3:30], np.s_[39:, :]], fill=1)
    writer.sparse("pages-gzip", (3000,), "<i2", (1,), None, [np.s_[5:9], np.s_[2990:]], fill=-2, compression="gzip")
    writer.sparse(
        "super-pages-many", (600_000,), "u1", (1,), (None,), [np.s_[:5], np.s_[131_070:131_100], np.s_[140_000:143_000], np.s_[599_990:]]
    )
    writer.sparse(
        "super-pages-gzip", (300_000,), "u1", (1,), (None,), [np.s_[:5], np.s_[131_070:131_100], np.s_[140_000:142_000]], compression="gzip"
    )
    writer.sparse("inner", (3, 50_000), "u1", (1, 5), (4, None), [np.s_[:, 100:9_000], np.s_[2, 40_000:]], fill=3)
    writer.add("tree-all", (200, 300), "<i4", (3, 4), (None, None), compression="gzip")
    writer.add("array-all", (20_000,), "<i4", (2,), (None,))
    writer.add("large", (300, 1000), "<f4", (64, 100), shuffle=True, compression="gzip")


def make(path, libver, is_large):
    writer = Writer(path, libver)
    if is_large:
        for key, (shape, chunk, limits) in SHAPES.items():
            for filters, options in FILTERS.items():
                for dtype in TYPES:
                    writer.add(f"{key},{filters},{dtype}", shape, dtype, chunk, limits, **options)
    else:
        for number, (key, (shape, chunk, limits)) in enumerate(SHAPES.items()):
            # An old file has one kind of index, so that a few of them tell all.
            if libver == "earliest" and number % 3 > 0:
                continue
            names = list(FILTERS)
            for filters in {names[number % 8]: 0, names[(3 * number + 2) % 8]: 0}:
                dtype = TYPES[number % len(TYPES)]
                writer.add(f"{key},{filters},{dtype}", shape, dtype, chunk, limits, **FILTERS[filters])
    for key in ("fixed", "fixed-growing", "growing", "growing-inner", "growing-both"):
        shape, chunk, limits = SHAPES[key]
        blocks = [np.s_[1:3, 2:6], np.s_[4:, :1]]
        writer.sparse(f"{key},sparse", shape, ">i4", chunk, limits, blocks, fill=77)
    special(writer, is_large)
    many(writer, is_large)
    return writer.close()


def main() -> int:
    is_large = len(sys.argv) > 1
    folder = Path(sys.argv[1]) if is_large else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    versions = ("earliest", "v108", "v110", "v112", "v114", "v200", "latest")
    expected = {}
    for libver in versions if is_large else ("earliest", "v110", "v200"):
        path = folder / f"chunks-{libver}.h5"
        datasets = make(path, libver, is_large)
        size = path.stat().st_size
        expected[path.name] = {"byte_count": size, "datasets": datasets}
        # Mostly the empty parts of trees.
        path.with_suffix(".h5.z").write_bytes(zlib.compress(path.read_bytes(), 9))
        path.unlink()
        print(f"{path.name}: {size} bytes, {len(datasets)} datasets")
    (folder / "chunks.json").write_text(json.dumps(expected, indent=0) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
