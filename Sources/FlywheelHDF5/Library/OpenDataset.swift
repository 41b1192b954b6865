internal import CFlywheelHDF5
internal import FlywheelCore

/// An open dataset, with what libhdf5 says about it.
struct OpenDataset: ~Copyable {
  let handle: HDF5Handle
  let dataset: HDF5Dataset
  let description: fw_h5_description
}

extension OpenDataset {
  /// The number of bytes of all elements as the file has them.
  func byteCountInFile() throws(FlywheelError) -> Int {
    let (byteCount, overflow) = dataset.shape.elementCount
      .multipliedReportingOverflow(by: description.type_byte_count)
    guard !overflow else { throw FlywheelError.overflow("the dataset") }
    return byteCount
  }

  /// What to read the elements as; nil if libhdf5 does not say.
  ///
  /// The caller holds the lock.
  func memoryType() -> HDF5Handle? {
    switch (dataset.element, description.type_class) {
    case (.number, _):
      let type = description.memory_type  // shared, so that the handle needs a reference of its own
      return HDF5Handle(H5Iinc_ref(type) < 0 ? -1 : type)
    case (_, H5T_STRING):
      return HDF5Handle(
        unsafe withUnsafePointer(to: description) { unsafe fw_h5_new_text_type($0) }
      )
    default: return HDF5Handle(H5Dget_type(handle.id))
    }
  }
}
