"""Small HDF5 files that no library writes, byte by byte: many datasets that name the same elements."""

import struct
import zlib
from pathlib import Path

import numpy as np

NOWHERE = (1 << 64) - 1
# What kinds of messages are called in the format's specification.
DATASPACE, LINK_INFO, DATATYPE, FILL_VALUE, LINK, LAYOUT, FILTERS = 1, 2, 3, 5, 6, 8, 11


def _message(kind: int, content: bytes) -> bytes:
    content += bytes(-len(content) % 8)
    return struct.pack("<HHB3x", kind, len(content), 0) + content


def _header(*messages: bytes) -> bytes:
    """An object header of version 1, which has no checksum."""
    content = b"".join(messages)
    return struct.pack("<BxHII4x", 1, len(messages), 1, len(content)) + content


def _superblock(root: int, end: int) -> bytes:
    sizes = struct.pack("<8BHHI", 0, 0, 0, 0, 0, 8, 8, 0, 4, 16, 0)
    places = struct.pack("<4Q", 0, NOWHERE, end, NOWHERE)
    return b"\x89HDF\r\n\x1a\n" + sizes + places + struct.pack("<QQ24x", 0, root)


def _write(path: Path, shared: bytes, count: int, *messages: bytes) -> None:
    """Datasets of bytes, `d0` and so on, with the same messages; what they share lies at byte 96."""
    start = len(_superblock(0, 0))
    assert start == 96
    datatype = _message(DATATYPE, struct.pack("<B3xIHH", 0x10, 1, 0, 8))
    dataset = _header(datatype, *messages)
    first = start + len(shared)
    links = [_message(LINK_INFO, struct.pack("<BBQQ", 0, 0, NOWHERE, NOWHERE))]
    for number in range(count):
        name = b"d%d" % number
        address = first + number * len(dataset)
        links.append(_message(LINK, struct.pack("<BBB", 1, 0, len(name)) + name + struct.pack("<Q", address)))
    root = _header(*links)
    place = first + count * len(dataset)
    path.write_bytes(_superblock(place, place + len(root)) + shared + count * dataset + root)


def _extent(count: int) -> bytes:
    return _message(DATASPACE, struct.pack("<BBB5xQ", 1, 1, 0, count))


def share_chunk(path: Path, count: int) -> None:
    """Datasets of one byte in a chunk of four million, which is compressed to a quarter."""
    plain = np.random.default_rng(1).integers(0, 4, 1 << 22, "u1").tobytes()
    chunk = zlib.compress(plain, 1)
    extents = len(plain).to_bytes(3, "little") + (1).to_bytes(3, "little")
    layout = struct.pack("<5B6sBQIQ", 4, 2, 2, 2, 3, extents, 1, len(chunk), 0, 96)
    gzip = struct.pack("<BBHHHI", 2, 1, 1, 0, 1, 6)
    _write(path, chunk, count, _extent(1), _message(FILTERS, gzip), _message(LAYOUT, layout))


def share_range(path: Path, count: int) -> None:
    """Datasets of the same million bytes, which are not compressed."""
    size = 1 << 20
    layout = struct.pack("<BBQQ", 3, 1, 96, size)
    _write(path, bytes(range(256)) * (size // 256), count, _extent(size), _message(LAYOUT, layout))


def declare_fill(path: Path, count: int) -> None:
    """Datasets of 48 MiB each, of which nothing was ever written."""
    size = 48 << 20
    layout = struct.pack("<BBQQ", 3, 1, NOWHERE, size)
    _write(path, b"", count, _extent(size), _message(FILL_VALUE, b"\x03\x0a"), _message(LAYOUT, layout))
