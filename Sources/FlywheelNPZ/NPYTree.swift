import FlywheelCore
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What lies in a directory and in those below it.
struct NPYTree {
  /// The .npy files by key: their paths within the tree, without the suffix.
  private(set) var files: [(key: String, path: FilePath)] = []
  /// The directories that hold nothing.
  private(set) var emptyDirectories: [String] = []
  /// What is no .npy file.
  private(set) var obstacles: [ArchiveMetadata.Obstacle] = []

  static let suffix = ".npy"

  /// A name without its suffix; nil if it has none.
  ///
  /// Byte by byte: to Swift, some characters, such as U+0600, are one with the dot that follows them.
  static func stem(of name: String) -> String? {
    guard name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else { return nil }
    return String(Substring(name.utf8.dropLast(suffix.utf8.count)))
  }

  private let root: FilePath

  init(at root: FilePath) throws(FlywheelError) {
    self.root = root
    try visit(root, "")
    files.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    emptyDirectories.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private mutating func visit(
    _ directory: FilePath,
    _ prefix: String
  ) throws(FlywheelError) {
    // Hidden files are other programs' business.
    let names = try FileSystem.names(in: directory)
      .filter { $0.utf8.first != UInt8(ascii: ".") }
    if names.isEmpty, !prefix.isEmpty {
      emptyDirectories.append(String(Substring(prefix.utf8.dropLast())))
    }
    for name in names {
      let path = directory.appending(name)
      let key = prefix + name
      switch Self.kind(of: path) {
      case .directory: try visit(path, key + "/")
      case .file where Self.stem(of: name)?.isEmpty == false:
        files.append((Self.stem(of: key) ?? key, path))
      case .link where leadsOut(path):
        refuse(key, "is a link to a directory, or to what lies outside")
      case .link where Self.stem(of: name)?.isEmpty == false:
        files.append((Self.stem(of: key) ?? key, path))
      case .file, .link: refuse(key, "is no .npy file")
      case .other: refuse(key, "is no file that can be read")
      }
    }
  }

  private mutating func refuse(_ key: String, _ reason: String) {
    obstacles.append(.init(name: "the file '\(key)'", reason: reason))
  }

  private enum Kind {
    case file
    case directory
    case link
    case other
  }

  /// What a path is itself, wherever a link may lead.
  private static func kind(of path: FilePath) -> Kind {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe lstat($0, &status) }) == 0 else { return .other }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .directory
    case S_IFLNK: .link
    default: .other
    }
  }

  /// Whether a link leads to no file within the tree.
  ///
  /// Directories are not followed: they could lead in a
  /// circle, and what lies in the tree is found without them.
  private func leadsOut(_ link: FilePath) -> Bool {
    guard let target = Self.resolved(link), let top = Self.resolved(root) else { return true }
    return !target.starts(with: top) || FileSystem.byteCount(of: target) == nil
  }

  private static func resolved(_ path: FilePath) -> FilePath? {
    unsafe path.withPlatformString { name in
      guard let resolved = unsafe realpath(name, nil) else { return nil }
      defer { unsafe free(resolved) }
      return unsafe FilePath(platformString: resolved)
    }
  }
}
