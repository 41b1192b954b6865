#!/usr/bin/env python3
"""Makes the files in Tests/Fixtures/npy with the real numpy and ml_dtypes.

Each holds numpy.arange(size).reshape(shape), or the same as text, dates or records; its name says what
it is: dtype, extents joined by x ("scalar" for none), and "fortran" or "big" where they apply.
They are committed: run this only to add one.
"""

import io
import sys
import warnings
from pathlib import Path

import ml_dtypes
import numpy

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "npy"

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


def main() -> int:
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
