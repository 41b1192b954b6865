import FlywheelCore
import OrderedCollections
import SystemPackage

/// A .weights.json: which variables are in which of the files beside it.
struct ShardMap {
  /// The files, in the order in which they are named.
  let files: [FilePath]
  private let groups: [String]

  private static let member = "weight_map"

  /// Reads one.
  ///
  /// - Parameter path: The file.
  /// - Throws: `malformed` if it is none, or a name leads out of its directory, and what the file throws.
  init(_ path: FilePath) throws(FlywheelError) {
    let file = try MappedFile(path: path)
    var document = try JSONObject(JSONValue(parsing: file.bytes))
    let map = try document.object(Self.member)
    var files = OrderedSet<FilePath>()
    for group in map.names {
      for name in try Self.names(of: group, in: map) {
        guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0),
          name != ".", name != ".."
        else {
          throw FlywheelError.malformed(
            found: "a shard '\(name)'",
            expected: "the name of a file in the same directory",
            at: .init(path: path, tensor: group)
          )
        }
        files.append(path.removingLastComponent().appending(name))
      }
    }
    self.files = Array(files)
    groups = map.names.map { String($0.drop { $0 == "/" }) }
  }

  private static func names(of group: String, in map: JSONObject) throws(FlywheelError) -> [String]
  {
    var map = map
    switch try map.value(group) {
    case .string(let name): return [name]
    default: return try map.strings(group)
    }
  }

  /// Whether a file begins as one does, and says what one says.
  static func recognizes(_ bytes: RawSpan) -> Bool {
    let space = Array(" \t\r\n".utf8)
    let start = unsafe bytes.extracting(first: 64).withUnsafeBytes { unsafe Array($0) }
    guard start.first(where: { !space.contains($0) }) == UInt8(ascii: "{"),
      bytes.byteCount <= 64 << 20, let value = try? JSONValue(parsing: bytes),
      case .object(let members) = value, case .object(let map)? = members[member],
      let first = map.values.first
    else { return false }
    let names = if case .array(let names) = first { names } else { [first] }
    return names.allSatisfy {
      if case .string(let name) = $0 { name.hasSuffix(".h5") } else { false }
    }
  }

  /// Throws unless something of each group is among the arrays that were found.
  func requireAll(_ keys: [String]) throws(FlywheelError) {
    var found: Set<Substring> = []
    for key in keys {
      var end = key.endIndex
      while let slash = key[..<end].lastIndex(of: "/") {
        found.insert(key[..<slash])
        end = slash
      }
    }
    guard let group = groups.first(where: { !found.contains($0[...]) }) else { return }
    throw FlywheelError.malformed(
      found: "'\(group)' in the list, and in none of the shards",
      expected: "what was saved together; a shard is missing or of another save",
      at: .init(tensor: group)
    )
  }
}
