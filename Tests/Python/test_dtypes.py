"""Statistics of every dtype that h5py writes, against numpy's."""

import json
import math
import struct
from pathlib import Path

import h5py
import numpy as np

from support import TestCase, newest, write_structured


def decoded(value) -> float:
    """A number of Flywheel's JSON; what JSON has no numeral for is its bits."""
    if isinstance(value, dict):
        return struct.unpack(">d", bytes.fromhex(value["float64"].removeprefix("0x")))[0]
    return value


def numbers(dtype: np.dtype, shape: tuple[int, ...], special: bool) -> np.ndarray:
    """Numbers of every size that a dtype has, and what is none."""
    random = np.random.default_rng([1, dtype.itemsize, len(shape)])
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "iu":
        bytes = random.integers(0, 256, (*shape, dtype.itemsize), dtype=np.uint8)
        return bytes.view(dtype)[..., 0]
    largest = 4 if dtype.itemsize == 2 else 15
    array = random.standard_normal(shape) * 10.0 ** random.integers(-largest, largest, shape)
    if dtype.kind == "c":
        array = array + 1j * random.standard_normal(shape)
    array = array.astype(dtype)
    flat = array.reshape(-1)
    if flat.size > 20:
        flat[3::40] = 0
        flat[5::70] = -0.0
    if special:
        flat[1::50] = np.nan
        flat[2::60] = np.inf
        flat[4::90] = -np.inf
    return array


