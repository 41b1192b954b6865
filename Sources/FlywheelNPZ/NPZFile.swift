public import FlywheelCore
import FlywheelZip
public import SystemPackage

/// An .npz file, open for reading: a zip archive of .npy files, as `numpy.savez` and many others write it.
///
/// A key is a member's name without its last `.npy`. If another member has just that name, the key is the whole
/// name, and a member can always be asked for by its whole name, as in numpy. Arrays of elements that
/// numpy has no type for are what Flywheel's document in the archive says they are.
///
/// Arrays that are stored without compression are used where they lie in the file, if they are row-major,
/// little-endian and aligned, as Flywheel writes them. Memory is asked for when header, shape and the member's
/// size agree, and never more than deflate's 1,032 times the bytes in the file. Byte offsets in errors about an array count from the start
/// of its member, those about the archive from the start of the file.
public final class NPZFile: ArchiveReader {
  /// What is done with the checksums of members.
  public enum Checksums: Sendable {
    /// Each member's is compared when its elements are read.
    case verified
    /// They are taken for granted, so that stored elements are not touched before they are used.
    case trusted
  }

  /// The file.
  public let path: FilePath

  private let zip: ZipReader
  private let checksums: Checksums
  private let trueTypes = TrueTypes()

  /// Whether the members' checksums are compared.
  public var hasChecksums: Bool { checksums == .verified }

  /// Opens a file, and reads the archive's directory.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - checksums: What is done with the checksums of members.
  /// - Throws: `notFound`, `inputOutput`; `malformed`, `truncated` or `unsupported` if it is no zip archive that
  ///   can be read.
  public convenience init(
    path: FilePath,
    checksums: Checksums = .verified
  ) throws(FlywheelError) {
    let bytes = TensorStorage(mapping: try MappedFile(path: path))
    try self.init(bytes, path: path, checksums: checksums)
  }

  /// Takes the bytes of a file that is in memory.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for errors.
  ///   - checksums: What is done with the checksums of members.
  /// - Throws: `malformed`, `truncated` or `unsupported` if it is no zip archive that can be read.
  public init(
    _ bytes: TensorStorage,
    path: FilePath,
    checksums: Checksums = .verified
  ) throws(FlywheelError) {
    self.path = path
    self.checksums = checksums
    zip = try ZipReader(bytes, path: path)
  }

  // MARK: Listing

