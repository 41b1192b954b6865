import FlywheelCore
import OrderedCollections

/// What the header of a safetensors file says, checked: which tensors lie where in the file, and its metadata.
///
/// Little-endian 64-bit length, JSON of that length, then the tensors' bytes without a gap. The rules are
/// those of `safetensors/src/tensor.rs`; besides, names may not occur twice, on which readers disagree.
struct SafetensorsHeader {
  /// What a file has of one tensor.
  struct Entry {
    let type: SafetensorsType
    let shape: Shape
    /// Where in the file its bytes lie.
    let range: Range<Int>
    /// Where in the file the header says so, for errors.
    let offset: Int
  }

  /// The tensors by name, in the order of their bytes.
  private(set) var tensors: OrderedDictionary<String, Entry> = [:]
  /// Texts by name, which belong to the whole file.
  private(set) var metadata: OrderedDictionary<String, String> = [:]
  /// What the header says of tensors that the format does not know.
  private(set) var obstacles: [ArchiveMetadata.Obstacle] = []

  /// Where the tensors' bytes begin.
  private let dataOffset: Int
  private let fileByteCount: Int

  /// The member of the header that is no tensor.
  static let metadataName = "__metadata__"
  /// The length in front of the header.
  static let lengthByteCount = 8
  /// The longest header that readers take.
  static let byteLimit = 100_000_000

