/// A dataset that a walk through a file came by.
struct ListedDataset: Sendable {
  /// Its type, shape and storage.
  let dataset: HDF5Dataset
  /// Whether its elements are known to lie in the file in one piece, and as they do in memory.
  let liesAsInMemory: Bool
}

extension ListedDataset {
  /// One that is too new for its reader: a list shows it, too.
  init(unknownAt place: HDF5Path, to reader: String) {
    self.init(dataset: HDF5Dataset(unknownAt: place, to: reader), liesAsInMemory: false)
  }
}
