public import FlywheelCore
public import SystemPackage

/// A .npy file, open for reading: one array, whose key is the file's name without its suffix.
///
/// If more bytes follow the array, as after several `numpy.save` into one stream, they are mentioned in the
/// listing and count as an obstacle.
public final class NPYFile: ArchiveReader {
  /// The file.
  public let path: FilePath
  /// The name that the array has here.
  public let key: String

  private let storage: TensorStorage
  private let content: NPYContent

  /// Opens a file, and reads its header.
  ///
  /// - Parameter path: The file.
  /// - Throws: `notFound`, `inputOutput`; `malformed`, `truncated` or `limitExceeded`, with the offset, if it
  ///   is no whole .npy file.
  public convenience init(path: FilePath) throws(FlywheelError) {
    try self.init(TensorStorage(mapping: MappedFile(path: path)), path: path)
  }

  /// Takes the bytes of a file that is in memory, and reads its header.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for the array's and for errors.
  /// - Throws: `malformed`, `truncated` or `limitExceeded`, with the offset, if it is no whole .npy file.
  public init(_ bytes: TensorStorage, path: FilePath) throws(FlywheelError) {
    self.path = path
    key = path.stem ?? path.string
    content = NPYContent(bytes.bytes, byteCount: bytes.byteCount)
    storage = bytes
    if case .unreadable(_, _, let reason) = content, reason.code != .unsupported {
      throw reason.located(path: path)
    }
  }

  /// The one array.
  ///
  /// - Throws: Nothing.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    [try content.member(key)]
  }

  /// The array, if it has this name.
  ///
  /// - Parameter key: A name.
  /// - Returns: What it is; nil if it has another name.
  /// - Throws: Nothing.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    key == self.key ? try content.member(key) : nil
  }

  /// What it says besides the array: which bytes follow it.
  ///
  /// - Throws: Nothing.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata {
    ArchiveMetadata(obstacles: content.obstacle(key).map { [$0] } ?? [])
  }

  /// The array as a tensor; without a copy if it is row-major and little-endian.
  ///
  /// - Parameter key: Its name.
  /// - Throws: `unsupported` if its elements are opaque or Python objects, `malformed` for truth values that
  ///   are neither true nor false, `limitExceeded` if there is no memory.
  /// - Returns: The elements; nil if it has another name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    guard key == self.key else { return nil }
    do throws(FlywheelError) {
      let header = try content.header()
      return try NPYElements(header, array: header.array)
        .tensor(in: storage, at: header.byteCount)
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }

  /// Reads the array piece by piece.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the elements' bytes, row-major and little-endian.
  /// - Throws: `notFound` if it has another name, and as `tensor(_:)`.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard key == self.key else { throw FlywheelError.noArray(key, in: path) }
    do throws(FlywheelError) {
      let header = try content.header()
      try NPYElements(header, array: header.array).read(storage, at: header.byteCount, body)
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }
}
