public import FlywheelCore
public import OrderedCollections
public import SystemPackage

/// Writes tensors as several safetensors files and an index that joins them, as transformers splits large models:
/// `model.safetensors.index.json` beside `model-00001-of-00002.safetensors`.
///
/// Tensors go into files in the order in which they are announced; one that would make a file too large begins
/// the next. Each file says `{"format": "pt"}` in its header unless its metadata have another format, since
/// transformers refuses shards without; those of an archive with Flywheel's own document do not.
public final class SafetensorsShardWriter: ArchiveWriter {
  private let path: FilePath
  private let shardByteCount: Int
  private let durability: AtomicFile.Durability
  /// The index, which is written last.
  private var index: AtomicFile?
  private var shards: [(path: FilePath, writer: SafetensorsWriter)] = []
  private var places: [String: Int] = [:]
  private var totalByteCount = 0

  /// The most bytes of tensors that go into one file, if nothing is said: what huggingface_hub has.
  public static let defaultShardByteCount = 5_000_000_000
  /// The most files: all of them are open at once.
  private static let shardLimit = 500
  /// The member that Flywheel's archives keep what they say besides their tensors in.
  private static let documentKey = "flywheel.metadata"

  /// Begins an archive, which appears under its names when it is finished.
  ///
  /// - Parameters:
  ///   - path: The index, whose name ends in `.safetensors.index.json`.
  ///   - shardByteCount: The most bytes of tensors that go into one file; a larger one has a file of its own.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `invalidArgument` for another name or size; `notFound` if the directory is not there, `inputOutput`
  ///   if it cannot be written.
  public init(
    creating path: FilePath,
    shardByteCount: Int = defaultShardByteCount,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    guard Self.stem(of: path) != nil, shardByteCount > 0 else {
      throw FlywheelError(
        .invalidArgument,
        "An index needs a name that ends in \(SafetensorsIndex.suffix), and files of at least one byte.",
        at: .init(path: path)
      )
    }
    self.path = path
    self.shardByteCount = shardByteCount
    self.durability = durability
    index = try AtomicFile(replacing: path, durability: durability)
  }

  /// The format has texts, but no other attributes.
  public var holdsMetadata: Bool { false }

  /// Among the types of safetensors are all that numpy has no name for.
  public var namesEveryDType: Bool { true }

  /// Whether there is nothing but texts that belong to the whole archive.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Returns: Whether all of them can be written.
  public func hasRoom(for metadata: ArchiveMetadata) -> Bool {
    SafetensorsLayout.hasRoom(for: metadata)
  }

  /// Throws unless the format has a name for the type of an array.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      _ = try SafetensorsLayout.type(of: description, key)
    }
  }

  /// Shares the arrays out among files, and writes their headers.
  ///
  /// - Parameters:
  ///   - arrays: All that will be written, by name.
  ///   - metadata: The texts among the attributes of the whole archive go into each header.
  /// - Throws: `alreadyExists` if there is a file of one of the names: none is ever replaced; `invalidArgument` if
  ///   there would be too many; and as `SafetensorsWriter.announce(_:_:)`.
  public func announce(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    var metadata = metadata
    if arrays[Self.documentKey] == nil, metadata.attributes[""]?["format"] == nil {
      metadata.attributes["", default: [:]]["format"] = .string("pt")
    }
    let parts = try parts(of: arrays)
    guard parts.count <= Self.shardLimit else {
      throw FlywheelError(
        .invalidArgument,
        "With \(shardByteCount) bytes each there would be \(parts.count) files; at most \(Self.shardLimit) are "
          + "written. Choose a larger size.",
        at: .init(path: path)
      )
    }
    let stem = Self.stem(of: path) ?? ""
    for (number, part) in parts.enumerated() {
      let name = "\(stem)-\(Self.digits(number + 1))-of-\(Self.digits(parts.count)).safetensors"
      let shard = path.removingLastComponent().appending(name)
      guard !FileSystem.exists(shard) else {
        throw FlywheelError(
          .alreadyExists,
          "A file of this name is there already, and may belong to another index; remove it, or choose "
            + "another name.",
          at: .init(path: shard)
        )
      }
      let writer = try SafetensorsWriter(creating: shard, durability: durability)
      try writer.announce(part, metadata)
      shards.append((shard, writer))
      for key in part.keys { places[key] = number }
    }
  }

  /// Shares arrays out, in their order.
  private func parts(
    of arrays: OrderedDictionary<String, TensorDescription>
  ) throws(FlywheelError) -> [OrderedDictionary<String, TensorDescription>] {
    var parts: [OrderedDictionary<String, TensorDescription>] = []
    var part: OrderedDictionary<String, TensorDescription> = [:]
    var byteCount = 0
    for (key, array) in arrays {
      let (total, overflow) = totalByteCount.addingReportingOverflow(array.byteCount)
      guard !overflow else { throw FlywheelError.overflow("the archive", at: .init(path: path)) }
      totalByteCount = total
      // A larger one than fits has a file of its own, between those of the others.
      if array.byteCount > shardByteCount {
        parts.append([key: array])
        continue
      }
      if byteCount + array.byteCount > shardByteCount {
        parts.append(part)
        part = [:]
        byteCount = 0
      }
      part[key] = array
      byteCount += array.byteCount
    }
    if !part.isEmpty || parts.isEmpty { parts.append(part) }
    return parts
  }

  /// Writes an array that was announced; a checksum is not needed.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes.
  ///   - elements: Hands out its bytes.
  /// - Throws: As `SafetensorsWriter.write(_:under:crc32:_:)`.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    guard let number = places[key] else {
      throw FlywheelError(
        .invalidArgument,
        "The array was not announced: the headers of safetensors files come first.",
        at: .init(path: path, tensor: key)
      )
    }
    try shards[number].writer.write(description, under: key, crc32: crc32, elements)
  }

  /// Writes nothing: the headers, which are written already, have all texts.
  ///
  /// - Parameter metadata: What is left out.
  /// - Throws: Nothing.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {}

  /// Makes the files durable and gives them their names, the index last.
  ///
  /// - Throws: `mismatch` if an array that was announced has not been written, `inputOutput`; none of the files is
  ///   there then.
  public func finish() throws(FlywheelError) {
    if shards.isEmpty { try announce([:], ArchiveMetadata()) }
    var finished: [FilePath] = []
    do throws(FlywheelError) {
      for (path, writer) in shards {
        try writer.finish()
        finished.append(path)
      }
      let names = places.mapValues { shards[$0].path.lastComponent?.string ?? "" }
      let text = SafetensorsIndex.text(names, totalByteCount: totalByteCount)
      try index?.write(Array(text.utf8).rawBytes)
      try index.take()?.commit()
    } catch {
      for path in finished { try? FileSystem.removeFile(path) }
      throw error
    }
  }

  /// The beginning of all names; nil if a name is no index's.
  private static func stem(of path: FilePath) -> String? {
    guard let name = path.lastComponent?.string,
      name.lowercased().hasSuffix(SafetensorsIndex.suffix)
    else { return nil }
    let stem = name.dropLast(SafetensorsIndex.suffix.count)
    return stem.isEmpty ? nil : String(stem)
  }

  /// A number with at least five digits.
  private static func digits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}
