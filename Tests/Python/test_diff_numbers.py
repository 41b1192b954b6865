"""The figures of `flywheel diff` against numpy's own, for every dtype."""

import h5py
import ml_dtypes
import numpy as np

from support import TestCase
from test_dtypes import decoded

SMALL = {
    "bfloat16": ml_dtypes.bfloat16,
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2,
}
FLOATS = ("float16", "float32", "float64", *SMALL)
COMPLEX = ("complex64", "complex128")
WHOLE = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
SHAPES = ((), (1,), (7,), (9, 5), (3, 1031), (2, 0))


def dtype_of(name: str) -> np.dtype:
    return np.dtype(SMALL.get(name, name))


def patterns(array: np.ndarray) -> np.ndarray:
    """Elements by their bits, complex ones by those of their parts."""
    part = array.dtype.itemsize // (2 if array.dtype.kind == "c" else 1)
    return array.reshape(-1).view(f"u{part}")


def pair(name: str, shape: tuple[int, ...], random: np.random.Generator):
    """Any bits at all, and the same with some of them moved by a few, or replaced."""
    dtype = dtype_of(name)
    count = int(np.prod(shape))
    if name == "bool":
        first, second = (random.integers(0, 2, count).astype(bool) for _ in range(2))
        return first.reshape(shape), second.reshape(shape)
    bits = random.integers(0, 256, (count, dtype.itemsize), dtype=np.uint8)
    first = np.ascontiguousarray(bits).view(dtype).reshape(count)
    if name in FLOATS + COMPLEX and count > 5:
        first[1::9] = 0
        first[2::31] = np.nan
        if name != "float8_e4m3fn":
            first[3::37] = np.inf
    second = first.copy()
    moved = patterns(second)
    chosen = random.random(moved.size) < 0.4
    moved[chosen] += random.integers(0, 7, chosen.sum()).astype(moved.dtype)
    flips = random.random(moved.size) < 0.1
    moved[flips] ^= moved.dtype.type(1 << (8 * moved.dtype.itemsize - 1))
    return first.reshape(shape), second.reshape(shape)


def distances(first: np.ndarray, second: np.ndarray) -> list[int]:
    """How many representable numbers it is from the one to the other, in Python's integers."""
    sign = 1 << (8 * first.dtype.itemsize - 1)

    def places(array: np.ndarray) -> list[int]:
        return [bits if bits < sign else sign - bits for bits in patterns(array).tolist()]

    return [abs(a - b) for a, b in zip(places(first), places(second))]


def figures(first: np.ndarray, second: np.ndarray, allowed: dict) -> dict:
    """What numpy says of two arrays of one dtype."""
    kind = "whole" if first.dtype.name in WHOLE else "complex" if first.dtype.kind == "c" else "float"
    first, second = first.reshape(-1), second.reshape(-1)
    parts = 2 if kind == "complex" else 1
    bits = (patterns(first) != patterns(second)).reshape(first.size, parts).any(axis=1)
    wide = np.complex128 if kind == "complex" else np.float64
    with np.errstate(invalid="ignore"):  # signalling NaNs become quiet
        a, b = first.astype(wide), second.astype(wide)

    def classes(values):
        infinite = np.isinf(values)
        return np.isnan(values) & ~infinite, infinite

    (a_nan, a_infinite), (b_nan, b_infinite) = classes(a), classes(b)
    finite = ~(a_nan | b_nan | a_infinite | b_infinite)
    with np.errstate(all="ignore"):
        gap = np.abs(np.where(finite, a - b, 0))
        larger = np.maximum(np.abs(a), np.abs(b))
        if kind == "whole":
            exact = [abs(int(x) - int(y)) for x, y in zip(first.tolist(), second.tolist())]
            gap = np.array([float(one) for one in exact])
        part = np.where(gap > 0, gap / larger, 0)
        overflows = finite & np.isinf(gap)
        part[overflows] = np.abs(a / 2 - b / 2)[overflows] / (larger / 2)[overflows]
        both_nan = a_nan & b_nan
        same = np.where(finite, gap == 0, (a == b) | (both_nan & allowed["nan"]))
        close = np.where(finite, gap <= allowed["atol"] + allowed["rtol"] * larger, same)
    steps = distances(first, second) if kind == "float" else []
    if allowed["ulp"] is not None and steps:
        close |= finite & np.array([one <= allowed["ulp"] for one in steps], bool)
    if allowed["exact"]:
        same, close = same | ~bits, ~bits

    def extreme(values) -> tuple | None:
        values = [value if is_finite else 0 for value, is_finite in zip(values, finite)]
        if not any(value > 0 for value in values):
            return None
        index = max(range(len(values)), key=lambda i: (values[i], -i))
        return float(values[index]), index

    # As large as they may be, a sum of squares must not overflow.
    def norm(values) -> float:
        largest = np.abs(values).max(initial=0)
        return float(largest * np.sqrt(np.sum(np.abs(values / largest) ** 2))) if largest else 0.0

    x, y = a[finite], b[finite]
    cosine = None
    if norm(x) and norm(y):
        cosine = float(np.real(np.vdot(x / norm(x), y / norm(y))))
    return {
        "count": first.size,
        "differing": int((~same).sum()),
        "bits_differing": int(bits.sum()),
        "beyond_tolerance": int((~close).sum()),
        "max_absolute": extreme(gap.tolist()),
        "max_relative": extreme(part.tolist()),
        "max_ulp": extreme(steps),
        "rms": norm(gap[finite]) / max(1, finite.sum()) ** 0.5,
        "cosine": cosine,
        "nan": [int(a_nan.sum()), int(b_nan.sum())],
        "infinity": [int(a_infinite.sum()), int(b_infinite.sum())],
    }


