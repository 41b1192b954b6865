public import FlywheelCore
public import FlywheelDeflate
import FlywheelZip
public import SystemPackage

/// Writes arrays as an .npz file, which `numpy.load` reads: a zip archive with a member `key.npy` for each.
///
/// Equal arrays in equal order give equal bytes. Without compression the elements begin at multiples of 64 bytes
/// in the file, so that Flywheel, or `numpy.memmap` with the offset, uses them where they lie.
public final class NPZWriter: ArchiveWriter {
  private let path: FilePath
  private let compression: Compression
  /// The archive until it is finished; nil afterwards.
  private var zip: ZipWriter?
  private var keys: Set<String> = []

  /// Begins a file, which appears under its name when it is finished.
  ///
  /// - Parameters:
  ///   - path: The file; one that has the name already stays until then.
  ///   - compression: How hard to compress.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written.
  public init(
    creating path: FilePath,
    compression: Compression = .fast,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    self.path = path
    self.compression = compression
    zip = try ZipWriter(replacing: path, durability: durability)
  }

  /// An .npz file holds nothing but arrays.
  public var holdsMetadata: Bool { false }

  /// Throws unless an array can be a member: of a type that .npy files have, and under a name that leads nowhere
  /// when the archive is unpacked.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      _ = try NPYHeader(description)
      guard !key.isEmpty else { throw Self.refusal("an empty name") }
      if let objection = ZipWriter.objection(to: key + NPYTree.suffix) {
        throw Self.refusal(objection)
      }
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }

  /// Writes an array.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes, if it is known: none is computed then.
  ///   - elements: Hands out its bytes.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, `alreadyExists` if the name is taken, `mismatch` if
  ///   there are more or fewer bytes than described, `inputOutput`, and what `elements` throws.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    try requireRoom(for: description, under: key)
    guard keys.insert(key).inserted else {
      throw FlywheelError(
        .alreadyExists,
        "There is an array of this name already.",
        at: .init(path: path, tensor: key)
      )
    }
    let header = try NPYHeader(description)
    let bytes = header.bytes
    var count = ElementCount(description, key)
    do throws(FlywheelError) {
      try zip?
        .write(
          key + NPYTree.suffix,
          byteCount: header.totalByteCount(),
          crc32: crc32.map { crc in
            CRC32.combine(
              CRC32.checksum(bytes.rawBytes),
              crc,
              secondByteCount: description.byteCount
            )
          },
          compression: description.byteCount > 0 ? compression : .none,
          elementByteCount: max(1, description.element.byteCount)
        ) { (body) throws(FlywheelError) in
          try body(bytes.rawBytes)
          // `elements` could not take a closure that holds on to another one otherwise.
          try withoutActuallyEscaping(body) { (body) throws(FlywheelError) in
            try elements { (piece) throws(FlywheelError) in
              try count.take(piece)
              try body(piece)
            }
          }
          try count.finish()
        }
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }

  /// Writes nothing: an .npz file has no room for metadata but in arrays.
  ///
  /// - Parameter metadata: What is left out.
  /// - Throws: Nothing.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {}

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `inputOutput`; a file that had the name before is then still there.
  public func finish() throws(FlywheelError) {
    try zip.take()?.finish()
  }

  private static func refusal(_ found: String) -> FlywheelError {
    FlywheelError(.unsupported, "Found \(found); rename the array.")
  }
}