  /// Lists the members; those that are no arrays too, which numpy gives as bytes.
  ///
  /// - Throws: Nothing; what is wrong with a member is in its entry.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    members.reserveCapacity(zip.entries.count)
    for entry in zip.entries where !entry.isFolder {
      members.append(try member(key(of: entry), entry))
    }
    return members
  }

  /// Looks at one member.
  ///
  /// - Parameter key: Its name, with or without `.npy`.
  /// - Throws: Nothing; what is wrong with it is in the answer.
  /// - Returns: What it is; nil if there is none of this name.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    guard let entry = entry(of: key) else { return nil }
    return try member(key, entry)
  }

  /// What is there besides arrays: other files, and bytes that follow an array.
  ///
  /// - Throws: Nothing.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata {
    var metadata = ArchiveMetadata(emptyGroups: emptyFolders())
    for entry in zip.entries where !entry.isFolder {
      let content = content(of: entry)
      if let obstacle = content.obstacle(key(of: entry)) { metadata.obstacles.append(obstacle) }
    }
    return metadata
  }

  private func member(_ key: String, _ entry: ZipEntry) throws(FlywheelError) -> ArchiveMember {
    let content = content(of: entry)
    return try content.member(
      key,
      as: trueElement(of: entry, content),
      compression: entry.method == .stored ? "" : "\(entry.method)"
    )
  }

  /// The folders that nothing lies in.
  private func emptyFolders() -> [String] {
    guard zip.entries.contains(where: \.isFolder) else { return [] }
    // In the order of their bytes, what lies in a folder follows it.
    let names = zip.entries.map(\.name)
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var empty: [String] = []
    for (index, name) in names.enumerated() where name.utf8.last == UInt8(ascii: "/") {
      let isOccupied = index + 1 < names.count && names[index + 1].utf8.starts(with: name.utf8)
      if !isOccupied { empty.append(String(Substring(name.utf8.dropLast()))) }
    }
    return empty
  }

  // MARK: Names

  private func entry(of key: String) -> ZipEntry? {
    let entry = zip.entry(named: key) ?? zip.entry(named: key + NPYTree.suffix)
    return entry.flatMap { $0.isFolder ? nil : $0 }
  }

  private func key(of entry: ZipEntry) -> String {
    guard let key = NPYTree.stem(of: entry.name) else { return entry.name }
    return zip.entry(named: key) == nil ? key : entry.name
  }

  // MARK: Looking into members

  /// The front of most .npy files, whose header has 128 bytes.
  private static let prefixByteCount = 128

  private func content(of entry: ZipEntry) -> NPYContent {
    do throws(FlywheelError) {
      if let range = try zip.storedRange(of: entry) {
        let file = zip.bytes
        return content(of: entry, file.bytes.extracting(range))
      }
      var prefix = try zip.prefix(of: entry, count: Self.prefixByteCount)
      let needed = NPYHeader.byteCount(announcedBy: prefix)
      if needed > prefix.count { prefix = try zip.prefix(of: entry, count: needed) }
      return content(of: entry, prefix.rawBytes)
    } catch {
      return .unreadable(type: "damaged member", shape: nil, reason: error)
    }
  }

  /// As in numpy, the bytes decide what is an array; but what is called one should be one.
  private func content(of entry: ZipEntry, _ prefix: RawSpan) -> NPYContent {
    guard NPYTree.stem(of: entry.name) != nil || NPYHeader.recognizes(prefix) else {
      return .unreadable(
        type: "file",
        shape: nil,
        reason: FlywheelError(
          .unsupported,
          "The member is no array but a file of \(entry.byteCount) bytes; unpack the archive to see it."
        )
      )
    }
    return NPYContent(prefix, byteCount: entry.byteCount)
  }

  private func trueElement(of entry: ZipEntry, _ content: NPYContent) -> ElementType? {
    guard case .array(let header, _) = content else { return nil }
    return trueTypes.element(of: key(of: entry), header, in: self)
  }

  /// Finds an array.
  ///
  /// - Throws: Why it is none.
  private func array(
    _ entry: ZipEntry
  ) throws(FlywheelError) -> NPYElements {
    let content = content(of: entry)
    let header = try content.header()
    let array = try header.array(of: trueElement(of: entry, content))
    return NPYElements(header, array: array)
  }

  // MARK: Reading

  /// Reads an array; without a copy if it is stored as tensors need it.
  ///
  /// - Parameter key: Its name, with or without `.npy`.
  /// - Throws: `unsupported` if it is no array, or one of opaque elements; `corrupted`, `truncated` or
  ///   `malformed` if it is damaged; `limitExceeded` if there is no memory.
  /// - Returns: The elements; nil if there is no member of this name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    guard let entry = entry(of: key) else { return nil }
    do throws(FlywheelError) {
      let elements = try array(entry)
      guard let range = try zip.storedRange(of: entry) else {
        let contents = try zip.contents(of: entry, verifiesChecksum: checksums == .verified)
        return try elements.tensor(in: contents, at: elements.byteOffset)
      }
      if checksums == .verified { try zip.verify(entry) }
      return try elements.tensor(in: zip.bytes, at: range.lowerBound + elements.byteOffset)
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }

  /// Reads several arrays, with all processors.
  ///
  /// - Parameter keys: Their names.
  /// - Throws: As `tensor(_:)`, for the first that cannot be read.
  /// - Returns: A tensor for each key; nil where there is no member of that name.
  public func tensors(_ keys: [String]) throws(FlywheelError) -> [Tensor?] {
    // What is stored without compression is only mapped, and its checksum is fast.
    let work = keys.map { entry(of: $0).map { $0.method == .stored ? 0 : $0.byteCount } ?? 0 }
    return try tensorsInParallel(keys, work: work) { (key) throws(FlywheelError) in
      try tensor(key)
    }
  }

  /// Reads an array piece by piece; but one that is both in Fortran's order and compressed is inflated as a
  /// whole.
  ///
  /// - Parameters:
  ///   - key: Its name, with or without `.npy`.
  ///   - body: Takes the elements' bytes, row-major and little-endian. What it has taken is only known to be
  ///     undamaged when this returns.
  /// - Throws: `notFound` if there is no member of this name, and as `tensor(_:)`.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let entry = entry(of: key) else { throw FlywheelError.noArray(key, in: path) }
    do throws(FlywheelError) {
      let elements = try array(entry)
      guard elements.needReordering else {
        try stream(entry, elements, body)
        return
      }
      guard let range = try zip.storedRange(of: entry) else {
        let contents = try zip.contents(of: entry, verifiesChecksum: checksums == .verified)
        try elements.read(contents, at: elements.byteOffset, body)
        return
      }
      if checksums == .verified { try zip.verify(entry) }
      try elements.read(zip.bytes, at: range.lowerBound + elements.byteOffset, body)
    } catch {
      throw error.located(path: path, tensor: key)
    }
  }

  private func stream(
    _ entry: ZipEntry,
    _ elements: NPYElements,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    var pieces = NPYPieces(elements)
    var headerByteCount = elements.byteOffset
    var byteCount = elements.array.byteCount
    try zip.read(entry, verifiesChecksum: checksums == .verified) {
      (bytes) throws(FlywheelError) in
      let skipped = min(headerByteCount, bytes.byteCount)
      let taken = min(byteCount, bytes.byteCount - skipped)
      headerByteCount -= skipped
      byteCount -= taken
      if taken > 0 { try pieces.take(bytes.extracting(skipped..<skipped + taken), body) }
    }
  }
}
