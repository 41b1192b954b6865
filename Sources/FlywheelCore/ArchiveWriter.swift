public import OrderedCollections

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

  /// Says what will be written, before anything is: formats that begin with a table of all arrays need it.
  ///
  /// - Parameters:
  ///   - arrays: What will be written, by name, in any order.
  ///   - metadata: What the file will say besides, as far as it is not written last; what the format has no
  ///     room for is left out.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, `inputOutput`.
  func announce(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError)

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
  ///   that the caller has to ask `holdsMetadata` and `obstacles(to:)` before. The writers of HDF5 and of
  ///   Keras's files refuse it instead; that of HDF5 leaves it out once `obstacles(to:)` was asked.
  /// - Throws: `inputOutput`, and `invalidArgument` for what is refused.
  func write(_ metadata: ArchiveMetadata) throws(FlywheelError)

  /// Whether the format has attributes and groups of its own.
  var holdsMetadata: Bool { get }

  /// Whether the format has room of its own for all that a file says besides its members.
  ///
  /// - Parameter metadata: Its attributes and empty groups.
  /// - Returns: Whether all of them can be written.
  func hasRoom(for metadata: ArchiveMetadata) -> Bool

  /// Whether the format has a name for every dtype.
  var namesEveryDType: Bool { get }

  /// What of a file's metadata would be left out, beside the arrays that room was asked for.
  ///
  /// To be asked when room was asked for all arrays, and before anything is written. It can be more than a
  /// question: the writer of HDF5 takes it that its caller accepts what is named, and leaves out from then on
  /// whatever it would otherwise refuse. To other writers it makes no difference.
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
  /// Most formats need to know nothing before it comes.
  public func announce(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {}

  /// Most formats have room for everything or for nothing.
  public func hasRoom(for metadata: ArchiveMetadata) -> Bool { holdsMetadata }

  /// Most formats that have attributes have a name for every dtype, too.
  public var namesEveryDType: Bool { holdsMetadata }

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
