"""Compressed HDF5 datasets: ours in every HDF5 library, and those of h5py in Flywheel."""

import resource
import subprocess
from pathlib import Path

import h5py
import numpy as np

from support import TestCase

GENERATOR = np.random.default_rng(20)


def weights(*shape: int) -> np.ndarray:
    return (GENERATOR.standard_normal(shape) * 0.05).astype(np.float32)


def arrays() -> dict[str, np.ndarray]:
    """What checkpoints hold, and what is hard to cut into chunks."""
    sparse = weights(600, 784)
    sparse[:, GENERATOR.random(784) < 0.3] = 0
    return {
        "weight": weights(700, 500),
        "velocity": sparse,
        "second moment": weights(300, 900) ** 2,
        "halves": weights(300, 900).view("u2")[:, 1::2],
        "vector": weights(700_001),
        "long rows": weights(3, 350_000),
        "inner axis": weights(2, 3, 200_000),
        "double": GENERATOR.standard_normal((300, 500)),
        "complex": weights(100, 900).view(np.complex64),
        "counts": np.arange(100_000, dtype=np.int64),
        "flags": GENERATOR.random(50_000) < 0.1,
        "pixels": np.repeat(GENERATOR.integers(0, 256, 5_000, np.uint8), 30),
        "noise": GENERATOR.integers(0, 2**63, 300_000),
        "zeros": np.zeros((1_000, 1_000), np.float32),
        "ones": np.ones((700, 600), np.float32),
        "tiny": weights(4, 4),
        "scalar": np.float32(1.5),
        "empty": np.zeros((0, 7), np.float32),
        "names": np.array([b"layer", b"", b"of five"] * 900),
        "days": np.arange(5_000).astype("M8[D]"),
    }


def write(path: Path, contents: dict, version: str = "earliest", **options) -> None:
    with h5py.File(path, "w", libver=(version, "v110")) as file:
        for name, array in contents.items():
            if array.dtype.kind == "M":
                array = array.astype(h5py.opaque_dtype(array.dtype))
            chunked = options if array.ndim and array.size else {}
            file.create_dataset(name, data=array, **chunked)


