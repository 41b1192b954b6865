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
  private var arrays: [ByteName: ElementType] = [:]
  private var groups: Set<ByteName> = []
  /// Whether the caller knows what metadata cannot be held, so that they are left out.
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
        "An HDF5 file cannot hold '\(FlywheelError.oneLine(key))': \(obstacle).",
        at: .init(path: path, tensor: key)
      )
    }
    arrays[ByteName(text: key)] = description.element
    groups.formUnion(Self.groups(above: key))
  }

  private func obstacle(to description: TensorDescription, _ key: String) -> String? {
    let names = Self.names(in: key)
    if names.contains(where: { ["", ".", ".."].contains($0.text) }) {
      return "the names between slashes cannot be empty, '.' or '..'; rename it"
    }
    if names.count > HDF5Path.depthLimit + 1 {
      return "it lies in more than \(HDF5Path.depthLimit) groups in one another; rename it"
    }
    if key.utf8.contains(0) { return "its name has a NUL character; rename it" }
    if groups.contains(ByteName(text: key)) {
      return "arrays lie below it, and it cannot be a group too; rename it"
    }
    if let array = array(above: key) {
      return "'\(FlywheelError.oneLine(array))' is an array, and nothing can lie below it; "
        + "rename one of them"
    }
    if description.shape.rank > HDF5Writer.largestRank {
      return "it has \(description.shape.rank) axes; HDF5 has at most \(HDF5Writer.largestRank)"
    }
    if case .opaque(let type) = description.element, type.storing == nil {
      return "it has no elements like numpy's \(type.name)"
    }
    return nil
  }

  /// The names between the slashes of a key, byte by byte: a slash and a combining mark are one `Character`.
  private static func names(in key: String) -> [ByteName] {
    key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { ByteName(text: String(Substring($0))) }
  }

  /// The keys of the groups that an array or a group lies in.
  private static func groups(above key: String) -> [ByteName] {
    key.utf8.indices.filter { key.utf8[$0] == UInt8(ascii: "/") }
      .map { ByteName(text: String(key[..<$0])) }
  }

  private func array(above key: String) -> String? {
    Self.groups(above: key).first { arrays[$0] != nil }?.text
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

  /// The attributes and groups that HDF5 cannot hold; from now on they are left out.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Returns: What would be left out, with the reasons.
  public func obstacles(to metadata: ArchiveMetadata) -> [ArchiveMetadata.Obstacle] {
    leavesOut = true
    var obstacles: [ArchiveMetadata.Obstacle] = []
    for key in metadata.emptyGroups {
      guard let reason = obstacle(toGroup: key) else { continue }
      let name = "the empty group '\(FlywheelError.oneLine(key))'"
      obstacles.append(.init(name: name, reason: reason, key: key))
    }
    for (key, attributes) in metadata.attributes {
      let place = key.isEmpty ? "" : " of '\(FlywheelError.oneLine(key))'"
      let owner = obstacle(toOwner: key).map { "belongs to a group that \($0)" }
      for (name, value) in attributes {
        guard let reason = owner ?? obstacle(to: name, value, of: key) else { continue }
        let name = "the attribute '\(FlywheelError.oneLine(name))'\(place)"
        obstacles.append(.init(name: name, reason: reason, key: key))
      }
    }
    return obstacles
  }

  /// Why there cannot be a group, as what it does; nil if there can.
  private func obstacle(toGroup key: String) -> String? {
    if key.isEmpty { return nil }
    let names = Self.names(in: key)
    if names.contains(where: { ["", "."].contains($0.text) }) {
      return "has an empty name or '.' between slashes, which HDF5 cannot hold; rename it"
    }
    if names.count > HDF5Path.depthLimit {
      return "is the innermost of more than \(HDF5Path.depthLimit) groups; rename it"
    }
    if key.utf8.contains(0) { return "has a NUL character in its name; rename it" }
    if arrays[ByteName(text: key)] != nil { return "has the name of an array; rename one of them" }
    return array(above: key).map {
      "lies below '\(FlywheelError.oneLine($0))', which is an array; rename one of them"
    }
  }

  /// Why there cannot be what attributes belong to; nil for arrays.
  private func obstacle(toOwner key: String) -> String? {
    arrays[ByteName(text: key)] == nil ? obstacle(toGroup: key) : nil
  }

  /// Why there cannot be an attribute of what there is, as what it does; nil if there can, or need not.
  private func obstacle(to name: String, _ value: AttributeValue, of key: String) -> String? {
    if let reason = HDF5Writer.obstacle(to: name, value) { return reason }
    guard name == HDF5Writer.typeAttribute, let type = typeName(of: key), value != .string(type)
    else { return nil }
    return "has the name of the one that says that the elements are \(type); rename it"
  }

  /// What the file calls an array's elements in an attribute; nil for what is no such array.
  private func typeName(of key: String) -> String? {
    guard let dtype = arrays[ByteName(text: key)]?.dtype, dtype.isNamedByAttribute else {
      return nil
    }
    return dtype.rawValue
  }

  /// Writes attributes and empty groups.
  ///
  /// - Parameter metadata: The attributes, of what was written before or of groups, and the empty groups; what HDF5
  ///   cannot hold is left out once `obstacles(to:)` was asked.
  /// - Throws: `invalidArgument` for groups and attributes that HDF5 cannot hold, `inputOutput`.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {
    for key in metadata.emptyGroups {
      let obstacle = obstacle(toGroup: key)
      if try leavesOut("The empty group", of: key, for: obstacle) { continue }
      try writer?.createGroup(key)
    }
    for (key, attributes) in metadata.attributes {
      if try leavesOut("The group", of: key, for: obstacle(toOwner: key)) { continue }
      // Other formats have attributes of what holds no array, such as a group of an optimizer's parameters.
      if arrays[ByteName(text: key)] == nil { try writer?.createGroup(key) }
      for (name, value) in attributes { try write(name, value, of: key) }
    }
  }

  private func write(
    _ name: String,
    _ value: AttributeValue,
    of key: String
  ) throws(FlywheelError) {
    let what = "The attribute '\(FlywheelError.oneLine(name))'"
    if try leavesOut(what, of: key, for: obstacle(to: name, value, of: key)) { return }
    // What the array's own attribute says already.
    if name == HDF5Writer.typeAttribute, typeName(of: key) != nil { return }
    try writer?.setAttribute(name, value, of: key)
  }

  /// Whether something is left out, for a reason that its caller knows; a caller who did not ask is told.
  private func leavesOut(
    _ what: String,
    of key: String,
    for obstacle: String?
  ) throws(FlywheelError) -> Bool {
    guard let obstacle else { return false }
    guard leavesOut else {
      throw FlywheelError(
        .invalidArgument,
        "\(what) \(obstacle).",
        at: .init(path: path, tensor: "/" + key)
      )
    }
    return true
  }

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `inputOutput`; a file that had the name before is then still there.
  public func finish() throws(FlywheelError) {
    try writer.take()?.close()
    try file.take()?.commit()
  }
}
