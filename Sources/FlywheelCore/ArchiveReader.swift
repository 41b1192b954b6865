import Synchronization
public import SystemPackage

/// A file of named tensors, open for reading: what every container format implements.
///
/// Opening reads what is needed to list it. Elements are read when they are asked for, without a copy
/// where they lie in the file as tensors need them.
public protocol ArchiveReader: AnyObject, Sendable {
  /// The file, or the directory.
  var path: FilePath { get }

  /// Whether each array has a checksum in the file that is compared when its elements are read.
  var hasChecksums: Bool { get }

  /// What this kind of file tells of all its members.
  var origin: ArchiveOrigin { get }

  /// What reads the file, with its version, where there is a choice; else nil.
  var readerDescription: String? { get }

  /// Lists what is in it, in the container's order.
  ///
  /// - Throws: `malformed` or `corrupted` if the container is damaged.
  func members() throws(FlywheelError) -> [ArchiveMember]

  /// Looks at one member without reading its elements.
  ///
  /// - Parameter key: Its name.
  /// - Throws: As `members()`.
  /// - Returns: What it is; nil if there is none of this name.
  func member(_ key: String) throws(FlywheelError) -> ArchiveMember?

  /// What it says besides its members.
  ///
  /// - Throws: As `members()`.
  func metadata() throws(FlywheelError) -> ArchiveMetadata

  /// Reads a tensor.
  ///
  /// - Parameter key: Its name.
  /// - Throws: `unsupported` if it is none, `corrupted`, `truncated` or `malformed` if it is damaged.
  /// - Returns: The elements; nil if there is no member of this name.
  func tensor(_ key: String) throws(FlywheelError) -> Tensor?

  /// Reads several tensors, with all processors where that is faster.
  ///
  /// - Parameter keys: Their names.
  /// - Throws: As `tensor(_:)`, for the first that cannot be read.
  /// - Returns: A tensor for each key; nil where there is no member of that name.
  func tensors(_ keys: [String]) throws(FlywheelError) -> [Tensor?]

  /// Reads an array of any type piece by piece, in memory that does not grow with it.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the elements' bytes, row-major and little-endian, in pieces of any size.
  /// - Throws: `notFound` if there is no member of this name, and as `tensor(_:)`.
  func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError)
}

extension ArchiveReader {
  /// None are compared, unless a reader says that they are.
  public var hasChecksums: Bool { false }

  /// Members in the order in which they were written, and no framework's.
  public var origin: ArchiveOrigin { ArchiveOrigin() }

  /// There is one way to read most formats.
  public var readerDescription: String? { nil }

  /// Reads several tensors, one after the other.
  ///
  /// - Parameter keys: Their names.
  /// - Throws: As `tensor(_:)`, for the first that cannot be read.
  /// - Returns: A tensor for each key; nil where there is no member of that name.
  public func tensors(_ keys: [String]) throws(FlywheelError) -> [Tensor?] {
    var tensors: [Tensor?] = []
    tensors.reserveCapacity(keys.count)
    for key in keys { tensors.append(try tensor(key)) }
    return tensors
  }

  /// Reads several tensors, with all processors.
  ///
  /// - Parameters:
  ///   - keys: Their names.
  ///   - work: How many bytes have to be worked on for each; empty if that is not known.
  ///   - read: Reads one.
  /// - Throws: What `read` throws, for the first that cannot be read.
  /// - Returns: A tensor for each key; nil where there is no member of that name.
  package func tensorsInParallel(
    _ keys: [String],
    work: [Int] = [],
    _ read: @Sendable (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) -> [Tensor?] {
    let tensors = Mutex([Tensor?](repeating: nil, count: keys.count))
    try Parallel.forEach(keys.count, work: work) { (index) throws(FlywheelError) in
      let tensor = try read(keys[index])
      tensors.withLock { $0[index] = tensor }
    }
    return tensors.withLock(\.self)
  }
}
