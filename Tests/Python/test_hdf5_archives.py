"""Files of h5py, Keras, PyTables, pandas, netCDF4 and MATLAB in Flywheel, and Flywheel's in h5py."""

import json
import os
from pathlib import Path

import h5py
import jsonschema
import ml_dtypes
import numpy as np

import hdf5_archives
from support import REPOSITORY, SCHEMAS, TestCase, only_full

FIXTURES = REPOSITORY / "Tests" / "Fixtures" / "hdf5"
WRITTEN = FIXTURES / "written.h5"


class Listed(TestCase):
    """`inspect` lists what h5py lists, with types and shapes."""

    def assert_listed(self, path: Path) -> dict:
        listing = self.flywheel("inspect", path, "--json").json
        schema = json.loads((SCHEMAS / "inspect.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(listing)
        self.assertEqual(listing["reader"], "flywheel")
        self.assertIn("read by flywheel", self.flywheel("inspect", path).stdout)
        found = {row["name"]: row for row in listing["tensors"]}
        expected = hdf5_archives.datasets(path)
        self.assertEqual(sorted(found), sorted(expected))
        for name, dataset in expected.items():
            row = found[name]
            self.assertEqual(row["shape"], list(dataset.shape), name)
            dtype = hdf5_archives.dtype_name(dataset)
            if dtype:
                self.assertEqual(row["type"], dtype, name)
            elif not dataset.compression and name != "blosc":
                self.assertRegex(
                    row["type"], r"text|compound|reference|opaque|enumeration|^[|<][SVUMm]", name
                )
        return listing

    def made(self, name: str) -> Path:
        path = self.folder / name
        hdf5_archives.FILES[name](path)
        return path

    def test_h5py_files_of_every_version(self):
        for name in hdf5_archives.FILES:
            if name.startswith("h5py"):
                with self.subTest(file=name):
                    listing = self.assert_listed(self.made(name))
                    self.assertIn(
                        {"name": "/soft", "reason": "is a link to /chunks"}, listing["obstacles"]
                    )

    def test_pytables(self):
        self.assert_listed(self.made("pytables.h5"))

    def test_netcdf4(self):
        self.assert_listed(self.made("netcdf4.nc"))

    def test_matlab(self):
        self.assert_listed(self.made("matlab.mat"))
        self.assert_listed(self.made("hdf5storage.mat"))

    @only_full("pandas and Keras take seconds to load")
    def test_pandas(self):
        self.assert_listed(self.made("pandas.h5"))

    @only_full("pandas and Keras take seconds to load")
    def test_keras(self):
        self.assert_listed(self.made("keras.weights.h5"))

    def test_the_order_in_which_things_came(self):
        path = self.folder / "order.h5"
        with h5py.File(path, "w", track_order=True) as file:
            for name in ("z", "a", "m"):
                file[name] = [1.0]
        listing = self.flywheel("inspect", path, "--json").json
        self.assertEqual([row["name"] for row in listing["tensors"]], ["z", "a", "m"])

    def test_what_is_elsewhere_is_listed_and_not_followed(self):
        path = self.folder / "elsewhere.h5"
        with h5py.File(self.folder / "other.h5", "w") as file:
            file["a"] = [1.0]
        with h5py.File(path, "w") as file:
            file["external"] = h5py.ExternalLink("other.h5", "/a")
            file["circle"] = h5py.SoftLink("/circle")
            layout = h5py.VirtualLayout((1,), "f8")
            layout[:] = h5py.VirtualSource("other.h5", "a", (1,))
            file.create_virtual_dataset("virtual", layout)
            file.create_dataset("lzf", data=np.zeros(100), compression="lzf")
            file.create_dataset("elsewhere", (2,), "f8", external=[("raw", 0, 16)])
        listing = self.flywheel("inspect", path, "--json").json
        self.assertEqual(
            listing["obstacles"],
            [
                {"name": "/circle", "reason": "is a link to /circle"},
                {"name": "/external", "reason": "is a link to /a in the file other.h5"},
            ],
        )
        names = [row["name"] for row in listing["tensors"]]
        self.assertEqual(names, ["elsewhere", "lzf", "virtual"])


class Readers(TestCase):
    """`--hdf5` chooses what reads."""

    def test_both_say_the_same(self):
        path = self.folder / "both.h5"
        hdf5_archives.FILES["h5py-v110.h5"](path)
        listings = {}
        for reader in ("flywheel", "library"):
            listings[reader] = self.flywheel("inspect", path, "--json", "--hdf5", reader).json
            self.flywheel("convert", path, self.folder / f"{reader}.npz", "--drop", "--hdf5", reader)
        self.assertEqual(listings["flywheel"].pop("reader"), "flywheel")
        self.assertRegex(listings["library"].pop("reader"), r"^libhdf5 \d+\.\d+\.\d+$")
        self.assertEqual(listings["flywheel"], listings["library"])
        first, second = (self.folder / f"{reader}.npz" for reader in ("flywheel", "library"))
        self.assertEqual(first.read_bytes(), second.read_bytes())

    def test_there_are_two(self):
        result = self.flywheel("inspect", "a.h5", "--hdf5", "third", status=64)
        self.assertIn("'flywheel' and 'library'", result.stderr)


class Damaged(TestCase):
    """Our own parsing of links, types and texts meets anything; libhdf5 only what has checksums."""

    def test_flipped_bits_in_a_file_with_checksums(self):
        source = self.folder / "source.h5"
        with h5py.File(source, "w", libver=("v108", "v110")) as file:
            hdf5_archives.fill_little_types(file.create_group("types"))
            file["soft"] = h5py.SoftLink("/types")
            file["external"] = h5py.ExternalLink("other.h5", "/a")
        data = source.read_bytes()
        random = np.random.default_rng(1)
        # Headers lie between the elements; a sample of both is enough for each run.
        for offset in random.choice(len(data), 60, replace=False):
            flipped = bytearray(data)
            flipped[offset] ^= 1 << int(random.integers(8))
            path = self.folder / "flipped.h5"
            path.write_bytes(flipped)
            result = self.finish(self.start("inspect", path, "--json"), timeout=30)
            self.assertIn(result.status, (0, 2), result.stderr)


class Written(TestCase):
    """`written.h5` is what HDF5WrittenTests writes, byte for byte."""

    def test_h5py_reads_every_dtype_bit_for_bit(self):
        with h5py.File(WRITTEN) as file:
            self.assertEqual(len(file["contiguous"]), 17)
            self.assertEqual(len(file["filtered"]), 5)
            for layout in ("contiguous", "filtered"):
                for name, dataset in file[layout].items():
                    bits = file["bits"][name][...].tobytes()
                    data = dataset[...]
                    self.assertEqual(data.tobytes(), bits, f"{name} {layout}")
                    if name in hdf5_archives.TAGGED:
                        # Exactly what Keras asks before it takes the bytes for bfloat16.
                        self.assertEqual(dataset.attrs["dtype"], name)
                        data = data.view(getattr(ml_dtypes, name))
                    self.assertEqual(data.dtype.name, name)
                    if name in ("bfloat16", "float16", "float32", "float64"):
                        with np.errstate(invalid="ignore"):
                            values = data.astype("f8")
                        self.assertTrue(np.isnan(values).any() and np.isinf(values).any())
                        self.assertTrue((np.signbit(values) & (values == 0)).any())
                        smallest = ml_dtypes.finfo(data.dtype).smallest_subnormal
                        self.assertTrue((values == np.float64(smallest)).any(), name)

    def test_h5py_sees_filters_texts_and_order(self):
        with h5py.File(WRITTEN) as file:
            dataset = file["filtered/float32"]
            self.assertEqual(
                (dataset.chunks, dataset.compression, dataset.compression_opts),
                ((5,), "gzip", 6),
            )
            self.assertTrue(dataset.shuffle and dataset.fletcher32)
            self.assertEqual(list(file), ["contiguous", "filtered", "bits", "keras", "texts"])
            self.assertEqual(
                list(file["texts"].asstr()), ["dense", "", "Größe, 大きさ"]
            )
            self.assertEqual(
                [text.decode() for text in file.attrs["layer_names"]], ["b", "a"]
            )
            np.testing.assert_array_equal(file.attrs["wave"], np.array([1 + 2j], "c8"))

    @only_full("Keras takes seconds to load")
    def test_keras_reads_bfloat16_from_a_weights_file(self):
        os.environ.setdefault("KERAS_BACKEND", "torch")
        from keras.src.saving.saving_lib import H5IOStore

        store = H5IOStore(str(WRITTEN), mode="r")
        self.addCleanup(store.close)
        value = store.get("keras")["0"]
        self.assertEqual(value.dtype, ml_dtypes.bfloat16)
        with h5py.File(WRITTEN) as file:
            self.assertEqual(value.tobytes(), file["bits/bfloat16"][...].tobytes())