class Statistics(TestCase):
    DTYPES = (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64", "complex128",
    )  # fmt: skip

    def assert_statistics(self, found: dict, array: np.ndarray, name: str) -> None:
        values = np.abs(array) if array.dtype.kind == "c" else array
        values = values.astype(np.float64)
        finite = values[np.isfinite(values)]
        for member, expected in {
            "count": values.size,
            "zeros": np.count_nonzero(values == 0),
            "nan": np.count_nonzero(np.isnan(values)),
            "positive_infinity": np.count_nonzero(values == np.inf),
            "negative_infinity": np.count_nonzero(values == -np.inf),
        }.items():
            self.assertEqual(found[member], expected, f"{name}: {member}")
        if finite.size == 0:
            for member in ("minimum", "maximum", "mean", "standard_deviation"):
                self.assertIsNone(found[member], f"{name}: {member}")
            self.assertEqual(found["norm"], 0)
            return
        # Absolute values may differ in the last digit, and numpy's for complex64 is a float32.
        tolerance = 1e-6 if array.dtype == np.complex64 else 1e-15
        scale = np.abs(finite).max()
        for member, expected, margin in (
            ("minimum", finite.min(), tolerance * scale if array.dtype.kind == "c" else 0),
            ("maximum", finite.max(), tolerance * scale if array.dtype.kind == "c" else 0),
            ("mean", math.fsum(finite) / finite.size, 1e-6 * tolerance + 1e-13 * scale),
            ("standard_deviation", finite.std(), 1e-13 * scale),
            ("norm", math.sqrt(math.fsum(finite * finite)), 1e-13 * scale * finite.size**0.5),
        ):
            if array.dtype == np.complex64:
                margin = 1e-6 * scale * finite.size**0.5
            self.assertLessEqual(abs(decoded(found[member]) - expected), margin, f"{name}: {member}")

    def test_statistics_of_every_dtype_and_layout_are_numpys(self):
        arrays = {}
        for name in self.DTYPES:
            dtype = np.dtype(name)
            for order in "<>" if dtype.itemsize > 1 else "=":
                for shape in ((), (7,), (5, 3, 71), (2, 0)):
                    special = dtype.kind in "fc" and len(shape) == 3
                    array = numbers(dtype, shape, special)
                    key = f"{name}{'-big' if order == '>' else ''}/{len(shape)}"
                    arrays[key] = array.astype(dtype.newbyteorder(order))
        arrays["nothing"] = np.full(9, np.nan, np.float32)
        arrays["huge"] = np.array([3e300, -4e300, 1e-300])
        path = self.path("all.h5")
        with h5py.File(path, "w") as file:
            for key, array in arrays.items():
                file[key] = array
            file.create_dataset("chunked", data=arrays["float32/3"], chunks=True, compression=4)
        arrays["chunked"] = arrays["float32/3"]
        listed = self.flywheel("inspect", path, "--stats", "--json").json
        self.assertEqual(listed["format"], "hdf5")
        found = {entry["name"]: entry["statistics"] for entry in listed["tensors"]}
        self.assertEqual(set(found), set(arrays))
        for key, array in arrays.items():
            self.assertIsNotNone(found[key], key)
            if key == "huge":
                self.assertEqual(found[key]["norm"], 5e300)
            else:
                self.assert_statistics(found[key], array, key)

    def test_a_table_fits_80_columns_and_says_what_is_not_finite(self):
        path = self.path("table.h5")
        array = np.full((300, 400), -1.25e-95)
        array[0, :7] = np.nan
        array[1, :5] = np.inf
        array[2, :4] = -np.inf
        array[3, :3] = 0
        with h5py.File(path, "w") as file:
            file["weight"] = array
            file["names"] = ["no", "numbers"]
            file["empty"] = np.zeros((0, 3), np.float32)
        shown = self.flywheel("inspect", path, "--stats").stdout.splitlines()
        self.assertLessEqual(max(map(len, shown[1:])), 80)
        header, *rows = shown[1:]
        self.assertEqual(
            header.split(), ["min", "max", "mean", "std", "norm", "zeros", "nan", "inf"]
        )
        below = {row.split()[0]: row for row in rows if not row.startswith(" ")}
        self.assertEqual(set(below), {"weight", "names", "empty"})
        weight = rows[rows.index(below["weight"]) + 1].split()
        self.assertEqual(weight[0], "-1.25e-95")
        self.assertEqual(weight[5:], ["3", "7", "9"])
        empty = rows[rows.index(below["empty"]) + 1].split()
        self.assertEqual(empty, ["-"] * 5 + ["0"] * 3)

    def test_a_checkpoint_shows_its_tensors_and_json_alone_stays_the_document(self):
        data = write_structured(self.folder / "data", 40, 4, 3)
        run = self.train("--data", data, "--layers", "16-4-3", "--epochs", 1)
        path: Path = newest(run)
        document = self.flywheel("inspect", path, "--json").json
        with h5py.File(path) as file:
            tensors = {name: file[name][()] for name in document["tensors"]}
            stored = json.loads(bytes(file["flywheel.metadata"][()]))
        self.assertEqual(document, stored)
        listed = self.flywheel("inspect", run, "--json", "--stats").json
        found = {entry["name"]: entry["statistics"] for entry in listed["tensors"]}
        self.assertIsNone(found.pop("flywheel.metadata"))
        self.assertEqual(set(found), set(tensors))
        for name, array in tensors.items():
            if name.startswith("random/"):
                self.assertIsNone(found[name], "words of a generator are no numbers")
            else:
                self.assert_statistics(found[name], array, name)
        shown = self.flywheel("inspect", run, "--stats").stdout
        self.assertIn("progress", shown)
        norm = f"{np.linalg.norm(tensors['model/layers.0.weight'].astype(np.float64)):.4g}"
        row = shown[shown.index("\nmodel/layers.0.weight") :].splitlines()[2]
        self.assertEqual(row.split()[4], norm)

    def test_damaged_elements_are_told(self):
        path = self.path("damaged.h5")
        with h5py.File(path, "w") as file:
            file.create_dataset("a", data=np.arange(1000.0), chunks=(1000,), compression=4)
            offset = file["a"].id.get_chunk_info(0).byte_offset
        data = bytearray(path.read_bytes())
        data[offset : offset + 40] = b"\xff" * 40
        path.write_bytes(data)
        self.flywheel("inspect", path)
        self.assert_error(self.flywheel("inspect", path, "--stats", status=2), path)
