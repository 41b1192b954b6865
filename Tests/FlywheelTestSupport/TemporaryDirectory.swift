import FlywheelCore
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A directory of its own for one test, deleted with everything in it when the test lets go of it.
public final class TemporaryDirectory: Sendable {
  /// Where it is.
  public let path: FilePath

  /// Creates an empty directory.
  ///
  /// - Throws: An `Errno` if the system refuses.
  public init() throws {
    let root = FilePath("/tmp")
    let name = "flywheel-test-\(UInt64.random(in: .min ... .max))"
    let path = root.appending(name)
    let made = unsafe path.withPlatformString { unsafe mkdir($0, 0o700) }
    guard made == 0 else { throw Errno(rawValue: errno) }
    self.path = path
  }

  deinit {
    Self.remove(path)
  }

  /// Writes a file into the directory.
  ///
  /// - Parameters:
  ///   - bytes: Its bytes.
  ///   - name: Its name.
  /// - Throws: `FlywheelError` if it cannot be written.
  /// - Returns: Where it is.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) throws -> FilePath {
    let file = path.appending(name)
    try AtomicFile.write(bytes, to: file)
    return file
  }

  /// The bytes of a file.
  ///
  /// - Parameter name: Its name.
  /// - Throws: `FlywheelError` if it cannot be read.
  /// - Returns: The bytes.
  public func read(_ name: String) throws -> [UInt8] {
    try OpenFile.contents(of: path.appending(name))
  }

  /// The names in the directory, sorted.
  ///
  /// - Throws: `FlywheelError` if it cannot be read.
  public func names() throws -> [String] {
    try FileSystem.names(in: path)
  }

  private static func remove(_ path: FilePath) {
    for name in (try? FileSystem.names(in: path)) ?? [] {
      let child = path.appending(name)
      if unlinkFile(child) != 0 { remove(child) }
    }
    _ = unsafe path.withPlatformString { unsafe rmdir($0) }
  }

  private static func unlinkFile(_ path: FilePath) -> CInt {
    unsafe path.withPlatformString { unsafe unlink($0) }
  }
}
