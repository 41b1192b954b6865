import FlywheelCore
import FlywheelTorch
import FlywheelZip
import SystemPackage

/// What a format is recognised by: what is in a file or a directory, never its name.
struct FileStart {
  /// Where it is.
  let path: FilePath
  /// The file; nil for a directory.
  let file: TensorStorage?

  /// Looks at a file or a directory.
  ///
  /// - Throws: `notFound`, or `inputOutput` if it cannot be opened.
  init(_ path: FilePath) throws(FlywheelError) {
    self.path = path
    file = FileSystem.isDirectory(path) ? nil : TensorStorage(mapping: try MappedFile(path: path))
  }

  /// The number of bytes of the file; nil for a directory.
  var byteCount: Int? { file?.byteCount }

  /// The names in a directory; none in a file, or if it cannot be listed.
  var names: [String] { byteCount == nil ? (try? FileSystem.names(in: path)) ?? [] : [] }

  /// Some of the file's bytes, as many as there are.
  func bytes(_ count: Int, at offset: Int = 0) -> [UInt8] {
    guard let bytes = file?.bytes, offset < bytes.byteCount else { return [] }
    let found = bytes.extracting(offset...).extracting(first: count)
    return unsafe found.withUnsafeBytes { unsafe Array($0) }
  }

  /// Whether the file begins with a signature.
  func begins(with signature: [UInt8]) -> Bool { bytes(signature.count) == signature }

  /// Whether the file is a zip archive, sound or not.
  var isZip: Bool {
    begins(with: Array("PK\u{3}\u{4}".utf8)) || begins(with: Array("PK\u{5}\u{6}".utf8))
  }

  /// Whether the file is a zip archive with a member that `matches`; those of a damaged archive are not known.
  func hasZipMember(_ matches: (String) -> Bool) -> Bool {
    guard isZip else { return false }
    // Mostly it is the first one: then the archive's directory, which may be long, is read only once.
    if matches(firstZipMember) { return true }
    guard let file, let archive = try? ZipReader(file, path: path) else { return false }
    return archive.entries.contains { matches($0.name) }
  }

  /// The name of a zip archive's first member, as its own header has it.
  private var firstZipMember: String {
    let count = bytes(2, at: 26)
    guard count.count == 2 else { return "" }
    return String(decoding: bytes(Int(count[0]) | Int(count[1]) << 8, at: 30), as: UTF8.self)
  }

  /// What kind of file of PyTorch it may be; nil if it is none.
  var torchKind: TorchKind? { TorchKind(bytes(512).rawBytes) }

  /// Looks at a file in the directory; nil if there is none of this name, or it is no directory.
  func file(named name: String) -> FileStart? {
    byteCount == nil ? try? FileStart(path.appending(name)) : nil
  }

  /// Whether it is a directory with files of a suffix in it, or in directories in it, among the first
  /// thousands of names that it holds.
  func holdsFiles(ending suffix: String) -> Bool {
    // Links may lead round in circles.
    var budget = 10_000
    return byteCount == nil && Self.holdsFiles(ending: suffix, in: path, &budget)
  }

  private static func holdsFiles(
    ending suffix: String,
    in directory: FilePath,
    _ budget: inout Int
  ) -> Bool {
    guard let names = try? FileSystem.names(in: directory) else { return false }
    let shown = names.filter { !$0.hasPrefix(".") }
    if shown.contains(where: { $0.hasSuffix(suffix) }) { return true }
    for name in shown {
      budget -= 1
      guard budget > 0 else { return false }
      let path = directory.appending(name)
      if FileSystem.isDirectory(path), holdsFiles(ending: suffix, in: path, &budget) { return true }
    }
    return false
  }
}