class Figures(TestCase):
    TOLERANCES = (
        ((), {}),
        (("--rtol", "1e-3", "--atol", "1e-4"), {"rtol": 1e-3, "atol": 1e-4}),
        (("--ulp", "2"), {"ulp": 2}),
        (("--exact",), {"exact": True, "nan": False}),
        (("--rtol", "0.5", "--nan-differs"), {"rtol": 0.5, "nan": False}),
    )

    def file(self, arrays: dict[str, np.ndarray]):
        path = self.path("arrays").with_suffix(".h5")
        with h5py.File(path, "w") as file:
            for key, array in arrays.items():
                small = key.split("/")[0] if key.split("/")[0] in SMALL else None
                # As Keras writes what HDF5 has no name for: bytes with a tag.
                file[key] = array.view(f"V{array.itemsize}") if small else array
                if small:
                    file[key].attrs["dtype"] = small
        return path

    def assert_close(self, found, expected, margin: float, words: str) -> None:
        if expected is None or found is None:
            self.assertEqual(found, expected, words)
        elif np.isfinite(expected):
            self.assertLessEqual(abs(decoded(found) - expected), margin, words)

    def assert_figures(self, entry: dict, first, second, allowed: dict) -> None:
        words = f"{entry['name']} within {allowed}"
        found, expected = entry["difference"], figures(first, second, allowed)
        for name in ("count", "differing", "bits_differing", "beyond_tolerance", "nan", "infinity"):
            self.assertEqual(found[name], expected[name], f"{words}: {name}")
        for name in ("max_absolute", "max_relative", "max_ulp"):
            if expected[name] is None:
                self.assertIsNone(found[name], f"{words}: {name}")
                continue
            value, index = expected[name]
            at = int(np.ravel_multi_index(found[name]["at"], first.shape)) if first.ndim else 0
            if first.dtype.kind == "c":  # whose sizes may differ in the last digit
                self.assert_close(found[name]["value"], value, 1e-15 * value, f"{words}: {name}")
            else:
                self.assertEqual((decoded(found[name]["value"]), at), (value, index), f"{words}: {name}")
        self.assert_close(found["rms"], expected["rms"], 1e-12 * expected["rms"], f"{words}: rms")
        self.assert_close(found["cosine"], expected["cosine"], 1e-12, f"{words}: cosine")

    def test_they_are_numpys_for_every_dtype_shape_and_tolerance(self):
        random = np.random.default_rng(6)
        sides = {}, {}
        for name in (*FLOATS, *COMPLEX, *WHOLE):
            for number, shape in enumerate(SHAPES):
                for side, array in zip(sides, pair(name, shape, random)):
                    side[f"{name}/{number}"] = array
        first, second = (self.file(side) for side in sides)
        for options, changes in self.TOLERANCES:
            allowed = {"rtol": 0.0, "atol": 0.0, "ulp": None, "exact": False, "nan": True} | changes
            # Of what is not given the type's standard holds, which is not the same for all.
            zeros = [] if "--exact" in options else [
                word for flag in ("--rtol", "--atol") if flag not in options for word in (flag, "0")
            ]  # fmt: skip
            words = *options, *zeros
            document = self.flywheel("diff", first, second, *words, "--json", status=1).json
            entries = {entry["name"]: entry for entry in document["tensors"]}
            self.assertEqual(set(entries), set(sides[0]))
            for name, entry in entries.items():
                self.assert_figures(entry, sides[0][name], sides[1][name], allowed)

    def test_a_large_array_has_its_extremes_where_numpy_has_them(self):
        random = np.random.default_rng(7)
        for dtype in (np.float32, np.float64, np.float16):
            first = random.standard_normal((700, 1100)).astype(dtype)
            second = (first + random.standard_normal(first.shape) * 1e-3).astype(dtype)
            second[123:456] = first[123:456]
            paths = [self.path("large").with_suffix(".npz") for _ in range(2)]
            for path, array in zip(paths, (first, second)):
                np.savez(path, large=array)
            document = self.flywheel(
                "diff", *paths, "--json", "--rtol", "1e-3", "--atol", "1e-4", status=1
            ).json
            (entry,) = document["tensors"]
            allowed = {"rtol": 1e-3, "atol": 1e-4, "ulp": None, "exact": False, "nan": True}
            self.assert_figures(entry, first, second, allowed)

    def test_a_difference_of_one_counts_among_large_integers(self):
        first = np.array([1 << 60, 3], np.int64)
        paths = [
            self.file({"a": first}),
            self.file({"a": first + np.array([1, 0])}),
            self.file({"a": first.astype(np.uint64) + np.array([1, 0], np.uint64)}),
        ]
        for other in paths[1:]:
            document = self.flywheel(
                "diff", paths[0], other, "--json", "--ignore-dtype", status=1
            ).json
            (entry,) = (one for one in document["tensors"] if one["name"] == "a")
            self.assertEqual(entry["difference"]["differing"], 1)
            self.assertEqual(entry["difference"]["max_absolute"], {"value": 1, "at": [0]})
            self.assertEqual(entry["difference"]["beyond_tolerance"], 1)
