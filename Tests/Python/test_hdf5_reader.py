"""Flywheel's reader of HDF5 against h5py, over every structure that files can have."""

import functools
import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import tables

import checkpoint
import hdf5_archives
import hdf5_contents
import hdf5_hostile
import hdf5_structures
import hdf5_test_files
from support import REPOSITORY, TestCase, newest, only_full, settings

FIXTURES = REPOSITORY / "Tests" / "Fixtures"
# Structures differ between these; the others write what one of them writes too.
VERSIONS = ("earliest", "v110", "v200")


class ReaderTestCase(TestCase):
    def compare(self, path: Path, expected: hdf5_contents.Contents | None = None) -> None:
        """The listing, the values and the attributes are what h5py finds."""
        expected = expected or hdf5_contents.contents(path)
        listing = self.listing(path)
        self.assertEqual(listing["reader"], "flywheel")
        self.assert_same_rows(listing["tensors"], expected.rows)
        self.assert_same_obstacles(listing["obstacles"], expected.obstacles)
        if any(value.data is None for value in expected.datasets.values()):
            return
        found = hdf5_contents.carried(self.copy(path))
        self.assert_same_values(found.datasets, expected.datasets)
        # Datasets that are left out take their attributes with them.
        left_out = {"/" + row["name"] for row in expected.rows} - set(expected.datasets)
        attributes = {
            place: value for place, value in expected.attributes.items() if place[0] not in left_out
        }
        self.assert_same_values(found.attributes, attributes)
        self.assertEqual(sorted(found.groups), sorted(expected.groups))

    def compare_readers(self, path: Path) -> None:
        """Both readers list the same, and what each reads becomes the same file."""
        own, other = self.listing(path), self.listing(path, "--hdf5", "library")
        self.assertEqual(own["reader"], "flywheel")
        self.assertRegex(other["reader"], r"^libhdf5 \d+\.\d+\.\d+$")
        self.assertEqual(own["tensors"], other["tensors"])
        self.assertEqual(own | {"reader": None}, other | {"reader": None})
        copy = self.copy(path).read_bytes()
        self.assertEqual(self.copy(path, "--hdf5", "library").read_bytes(), copy)

    def listing(self, path: Path, *arguments) -> dict:
        return self.flywheel("inspect", path, "--json", *arguments).json

    def copy(self, path: Path, *arguments) -> Path:
        """What Flywheel reads of it, written without any library."""
        copy = self.folder / "copy.npz"
        options = ("--drop", "--quiet", "--force", "--compress", "0", *arguments)
        self.flywheel("convert", path, copy, *options)
        return copy

    def assert_same_rows(self, found: list[dict], expected: list[dict]) -> None:
        self.assertEqual([row["name"] for row in found], [row["name"] for row in expected])
        for row, other in zip(found, expected):
            self.assertTrue(row["type"].startswith(other["type"]), f"{row}, not {other}")
            self.assertEqual(row | {"type": None}, other | {"type": None})

    def assert_same_obstacles(self, found: list[dict], expected: list[tuple]) -> None:
        self.assertEqual([row["name"] for row in found], [name for name, _ in expected])
        for row, (name, reason) in zip(found, expected):
            if reason is not None:
                self.assertEqual(row["reason"], reason, name)

    def assert_same_values(self, found: dict, expected: dict) -> None:
        self.assertEqual(sorted(found), sorted(expected))
        different = [name for name, value in expected.items() if found[name] != value]
        for name in different[:1]:
            self.assertEqual(found[name], expected[name], f"{name}; {len(different)} differ")


