public import FlywheelCore
public import FlywheelDeflate
internal import OrderedCollections
public import SystemPackage

/// A new HDF5 file as an archive that is being written: a key is the path of a dataset.
public final class HDF5ArchiveWriter: ArchiveWriter {
  private let path: FilePath
  private let compression: Compression
  private var file: AtomicFile?
  private var writer: HDF5Writer?
  /// The arrays that were asked for or written, and the groups that they are in.
  private var arrays: Set<String> = []
  private var groups: Set<String> = []
  /// Whether the caller knows which attributes cannot be held, so that they are left out.
  private var leavesOut = false

  /// HDF5 has attributes and groups.
  public let holdsMetadata = true

  /// Starts a file.
  ///
  /// - Parameters:
  ///   - path: The name that it will have; a file that has it already stays until this one is finished.
  ///   - compression: How hard arrays are compressed; those that would not shrink are not.
  ///   - expectedByteCount: About how many bytes will be written, for example those of all arrays: the space
  ///     is taken at once if they are not compressed.
  ///   - durability: What finishing waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written.
  public init(
    replacing path: FilePath,
    compression: Compression = .none,
    expectedByteCount: Int = 0,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    let file = try AtomicFile(replacing: path, durability: durability)
    let reserved = compression == .none ? expectedByteCount : 0
    writer = try HDF5Writer(creating: file, expectedByteCount: reserved)
    self.compression = compression
    self.file = consume file
    self.path = path
  }

  /// Throws unless HDF5 can hold an array under a name, beside those that were asked for before.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    if let obstacle = obstacle(to: description, key) {
      throw FlywheelError(
        .unsupported,
        "An HDF5 file cannot hold '\(key)': \(obstacle).",
        at: .init(path: path, tensor: key)
      )
    }
    arrays.insert(key)
    groups.formUnion(Self.groups(of: key))
  }

  private func obstacle(to description: TensorDescription, _ key: String) -> String? {
    let names = key.split(separator: "/", omittingEmptySubsequences: false)
    if names.contains(where: { ["", ".", ".."].contains($0) }) {
      return "the names between slashes cannot be empty, '.' or '..'; rename it"
    }
    if names.count > HDF5Path.depthLimit + 1 {
      return "it lies in more than \(HDF5Path.depthLimit) groups in one another; rename it"
    }
    if key.utf8.contains(0) { return "its name has a NUL character; rename it" }
    if groups.contains(key) {
      return "arrays lie below it, and it cannot be a group too; rename it"
    }
    if let array = Self.groups(of: key).first(where: { arrays.contains($0) }) {
      return "'\(array)' is an array, and nothing can lie below it; rename one of them"
    }
    if description.shape.rank > HDF5Writer.largestRank {
      return "it has \(description.shape.rank) axes; HDF5 has at most \(HDF5Writer.largestRank)"
    }
    if case .opaque(let type) = description.element, type.storing == nil {
      return "it has no elements like numpy's \(type.name)"
    }
    return nil
  }

  /// The keys of the groups that an array lies in.
  private static func groups(of key: String) -> [String] {
    key.indices.filter { key[$0] == "/" }.map { String(key[..<$0]) }
  }

  /// Writes an array; a checksum is not needed.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes.
  ///   - elements: Hands out its bytes.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, `alreadyExists` if the name is taken, `mismatch`
  ///   if there are more or fewer bytes than described, `inputOutput`, and what `elements` throws.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    try requireRoom(for: description, under: key)
    try writer?.write(description, at: key, compression, elements)
  }

  /// The attributes that HDF5 cannot hold; from now on they are left out.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Returns: What would be left out, with the reasons.
  public func obstacles(to metadata: ArchiveMetadata) -> [ArchiveMetadata.Obstacle] {
    var obstacles: [ArchiveMetadata.Obstacle] = []
    for (key, attributes) in metadata.attributes {
      for (name, value) in attributes {
        guard let reason = HDF5Writer.obstacle(to: name, value) else { continue }
        let place = key.isEmpty ? "" : " of '\(key)'"
        obstacles.append(.init(name: "the attribute '\(name)'\(place)", reason: reason, key: key))
      }
    }
    leavesOut = true
    return obstacles
  }

  /// Writes attributes and empty groups.
  ///
  /// - Parameter metadata: The attributes, of what was written before or of groups, and the empty groups; what HDF5
  ///   cannot hold is left out once `obstacles(to:)` was asked.
  /// - Throws: `invalidArgument` for a path that HDF5 cannot have, and for attributes that it cannot hold,
  ///   `inputOutput`.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {
    for group in metadata.emptyGroups { try writer?.createGroup(group) }
    for (key, attributes) in metadata.attributes {
      // Other formats have attributes of what holds no array, such as a group of an optimizer's parameters.
      if !arrays.contains(key) { try writer?.createGroup(key) }
      for (name, value) in attributes {
        if leavesOut, HDF5Writer.obstacle(to: name, value) != nil { continue }
        try writer?.setAttribute(name, value, of: key)
      }
    }
  }

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `inputOutput`; a file that had the name before is then still there.
  public func finish() throws(FlywheelError) {
    try writer.take()?.close()
    try file.take()?.commit()
  }
}
