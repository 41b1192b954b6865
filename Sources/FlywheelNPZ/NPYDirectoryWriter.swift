public import FlywheelCore
public import SystemPackage

/// Writes arrays as .npy files into a directory that appears under its name, whole, when it is finished.
///
/// A key's slashes make directories: `model/layers.0.weight` becomes `model/layers.0.weight.npy`.
public final class NPYDirectoryWriter: ArchiveWriter {
  private let path: FilePath
  private let durability: AtomicFile.Durability
  /// The directory until it is finished; nil afterwards.
  private var temporaryPath: FilePath?
  /// The files and directories that are there, within the directory.
  private var files: Set<String> = []
  private var directories: Set<String> = [""]

  /// The longest name that file systems take.
  private static let nameLimit = 255
  /// The longest path that systems take is 4,096 bytes with the end mark; the directory's own counts, under
  /// both of its names.
  private static let pathLimit = 4_095

  /// Begins a directory beside the final one.
  ///
  /// - Parameters:
  ///   - path: The directory; it must not be there, or be empty.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `alreadyExists` if something is there, `notFound` if the directory above is not, `inputOutput` if
  ///   it cannot be written.
  public init(
    creating path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    // A slash at the end means the same directory.
    let path = try FileSystem.target(of: path.lexicallyNormalized())
    guard path.lastComponent?.kind == .regular else {
      throw FlywheelError(
        .invalidArgument,
        "A directory of arrays needs a name of its own.",
        at: .init(path: path)
      )
    }
    if FileSystem.exists(path) {
      let names = FileSystem.isDirectory(path) ? try FileSystem.names(in: path) : nil
      guard let names, names.isEmpty else {
        throw FlywheelError(
          .alreadyExists,
          "Something is there already, and nothing is overwritten; choose another name or delete it.",
          at: .init(path: path)
        )
      }
    }
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    let temporary = path.removingLastComponent()
      .appending(".\(unique)\(AtomicFile.temporarySuffix)")
    let parent = path.removingLastComponent()
    guard parent.isEmpty || FileSystem.isDirectory(parent) else {
      throw FlywheelError.system(
        "mkdir",
        to: "create the directory",
        path: path,
        errno: .noSuchFileOrDirectory
      )
    }
    try FileSystem.createDirectory(temporary)
    self.path = path
    self.durability = durability
    temporaryPath = temporary
  }

  deinit {
    if let temporaryPath { FileSystem.removeTree(temporaryPath) }
  }

  /// A directory of .npy files holds nothing but arrays.
  public var holdsMetadata: Bool { false }

  /// Throws unless an array can be a file of its own: of a type that .npy files have, and under a key that is a
  /// path within the directory and meets no other.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      _ = try NPYHeader(description)
      try checkPath(key)
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }

  /// Writes an array into a file of its own.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: Not needed.
  ///   - elements: Hands out its bytes.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, `alreadyExists` if the name is taken, `mismatch` if
  ///   there are more or fewer bytes than described, `inputOutput`, and what `elements` throws.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    guard let temporaryPath else { return }
    guard !files.contains(key) else {
      throw FlywheelError(
        .alreadyExists,
        "There is an array of this name already.",
        at: .init(path: path, tensor: key)
      )
    }
    try requireRoom(for: description, under: key)
    let header = try NPYHeader(description).bytes
    for directory in Self.directories(above: key) where directories.insert(directory).inserted {
      try FileSystem.createDirectory(temporaryPath.appending(directory))
    }
    files.insert(key)
    let file = try OpenFile(creating: temporaryPath.appending(key + NPYTree.suffix))
    try file.write(header.rawBytes)
    var count = ElementCount(description, key)
    try elements { (piece) throws(FlywheelError) in
      try count.take(piece)
      try file.write(piece)
    }
    try count.finish()
    if durability == .durable { try file.synchronize() }
  }

  /// Writes nothing: .npy files have no room for metadata.
  ///
  /// - Parameter metadata: What is left out.
  /// - Throws: Nothing.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {}

  /// Makes the files durable and gives the directory its name.
  ///
  /// - Throws: `alreadyExists` if something has the name by now, `inputOutput`.
  public func finish() throws(FlywheelError) {
    guard let temporaryPath else { return }
    if durability == .durable {
      for directory in directories {
        let inside = temporaryPath.appending(directory).appending("x")
        try AtomicFile.synchronizeDirectory(of: inside)
      }
    }
    do throws(FlywheelError) {
      try FileSystem.rename(temporaryPath, to: path)
    } catch {
      guard FileSystem.exists(path) else { throw error }
      throw FlywheelError(
        .alreadyExists,
        "Something has taken the name meanwhile, and nothing is overwritten; choose another one.",
        at: .init(path: path),
        cause: error.cause
      )
    }
    self.temporaryPath = nil
    if durability == .durable { try AtomicFile.synchronizeDirectory(of: path) }
  }

  // MARK: Paths

  /// The directories that a key's file lies in, outermost first.
  private static func directories(above key: String) -> [String] {
    let parts = key.pathComponents.dropLast()
    return parts.indices.map { parts[...$0].joined(separator: "/") }
  }

  private func checkPath(_ key: String) throws(FlywheelError) {
    let parts = key.pathComponents
    for (place, part) in parts.enumerated() {
      let reason: String? =
        if part.isEmpty {
          "has an empty part between its slashes"
        } else if part.utf8.first == UInt8(ascii: ".") {
          "has a part that begins with a dot, as hidden files do and ways out of the directory"
        } else if part.utf8.contains(0) {
          "holds a NUL character"
        } else if part.utf8.count + (place == parts.count - 1 ? NPYTree.suffix.utf8.count : 0)
          > Self.nameLimit
        {
          "has a part of \(part.utf8.count) bytes, and names of files have at most \(Self.nameLimit)"
        } else {
          nil
        }
      if let reason { throw Self.refusal(reason) }
    }
    let file = key + NPYTree.suffix
    let longest = max(path.string.utf8.count, temporaryPath?.string.utf8.count ?? 0)
    guard longest + 1 + file.utf8.count <= Self.pathLimit else {
      throw Self.refusal("is too long for a path")
    }
    // `a.npy/b` needs a directory where `a` has its file.
    let above = Self.directories(above: key)
    guard !directories.contains(file),
      !above.contains(where: { NPYTree.stem(of: $0).map(files.contains) ?? false })
    else {
      throw Self.refusal(
        "meets another, of which one needs a directory where the other has its file"
      )
    }
  }

  private static func refusal(_ reason: String) -> FlywheelError {
    FlywheelError(.unsupported, "The name \(reason); rename it, or write an .npz file.")
  }
}
