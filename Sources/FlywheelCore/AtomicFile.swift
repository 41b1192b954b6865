public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears under its name whole or not at all.
///
/// Bytes go to a temporary file in the same directory. `commit` makes them durable and renames the
/// file over its final name in one step, so whatever had that name before stays until then, and
/// mappings of it stay whole for ever. Dropped without a commit, it leaves nothing behind. Where a symbolic
/// link has the name, the file that it leads to is the one that is written, as other programs do; the link stays.
public struct AtomicFile: ~Copyable {
  /// How much `commit` waits for.
  public enum Durability: Sendable {
    /// The bytes and the name are on the disk: they survive a power cut.
    case durable
    /// The bytes are with the operating system: they survive this process.
    case cached
  }

  /// The name that the file will have; where a symbolic link leads, if one was given.
  public let path: FilePath
  /// The name that it has until it is committed; libraries that write by name write here.
  public let temporaryPath: FilePath

  private let file: OpenFile
  private let durability: Durability
  private var isPending = true

  /// The suffix of temporary files; one that is left over from a killed process can be deleted.
  public static let temporarySuffix = ".flywheel-tmp"

  /// Creates the temporary file beside the final one.
  ///
  /// - Parameters:
  ///   - path: The name that the file will have.
  ///   - durability: What `commit` waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written, or links lead in a
  ///   circle.
  public init(
    replacing path: FilePath,
    durability: Durability = .durable
  ) throws(FlywheelError) {
    guard path.lastComponent != nil else {
      throw FlywheelError(
        .invalidArgument,
        "A file needs a name; found a directory.",
        at: .init(path: path)
      )
    }
    let path = try FileSystem.target(of: path)
    // Without the final name, which may be as long as a name can be already.
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    let temporary = path.removingLastComponent().appending(".\(unique)\(Self.temporarySuffix)")
    file = try Self.named(path) { () throws(FlywheelError) in try OpenFile(creating: temporary) }
    self.path = path
    temporaryPath = temporary
    self.durability = durability
  }

  deinit {
    if isPending { _ = unsafe temporaryPath.withPlatformString { unsafe unlink($0) } }
  }

  /// Appends bytes.
  ///
  /// - Parameter bytes: The bytes.
  /// - Throws: `inputOutput` if the system refuses, for example because the disk is full.
  public func write(_ bytes: RawSpan) throws(FlywheelError) {
    try Self.named(path) { () throws(FlywheelError) in try file.write(bytes) }
  }

  /// Writes bytes over others that have been written already.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - offset: Where in the file they go.
  /// - Throws: `inputOutput` if the system refuses.
  public func overwrite(_ bytes: RawSpan, at offset: Int) throws(FlywheelError) {
    try Self.named(path) { () throws(FlywheelError) in try file.write(bytes, at: offset) }
  }

  /// Makes the bytes durable and gives the file its name.
  ///
  /// - Throws: `inputOutput`; the file that had the name before is then still there, unless it is the
  ///   directory that could not be made durable.
  public consuming func commit() throws(FlywheelError) {
    if durability == .durable {
      try Self.named(path) { () throws(FlywheelError) in try file.synchronize() }
    }
    try FileSystem.rename(temporaryPath, to: path)
    isPending = false
    if durability == .durable { try Self.synchronizeDirectory(of: path) }
  }

  /// Writes a small file atomically and durably.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name.
  /// - Throws: `inputOutput`; the file that had the name before is then still there.
  public static func write(_ bytes: [UInt8], to path: FilePath) throws(FlywheelError) {
    let file = try AtomicFile(replacing: path)
    try file.write(bytes.rawBytes)
    try file.commit()
  }

  /// Gives errors the final name: the temporary one means nothing to whoever reads them.
  private static func named<Result: ~Copyable>(
    _ path: FilePath,
    _ body: () throws(FlywheelError) -> Result
  ) throws(FlywheelError) -> Result {
    do throws(FlywheelError) {
      return try body()
    } catch {
      var error = error
      error.location.path = path
      throw error
    }
  }

  /// Waits until the names in a file's directory are on the disk.
  package static func synchronizeDirectory(of path: FilePath) throws(FlywheelError) {
    let parent = path.removingLastComponent()
    let directory = try OpenFile(
      parent.isEmpty ? "." : parent,
      flags: O_RDONLY | O_DIRECTORY,
      purpose: "make the file's name durable"
    )
    do throws(FlywheelError) {
      try directory.synchronize()
    } catch {
      // Some network file systems cannot synchronise a directory, and need not.
      guard error.cause == .errno(.invalidArgument) || error.cause == .errno(.notSupported) else {
        throw error
      }
    }
  }
}
