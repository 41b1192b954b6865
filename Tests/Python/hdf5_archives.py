"""Files of other programs that hold HDF5, and what h5py finds in them."""

import os
import zlib
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import ml_dtypes
import numpy as np

TAGGED = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


def numbers(dtype, shape=(3, 4)) -> np.ndarray:
    """Small numbers of a dtype, each of its own."""
    dtype = np.dtype(dtype)
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    if dtype.kind == "b":
        return values % 3 == 0
    if dtype.kind == "c":
        return (values - 1j * values / 4).astype(dtype)
    return (values - (0 if dtype.kind == "u" else 5)).astype(dtype)


KINDS = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()


def fill_big_types(file: h5py.Group) -> None:
    """What h5py writes of numpy's big-endian types."""
    for kind in KINDS[2:]:
        if kind != "u1":
            file[f"numbers/>{kind}"] = numbers(">" + kind)


def fill_little_types(file: h5py.Group) -> None:
    """What h5py writes of numpy's little-endian types."""
    for kind in KINDS:
        file[f"numbers/<{kind}"] = numbers("<" + kind)
    bfloat = file.create_dataset("bfloat16", data=numbers("f4").astype(ml_dtypes.bfloat16))
    bfloat.attrs["dtype"] = "bfloat16"


def fill_layouts(file: h5py.Group) -> None:
    """What h5py writes of layouts, texts and links."""
    data = numbers("f4", (9, 11))
    file.create_dataset("chunks", data=data, chunks=(4, 5))
    file.create_dataset(
        "filters", data=data.astype(">f4"), chunks=(4, 5),
        compression="gzip", shuffle=True, fletcher32=True,
    )  # fmt: skip
    growing = file.create_dataset("growing", (3, 2), "i4", maxshape=(None, 2), chunks=(2, 2))
    growing[:] = numbers("i4", (3, 2))
    growing.resize((7, 2))
    file.create_dataset("scalar", data=2.5)
    file.create_dataset("nothing", (0, 3), "f4")
    file.create_dataset("filled", (5,), "f8", fillvalue=1.5)
    file["texts"] = np.array(["Größe", "", "b"], dtype=h5py.string_dtype())
    file["fixed"] = np.array([b"ab", b"c"])
    file["soft"] = h5py.SoftLink("/chunks")
    file.attrs["names"] = ["dense", "größer"]
    file.attrs["ready"] = True
    file.attrs["rates"] = [0.5, 0.25]


def h5py_file(libver: str, *fills):
    """Makes files as h5py does for one version of the format."""

    def make(path: Path) -> None:
        with h5py.File(path, "w", libver=libver, track_order=True) as file:
            for fill in fills or (fill_big_types, fill_little_types, fill_layouts):
                fill(file)

    return make


def keras_weights(path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, dtype=keras.DTypePolicy("bfloat16")),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(momentum=0.9), loss="mse")
    model.optimizer.build(model.trainable_variables)
    model.save_weights(path)


def keras_legacy(path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.Input((3,)), keras.layers.Dense(4, name="first")]
    model = keras.Sequential(layers, name="run")
    model.compile(optimizer=keras.optimizers.SGD(), loss="mse")
    model.optimizer.build(model.trainable_variables)
    model.save(path)


def pytables(path: Path) -> None:
    import tables

    with tables.open_file(path, "w") as file:
        file.create_array("/", "array", numbers("f8"))
        file.create_array("/", "complex", numbers("c16"))
        file.create_array("/", "mask", numbers("?"))
        filters = tables.Filters(complevel=5, complib="zlib", shuffle=True, fletcher32=True)
        file.create_carray("/deep", "carray", obj=numbers("i2", (20, 3)), createparents=True,
                           filters=filters, chunkshape=(8, 3))  # fmt: skip
        rows = file.create_earray("/", "earray", tables.Float32Atom(), (0, 3), chunkshape=(2, 3))
        rows.append(numbers("f4", (5, 3)))
        blosc = tables.Filters(complevel=5, complib="blosc")
        file.create_carray("/", "blosc", obj=numbers("f4", (20, 3)), filters=blosc)
        rows = np.zeros(2, [("a", "i4"), ("b", "f8")])
        table = file.create_table("/", "table", rows, chunkshape=(4,))
        table.flush()


def pandas_frame(path: Path) -> None:
    import pandas

    frame = pandas.DataFrame({"loss": [0.5, 0.25], "step": [1, 2]})
    frame.to_hdf(path, key="history", format="fixed")


