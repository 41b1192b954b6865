package import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The few things that Flywheel does to directories and names.
package enum FileSystem {
  /// The names in a directory, sorted, without `.` and `..`.
  package static func names(in directory: FilePath) throws(FlywheelError) -> [String] {
    guard let stream = unsafe directory.withPlatformString({ unsafe opendir($0) }) else {
      throw FlywheelError.system(
        "opendir",
        to: "list the directory",
        path: directory,
        errno: .current
      )
    }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 1) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Creates a directory and the ones above it that are missing.
  package static func createDirectory(_ directory: FilePath) throws(FlywheelError) {
    if isDirectory(directory) { return }
    let parent = directory.removingLastComponent()
    if !parent.isEmpty, parent != directory { try createDirectory(parent) }
    let made = unsafe directory.withPlatformString { unsafe mkdir($0, 0o777) }
    // Someone else may have made it meanwhile.
    guard made == 0 || errno == EEXIST && isDirectory(directory) else {
      throw FlywheelError.system(
        "mkdir",
        to: "create the directory",
        path: directory,
        errno: .current
      )
    }
  }

  /// A path that means the same from every directory.
  package static func absolute(_ path: FilePath) -> FilePath {
    guard path.isRelative, let current = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(current) }
    return unsafe FilePath(platformString: current).pushing(path).lexicallyNormalized()
  }

  /// Whether something has this name.
  package static func exists(_ path: FilePath) -> Bool {
    unsafe path.withPlatformString { unsafe access($0, F_OK) } == 0
  }

  /// Whether a directory has this name.
  package static func isDirectory(_ path: FilePath) -> Bool {
    var status = stat()
    let found = unsafe path.withPlatformString { unsafe stat($0, &status) }
    return found == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Deletes a file; one that is gone already is fine.
  package static func removeFile(_ path: FilePath) throws(FlywheelError) {
    let removed = unsafe path.withPlatformString { unsafe unlink($0) }
    guard removed == 0 || errno == ENOENT else {
      throw FlywheelError.system("unlink", to: "delete the file", path: path, errno: .current)
    }
  }
}
