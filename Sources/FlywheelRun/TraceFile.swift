public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelHDF5
public import SystemPackage

/// Traces as HDF5 files.
public enum TraceFile {
  /// Whether a file is a trace, as far as its document says.
  ///
  /// - Parameter path: The file.
  /// - Throws: What `HDF5File` throws.
  /// - Returns: Whether it is one.
  public static func recognizes(_ path: FilePath) throws(FlywheelError) -> Bool {
    let file = try HDF5File(opening: path)
    return Trace.isDocument(try file.tensorIfPresent(CheckpointKey.document))
  }

  /// Reads a trace.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - verification: How far to check it.
  /// - Throws: What `HDF5File` and `Trace.init` throw, with the path.
  /// - Returns: The trace; large tensors are views of the mapped file.
  public static func read(
    _ path: FilePath,
    verification: Verification = .checksums
  ) throws(FlywheelError) -> Trace {
    try read(try HDF5File(opening: path), verification)
  }

  /// Checks all there is to check: what `read` does, that nothing was added to the file, and that the
  /// attributes for people say what the document says.
  ///
  /// - Parameter path: The file.
  /// - Throws: What `read` throws, and `mismatch` for what was added or edited.
  /// - Returns: The trace.
  public static func verify(_ path: FilePath) throws(FlywheelError) -> Trace {
    let file = try HDF5File(opening: path)
    let trace = try read(file, .checksums)
    try file.requireOnly(trace.keys, trace.attributes)
    return trace
  }

  /// Writes a trace so that the file is there whole or not at all.
  ///
  /// - Parameters:
  ///   - trace: The trace.
  ///   - path: The file; one that has the name already stays until the new one is durable.
  /// - Throws: `inputOutput` or `libraryFailure`, with the path.
  public static func write(_ trace: Trace, to path: FilePath) throws(FlywheelError) {
    try HDF5Archive.write(try trace.archive(), to: path)
  }

  private static func read(
    _ file: borrowing HDF5File,
    _ verification: Verification
  ) throws(FlywheelError) -> Trace {
    do throws(FlywheelError) {
      return try Trace(verification: verification) { (key) throws(FlywheelError) in
        try file.tensorIfPresent(key)
      }
    } catch {
      throw error.located(path: file.path)
    }
  }
}

extension RunDirectory {
  /// Writes a trace into the run, under a name that no other trace has.
  ///
  /// - Parameter trace: The trace, of one row at least.
  /// - Throws: `inputOutput` or `libraryFailure`, with the path.
  /// - Returns: The file: `trace-FROM.h5`, or with a number behind if there is one already.
  public func save(_ trace: Trace) throws(FlywheelError) -> FilePath {
    let stem = "trace-\(trace.optimizer.step)"
    var file = path.appending("\(stem).h5")
    var number = 2
    // Nobody else writes here: this process holds the run's lock.
    while FileSystem.exists(file) {
      file = path.appending("\(stem)-\(number).h5")
      number += 1
    }
    try TraceFile.write(trace, to: file)
    return file
  }
}
