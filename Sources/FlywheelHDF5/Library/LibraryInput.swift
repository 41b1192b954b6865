internal import FlywheelCore

/// A dataset that libhdf5 has open.
final class LibraryInput: HDF5Input {
  let dataset: HDF5Dataset
  private let file: LibraryFile
  private let open: OpenDataset

  /// Keeps a dataset of a file open.
  init(_ file: LibraryFile, _ open: consuming OpenDataset) {
    self.file = file
    dataset = open.dataset
    self.open = open
  }

  func elements(
    of block: HDF5Block?,
    asTensor: Bool
  ) throws(FlywheelError) -> HDF5Elements {
    try HDF5Library.call { () throws(FlywheelError) in
      try file.read(open, block, asTensor: asTensor)
    }
  }
}
