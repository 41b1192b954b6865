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
    while true {
      // Only the error number tells the end of the list from a failure.
      errno = 0
      guard let entry = unsafe readdir(stream) else { break }
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 1) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    guard errno == 0 else {
      throw FlywheelError.system(
        "readdir",
        to: "list the directory",
        path: directory,
        errno: .current
      )
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
    // Files in it can only be as durable as its own name.
    try AtomicFile.synchronizeDirectory(of: directory)
  }

  /// Creates a directory that must not exist yet; false if something has its name.
  package static func createNewDirectory(_ directory: FilePath) throws(FlywheelError) -> Bool {
    let made = unsafe directory.withPlatformString { unsafe mkdir($0, 0o777) }
    guard made == 0 || errno == EEXIST else {
      throw FlywheelError.system(
        "mkdir",
        to: "create the directory",
        path: directory,
        errno: .current
      )
    }
    return made == 0
  }

  /// Deletes a directory if it is empty.
  package static func removeEmptyDirectory(_ directory: FilePath) {
    _ = unsafe directory.withPlatformString { unsafe rmdir($0) }
  }

  /// A path that means the same from every directory.
  package static func absolute(_ path: FilePath) -> FilePath {
    guard path.isRelative, let current = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(current) }
    return unsafe FilePath(platformString: current).pushing(path)
  }

  /// Whether something has this name.
  package static func exists(_ path: FilePath) -> Bool {
    unsafe path.withPlatformString { unsafe access($0, F_OK) } == 0
  }

  /// What a name stands for if it is a symbolic link, whether or not that is there; otherwise the name itself.
  package static func target(of path: FilePath) throws(FlywheelError) -> FilePath {
    var target = path
    // As many as Linux follows.
    for _ in 0...40 {
      var buffer = [CChar](repeating: 0, count: 4_096)
      let count = unsafe target.withPlatformString { name in
        // One less than there is room for, so that the text has an end.
        unsafe buffer.withUnsafeMutableBufferPointer { buffer in
          unsafe buffer.baseAddress.map { unsafe readlink(name, $0, buffer.count - 1) } ?? -1
        }
      }
      // What is no link is what the last one leads to; what cannot be looked at, opening it will tell.
      guard count >= 0 else { return target }
      target = target.removingLastComponent().pushing(FilePath(platformString: buffer))
    }
    throw FlywheelError.system(
      "readlink",
      to: "follow the symbolic link",
      path: path,
      errno: .tooManySymbolicLinkLevels
    )
  }

  /// What makes a file the same under all of its names.
  package struct Identity: Hashable {
    fileprivate let device: UInt64
    fileprivate let number: UInt64
  }

  /// Which file or directory a name leads to; nil if it leads nowhere.
  package static func identity(of path: FilePath) -> Identity? {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0 else { return nil }
    return Identity(
      device: UInt64(truncatingIfNeeded: status.st_dev),
      number: UInt64(truncatingIfNeeded: status.st_ino)
    )
  }

  /// Whether a directory has this name.
  package static func isDirectory(_ path: FilePath) -> Bool {
    var status = stat()
    let found = unsafe path.withPlatformString { unsafe stat($0, &status) }
    return found == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The size of a file; nil if there is no regular file of this name.
  package static func byteCount(of path: FilePath) -> Int? {
    var status = stat()
    let found = unsafe path.withPlatformString { unsafe stat($0, &status) }
    return found == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
  }

  /// How many bytes this user may still write to the file system of a directory; nil if it does not say.
  package static func freeByteCount(at directory: FilePath) -> Int? {
    var status = statvfs()
    let found = unsafe directory.withPlatformString { unsafe statvfs($0, &status) }
    // Some network file systems answer with nothing but zeros.
    guard found == 0, status.f_blocks > 0 else { return nil }
    // `f_bavail` leaves out what only root may use.
    let (bytes, overflow) = UInt64(status.f_bavail)
      .multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? nil : Int(exactly: bytes)
  }

  /// Deletes a directory and all that is in it; what cannot be deleted stays.
  package static func removeTree(_ directory: FilePath) {
    for name in (try? names(in: directory)) ?? [] {
      let path = directory.appending(name)
      // A link to a directory is a link, which is deleted, and not what it leads to.
      if unsafe path.withPlatformString({ unsafe unlink($0) }) != 0 { removeTree(path) }
    }
    removeEmptyDirectory(directory)
  }

  /// Gives a file or directory another name; a file or an empty directory that has it is replaced.
  package static func rename(_ path: FilePath, to target: FilePath) throws(FlywheelError) {
    let renamed = unsafe path.withPlatformString { source in
      unsafe target.withPlatformString { target in
        #if canImport(Glibc)
          unsafe Glibc.rename(source, target)
        #elseif canImport(Musl)
          unsafe Musl.rename(source, target)
        #elseif canImport(Darwin)
          unsafe Darwin.rename(source, target)
        #endif
      }
    }
    guard renamed == 0 else {
      throw FlywheelError.system(
        "rename",
        to: "give the file its name",
        path: target,
        errno: .current
      )
    }
  }

  /// Deletes a file; one that is gone already is fine.
  package static func removeFile(_ path: FilePath) throws(FlywheelError) {
    let removed = unsafe path.withPlatformString { unsafe unlink($0) }
    guard removed == 0 || errno == ENOENT else {
      throw FlywheelError.system("unlink", to: "delete the file", path: path, errno: .current)
    }
  }
}
