public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelFormats
public import SystemPackage

/// Traces as files of any format.
public enum TraceFile {
  /// Whether a file is a trace, as far as its document says.
  ///
  /// - Parameter path: The file.
  /// - Throws: What `FileFormat.open` throws.
  /// - Returns: Whether it is one.
  public static func recognizes(_ path: FilePath) throws(FlywheelError) -> Bool {
    Trace.isDocument(try FileFormat.open(path).document())
  }

  /// Reads a trace.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - verification: How far to check it.
  /// - Throws: What `FileFormat.open` and `Trace.init` throw, with the path.
  /// - Returns: The trace; large tensors are views of the mapped file.
  public static func read(
    _ path: FilePath,
    verification: Verification = .checksums
  ) throws(FlywheelError) -> Trace {
    let reader = try FileFormat.open(path, checking: .structure)
    return try Trace(from: reader, verification: verification)
  }

  /// Checks all there is to check: what `read` does, that nothing was added to the file, and that the
  /// attributes for people say what the document says.
  ///
  /// - Parameter path: The file.
  /// - Throws: What `read` throws, and `mismatch` for what was added or edited.
  /// - Returns: The trace.
  public static func verify(_ path: FilePath) throws(FlywheelError) -> Trace {
    let reader = try FileFormat.open(path)
    let trace = try Trace(from: reader)
    try reader.requireOnly(trace.keys, trace.attributes)
    return trace
  }

  /// Writes a trace so that the file is there whole or not at all.
  ///
  /// - Parameters:
  ///   - trace: The trace.
  ///   - path: The file, whose suffix says the format; one that has the name already stays until the new
  ///     one is durable.
  /// - Throws: `invalidArgument` if the name asks for no format, and what writing throws, with the path.
  public static func write(_ trace: Trace, to path: FilePath) throws(FlywheelError) {
    let (archive, index) = try trace.indexedArchive()
    try FileFormat.write(archive, index, to: path, durability: .durable)
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
