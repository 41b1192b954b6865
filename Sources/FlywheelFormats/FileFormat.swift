public import FlywheelCore
public import FlywheelDeflate
public import SystemPackage

/// A kind of file, or of directory, that holds named tensors.
///
/// `all` is the one place that knows every format. Input is recognised by its content, whatever its name
/// is; the name of the output says what to write.
public struct FileFormat: Sendable {
  /// What it is called, such as `HDF5`.
  public let name: String
  /// A word for scripts, such as `hdf5`.
  public let identifier: String
  /// What the names of such files end in, the first one preferred; a directory's ends in `/`.
  public let suffixes: [String]
  /// How it is compressed if nothing is said; nil if it cannot be.
  public let defaultCompression: Compression?
  /// How many bytes of tensors go into one file of several if nothing is said; nil if there is only one.
  public internal(set) var defaultShardByteCount: Int?
  /// The dialect of the framework whose own files these are; nil for those of none.
  public internal(set) var dialect: String?

  /// The files that an archive at a path consists of.
  var consistsOf: @Sendable (FilePath) -> [FilePath] = { [$0] }
  let recognizes: @Sendable (FileStart) -> Bool
  let opens: @Sendable (FilePath, Checks) throws(FlywheelError) -> any ArchiveReader
  let creates: @Sendable (FilePath, Creation) throws(FlywheelError) -> any ArchiveWriter

  /// What a reader checks of its own accord.
  public enum Checks: Sendable {
    /// The container's own checksums, if it has any.
    case checksums
    /// Structure only: the caller knows the checksums of all that it reads.
    case structure
  }

  /// How a file is created.
  public struct Creation: Sendable {
    /// How hard to compress.
    public var compression: Compression
    /// About how many bytes will be written, so that a full disk is known before the work; 0 if that is not
    /// known.
    public var expectedByteCount: Int
    /// What finishing waits for.
    public var durability: AtomicFile.Durability
    /// How many bytes of tensors go into one file of several.
    public var shardByteCount: Int
  }

  /// Opens a file of this format.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - checks: What the reader checks of its own accord.
  /// - Throws: What the format's reader throws.
  /// - Returns: The file.
  public func open(
    _ path: FilePath,
    checking checks: Checks = .checksums
  ) throws(FlywheelError) -> any ArchiveReader {
    try opens(path, checks)
  }

  /// The files, or directories, that an archive consists of.
  ///
  /// - Parameter path: What names it, such as the index of several files.
  /// - Returns: All of them.
  public func files(of path: FilePath) -> [FilePath] { consistsOf(path) }

  /// Creates a file of this format; it appears under its name when it is finished.
  ///
  /// - Parameters:
  ///   - path: The file; one that has the name already stays until then. A directory must not be there yet,
  ///     or be empty.
  ///   - compression: How hard to compress; nil for the format's own way.
  ///   - expectedByteCount: About how many bytes will be written.
  ///   - durability: What finishing waits for.
  ///   - shardByteCount: How many bytes of tensors go into one file of several; nil for the format's own way.
  /// - Throws: `unsupported` if it cannot be compressed or split, and what the format's writer throws.
  /// - Returns: The file.
  public func create(
    _ path: FilePath,
    compression: Compression? = nil,
    expectedByteCount: Int = 0,
    durability: AtomicFile.Durability = .durable,
    shardByteCount: Int? = nil
  ) throws(FlywheelError) -> any ArchiveWriter {
    let compression = compression ?? defaultCompression ?? .none
    guard defaultCompression != nil || compression == .none else {
      throw FlywheelError(
        .unsupported,
        "There is no compression in \(name); write .npz or .h5.",
        at: .init(path: path)
      )
    }
    guard defaultShardByteCount != nil || shardByteCount == nil else {
      throw FlywheelError(
        .unsupported,
        "\(name) is one file; only a name that ends in .safetensors.index.json makes several.",
        at: .init(path: path)
      )
    }
    return try creates(
      path,
      Creation(
        compression: compression,
        expectedByteCount: compression == .none ? expectedByteCount : 0,
        durability: durability,
        shardByteCount: shardByteCount ?? defaultShardByteCount ?? .max
      )
    )
  }
}

extension FileFormat {
  /// The format of a file or a directory, by its content.
  ///
  /// - Parameter path: Where it is.
  /// - Throws: `notFound`; `malformed` if it is none of the formats, `truncated` if it is empty.
  /// - Returns: The format.
  public static func of(contentsOf path: FilePath) throws(FlywheelError) -> FileFormat {
    let start = try FileStart(path)
    for format in all where format.recognizes(start) { return format }
    throw unknown(start)
  }

  /// Opens a file or a directory of any format.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - checks: What the reader checks of its own accord.
  /// - Throws: As `of(contentsOf:)`, and what the format's reader throws.
  /// - Returns: The file.
  public static func open(
    _ path: FilePath,
    checking checks: Checks = .checksums
  ) throws(FlywheelError) -> any ArchiveReader {
    try of(contentsOf: path).open(path, checking: checks)
  }

  /// The format that a name asks for.
  ///
  /// - Parameter name: The name of a file that need not be there; one that ends in `/`, or that an empty
  ///   directory has, is a directory of .npy files.
  /// - Throws: `invalidArgument` if the name asks for none.
  /// - Returns: The format.
  public static func of(name: String) throws(FlywheelError) -> FileFormat {
    let path = FilePath(name)
    var name = name
    if !name.hasSuffix("/"), FileSystem.isDirectory(path) {
      // An empty directory waits to be filled.
      if try FileSystem.names(in: path).isEmpty { name += "/" }
    }
    for format in all where format.suffixes.contains(where: { name.lowercased().hasSuffix($0) }) {
      return format
    }
    let suffixes = all.flatMap(\.suffixes).filter { $0 != "/" }.joined(separator: ", ")
    throw FlywheelError(
      .invalidArgument,
      "The name does not say what to write: it must end in one of \(suffixes), or in '/' for a directory of "
        + ".npy files.",
      at: .init(path: path)
    )
  }

  private static func unknown(_ start: FileStart) -> FlywheelError {
    let location = FlywheelError.Location(path: start.path)
    let known = "Flywheel reads " + all.map(\.name).joined(separator: ", ") + "."
    guard let byteCount = start.byteCount else {
      return FlywheelError(
        .invalidArgument,
        "This is a directory without files of tensors. \(known)",
        at: location
      )
    }
    guard byteCount > 0 else {
      return FlywheelError(
        .truncated,
        "The file is empty: writing it was not finished. \(known)",
        at: location
      )
    }
    let bytes = start.bytes(8)
    let shown = bytes.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    return FlywheelError(
      .malformed,
      "The file begins with '\(shown)' (\(digits)), as none does that is known here. \(known) If it was "
        + "one of them, its first bytes are damaged.",
      at: location
    )
  }
}
