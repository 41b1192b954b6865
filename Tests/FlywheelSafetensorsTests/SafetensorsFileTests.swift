import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelSafetensors

@Suite("Reading safetensors files")
struct SafetensorsFileTests {
  private static func read(_ header: String, bytes count: Int = 0) throws -> SafetensorsFile {
    try SafetensorsFile(storage(file(header, bytes: count)), path: "a.safetensors")
  }

  /// A tensor of every type: two elements for each, or what makes whole bytes.
  private static let everyType: (header: String, byteCount: Int) = {
    var begin = 0
    let members = SafetensorsType.allCases.map { type -> String in
      let end = begin + type.bitCount / 2
      defer { begin = end }
      return "\"\(type.rawValue)\":{\"dtype\":\"\(type.rawValue)\",\"shape\":[2,2],"
        + "\"data_offsets\":[\(begin),\(end)]}"
    }
    return ("{" + members.joined(separator: ",") + "}", begin)
  }()

  @Test("Every type is read, carried or listed")
  func types() throws {
    let file = try Self.read(Self.everyType.header, bytes: Self.everyType.byteCount)
    let found = try file.members().map { member -> String in
      switch member.content {
      case .array(let array): array.element.description
      case .unreadable(let type, let shape, let reason):
        "\(type) \(shape?.rank ?? 0) \(reason.code)"
      }
    }
    #expect(
      found == [
        "bool", "F4 2 unsupported", "F6_E2M3 2 unsupported", "F6_E3M2 2 unsupported", "uint8",
        "int8",
        "float8_e5m2", "float8_e4m3fn", "float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz",
        "int16",
        "uint16", "float16", "bfloat16", "int32", "uint32", "float32", "complex64", "float64",
        "int64",
        "uint64",
      ]
    )
    #expect(try file.contents().count == 19)
    for key in ["F4", "F8_E8M0"] {
      let error = try #require(throws: FlywheelError.self) { try file.tensor(key) }
      #expect(error.code == .unsupported && error.location.tensor == key)
    }
    let unread = try #require(throws: FlywheelError.self) { try file.read("F6_E3M2") { _ in } }
    #expect(unread.code == .unsupported)
    #expect(try file.tensor("F32")?.dtype == .float32)
    #expect(try file.tensor("nothing") == nil)
    #expect(throws: FlywheelError.self) { try file.read("nothing") { _ in } }
  }

  @Test("A mapped file is not copied, but where a tensor is not aligned")
  func mapping() throws {
    let directory = try TemporaryDirectory()
    let header = """
      {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},\
      "c":{"dtype":"C64","shape":[1],"data_offsets":[9,17]}}
      """
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    let path = try directory.write(file(padded, bytes: 17), to: "x")
    let reader = try SafetensorsFile(path: path)
    let (a, c) = (try #require(try reader.tensor("a")), try #require(try reader.tensor("c")))
    #expect(a.storage.isMapped && a.byteOffset == 8 + padded.utf8.count)
    #expect(!c.storage.isMapped && c.shape.extents == [1])
    #expect(bytes(c.bytes) == [1, 0, 1, 0, 1, 0, 1, 0])
    // Bytes need no alignment.
    #expect(try reader.tensor("b")?.storage.isMapped == true)
  }

  @Test(
    "What the format's own library reads is read",
    arguments: [
      ("{}", 0, []), ("{}\r \t\n", 0, []), ("\t\n{}\r ", 0, []),
      (#"{"__metadata__":null}"#, 0, []), (#"{"__metadata__":{}}"#, 0, []),
      (#"{"t":{"dtype":"I32","shape":[2,0],"data_offsets":[0, 0]}}"#, 0, ["t"]),
      (#"{"t":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}"#, 4, ["t"]),
      // In any order, and those without bytes anywhere.
      (
        #"{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"shape":[1],"data_offsets":[0,1],"#
          + #""dtype":"U8"},"e":{"dtype":"F64","shape":[0],"data_offsets":[1,1]}}"#, 3,
        ["a", "e", "b"]
      ),
      (#"{"t":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]}}"#, 3, ["t"]),
      (#"{"\u0061\n\ud83d\ude00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, 0, ["a\n😀"]),
      (#"{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":[{"x":null}]}}"#, 1, [""]),
    ] as [(String, Int, [String])]
  )
  func accepted(header: String, byteCount: Int, keys: [String]) throws {
    #expect(try Self.read(header, bytes: byteCount).members().map(\.key) == keys)
  }

  @Test("Metadata are the file's attributes, and members that nobody knows are obstacles")
  func metadata() throws {
    let header =
      #"{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"scale":2},"__metadata__":{"format":"pt","é":"\u0000"}}"#
    let metadata = try Self.read(header).metadata()
    #expect(metadata.attributes == ["": ["format": .string("pt"), "é": .string("\0")]])
    #expect(metadata.obstacles.map(\.key) == ["t"])
    #expect(metadata.obstacles.first?.name == "the member 'scale' of 't'")
    #expect(try Self.read("{}").metadata().attributes.isEmpty)
  }

  @Test("However many members nobody knows, they are one obstacle with a short name")
  func manyObstacles() throws {
    let members = (0..<1_000).map { #""\#($0)":null,"# }.joined()
    let name = String(repeating: "long ", count: 10_000)
    let header = #"{"\#(name)":{\#(members)"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#
    let obstacles = try Self.read(header).metadata().obstacles
    #expect(obstacles.map(\.key) == [name])
    let words = "the members '0', '1', '2' and 997 more of "
    #expect(obstacles.allSatisfy { $0.name.hasPrefix(words) })
    #expect(obstacles.allSatisfy { $0.name.utf8.count < 500 })
  }

  @Test("Truth values other than 0 and 1 are refused where they are read")
  func truth() throws {
    let header = #"{"t":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}"#
    let reader = try SafetensorsFile(storage(file(Array(header.utf8), [1, 0, 7])), path: "a")
    for read in [{ _ = try reader.tensor("t") }, { try reader.read("t") { _ in } }] {
      let error = try #require(throws: FlywheelError.self) { try read() }
      #expect(error.code == .malformed && error.location.tensor == "t")
      #expect(error.location.byteOffset == UInt64(8 + header.utf8.count + 2))
    }
  }

  @Test("A large tensor comes in pieces")
  func pieces() throws {
    let count = 9 << 20
    let header = #"{"t":{"dtype":"U8","shape":[\#(count)],"data_offsets":[0,\#(count)]}}"#
    let reader = try Self.read(header, bytes: count)
    var sizes: [Int] = []
    try reader.read("t") { (piece) throws(FlywheelError) in sizes.append(piece.byteCount) }
    #expect(sizes == [4 << 20, 4 << 20, 1 << 20])
  }
}
