import FlywheelCore
import OrderedCollections
import SystemPackage

/// What the index of a safetensors archive in several files says: which tensor lies in which of them.
///
/// `model.safetensors.index.json` as transformers and huggingface_hub write it: an object `weight_map` of file
/// names by tensor, and an object `metadata`.
struct SafetensorsIndex {
  /// Where a tensor lies, and where the index says so.
  struct Place {
    let file: String
    let offset: Int
  }

  /// The places of all tensors.
  private(set) var places: OrderedDictionary<String, Place> = [:]
  /// What the index says besides.
  private(set) var metadata = ArchiveMetadata()

  /// What the names of such files end in.
  static let suffix = ".safetensors.index.json"

  /// Sizes that follow from the tensors, and so say nothing.
  private static let sizes = ["total_size", "total_parameters"]

  /// Reads an index from its file.
  ///
  /// - Parameter path: The file.
  /// - Throws: `notFound`, `inputOutput`, `limitExceeded` if it is too long, and as `init(parsing:)`.
  init(reading path: FilePath) throws(FlywheelError) {
    let bytes = try MappedFile(path: path)
    guard bytes.byteCount <= SafetensorsHeader.byteLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The index has \(bytes.byteCount) bytes; at most \(SafetensorsHeader.byteLimit) are read.",
        at: .init(path: path)
      )
    }
    self = try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      try SafetensorsIndex(parsing: bytes.bytes)
    }
  }

  /// Reads an index.
  ///
  /// - Parameter bytes: The whole file.
  /// - Throws: `malformed` or `truncated` if it is none, or names files that do not lie beside it.
  init(parsing bytes: RawSpan) throws(FlywheelError) {
    var reader = JSONReader(bytes)
    var names: Set<String> = []
    var isFirst = true
    try reader.enterObject()
    while let (name, offset) = try reader.nextName(&isFirst) {
      guard names.insert(name).inserted else { throw reader.secondMember(name, at: offset) }
      switch name {
      case "weight_map": try readPlaces(&reader)
      case "metadata": readMetadata(try reader.readValue(depth: 1))
      default:
        _ = try reader.readValue(depth: 1)
        addObstacle(name)
      }
    }
    try reader.finish()
    guard names.contains("weight_map") else {
      throw FlywheelError.malformed(
        found: "an object without weight_map",
        expected: "an index of safetensors files",
        at: .init(byteOffset: 0)
      )
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readPlaces(_ reader: inout JSONReader) throws(FlywheelError) {
    var isFirst = true
    try reader.enterObject()
    while let (name, offset) = try reader.nextName(&isFirst) {
      let file = try reader.readText()
      if let objection = Self.objection(to: file) {
        throw FlywheelError.malformed(
          found: "the file name \(quoted(file)), which \(objection),",
          expected: "the name of a safetensors file beside the index",
          at: .init(tensor: name, byteOffset: UInt64(offset))
        )
      }
      guard places.updateValue(Place(file: file, offset: offset), forKey: name) == nil else {
        throw reader.secondMember(name, at: offset)
      }
    }
  }

  /// Why a file of a name is none that an index may lead to; nil if it is one.
  private static func objection(to name: String) -> String? {
    if name.unicodeScalars.contains("/") { return "leads to another directory" }
    if name.unicodeScalars.contains("\0") { return "has a NUL character" }
    return name.hasSuffix(".safetensors") ? nil : "does not end in .safetensors"
  }

  private mutating func readMetadata(_ value: JSONValue) {
    guard case .object(let members) = value else {
      if value != .null { addObstacle("metadata") }
      return
    }
    for (name, value) in members where !Self.sizes.contains(name) {
      switch value {
      case .string(let text): metadata.attributes["", default: [:]][name] = .string(text)
      case .integer(let number): metadata.attributes["", default: [:]][name] = .integer(number)
      case .double(let number): metadata.attributes["", default: [:]][name] = .double(number)
      default: addObstacle(name)
      }
    }
  }

  private mutating func addObstacle(_ name: String) {
    metadata.obstacles.append(
      .init(
        name: "the member \(quoted(name)) of the index",
        reason: "is no text and no number that belongs to the tensors"
      )
    )
  }

  /// The text of an index.
  ///
  /// - Parameters:
  ///   - files: The file of each tensor.
  ///   - totalByteCount: The bytes of all tensors.
  /// - Returns: JSON as transformers writes it.
  static func text(_ files: [String: String], totalByteCount: Int) -> String {
    let names = files.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let places = OrderedDictionary(
      uniqueKeysWithValues: names.map { ($0, JSONValue(files[$0] ?? "")) }
    )
    let index: JSONValue = [
      "metadata": ["total_size": JSONValue(totalByteCount)],
      "weight_map": .object(places),
    ]
    return index.prettyText() + "\n"
  }
}
