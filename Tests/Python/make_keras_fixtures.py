#!/usr/bin/env python3
"""Makes the files in Tests/Fixtures/keras, and expected.json beside them.

They are committed: run this only to add one, since other versions of Keras give other bytes.
"""

import json
import sys
import zlib
from pathlib import Path

import keras_files
import keras_hostile

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "keras"


def main() -> int:
    import keras

    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, make in (
        ("adam.keras", keras_files.dense), ("adam.h5", keras_files.dense),
        ("weights.h5", keras_files.dense), ("layered.keras", keras_files.layered),
        ("layered.h5", keras_files.layered),
    ):  # fmt: skip
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        model = make(keras, keras.optimizers.Adam(0.01))
        keras_files.train(keras, model)
        keras_files.save(keras, model, FOLDER / name)
        expected[name] = keras_files.expected(model)
        if name == "weights.h5":
            expected[name] = {key: value for key, value in expected[name].items() if "layers/" in key}
    for style in ("2.15", "2.10"):
        expected[f"tensorflow-{style}.h5"] = keras_files.tensorflow(
            FOLDER / f"tensorflow-{style}.h5", style
        )
    listing = {
        name: {
            key: {"dtype": str(value.dtype), "shape": list(value.shape), "crc32": zlib.crc32(value)}
            for key, value in arrays.items()
        }
        for name, arrays in expected.items()
    }
    (FOLDER / "expected.json").write_text(json.dumps(listing, indent=0) + "\n")
    hostile = FOLDER / "hostile"
    hostile.mkdir(exist_ok=True)
    ends = keras_hostile.make(hostile)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(end)}" for name, end in ends.items())
    (hostile / "expected.json").write_text(f"{{\n{lines}\n}}\n")
    for path in [*sorted(FOLDER.iterdir()), *sorted(hostile.iterdir())]:
        print(f"{path.name}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
