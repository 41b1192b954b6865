import FlywheelCore
import FlywheelFormats
import SystemPackage

/// How much room things take on disk.
enum DiskUsage {
  /// The bytes of all files that an archive consists of.
  static func bytes(of path: FilePath, _ format: FileFormat) -> Int {
    format.files(of: path).reduce(0) { $0 &+ bytes(of: $1) }
  }

  /// The bytes of a file, or of all files in a directory; what cannot be looked at counts nothing.
  static func bytes(of path: FilePath) -> Int {
    var directories: Set<FileSystem.Identity> = []
    return bytes(of: path, &directories)
  }

  /// Links may lead round in circles: each directory counts once.
  private static func bytes(
    of path: FilePath,
    _ directories: inout Set<FileSystem.Identity>
  ) -> Int {
    guard FileSystem.isDirectory(path) else { return FileSystem.byteCount(of: path) ?? 0 }
    guard let identity = FileSystem.identity(of: path), directories.insert(identity).inserted else {
      return 0
    }
    let names = (try? FileSystem.names(in: path)) ?? []
    return names.reduce(0) { $0 &+ bytes(of: path.appending($1), &directories) }
  }
}