class Structures(ReaderTestCase):
    """What the library writes for each version of the format."""

    def compare_versions(self, *fills, versions=VERSIONS) -> None:
        for version in hdf5_structures.VERSIONS if settings.full else versions:
            with self.subTest(version=version):
                path = self.folder / f"{version}.h5"
                hdf5_structures.write(path, version, *fills)
                self.compare(path)

    def test_every_type_in_every_layout(self):
        self.compare_versions(hdf5_structures.fill_types)

    def test_every_filter_in_every_layout(self):
        self.compare_versions(hdf5_structures.fill_filters)

    def test_filters_that_chunks_left_out(self):
        self.compare_versions(hdf5_structures.fill_masks)

    def test_shapes(self):
        self.compare_versions(hdf5_structures.fill_shapes)

    def test_elements_that_were_never_written(self):
        self.compare_versions(hdf5_structures.fill_fill_values)

    def test_datasets_that_grow_shrink_and_are_written_in_parts(self):
        for seed in range(20 if settings.full else 1):
            self.compare_versions(
                functools.partial(hdf5_structures.fill_random, seed=seed, count=300)
            )

    def test_datasets_that_are_read_in_pieces(self):
        self.compare_versions(hdf5_structures.fill_pieces, versions=["v110"])

    def test_what_is_elsewhere_is_told(self):
        self.compare_versions(hdf5_structures.fill_elsewhere)

    def test_indices_of_chunks(self):
        self.compare_versions(hdf5_structures.fill_indices)

    @only_full("libhdf5 takes seconds for so many chunks")
    def test_indices_with_pages_of_blocks(self):
        self.compare_versions(hdf5_structures.fill_far_indices)

    def test_attributes(self):
        self.compare_versions(hdf5_structures.fill_attributes)

    def test_attributes_that_are_larger_than_a_header(self):
        for version in hdf5_structures.VERSIONS[1:]:
            with self.subTest(version=version):
                path = self.folder / f"{version}.h5"
                hdf5_structures.write(path, version, hdf5_structures.fill_large_attributes)
                self.compare(path)

    def test_groups_and_links(self):
        self.compare_versions(hdf5_structures.fill_groups)

    def test_links_that_lie_compressed(self):
        self.compare_versions(hdf5_structures.fill_filtered_heaps)

    def test_files_that_differ_as_a_whole(self):
        for name in hdf5_structures.FILES:
            with self.subTest(file=name):
                path = self.folder / f"{name}.h5"
                fills = (hdf5_structures.fill_shared, hdf5_structures.fill_groups)
                hdf5_structures.write_special(path, name, *fills)
                self.compare(path)


class Readers(ReaderTestCase):
    """libhdf5 is there as a second opinion."""

    def test_both_read_the_same_of_what_both_read(self):
        for version in hdf5_structures.OLD_VERSIONS:
            for fill in (
                hdf5_structures.fill_types, hdf5_structures.fill_library_filters,
                hdf5_structures.fill_masks, hdf5_structures.fill_shapes,
                hdf5_structures.fill_fill_values, hdf5_structures.fill_indices,
                hdf5_structures.fill_attributes, hdf5_structures.fill_groups,
                hdf5_structures.fill_elsewhere,
            ):  # fmt: skip
                with self.subTest(version=version, fill=fill.__name__):
                    path = self.folder / f"{version}.h5"
                    hdf5_structures.write(path, version, fill, newest="v110")
                    self.compare_readers(path)

    def test_both_read_the_same_of_files_of_other_programs(self):
        count = 0
        for folder in ("hdf5", "keras"):
            for path in sorted((FIXTURES / folder).iterdir()):
                if path.suffix in (".h5", ".mat", ".nc"):
                    with self.subTest(file=path.name):
                        self.compare_readers(path)
                        count += 1
        self.assertGreater(count, 12)

    def test_inspect_says_which_one_was_used(self):
        path = FIXTURES / "hdf5" / "pytables.h5"
        self.assertIn(", read by flywheel,", self.flywheel("inspect", path).stdout)
        other = self.flywheel("inspect", path, "--hdf5", "library").stdout
        self.assertRegex(other, r", read by libhdf5 \d")

    def test_an_unknown_one_is_refused(self):
        path = FIXTURES / "hdf5" / "pytables.h5"
        result = self.flywheel("inspect", path, "--hdf5", "netcdf", status=64)
        self.assert_error(result, "netcdf", "flywheel", "library")


class Programs(ReaderTestCase):
    """Files that other programs write through libraries of their own."""

    def compare_made(self, *names: str) -> None:
        for name in names:
            with self.subTest(file=name):
                path = self.folder / name
                hdf5_archives.FILES[name](path)
                self.compare(path)

    def test_committed_files(self):
        for path in sorted((FIXTURES / "hdf5").iterdir()):
            if path.suffix in (".h5", ".mat", ".nc") and "keras" not in path.name:
                with self.subTest(file=path.name):
                    self.compare(path)

    def test_h5py(self):
        self.compare_made(*(name for name in hdf5_archives.FILES if name.startswith("h5py")))

    def test_pytables(self):
        self.compare_made("pytables.h5")

    def test_the_files_that_pytables_and_h5py_test_themselves_with(self):
        """Of many years, computers and versions of HDF5; those that the packages bring."""
        paths = [
            *Path(tables.__file__).parent.rglob("*.h5"),
            *Path(h5py.__file__).parent.rglob("*.h5"),
        ]
        if not paths:
            self.skipTest("the packages bring none here")
        for path in sorted(paths):
            with self.subTest(file=path.name):
                self.compare(path)

    def test_netcdf4(self):
        self.compare_made("netcdf4.nc")

    def test_matlab(self):
        self.compare_made("matlab.mat", "hdf5storage.mat")

    @only_full("pandas takes seconds to load")
    def test_pandas(self):
        self.compare_made("pandas.h5")

    def compare_model(self, path: Path) -> None:
        """The same elements: what Keras saves is listed by the names that Keras has for it."""
        expected = hdf5_contents.contents(path)

        def kinds(rows: list[dict]) -> list[str]:
            return sorted(str(row | {"name": None}) for row in rows)

        self.assertEqual(kinds(self.listing(path)["tensors"]), kinds(expected.rows))
        found = hdf5_contents.carried(self.copy(path))
        self.assertEqual(
            sorted(map(str, found.datasets.values())), sorted(map(str, expected.datasets.values()))
        )

    def test_committed_files_of_keras(self):
        paths = [*(FIXTURES / "keras").glob("*.h5"), *(FIXTURES / "hdf5").glob("keras*.h5")]
        self.assertGreater(len(paths), 6)
        for path in sorted(paths):
            with self.subTest(file=path.name):
                self.compare_model(path)

    @only_full("Keras takes seconds to load")
    def test_keras(self):
        for name in ("keras.weights.h5", "keras-legacy.h5"):
            with self.subTest(file=name):
                path = self.folder / name
                hdf5_archives.FILES[name](path)
                self.compare_model(path)


