public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelFormats
public import SystemPackage

/// Checkpoints as files of any format.
public enum CheckpointFile {
  /// Reads a checkpoint.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - verification: How far to check it.
  /// - Throws: What `FileFormat.open` and `Checkpoint.init` throw, with the path.
  /// - Returns: The checkpoint; large tensors are views of the mapped file.
  public static func read(
    _ path: FilePath,
    verification: Verification = .checksums
  ) throws(FlywheelError) -> Checkpoint {
    // The document's index has a checksum of every tensor, so that the container need not check its own.
    let reader = try FileFormat.open(path, checking: .structure)
    return try Checkpoint(from: reader, verification: verification)
  }

  /// Checks all there is to check: what `read` does, that nothing was added to the file, and that the
  /// attributes for people say what the document says.
  ///
  /// - Parameter path: The file.
  /// - Throws: What `read` throws, and `mismatch` for what was added or edited.
  /// - Returns: The checkpoint.
  public static func verify(_ path: FilePath) throws(FlywheelError) -> Checkpoint {
    let reader = try FileFormat.open(path)
    let checkpoint = try Checkpoint(from: reader)
    try reader.requireOnly(checkpoint.keys, checkpoint.attributes)
    return checkpoint
  }

  /// Writes a checkpoint so that the file is there whole or not at all.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint.
  ///   - path: The file, whose suffix says the format, such as `.h5` or `.npz`; one that has the name already
  ///     stays until the new one is durable.
  ///   - durability: What to wait for.
  /// - Throws: `invalidArgument` if the name asks for no format, and what writing throws, with the path.
  public static func write(
    _ checkpoint: Checkpoint,
    to path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    let (archive, index) = try checkpoint.indexedArchive()
    try FileFormat.write(archive, index, to: path, durability: durability)
  }
}
