public import FlywheelCore
public import SystemPackage

/// A file in the IDX format of the MNIST data set: an array of numbers with its extents.
///
/// The format is four bytes (two zeros, the type of the elements, the number of dimensions), each
/// extent in 32 bits, and then the elements in row-major order, all big-endian. The file may be
/// compressed with gzip; that is recognised by its bytes, not by its name.
public struct IDXFile: Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The extents, outermost first: the number of samples, then those of one sample.
  public let extents: [Int]
  /// The elements in the mapped file, or decompressed.
  let array: StoredArray

  /// What a file is expected to hold.
  public enum Content: Sendable {
    /// Samples: of any type and with any number of dimensions.
    case samples
    /// The number of each sample's class: a vector of integers.
    case labels

    fileprivate var name: String {
      switch self {
      case .samples: "samples"
      case .labels: "labels"
      }
    }
  }

  /// Reads a file, but not yet the elements of one that is not compressed.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - content: What it is expected to hold.
  /// - Throws: `notFound`, `truncated`, `malformed`, `unsupported`, `corrupted`, `limitExceeded`.
  public init(_ path: FilePath, _ content: Content) throws(FlywheelError) {
    let file = try MappedFile(path: path)
    do throws(FlywheelError) {
      if GzipReader.recognizes(file) {
        try self.init(decompressing: file, path, content)
      } else {
        try self.init(file, path, content)
      }
    } catch {
      throw error.located(path: path)
    }
  }

  /// The elements in row-major order, each of them big-endian.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = array.stored.bytes
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  private init(
    _ file: consuming MappedFile,
    _ path: FilePath,
    _ content: Content
  ) throws(FlywheelError) {
    let storage = TensorStorage(mapping: file)
    var reader = ByteReader(storage.bytes)
    let (dtype, rank) = try Self.type(try reader.take(4, "the IDX header"), content)
    let header = try reader.take(4 * rank, "the extents in the IDX header")
    let (extents, byteCount) = try Self.extents(header, dtype, content)
    let byteOffset = reader.offset
    _ = try reader.take(byteCount, "the array of \(content.name)")
    guard reader.remaining == 0 else {
      throw FlywheelError.malformed(
        found: "\(reader.remaining) bytes after the last of the \(content.name)",
        expected: "the end of the file",
        at: .init(byteOffset: UInt64(reader.offset))
      )
    }
    try self.init(dtype, extents, storage, byteOffset, path)
  }

  private init(
    decompressing file: consuming MappedFile,
    _ path: FilePath,
    _ content: Content
  ) throws(FlywheelError) {
    var reader = try GzipReader(file)
    let start = try reader.read(4, "the IDX header")
    let (dtype, rank) = try Self.type(start.bytes, content)
    let header = try reader.read(4 * rank, "the extents in the IDX header")
    let (extents, byteCount) = try Self.extents(header.bytes, dtype, content)
    // Before memory is asked for: a few bytes must not claim gigabytes.
    let (limit, overflow) = reader.compressedByteCount
      .multipliedReportingOverflow(by: GzipReader.maximumExpansion)
    guard overflow || byteCount <= limit else {
      throw FlywheelError(
        .limitExceeded,
        "The header declares an array of \(byteCount) bytes; a gzip file of "
          + "\(reader.compressedByteCount) bytes holds at most \(limit). Copy or download it again.",
        at: .init(byteOffset: 4)
      )
    }
    let storage = try reader.read(byteCount, "the array of \(content.name)")
    try reader.finish()
    try self.init(dtype, extents, storage, 0, path)
  }

  private init(
    _ dtype: DType,
    _ extents: [Int],
    _ storage: TensorStorage,
    _ byteOffset: Int,
    _ path: FilePath
  ) throws(FlywheelError) {
    let shape = try Shape(extents)
    self.dtype = dtype
    self.extents = extents
    array = StoredArray(
      stored: try Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: byteOffset),
      isBigEndian: true,
      location: .init(path: path),
      byteOffset: UInt64(4 + 4 * extents.count)
    )
  }

  /// The types that the format has, by their codes.
  private static let types: [UInt8: DType] = [
    0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
  ]

  /// The type of the elements and the number of dimensions.
  private static func type(
    _ bytes: RawSpan,
    _ content: Content
  ) throws(FlywheelError) -> (DType, rank: Int) {
    var reader = ByteReader(bytes)
    let magic = try reader.readBigEndian(UInt32.self, "the magic number")
    let code = UInt8(truncatingIfNeeded: magic >> 8)
    let rank = Int(magic & 0xFF)
    guard magic >> 16 == 0, let dtype = types[code], rank > 0 else {
      throw FlywheelError.malformed(
        found: "the magic number 0x\(String(magic, radix: 16))",
        expected: "that of an IDX file: 0x0803 for images of bytes, or another type and number of "
          + "dimensions,",
        at: .init(byteOffset: 0)
      )
    }
    if content == .labels, rank != 1 || dtype.isFloatingPoint {
      throw FlywheelError.malformed(
        found: "\(dtype.rawValue)s with \(rank) dimensions",
        expected: "labels, one integer for each sample,",
        at: .init(byteOffset: 2)
      )
    }
    return (dtype, rank)
  }

  /// The extents and the number of bytes that they make, checked.
  private static func extents(
    _ bytes: RawSpan,
    _ dtype: DType,
    _ content: Content
  ) throws(FlywheelError) -> (extents: [Int], byteCount: Int) {
    var reader = ByteReader(bytes)
    var extents: [Int] = []
    var byteCount = dtype.byteCount
    while reader.remaining > 0 {
      let offset = UInt64(4 + reader.offset)
      let extent = Int(try reader.readBigEndian(UInt32.self, "an extent"))
      guard extent > 0 else {
        throw FlywheelError.malformed(
          found: extents.isEmpty ? "0 \(content.name)" : "samples of no numbers",
          expected: "at least one",
          at: .init(byteOffset: offset)
        )
      }
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      guard !overflow else {
        throw FlywheelError.overflow(
          "the array of \(content.name)",
          at: .init(byteOffset: offset)
        )
      }
      byteCount = product
      extents.append(extent)
    }
    return (extents, byteCount)
  }
}
