#!/usr/bin/env python3
"""Makes the files in Tests/Fixtures/npy and Tests/Fixtures/npz with the real numpy and ml_dtypes.

Each .npy file holds numpy.arange(size).reshape(shape), or the same as text, dates or records; its name says what
it is: dtype, extents joined by x ("scalar" for none), and "fortran" or "big" where they apply.
They are committed: run this only to add one.
"""

import io
import sys
import warnings
import zipfile
from pathlib import Path

import ml_dtypes
import numpy

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "npy"
ARCHIVES = FOLDER.with_name("npz")

NUMBERS = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
           "float16", "float32", "float64", "complex64", "complex128"]
SMALL_FLOATS = [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
SHAPES = [(), (0,), (5,), (2, 3), (3, 0, 2), (2, 3, 4)]
RECORDS = {
    "record": [("x", "<f4"), ("y", ">i2", (2,)), ("name", "<U3")],
    "nested": [("a", [("b", "|u1"), ("c", "<f8", (2, 2))]), (("a title", "d"), "|S2")],
    "padded": numpy.dtype([("a", "u1"), ("b", "<f8")], align=True),
    "latin1": [("é", "<i4"), ("it's", "<i4"), ('both\'"', "<i4")],
    "unicode": [("日本", "<i4"), ("line\n\u00a0end", "<i4")],
    "subarrays": [("a", ("<i2", (2,)), (3,))],
}


def save(name: str, array) -> None:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions 2 and 3 come with one
        numpy.save(stream, array)
    (FOLDER / f"{name}.npy").write_bytes(stream.getvalue())


def name_of(dtype: str, shape: tuple, *words: str) -> str:
    extents = "x".join(map(str, shape)) or "scalar"
    return "-".join([dtype, extents, *words])


class Unseekable(io.RawIOBase):
    """A stream that can only be appended to, as a pipe."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.bytes += data
        return len(data)


def save_archives() -> None:
    """The same three arrays in every way that Python writes them, and one archive of odd members."""
    arrays = {
        "weight": numpy.arange(6, dtype="f4").reshape(2, 3),
        "layers/0.weight": numpy.asfortranarray(numpy.arange(600, dtype=">f8").reshape(20, 30)),
        "größe": numpy.array("text"),
    }
    numpy.savez(ARCHIVES / "savez.npz", **arrays)
    numpy.savez_compressed(ARCHIVES / "compressed.npz", **arrays)
    numpy.savez(ARCHIVES / "positional.npz", *arrays.values())
    numpy.savez(ARCHIVES / "empty.npz")
    for name, method in [("pipe.npz", zipfile.ZIP_STORED), ("pipe-deflated.npz", zipfile.ZIP_DEFLATED)]:
        stream = Unseekable()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for key, array in arrays.items():
                with archive.open(key + ".npy", "w", force_zip64=True) as member:
                    numpy.lib.format.write_array(member, array)
        (ARCHIVES / name).write_bytes(stream.bytes)
    whole = io.BytesIO()
    numpy.save(whole, arrays["weight"])
    pickled = io.BytesIO()
    numpy.save(pickled, numpy.array([None, "object"], dtype=object))
    with zipfile.ZipFile(ARCHIVES / "odd.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", whole.getvalue())
        archive.writestr("a", b"a text")
        archive.writestr("array without suffix", whole.getvalue())
        archive.writestr("two.npy", whole.getvalue() * 2)
        archive.writestr("objects.npy", pickled.getvalue())
        archive.writestr("short.npy", whole.getvalue()[:-1])
        archive.writestr("no array.npy", b"another text")
        archive.writestr("nothing.npy", b"")
        archive.writestr("folder/", b"")
        archive.writestr("folder/b.npy", whole.getvalue())
        archive.writestr("folder/empty/", b"")


def main() -> int:
    ARCHIVES.mkdir(parents=True, exist_ok=True)
    save_archives()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.npy"):
        path.unlink()
    for name in NUMBERS:
        dtype = numpy.dtype(name)
        shapes = SHAPES if name in ("float32", "uint8") else [(2, 3)]
        for shape in shapes:
            values = numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape)
            save(name_of(name, shape), values.astype(dtype))
            if len(shape) > 1 and values.size > 0:
                save(name_of(name, shape, "fortran"), numpy.asfortranarray(values.astype(dtype)))
        if dtype.itemsize > 1:
            big = numpy.arange(6).reshape(2, 3).astype(dtype.newbyteorder(">"))
            save(name_of(name, (2, 3), "big"), big)
            save(name_of(name, (2, 3), "fortran", "big"), numpy.asfortranarray(big))
    for dtype in SMALL_FLOATS:
        save(name_of(dtype.__name__, (2, 3)), numpy.arange(6).reshape(2, 3).astype(dtype))
    texts = numpy.arange(6).reshape(2, 3)
    save("opaque-text", texts.astype("U3"))
    save("opaque-text-fortran", numpy.asfortranarray(texts.astype("U3")))
    save("opaque-text-big", texts.astype(">U3"))
    save("opaque-bytes", texts.astype("S5"))
    save("opaque-void", numpy.zeros((2, 3), "V7"))
    save("opaque-dates", texts.astype("M8[ns]"))
    save("opaque-days", texts.astype(">M8[7D]"))
    save("opaque-durations", texts.astype("m8"))
    save("opaque-longdouble", texts.astype("longdouble"))
    for name, dtype in RECORDS.items():
        save(f"opaque-{name}", numpy.zeros(2, dtype))
    save("opaque-many-fields", numpy.zeros(0, [(f"field{i:04}", "<f4") for i in range(500)]))
    total = sum(path.stat().st_size for path in FOLDER.glob("*.npy"))
    print(f"{len(list(FOLDER.glob('*.npy')))} files, {total} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