def netcdf(path: Path) -> None:
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None)
        file.createDimension("x", 4)
        variable = file.createVariable("a", "f4", ("time", "x"), zlib=True, shuffle=True)
        variable.units = "m"
        variable[:] = numbers("f4")
        file.createVariable("big", np.dtype(">i2"), ("x",), endian="big")[:] = numbers(">i2", (4,))
        file.createVariable("unwritten", "f8", ("x",))
        file.createVariable("name", str, ("x",))[:] = np.array(["a", "", "ö", "d"], object)


def matlab(path: Path) -> None:
    """As MATLAB 7.3 has it: a user block, classes as attributes, logical as uint8, transposed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, data, kind in (
            ("weights", numbers("f8"), "double"), ("mask", numbers("u1", (2, 2)), "logical"),
            ("text", np.array([[104], [105]], "u2"), "char"), ("half", numbers("f4"), "single"),
        ):  # fmt: skip
            file.create_dataset(name, data=data).attrs["MATLAB_class"] = np.bytes_(kind)
        parts = np.zeros((2, 1), [("real", "<f8"), ("imag", "<f8")])
        parts["real"], parts["imag"] = [[1], [2]], [[-1], [0.5]]
        file.create_dataset("complex", data=parts).attrs["MATLAB_class"] = np.bytes_("double")
        file.create_group("#refs#")["a"] = numbers("f8", (1, 1))
        cell = file.create_dataset("cell", (1, 1), h5py.ref_dtype)
        cell[0, 0] = file["#refs#/a"].ref
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, made by h5py".ljust(124) + b"\0\x02IM")


def hdf5storage_file(path: Path) -> None:
    import hdf5storage

    hdf5storage.savemat(
        str(path), {"weights": numbers("f8"), "wave": numbers("c16"), "name": "run"},
        format="7.3", store_python_metadata=False,
    )  # fmt: skip


# Those that are committed, small as they are.
FIXTURES = {
    "h5py-earliest.h5": h5py_file("earliest", fill_big_types, fill_layouts),
    "h5py-v110.h5": h5py_file("v110", fill_little_types, fill_layouts),
    "keras.weights.h5": keras_weights,
    "keras-legacy.h5": keras_legacy,
    "pytables.h5": pytables,
    "netcdf4.nc": netcdf,
    "matlab.mat": matlab,
    "hdf5storage.mat": hdf5storage_file,
}


FILES = FIXTURES | {"pandas.h5": pandas_frame} | {
    f"h5py-{libver}.h5": h5py_file(libver)
    for libver in ("earliest", "v108", "v110", "v112", "v114", "v200", "latest")
}  # fmt: skip


def dtype_name(dataset: h5py.Dataset) -> str | None:
    """The name of the dtype that Flywheel should see; None for what is not numbers."""
    dtype = dataset.dtype
    if dataset.id.get_create_plist().get_nfilters():
        properties = dataset.id.get_create_plist()
        filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
        if not filters <= {1, 2, 3, 32_000}:
            return None
    if dataset.shape is None or h5py.check_string_dtype(dtype) or h5py.check_ref_dtype(dtype):
        return None
    if dtype.kind == "V" and dtype.names in (("r", "i"), ("real", "imag")):
        return f"complex{8 * dtype.itemsize}"
    if dtype.kind == "V":
        name = dataset.attrs.get("dtype")
        return name if name in TAGGED and dtype.names is None else None
    if h5py.check_enum_dtype(dtype) or dtype.kind not in "biufc":
        return None
    if dataset.id.get_type().get_class() == h5py.h5t.BITFIELD:  # PyTables
        return "bool" if dtype.itemsize == 1 else None
    return dtype.newbyteorder("=").name


def datasets(path: Path) -> dict[str, h5py.Dataset]:
    """What h5py lists, each object once, links not followed; the file stays open."""
    found = {}
    h5py.File(path).visititems(
        lambda name, item: found.setdefault(name, item) and None
        if isinstance(item, h5py.Dataset)
        else None
    )
    return found


def expectation(dataset: h5py.Dataset) -> dict | None:
    """The dtype, the shape, and the CRC-32 of little-endian elements in row-major order."""
    name = dtype_name(dataset)
    if name is None:
        return None
    if dataset.dtype.kind == "V" and dataset.dtype.names:
        part = np.dtype(f"<f{dataset.dtype.itemsize // 2}")
        raw = dataset[...]
        data = np.stack([raw[n].astype(part) for n in raw.dtype.names], -1)
    else:
        data = dataset[...]
        if data.dtype.kind != "V":
            data = data.astype(data.dtype.newbyteorder("<"))
    return {
        "dtype": name,
        "shape": list(dataset.shape),
        "crc32": zlib.crc32(np.ascontiguousarray(data).tobytes()),
    }
