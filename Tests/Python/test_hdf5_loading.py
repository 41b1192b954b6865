"""libhdf5 is loaded at its first use: nothing else pays for it, nothing else needs it."""

import re
import sys
import unittest

import numpy as np

from support import REPOSITORY, TestCase, write_structured

LOADER = REPOSITORY / "Sources" / "CFlywheelHDF5" / "loading.c"


@unittest.skipUnless(sys.platform == "linux", "elsewhere libhdf5 is linked")
class HDF5Loading(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.archive = self.folder / "numbers.npz"
        np.savez(self.archive, weight=np.arange(6.0).reshape(2, 3))

    def without_libhdf5(self) -> dict[str, str]:
        """An environment in which files that are no libraries lie where the loader looks first."""
        folder = self.folder / "libraries"
        folder.mkdir()
        names = set(re.findall(r'"(libhdf5[^"]*)"', LOADER.read_text()))
        self.assertIn("libhdf5.so", names)
        for name in names:
            (folder / name).write_text("This is no library.")
        return {"LD_LIBRARY_PATH": str(folder)}

    def test_a_process_starts_without_libhdf5_and_what_it_brings_along(self):
        # The system's loader lists what it would load, and ends.
        listed = self.flywheel("--version", environment={"LD_TRACE_LOADED_OBJECTS": "1"}).stdout
        self.assertIn("libc.so", listed)
        self.assertNotIn("hdf5", listed)

    def test_other_formats_are_read_and_written_where_there_is_no_libhdf5(self):
        environment = self.without_libhdf5()
        listing = self.flywheel("inspect", self.archive, environment=environment).stdout
        self.assertIn("weight", listing)
        copy = self.path("copy").with_suffix(".safetensors")
        self.flywheel("convert", self.archive, copy, environment=environment)
        self.flywheel("diff", self.archive, copy, environment=environment)

    def test_writing_hdf5_without_libhdf5_is_an_error_that_says_what_to_install(self):
        data = write_structured(self.folder / "data", 8, 4, 3)
        environment = self.without_libhdf5()
        copy = self.path("copy").with_suffix(".h5")
        run = ["--data", data, "--training", 6, "--validation", 2, "--batch-size", 2, "--layers", "16-3"]
        for name, command in {
            "train": ["train", *run, "--quiet", "--output", self.path()],
            "convert": ["convert", self.archive, copy],
        }.items():
            with self.subTest(name):
                result = self.flywheel(*command, status=2, environment=environment)
                self.assert_error(result, "libhdf5", "could not be loaded", "libhdf5-dev", "libhdf5.so")
        self.assertFalse(copy.exists())


if __name__ == "__main__":
    unittest.main()
