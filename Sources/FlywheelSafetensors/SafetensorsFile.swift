public import FlywheelCore
import OrderedCollections
public import SystemPackage

/// A safetensors file, open for reading, as `safetensors.torch.save_file` and many others write it.
///
/// Opening reads and checks the header, as strictly as the format's own library. Tensors are used where they lie
/// in the mapped file; only those that another writer has not aligned are copied when they are asked for. The
/// types of 8 bits that Flywheel does not compute with are carried; of those of fewer bits it only
/// lists what there is. Byte offsets in errors count from the start of the file.
public final class SafetensorsFile: ArchiveReader {
  /// The file.
  public let path: FilePath

  private let storage: TensorStorage
  private let header: SafetensorsHeader

  /// Opens a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: `notFound`, `inputOutput`; `truncated`, `malformed`, `limitExceeded` or `unsupported` if it is no
  ///   safetensors file that can be read.
  public convenience init(path: FilePath) throws(FlywheelError) {
    try self.init(TensorStorage(mapping: try MappedFile(path: path)), path: path)
  }

  /// Takes the bytes of a file that is in memory.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for errors.
  /// - Throws: `truncated`, `malformed`, `limitExceeded` or `unsupported` if it is no safetensors file that can be
  ///   read.
  public init(_ bytes: TensorStorage, path: FilePath) throws(FlywheelError) {
    self.path = path
    storage = bytes
    header = try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      try SafetensorsHeader(parsing: bytes.bytes)
    }
  }

  /// The names of all tensors, in the order of their bytes.
  var keys: OrderedSet<String> { header.tensors.keys }

  /// Whether there is a tensor of a name.
  func holds(_ key: String) -> Bool { header.tensors[key] != nil }

  /// The format's own library sorts tensors by type and name: their order says nothing of a model.
  public var origin: ArchiveOrigin { ArchiveOrigin(order: .lost) }

  /// Lists the tensors, in the order of their bytes.
  ///
  /// - Throws: Nothing.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    members.reserveCapacity(header.tensors.count)
    for (key, entry) in header.tensors { members.append(try Self.member(key, entry)) }
    return members
  }

  /// Looks at one tensor.
  ///
  /// - Parameter key: Its name.
  /// - Throws: Nothing.
  /// - Returns: What it is; nil if there is none of this name.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    try header.tensors[key].map { (entry) throws(FlywheelError) in try Self.member(key, entry) }
  }

  /// The texts that belong to the file, as its attributes; what the header says of tensors that the format does not
  /// know is an obstacle.
  ///
  /// - Throws: Nothing.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata {
    var metadata = ArchiveMetadata(obstacles: header.obstacles)
    if !header.metadata.isEmpty {
      metadata.attributes[""] = header.metadata.mapValues { .string($0) }
    }
    return metadata
  }

  /// Reads a tensor, without a copy if it is aligned as its elements need it.
  ///
  /// - Parameter key: Its name.
  /// - Throws: `unsupported` if its elements are none that Flywheel computes with, `malformed` for truth values that
  ///   are neither true nor false, `limitExceeded` if there is no memory.
  /// - Returns: The elements; nil if there is none of this name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    guard let entry = header.tensors[key] else { return nil }
    return try FlywheelError.locating(path: path, tensor: key) { () throws(FlywheelError) in
      let element = try entry.type.readableElement()
      guard let dtype = element.dtype else { throw FlywheelError.onlyCarried(element) }
      try check(entry)
      return try Tensor(
        aligned: dtype,
        shape: entry.shape,
        in: storage,
        at: entry.range.lowerBound
      )
    }
  }

  /// Hands out a tensor's bytes where they lie in the file.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the bytes.
  /// - Throws: `notFound` if there is none of this name, `unsupported` if its elements have fewer than 8 bits,
  ///   `malformed` for truth values that are neither true nor false, and what `body` throws.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let entry = header.tensors[key] else { throw FlywheelError.noArray(key, in: path) }
    try FlywheelError.locating(path: path, tensor: key) { () throws(FlywheelError) in
      _ = try entry.type.readableElement()
      try check(entry)
      let file = storage
      for begin in stride(
        from: entry.range.lowerBound,
        to: entry.range.upperBound,
        by: Self.pieceByteCount
      ) {
        let end = min(begin + Self.pieceByteCount, entry.range.upperBound)
        try body(file.bytes.extracting(begin..<end))
      }
    }
  }

  /// The most bytes that are handed out at once, so that whoever watches sees it go on.
  private static let pieceByteCount = 4 << 20

  private func check(_ entry: SafetensorsHeader.Entry) throws(FlywheelError) {
    guard entry.type == .bool else { return }
    let file = storage
    try file.bytes.extracting(entry.range).checkTruthValues(fileOffset: entry.range.lowerBound)
  }

  private static func member(
    _ key: String,
    _ entry: SafetensorsHeader.Entry
  ) throws(FlywheelError) -> ArchiveMember {
    let element: ElementType
    do throws(FlywheelError) {
      element = try entry.type.readableElement()
    } catch {
      return ArchiveMember(
        key: key,
        content: .unreadable(type: entry.type.rawValue, shape: entry.shape, reason: error)
      )
    }
    let array = try TensorDescription(element: element, shape: entry.shape)
    return ArchiveMember(key: key, content: .array(array))
  }
}
