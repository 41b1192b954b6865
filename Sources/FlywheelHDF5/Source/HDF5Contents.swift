internal import FlywheelCore

/// What there is in a file.
struct HDF5Contents: Sendable {
  /// All datasets, each with its first path.
  let datasets: [ListedDataset]
  /// What the file says besides.
  let metadata: ArchiveMetadata
}