class SharedElements(ReaderTestCase):
    """Files of a few megabytes that would take hours, as many datasets name what one could have."""

    def assert_refused(self, path: Path, count: int, *words: str) -> None:
        """Listed, and each array read; but not all of them, and nothing is left of the attempt."""
        self.assertEqual(len(self.listing(path)["tensors"]), count)
        for name in ("d0", f"d{count - 1}"):
            copy = self.folder / f"{name}.npz"
            self.flywheel("convert", path, copy, "--only", name, "--quiet", timeout=20)
            self.assertEqual(list(np.load(copy)), [name])
            copy.unlink()
        before = sorted(self.folder.iterdir())
        for suffix in (".npz", ".h5"):
            result = self.flywheel("convert", path, self.folder / f"all{suffix}", status=2, timeout=20)
            self.assert_error(result, "tensor '/d", "--only", *words)
            self.assertEqual(sorted(self.folder.iterdir()), before)
        result = self.flywheel("diff", path, path, status=2, timeout=20)
        self.assertIn(words[0], result.stderr)

    def test_datasets_that_name_one_chunk_are_refused_soon(self):
        path = self.folder / "chunk.h5"
        hdf5_hostile.share_chunk(path, 20_000)
        self.assertLess(path.stat().st_size, 5 << 20)
        self.assert_refused(path, 20_000, "lead to the same bytes again and again")

    def test_datasets_that_lie_in_one_place_are_refused_soon(self):
        path = self.folder / "range.h5"
        hdf5_hostile.share_range(path, 20_000)
        self.assertLess(path.stat().st_size, 5 << 20)
        self.assert_refused(path, 20_000, "bytes together", "in one piece")

    def test_datasets_that_declare_too_much_together_are_refused_soon(self):
        path = self.folder / "fill.h5"
        hdf5_hostile.declare_fill(path, 40)
        self.assertLess(path.stat().st_size, 10_000)
        self.assert_refused(path, 40, "bytes together", "nearly empty")

    def test_a_checkpoint_that_is_nearly_all_unwritten_is_refused_soon(self):
        path = self.unwritten("float32", "f4", 12 << 20)
        for command in ("verify", "inspect"):
            with self.subTest(command=command):
                result = self.flywheel(command, path, status=2, timeout=20)
                self.assert_error(result, "The arrays that are read at once have more than")
        # This reads one after the other, and sees that the first is not what was written.
        self.flywheel("convert", path, self.folder / "all.npz", status=2, timeout=20)
        self.assertFalse((self.folder / "all.npz").exists())

    def test_a_checkpoint_of_unwritten_bytes_is_refused_soon(self):
        path = self.unwritten("bfloat16", "V2", 24 << 20)
        for command in ("verify", "inspect"):
            with self.subTest(command=command):
                result = self.flywheel(command, path, status=2, timeout=20)
                self.assert_error(result, "bytes together", "nearly empty")

    def unwritten(self, dtype: str, stored: str, count: int) -> Path:
        """A checkpoint of which no weight and no velocity was ever written: 2.6 GB in a small file."""
        path = newest(self.train("--epochs", "1", "--layers", "784" + 13 * "-10"))
        document = checkpoint.read(path).document
        with h5py.File(path, "r+") as file:
            for name, entry in document["tensors"].items():
                if name.startswith(("model/", "optimizer/")):
                    entry["shape"], entry["dtype"] = [count], dtype
                    del file[name]
                    file.create_dataset(name, (count,), stored)
        checkpoint.replace_document(path, checkpoint.seal(document))
        return path

    def test_what_deflate_can_do_is_justified_once(self):
        path = self.folder / "model.keras"
        with zipfile.ZipFile(FIXTURES / "keras" / "adam.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        weights = io.BytesIO(members["model.weights.h5"])
        with h5py.File(weights, "r+") as file:
            file["zeros"] = np.zeros(16 << 20, "u1")
            file.create_dataset("unwritten", (10 << 30,), "u1")
        members["model.weights.h5"] = weights.getvalue()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        self.assertLess(path.stat().st_size, 1 << 20)
        result = self.flywheel("inspect", path, "--stats", status=2, timeout=20)
        self.assert_error(result, "unwritten", "nearly empty")

    def test_a_nearly_empty_file_is_read(self):
        path = self.folder / "sparse.h5"
        with h5py.File(path, "w") as file:
            for name in "ab":
                file.create_dataset(name, (10_000_000,), "f4")
        self.flywheel("convert", path, self.folder / "sparse.npz")
        self.flywheel("verify", path)
        self.flywheel("diff", path, self.folder / "sparse.npz")


# What libhdf5 2.0 reads and Flywheel does not, with a part of the reason.
NO_TRUTH = "of a bool tensor where 0 or 1 was expected"
# Made by an HDF5 in development that numbered chunks in another way: libhdf5 finds half of them.
OTHER_NUMBERS = "Found a chunk beyond the dataset"
TOO_LARGE = "nearly empty"
REFUSED = {
    "bounds_sel_earliest_latest.h5": TOO_LARGE,
    "bounds_sel_latest_latest.h5": TOO_LARGE,
    "bounds_sel_v110_v110.h5": TOO_LARGE,
    "bounds_sel_v112_v112.h5": TOO_LARGE,
    "h5clear_mdc_image.h5": "keeps its structures in an image of libhdf5's cache",
    "h5diff_dset1.h5": NO_TRUTH,
    "h5fc_ext1_f.h5": OTHER_NUMBERS,
    "h5fc_ext1_i.h5": OTHER_NUMBERS,
    "h5fc_ext1_s.h5": OTHER_NUMBERS,
    "h5fc_ext2_if.h5": OTHER_NUMBERS,
    "h5fc_ext2_is.h5": OTHER_NUMBERS,
    "h5fc_ext2_sf.h5": OTHER_NUMBERS,
    "h5fc_ext3_isf.h5": OTHER_NUMBERS,
    "h5fc_ext_none.h5": OTHER_NUMBERS,
    "h5fc_non_v3.h5": OTHER_NUMBERS,
    "h5repack_layouto.h5": "overflows 63 bits",
    "h5repack_objs.h5": NO_TRUTH,
    "tattr2.h5": NO_TRUTH,
    "tbigdims.h5": TOO_LARGE,
    "tbitfields.h5": NO_TRUTH,
    "tbitnopaque.h5": NO_TRUTH,
    "tlayouto.h5": "overflows 63 bits",
    # .npz has no name with a backslash.
    "tref-escapes.h5": "a backslash in it",
    "tref-escapes-at.h5": "a backslash in it",
}


class TestFiles(ReaderTestCase):
    """The HDF5 project's own test files, sound and damaged ones."""

    @only_full("it asks for a source package of Debian")
    def test_they_are_read_as_h5py_reads_them_or_refused_by_name(self):
        try:
            paths = hdf5_test_files.files(self.folder)
        except OSError as error:
            self.skipTest(f"HDF5's own test files cannot be had here: {error}")
        oracle = hdf5_test_files.Oracle()
        self.addCleanup(oracle.close)
        self.assertGreater(len(paths), 300)
        compared = 0
        for path in paths:
            with self.subTest(file=path.name):
                expected = oracle.contents(path)
                result = self.finish(self.start("inspect", path, "--json"), timeout=10)
                self.assertIn(result.status, (0, 2), result.stderr)
                reason = REFUSED.get(path.name)
                if reason is not None:
                    self.assertIn(reason, self.refusal(path))
                elif expected is not None:
                    self.compare(path, expected)
                    compared += 1
        self.assertGreater(compared, 300)

    def refusal(self, path: Path) -> str:
        """Why a file cannot be listed, or not all of it be converted."""
        result = self.finish(self.start("inspect", path), timeout=10)
        if result.status == 0:
            options = (self.folder / "copy.npz", "--drop", "--force")
            result = self.finish(self.start("convert", path, *options), timeout=10)
        return result.stderr
