/// What reads HDF5 files.
///
/// Everything is written through libhdf5. Files are read by Flywheel's own reader, which no file can make crash
/// or hang; libhdf5 can read in its place, as a second opinion.
public enum HDF5Implementation: String, Sendable, CaseIterable {
  /// Flywheel's own reader.
  case flywheel
  /// The library of the HDF Group.
  case library

  /// What opens files within the current task: `HDF5Implementation.$current.withValue(.library) { … }`.
  ///
  /// A file that is open stays with what has opened it.
  @TaskLocal public static var current = HDF5Implementation.flywheel
}