class Compression(TestCase):
    def convert(self, source: Path, name: str, *arguments, status: int = 0, **options):
        target = self.folder / name
        result = self.flywheel("convert", source, target, *arguments, status=status, **options)
        return target if status == 0 else result

    def assert_same(self, path: Path, contents: dict) -> None:
        with h5py.File(path) as file:
            self.assertEqual(set(file), set(contents))
            for name, array in contents.items():
                found = file[name][()]
                self.assertEqual(file[name].dtype, array.dtype, name)
                self.assertEqual(found.shape, array.shape, name)
                self.assertEqual(found.tobytes(), array.tobytes(), name)

    def test_every_library_reads_ours(self):
        contents = arrays()
        source = self.folder / "plain.h5"
        write(source, contents)
        for level in ("fast", "1", "6"):
            with self.subTest(level=level):
                path = self.convert(source, f"{level}.h5", "--compress", level)
                self.assert_same(path, contents)
                with h5py.File(path) as file:
                    weight = file["weight"]
                    self.assertEqual((weight.compression, weight.shuffle), ("gzip", True))
                    self.assertFalse(file["flags"].shuffle)
                    self.assertIsNone(file["tiny"].chunks)
                repacked = self.folder / f"{level}-repacked.h5"
                subprocess.run(["h5repack", "-l", "CONTI", path, repacked], check=True)
                self.assert_same(repacked, contents)
                dump = subprocess.run(
                    ["h5dump", "-d", "/counts", "-s", "99999", "-c", "1", path],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                self.assertIn("99999", dump.stdout)

    def test_equal_input_gives_equal_bytes(self):
        source = self.folder / "plain.h5"
        write(source, arrays())
        first = self.convert(source, "a.h5", "--compress", "fast")
        second = self.convert(source, "b.h5", "--compress", "fast")
        self.assertEqual(first.read_bytes(), second.read_bytes())
        # Out of a compressed file, in other pieces.
        third = self.convert(first, "c.h5", "--compress", "fast")
        self.assertEqual(first.read_bytes(), third.read_bytes())

    def test_fast_is_never_larger_than_gzip_4_of_the_same_chunks(self):
        contents = arrays()
        source = self.folder / "plain.h5"
        write(source, contents)
        path = self.convert(source, "fast.h5", "--compress", "fast")
        with h5py.File(path) as file, h5py.File(self.folder / "gzip.h5", "w") as other:
            for name, array in contents.items():
                chunks = file[name].chunks
                if chunks is None:
                    continue
                if array.dtype.kind == "M":
                    array = array.astype(h5py.opaque_dtype(array.dtype))
                gzip = other.create_dataset(
                    name, data=array, chunks=chunks, shuffle=True, compression=4
                )
                with self.subTest(name):
                    ours, other_size = (d.id.get_storage_size() for d in (file[name], gzip))
                    self.assertLessEqual(ours, other_size)

    def test_those_of_h5py_are_read(self):
        contents = arrays()
        for name, options in {
            "gzip": {"compression": 4},
            "shuffle": {"shuffle": True, "chunks": True},
            "both": {"compression": 9, "shuffle": True},
            "checked": {"compression": 1, "shuffle": True, "fletcher32": True},
            "plain": {"chunks": True},
        }.items():
            for version in ("earliest", "v110"):
                with self.subTest(filters=name, version=version):
                    source = self.folder / f"{name}-{version}.h5"
                    write(source, contents, version, **options)
                    path = self.convert(source, f"{name}-{version}-out.h5", "--compress", "0")
                    self.assert_same(path, contents)

    def test_chunks_of_other_shapes_than_the_array(self):
        array = GENERATOR.integers(-9, 9, (13, 17, 19), np.int16)
        source = self.folder / "chunks.h5"
        with h5py.File(source, "w") as file:
            shapes = [(1, 1, 1), (13, 17, 19), (4, 5, 6), (1, 17, 3), (13, 1, 19)]
            for index, chunk in enumerate(shapes):
                file.create_dataset(
                    str(index), data=array, chunks=chunk, shuffle=True, compression=2
                )
            growing = file.create_dataset(
                "growing",
                array.shape,
                "i2",
                chunks=(8, 8, 8),
                maxshape=(None, None, None),
                compression=1,
            )
            growing[...] = array
            sparse = file.create_dataset(
                "sparse", (50, 40), "f4", chunks=(7, 9), fillvalue=2.5, shuffle=True, compression=1
            )
            sparse[20:30, 5:9] = 1
            contents = {name: dataset[()] for name, dataset in file.items()}
        self.assert_same(self.convert(source, "out.h5"), contents)

    def test_memory_does_not_grow_with_the_array(self):
        source = self.folder / "large.h5"
        block = weights(1_000, 784)
        with h5py.File(source, "w") as file:
            dataset = file.create_dataset(
                "a", (100_000, 784), "f4", chunks=block.shape, shuffle=True, compression=1
            )
            for start in range(0, 100_000, 1_000):
                dataset[start : start + 1_000] = block
        limit = 160 << 20  # half of the array; what is mapped does not count

        def restrain() -> None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

        path = self.convert(source, "out.h5", "--compress", "fast", before=restrain)
        with h5py.File(path) as file:
            for start in range(0, 100_000, 1_000):
                self.assertEqual(file["a"][start : start + 1_000].tobytes(), block.tobytes())

    def test_the_filter_of_h5py_is_read_without_libhdf5(self):
        source = self.folder / "lzf.h5"
        arrays = {"a": weights(50, 50)}
        write(source, arrays, compression="lzf")
        self.assert_same(self.convert(source, "out.h5"), arrays)
        # libhdf5 does not have it, and is not asked to load code.
        result = self.convert(source, "other.h5", "--hdf5", "library", status=2)
        self.assert_error(result, "lzf (32000)", "Flywheel's own reader")
        self.assertFalse((self.folder / "other.h5").exists())

    def test_other_filters_are_refused_by_name(self):
        source = self.folder / "scaled.h5"
        with h5py.File(source, "w") as file:
            file.create_dataset("a", data=np.arange(100), chunks=(50,), scaleoffset=0)
        for reader in ("flywheel", "library"):
            result = self.convert(source, "out.h5", "--hdf5", reader, status=2)
            self.assert_error(result, "scaleoffset (6)", "h5repack")
            self.assertFalse((self.folder / "out.h5").exists())
