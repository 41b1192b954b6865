import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// What `HDF5ArchiveWriter` says that it cannot hold, and that it holds all else.
@Suite("What HDF5 archives cannot hold")
struct HDF5ObstacleTests {
  let directory: TemporaryDirectory
  let path: FilePath
  let number: Tensor

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("archive.h5")
    number = try Tensor(vector: [1] as [Float])
  }

  private static func values(_ metadata: ArchiveMetadata) -> [String: [String: AttributeValue]] {
    var values: [String: [String: AttributeValue]] = [:]
    for (key, attributes) in metadata.attributes {
      for (name, value) in attributes { values[key, default: [:]][name] = value }
    }
    return values
  }

  /// Both readers find just this besides the arrays of the file.
  private func expect(_ written: ArchiveMetadata) throws {
    for reader in HDF5Implementation.allCases {
      let found = try HDF5Implementation.$current.withValue(reader) {
        try HDF5ArchiveReader(opening: path).metadata()
      }
      #expect(Self.values(found) == Self.values(written))
      #expect(found.emptyGroups == written.emptyGroups)
      #expect(found.obstacles == [])
    }
  }

  @Test("Names of attributes are no paths: slashes and dots come back")
  func attributesWithSlashes() throws {
    let attributes: OrderedDictionary<String, AttributeValue> = [
      ".": .integer(3), "..": .integer(4), "/": .string("root"), "a/./b": .integer(5),
      "a/": .strings(["x", "yz"]), "lr/decay": .double(1.5), "/\u{301}": .integer(6),
    ]
    let metadata = ArchiveMetadata(attributes: ["": attributes, "g": attributes, "g/x": attributes])
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    try writer.write(number, under: "g/x")
    #expect(writer.obstacles(to: metadata).isEmpty)
    try writer.write(metadata)
    try writer.finish()
    try expect(metadata)
    for reader in HDF5Implementation.allCases {
      let file = try HDF5File(opening: path, with: reader)
      for (name, value) in attributes {
        for place in ["/", "g", "g/x"] { #expect(try file.attribute(name, of: place) == value) }
      }
    }
  }

  @Test("Groups that HDF5 cannot hold are named with what they hold, and only then left out")
  func groups() throws {
    let deep = Array(repeating: "d", count: HDF5Path.depthLimit).joined(separator: "/")
    let misnamed = "has an empty name or '.' between slashes, which HDF5 cannot hold; rename it"
    let reasons: OrderedDictionary<String, String> = [
      ".": misnamed, "a/.": misnamed, "./a": misnamed, "/a": misnamed, "a/": misnamed,
      "a//b": misnamed, "a\0b": "has a NUL character in its name; rename it",
      "\(deep)/d": "is the innermost of more than 64 groups; rename it",
      "x/y": "lies below 'x', which is an array; rename one of them",
      "x/y/z": "lies below 'x', which is an array; rename one of them",
      "x/\u{301}y": "lies below 'x', which is an array; rename one of them",
      "g/x": "has the name of an array; rename one of them",
    ]
    var metadata = ArchiveMetadata(emptyGroups: Array(reasons.keys) + ["a", deep, "y/.."])
    for key in reasons.keys where key != "g/x" { metadata.attributes[key] = ["n": .integer(1)] }
    metadata.attributes["g/x"] = ["n": .integer(2)]
    metadata.attributes["a"] = ["n": .integer(3)]

    let careless = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    for writer in [careless, writer] {
      for key in ["x", "g/x"] { try writer.write(number, under: key) }
    }
    for (key, reason) in reasons {
      let error = #expect(throws: FlywheelError.self) {
        try careless.write(ArchiveMetadata(emptyGroups: [key]))
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message == "The empty group \(reason).")
      #expect(error?.location == .init(path: path, tensor: "/\(key)"))
    }
    let owner = ArchiveMetadata(attributes: ["x/y": ["n": .integer(1)]])
    let error = #expect(throws: FlywheelError.self) { try careless.write(owner) }
    #expect(error?.message == "The group lies below 'x', which is an array; rename one of them.")

    let obstacles = writer.obstacles(to: metadata)
    #expect(
      obstacles.map { "\($0.name) \($0.reason)" }
        == reasons.map { "the empty group '\($0)' \($1)" }
        + reasons.filter { $0.key != "g/x" }
        .map { "the attribute 'n' of '\($0)' belongs to a group that \($1)" }
    )
    #expect(obstacles.map(\.key) == Array(reasons.keys) + reasons.keys.filter { $0 != "g/x" })
    try writer.write(metadata)
    try writer.finish()
    try expect(
      ArchiveMetadata(
        attributes: ["a": ["n": .integer(3)], "g/x": ["n": .integer(2)]],
        emptyGroups: ["a", deep, "y/.."]
      )
    )
  }

  @Test("Arrays that room was asked for are in the way of groups, written or not")
  func groupsOfPromisedArrays() throws {
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    try writer.requireRoom(for: TensorDescription(of: number), under: "x")
    let metadata = ArchiveMetadata(
      attributes: ["x": ["n": .integer(1)]],
      emptyGroups: ["x", "x/y"]
    )
    #expect(writer.obstacles(to: metadata).map(\.key) == ["x", "x/y"])
    try writer.write(number, under: "x")
    try writer.write(metadata)
    try writer.finish()
    try expect(ArchiveMetadata(attributes: ["x": ["n": .integer(1)]]))
  }

  @Test(
    "An attribute that says what our own about the type says is none more; another is named",
    arguments: DType.allCases.filter(\.isNamedByAttribute)
  )
  func typeAttributes(dtype: DType) throws {
    let same: OrderedDictionary<String, AttributeValue> = [
      "dtype": .string(dtype.rawValue), "n": .integer(1),
    ]
    let other: OrderedDictionary<String, AttributeValue> = [
      "dtype": .string("float32"), "n": .integer(1),
    ]
    let metadata = ArchiveMetadata(attributes: ["same": same, "other": other, "plain": other])
    let tensor = try HDF5RoundTripTests.tensor(dtype, [3])
    let reason =
      "has the name of the one that says that the elements are \(dtype.rawValue); rename it"
    let careless = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    for writer in [careless, writer] {
      for key in ["same", "other"] { try writer.write(tensor, under: key) }
      try writer.write(number, under: "plain")
    }
    try careless.write(ArchiveMetadata(attributes: ["same": same]))
    let error = #expect(throws: FlywheelError.self) {
      try careless.write(ArchiveMetadata(attributes: ["other": other]))
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message == "The attribute 'dtype' \(reason).")
    #expect(error?.location == .init(path: path, tensor: "/other"))

    let obstacles = writer.obstacles(to: metadata)
    #expect(
      obstacles == [.init(name: "the attribute 'dtype' of 'other'", reason: reason, key: "other")]
    )
    try writer.write(metadata)
    try writer.finish()
    let one: OrderedDictionary<String, AttributeValue> = ["n": .integer(1)]
    try expect(ArchiveMetadata(attributes: ["same": one, "other": one, "plain": other]))
    let reader = try HDF5ArchiveReader(opening: path)
    for key in ["same", "other"] { #expect(try reader.tensor(key)?.dtype == dtype) }
  }

  @Test("A name of as many bytes as HDF5 counts is written beside any value; a longer one is named")
  func longNames() throws {
    let longest = String(repeating: "n", count: 65_534)
    let long = AttributeValue.string(String(repeating: "v", count: 60_000))
    var metadata = ArchiveMetadata()
    for key in ["", "g", "g/x"] {
      metadata.attributes[key] = [
        longest: long, String(longest.dropFirst()): .integer(1),
        String(longest.prefix(6_000)): long,
      ]
    }
    let fitting = metadata
    let tooLong = longest + "n"
    for key in ["", "g", "g/x"] { metadata.attributes[key]?[tooLong] = .integer(2) }
    let reason = "has a name of 65535 bytes, and HDF5 has room for 65534; choose another"

    let careless = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    for writer in [careless, writer] { try writer.write(number, under: "g/x") }
    let error = #expect(throws: FlywheelError.self) { try careless.write(metadata) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.hasSuffix(reason + ".") == true)
    #expect(try #require(error).description.utf8.count < 1_000)

    let obstacles = writer.obstacles(to: metadata)
    #expect(obstacles.map(\.reason) == [reason, reason, reason])
    #expect(obstacles.map(\.key) == ["", "g", "g/x"])
    #expect(obstacles.allSatisfy { $0.name.utf8.count < 300 })
    #expect(obstacles.last?.name.hasSuffix("…' of 'g/x'") == true)
    try writer.write(metadata)
    try writer.finish()
    try expect(fitting)
  }

  @Test("Names of arrays and groups may be longer, but not in messages")
  func longPaths() throws {
    let name = String(repeating: "n", count: 70_000)
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    for key in [name, "\(name)g/\(name)"] {
      try writer.write(number, under: key)
      let error = #expect(throws: FlywheelError.self) { try writer.write(number, under: key) }
      #expect(error?.code == .alreadyExists)
      #expect((error?.message.utf8.count ?? 0) < 1_000)
    }
    for key in ["\(name)/x", "\(name)g", "\(name)/"] {
      let error = #expect(throws: FlywheelError.self) { try writer.write(number, under: key) }
      #expect(error?.code == .unsupported)
      #expect((error?.message.utf8.count ?? 0) < 1_000)
    }
    let metadata = ArchiveMetadata(
      attributes: [name: ["n": .integer(1)], "\(name)g": ["n": .integer(2)]],
      emptyGroups: ["\(name)e"]
    )
    let obstacles = writer.obstacles(to: ArchiveMetadata(emptyGroups: ["\(name)/e"]))
    #expect(obstacles.count == 1)
    #expect(obstacles.allSatisfy { $0.name.utf8.count < 300 && $0.reason.utf8.count < 300 })
    try writer.write(metadata)
    try writer.finish()
    try expect(metadata)
    for reader in HDF5Implementation.allCases {
      let keys = try HDF5Implementation.$current.withValue(reader) {
        try HDF5ArchiveReader(opening: path).members().map(\.key)
      }
      #expect(keys == [name, "\(name)g/\(name)"])
    }
  }

  @Test("A slash is one whatever mark follows it, and keys that only look alike are two")
  func marks() throws {
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    let description = TensorDescription(of: number)
    func refusal(_ key: String) throws -> String? {
      let error = #expect(throws: FlywheelError.self) {
        try writer.requireRoom(for: description, under: key)
      }
      #expect(error?.code == .unsupported)
      return error?.message
    }
    try writer.write(number, under: "a")
    #expect(try refusal("a/\u{301}x")?.contains("'a' is an array") == true)
    try writer.write(number, under: "b/\u{301}x")
    #expect(try refusal("b")?.contains("arrays lie below it") == true)
    #expect(try refusal("./\u{301}x")?.contains("between slashes") == true)
    // One is composed, the other is not.
    try writer.write(number, under: "\u{E9}")
    try writer.write(number, under: "e\u{301}/x")
    #expect(try refusal("e\u{301}")?.contains("arrays lie below it") == true)
    #expect(try refusal("\u{E9}/x")?.contains("is an array") == true)
    try writer.write(ArchiveMetadata(attributes: ["e\u{301}": ["n": .integer(1)]]))
    try writer.finish()
    try expect(ArchiveMetadata(attributes: ["e\u{301}": ["n": .integer(1)]]))
    let keys = try HDF5ArchiveReader(opening: path).members().map { Array($0.key.utf8) }
    #expect(keys == ["a", "b/\u{301}x", "\u{E9}", "e\u{301}/x"].map { Array($0.utf8) })
  }
}
