#!/usr/bin/env python3
"""Makes the files in Tests/Fixtures/hdf5, and expected.json beside them.

They are committed: run this only to add one, since other versions of the libraries give other bytes.
"""

import json
import sys
from pathlib import Path

import hdf5_archives

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "hdf5"


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, make in hdf5_archives.FIXTURES.items():
        path = FOLDER / name
        path.unlink(missing_ok=True)
        make(path)
        found = hdf5_archives.datasets(path).items()
        expected[name] = {key: hdf5_archives.expectation(dataset) for key, dataset in found}
        print(f"{name}: {path.stat().st_size} bytes, {len(expected[name])} datasets")
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
