internal import CFlywheelHDF5

/// An open dataset, with what libhdf5 says about it.
struct OpenDataset: ~Copyable {
  let handle: HDF5Handle
  let dataset: HDF5Dataset
  let description: fw_h5_description
}
