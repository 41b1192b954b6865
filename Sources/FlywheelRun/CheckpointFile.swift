public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelHDF5
import OrderedCollections
public import SystemPackage

/// Checkpoints as HDF5 files.
public enum CheckpointFile {
  /// Reads a checkpoint.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - verification: How far to check it.
  /// - Throws: What `HDF5File` and `Checkpoint.init` throw, with the path.
  /// - Returns: The checkpoint; large tensors are views of the mapped file.
  public static func read(
    _ path: FilePath,
    verification: Verification = .checksums
  ) throws(FlywheelError) -> Checkpoint {
    if let checkpoint = try readPlain(path, verification) { return checkpoint }
    let file = try HDF5File(opening: path)
    return try read(file, verification)
  }

  /// Reads a checkpoint as Flywheel writes it; nil for any other, and for any fault: libhdf5 then has
  /// the word, so that every error is told in one way.
  private static func readPlain(
    _ path: FilePath,
    _ verification: Verification
  ) throws(FlywheelError) -> Checkpoint? {
    guard var file = try HDF5PlainFile(opening: path) else { return nil }
    return try? Checkpoint(verification: verification) { (key) throws(FlywheelError) in
      file.tensor(key)
    }
  }

  /// Checks all there is to check: what `read` does, that nothing was added to the file, and that the
  /// attributes for people say what the document says.
  ///
  /// - Parameter path: The file.
  /// - Throws: What `read` throws, and `mismatch` for what was added or edited.
  /// - Returns: The checkpoint.
  public static func verify(_ path: FilePath) throws(FlywheelError) -> Checkpoint {
    // The way that a resume takes, and libhdf5's way: what verifies is whole for both.
    _ = try read(path)
    let file = try HDF5File(opening: path)
    let checkpoint = try read(file, .checksums)
    try file.requireOnly(checkpoint.keys, checkpoint.attributes)
    return checkpoint
  }

  /// Writes a checkpoint so that the file is there whole or not at all.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint.
  ///   - path: The file; one that has the name already stays until the new one is durable.
  ///   - durability: What to wait for.
  /// - Throws: `inputOutput` or `libraryFailure`, with the path.
  public static func write(
    _ checkpoint: Checkpoint,
    to path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    try HDF5Archive.write(try checkpoint.archive(), to: path, durability: durability)
  }

  private static func read(
    _ file: borrowing HDF5File,
    _ verification: Verification
  ) throws(FlywheelError) -> Checkpoint {
    do throws(FlywheelError) {
      return try Checkpoint(verification: verification) { (key) throws(FlywheelError) in
        try file.tensorIfPresent(key)
      }
    } catch {
      throw error.located(path: file.path)
    }
  }
}
