public import FlywheelCore
public import SystemPackage

/// A zip archive, open for reading.
///
/// What its directory says is the truth, as in Python's zipfile; each member's own header has to agree with
/// it in what it is called and how it is compressed. Sizes are checked before memory is asked for. All of
/// it is immutable, so that several threads may read from one archive.
public final class ZipReader: Sendable {
  /// The file, for errors.
  public let path: FilePath
  /// The bytes of the file.
  public let bytes: TensorStorage
  /// The members, in the order of the archive's directory.
  public let entries: [ZipEntry]

  private let indices: [String: Int]

  /// Maps an archive and reads its directory.
  ///
  /// - Parameter path: The file.
  /// - Throws: `notFound` or `inputOutput` if it cannot be mapped, and as `init(_:path:)`.
  public convenience init(opening path: FilePath) throws(FlywheelError) {
    try self.init(TensorStorage(mapping: MappedFile(path: path)), path: path)
  }

  /// Reads the directory of an archive.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - path: Its name, for errors.
  /// - Throws: `truncated` if it was cut off; `malformed` if it is no archive, if its records contradict each
  ///   other, if two members have one name or share bytes, or if a name leads out of its folder;
  ///   `unsupported` if it is one of several disks.
  public init(_ bytes: TensorStorage, path: FilePath) throws(FlywheelError) {
    do throws(FlywheelError) {
      let directory = try ZipDirectory(bytes.bytes)
      self.path = path
      self.bytes = bytes
      entries = directory.entries
      indices = directory.indices
    } catch {
      throw error.located(path: path)
    }
  }

  /// Looks a member up.
  ///
  /// - Parameter name: Its name, as in the archive.
  /// - Returns: The member; nil if there is none.
  public func entry(named name: String) -> ZipEntry? {
    indices[name].map { entries[$0] }
  }

  /// Whether a file starts as zip archives do.
  ///
  /// - Parameter bytes: The file, or its first four bytes.
  /// - Returns: Whether a member's header or the end of an empty archive stands there.
  public static func recognizes(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount >= 4 else { return false }
    return [ZipRecord.localHeader, ZipRecord.end].contains(bytes.word32(0))
  }
}