  /// Reads and checks the header of a file.
  ///
  /// - Parameter file: The whole file.
  /// - Throws: `truncated` if the file ends before its header or its tensors do; `malformed`, `limitExceeded`
  ///   or `unsupported` if the header says what cannot be, or what no version of the format knows.
  init(parsing file: RawSpan) throws(FlywheelError) {
    var front = ByteReader(file)
    let length = try front.readLittleEndian(UInt64.self, "the length of the header")
    guard let byteCount = Int(exactly: length), byteCount <= Self.byteLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The header would have \(length) bytes, and none has more than \(Self.byteLimit): this is no "
          + "safetensors file, or a damaged one.",
        at: .init(byteOffset: 0)
      )
    }
    _ = try front.take(byteCount, "the header")
    dataOffset = front.offset
    fileByteCount = file.byteCount
    do throws(FlywheelError) {
      // Offsets in errors then count from the front of the file.
      try read(file.extracting(first: dataOffset))
    } catch {
      // The file goes on, so that it is not cut off: its length is wrong, or its JSON.
      guard error.code == .truncated, error.location.tensor == nil else { throw error }
      throw FlywheelError.malformed(
        found: "the end of the header, after \(byteCount) bytes,",
        expected: "the rest of its JSON",
        at: error.location
      )
    }
    try checkPlaces()
  }

  // MARK: Reading

  private mutating func read(_ header: RawSpan) throws(FlywheelError) {
    var reader = JSONReader(header, at: Self.lengthByteCount)
    var hasMetadata = false
    var isFirst = true
    // About as many as there are of usual names; each takes less memory than its part of the header.
    tensors.reserveCapacity(header.byteCount / 96)
    try reader.enterObject()
    while let (name, offset) = try reader.nextName(&isFirst) {
      guard name == Self.metadataName else {
        try read(name, at: offset, &reader)
        continue
      }
      guard !hasMetadata else { throw reader.secondMember(name, at: offset) }
      hasMetadata = true
      try readMetadata(try reader.readValue(depth: 1), at: offset)
    }
    try reader.finish()
  }

  private mutating func readMetadata(_ value: JSONValue, at offset: Int) throws(FlywheelError) {
    // Some writers have nothing to say, and say so.
    if value == .null { return }
    guard case .object(let members) = value else {
      throw Self.malformed("other JSON", "an object of texts as \(Self.metadataName)", at: offset)
    }
    for (name, value) in members {
      guard case .string(let text) = value else {
        throw Self.malformed(
          "other JSON",
          "a text as the member \(quoted(name)) of \(Self.metadataName)",
          at: offset
        )
      }
      metadata[name] = text
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func read(
    _ name: String,
    at offset: Int,
    _ reader: inout JSONReader
  ) throws(FlywheelError) {
    let entry: Entry
    do throws(FlywheelError) {
      entry = try self.entry(name, at: offset, &reader)
    } catch {
      // Where JSON ends is a fault of the header, and not of the tensor.
      throw error.code == .truncated ? error : error.located(tensor: name)
    }
    guard tensors.updateValue(entry, forKey: name) != nil else { return }
    guard let index = tensors.index(forKey: name),
      tensors.keys[index].utf8.elementsEqual(name.utf8)
    else {
      throw FlywheelError(
        .unsupported,
        "Two tensors have names that look the same, and differ only in how their accents are composed; "
          + "rename one of them.",
        at: .init(tensor: name, byteOffset: UInt64(offset))
      )
    }
    throw reader.secondMember(name, at: offset)
  }

  @_lifetime(reader: copy reader)
  private mutating func entry(
    _ name: String,
    at offset: Int,
    _ reader: inout JSONReader
  ) throws(FlywheelError) -> Entry {
    var type: SafetensorsType?
    var extents: [Int]?
    var places: [Int]?
    var others: OrderedSet<String> = []
    var isFirst = true
    try reader.enterObject()
    while let (field, offset) = try reader.nextName(&isFirst) {
      switch field {
      case "dtype" where type == nil: type = try Self.type(&reader)
      case "shape" where extents == nil: extents = try Self.sizes(&reader)
      case "data_offsets" where places == nil:
        places = try Self.sizes(&reader)
        guard places?.count == 2 else {
          throw Self.malformed(
            "\(places?.count ?? 0) offsets",
            "two: where the tensor begins and where it ends",
            at: offset
          )
        }
      case "dtype", "shape", "data_offsets": throw reader.secondMember(field, at: offset)
      default:
        guard others.append(field).inserted else { throw reader.secondMember(field, at: offset) }
        _ = try reader.readValue(depth: 2)
      }
    }
    if !others.isEmpty { obstacles.append(Self.obstacle(others, in: name)) }
    guard let type, let extents, let places else {
      throw Self.malformed(
        "a tensor without \(type == nil ? "dtype" : extents == nil ? "shape" : "data_offsets")",
        "all of dtype, shape and data_offsets",
        at: offset
      )
    }
    do throws(FlywheelError) {
      return try entry(type, try Shape(extents), places[0], places[1], at: offset)
    } catch {
      var error = error
      error.location.byteOffset = UInt64(offset)
      throw error
    }
  }

  /// What a tensor has besides: one obstacle, however many there are.
  private static func obstacle(
    _ fields: OrderedSet<String>,
    in name: String
  ) -> ArchiveMetadata.Obstacle {
    let shown = fields.prefix(3).map(quoted).joined(separator: ", ")
    let words =
      switch fields.count {
      case 1: "the member \(shown)"
      case 2...3: "the members \(shown)"
      default: "the members \(shown) and \(fields.count - 3) more"
      }
    let verdict = fields.count == 1 ? "is not one" : "are not among those"
    return .init(
      name: "\(words) of \(quoted(name))",
      reason: "\(verdict) that safetensors files have",
      key: name
    )
  }

  @_lifetime(reader: copy reader)
  private static func type(_ reader: inout JSONReader) throws(FlywheelError) -> SafetensorsType {
    let offset = reader.offset
    let name = try reader.readText()
    guard let type = SafetensorsType.named[name] else {
      throw FlywheelError(
        .unsupported,
        "The dtype \(quoted(name)) is none of safetensors 0.8: "
          + SafetensorsType.allCases.map(\.rawValue).joined(separator: ", ") + ".",
        at: .init(byteOffset: UInt64(offset))
      )
    }
    return type
  }

  @_lifetime(reader: copy reader)
  private static func sizes(_ reader: inout JSONReader) throws(FlywheelError) -> [Int] {
    var sizes: [Int] = []
    var isFirst = true
    try reader.enterArray()
    while try reader.hasElement(&isFirst) { sizes.append(try reader.readSize()) }
    return sizes
  }

  // MARK: Checking

  private func entry(
    _ type: SafetensorsType,
    _ shape: Shape,
    _ begin: Int,
    _ end: Int,
    at offset: Int
  ) throws(FlywheelError) -> Entry {
    let (bitCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.bitCount)
    guard !overflow else { throw FlywheelError.overflow(Self.words(type, shape)) }
    guard bitCount.isMultiple(of: 8) else {
      throw Self.malformed(
        "\(Self.words(type, shape)), which has \(bitCount) bits",
        "whole bytes",
        at: offset
      )
    }
    guard begin <= end, end - begin == bitCount / 8 else {
      throw Self.malformed(
        "the data_offsets \(begin) and \(end)",
        "\(bitCount / 8) bytes for \(Self.words(type, shape))",
        at: offset
      )
    }
    let (fileEnd, isTooFar) = dataOffset.addingReportingOverflow(end)
    guard !isTooFar else { throw FlywheelError.overflow("the file") }
    return Entry(type: type, shape: shape, range: dataOffset + begin..<fileEnd, offset: offset)
  }

  /// Makes sure that the tensors follow each other, and that the file ends with the last.
  private mutating func checkPlaces() throws(FlywheelError) {
    if !Self.isInOrder(tensors.values) {
      // Those without bytes first, as they lie at the front of the next.
      tensors.sort {
        ($0.value.range.lowerBound, $0.value.range.upperBound)
          < ($1.value.range.lowerBound, $1.value.range.upperBound)
      }
    }
    var end = dataOffset
    for (name, entry) in tensors {
      guard entry.range.lowerBound == end else {
        throw Self.malformed(
          "a tensor that begins at byte \(entry.range.lowerBound - dataOffset) of the data",
          "one at byte \(end - dataOffset), where the one before it ends: tensors leave no gap and do not "
            + "overlap",
          at: entry.offset
        ).located(tensor: name)
      }
      end = entry.range.upperBound
      guard end <= fileByteCount else {
        let begin = min(entry.range.lowerBound, fileByteCount)
        throw FlywheelError.truncated(
          Self.words(entry.type, entry.shape),
          needed: UInt64(entry.range.count),
          available: UInt64(fileByteCount - begin),
          at: .init(tensor: name, byteOffset: UInt64(begin))
        )
      }
    }
    guard end == fileByteCount else {
      throw Self.malformed(
        "\(fileByteCount - end) bytes after the last tensor",
        "the end of the file",
        at: end
      )
    }
  }

  /// A tensor as messages name it.
  private static func words(_ type: SafetensorsType, _ shape: Shape) -> String {
    "a tensor of shape \(shape) and dtype \(type.rawValue)"
  }

  private static func isInOrder(_ entries: some Collection<Entry>) -> Bool {
    zip(entries, entries.dropFirst()).allSatisfy { $0.range.upperBound <= $1.range.lowerBound }
  }

  private static func malformed(
    _ found: String,
    _ expected: String,
    at offset: Int
  ) -> FlywheelError {
    .malformed(found: found, expected: expected, at: .init(byteOffset: UInt64(offset)))
  }
}
