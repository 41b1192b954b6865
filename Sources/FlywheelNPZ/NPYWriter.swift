public import FlywheelCore
public import SystemPackage

/// Writes one array as a .npy file, byte for byte as `numpy.save` does.
public final class NPYWriter: ArchiveWriter {
  private let path: FilePath
  private var file: AtomicFile?
  /// The name of the array that was asked for or written.
  private var key: String?
  private var isWritten = false

  /// Begins a file, which appears under its name when it is finished.
  ///
  /// - Parameters:
  ///   - path: The file; one that has the name already stays until then.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written.
  public init(
    creating path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    self.path = path
    file = try AtomicFile(replacing: path, durability: durability)
  }

  /// A .npy file holds nothing but the array.
  public var holdsMetadata: Bool { false }

  /// Throws unless a .npy file can hold an array, and no other was asked for before; any name is fine, as
  /// the file's own takes its place.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    if let first = self.key, first != key || isWritten {
      throw FlywheelError(
        .unsupported,
        "A .npy file holds one array, and '\(first)' comes first; write an .npz file or a directory "
          + "for more.",
        at: .init(path: path, tensor: key)
      )
    }
    do throws(FlywheelError) {
      _ = try NPYHeader(description)
    } catch {
      throw error.located(path: path, tensor: key)
    }
    self.key = key
  }

  /// Writes the array.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name, which is not kept.
  ///   - crc32: Not needed.
  ///   - elements: Hands out its bytes.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, `mismatch` if there are more or fewer bytes than
  ///   described, `inputOutput`, and what `elements` throws.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    try requireRoom(for: description, under: key)
    isWritten = true
    let header = try NPYHeader(description).bytes
    try file?.write(header.rawBytes)
    var count = ElementCount(description, key)
    try elements { (piece) throws(FlywheelError) in
      try count.take(piece)
      try file?.write(piece)
    }
    try count.finish()
  }

  /// Writes nothing: a .npy file has no room for metadata.
  ///
  /// - Parameter metadata: What is left out.
  /// - Throws: Nothing.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {}

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `invalidArgument` if no array has been written, `inputOutput`; a file that had the name before
  ///   is then still there.
  public func finish() throws(FlywheelError) {
    guard isWritten else {
      throw FlywheelError(
        .invalidArgument,
        "There is no array to write, and a .npy file holds exactly one; write an .npz file or a directory.",
        at: .init(path: path)
      )
    }
    try file.take()?.commit()
  }
}
