/// A file of named tensors that is being written: what every container format implements.
///
/// The file appears under its name, whole, when it is finished; dropped before that, it leaves nothing.
public protocol ArchiveWriter: AnyObject {
  /// Hands out an array's bytes, row-major and little-endian, in pieces of any size.
  typealias Elements = ((RawSpan) throws(FlywheelError) -> Void) throws(FlywheelError) -> Void

  /// Throws unless this kind of file can hold an array under a name.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  func requireRoom(for description: TensorDescription, under key: String) throws(FlywheelError)

  /// Writes an array.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes, if it is known: no container computes it twice then.
  ///   - elements: Hands out its bytes.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, `alreadyExists` if the name is taken, `mismatch`
  ///   if there are more or fewer bytes than described, `inputOutput`, and what `elements` throws.
  func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError)

  /// Writes what the file says besides its members; after all of them.
  ///
  /// - Parameter metadata: Its attributes and empty groups; what the format cannot hold is left out, so
  ///   that the caller has to ask `holdsMetadata` before.
  /// - Throws: `inputOutput`.
  func write(_ metadata: ArchiveMetadata) throws(FlywheelError)

  /// Whether the format has attributes and groups of its own.
  var holdsMetadata: Bool { get }

  /// What of a file's metadata would be left out, beside the arrays that room was asked for.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Returns: What it is, with the reasons; nothing for a format that holds all of it, or none.
  func obstacles(to metadata: ArchiveMetadata) -> [ArchiveMetadata.Obstacle]

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `inputOutput`; a file that had the name before is then still there.
  func finish() throws(FlywheelError)
}

extension ArchiveWriter {
  /// What of a file's metadata would be left out: nothing.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Returns: Nothing.
  public func obstacles(to metadata: ArchiveMetadata) -> [ArchiveMetadata.Obstacle] { [] }

  /// Writes a tensor that is in memory.
  ///
  /// - Parameters:
  ///   - tensor: The tensor.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes, if it is known.
  /// - Throws: As the general function.
  public func write(
    _ tensor: Tensor,
    under key: String,
    crc32: UInt32? = nil
  ) throws(FlywheelError) {
    try write(TensorDescription(of: tensor), under: key, crc32: crc32) {
      (body) throws(FlywheelError) in
      try body(tensor.bytes)
    }
  }
}
