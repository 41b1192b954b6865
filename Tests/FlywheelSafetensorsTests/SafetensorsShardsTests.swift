import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelSafetensors

@Suite("Safetensors archives in several files")
struct SafetensorsShardsTests {
  let temporary: TemporaryDirectory
  private var index: FilePath { temporary.path.appending("m.safetensors.index.json") }

  init() throws { temporary = try TemporaryDirectory() }

  /// A file with tensors of one byte.
  private func write(_ keys: [String], to name: String, format: String = "pt") throws {
    let members = keys.enumerated().map { place, key in
      #""\#(key)":{"dtype":"U8","shape":[1],"data_offsets":[\#(place),\#(place + 1)]}"#
    }
    let header = (["\"__metadata__\":{\"format\":\"\(format)\"}"] + members).joined(separator: ",")
    try temporary.write(file("{\(header)}", bytes: keys.count), to: name)
  }

  private func write(index text: String) throws {
    try temporary.write(Array(text.utf8), to: "m.safetensors.index.json")
  }

  private func refusal() throws -> FlywheelError {
    let error = try #require(throws: FlywheelError.self) { _ = try SafetensorsShards(index: index) }
    #expect(error.location.path == index)
    return error
  }

  @Test("An index opens as one archive")
  func reading() throws {
    try write(["a", "b"], to: "m-1.safetensors")
    try write(["c", "extra"], to: "m-2.safetensors", format: "tf")
    try write(
      index: """
        {"metadata": {"total_size": 3.0, "made_by": "x", "step": 5, "more": []},
         "weight_map": {"a": "m-1.safetensors", "c": "m-2.safetensors", "b": "m-1.safetensors"}}
        """
    )
    let reader = try SafetensorsShards(index: index)
    #expect(try reader.members().map(\.key) == ["a", "b", "c"])
    #expect(try reader.contents() == ["a": [0], "b": [1], "c": [0]])
    #expect(try reader.tensor("extra") == nil && reader.member("extra") == nil)
    #expect(throws: FlywheelError.self) { try reader.read("extra") { _ in } }
    let metadata = try reader.metadata()
    #expect(
      metadata.attributes
        == ["": ["made_by": .string("x"), "step": .integer(5), "format": .string("pt")]]
    )
    #expect(
      metadata.obstacles.map(\.name) == [
        "the member 'more' of the index", "the metadata 'format' of 'm-2.safetensors'",
        "the tensor 'extra' in 'm-2.safetensors'",
      ]
    )
  }

  @Test(
    "An index that does not agree with its files is refused, with the place",
    arguments: [
      (#"{"weight_map": {"a": "m-3.safetensors"}}"#, .notFound, 16, "a"),
      (#"{"weight_map": {"a": "m-2.safetensors"}}"#, .notFound, 16, "a"),
      (#"{"weight_map": {"a": "m-1.safetensors", "x": "m-2.safetensors"}}"#, .notFound, 40, "x"),
      (#"{"weight_map": {"a": "m-1.safetensors", "c": "m-3.safetensors"}}"#, .notFound, 40, "c"),
      (#"{"weight_map": {"b": "m-1.safetensors", "c": "m-2.safetensors"}}"#, .malformed, 16, "b"),
      (#"{"weight_map": {"a": "../m-1.safetensors"}}"#, .malformed, 16, "a"),
      (#"{"weight_map": {"a": "/etc/m-1.safetensors"}}"#, .malformed, 16, "a"),
      (#"{"weight_map": {"a": "m-1.safetensors\u0000"}}"#, .malformed, 16, "a"),
      (#"{"weight_map": {"a": ""}}"#, .malformed, 16, "a"),
      (#"{"weight_map": {"a": "m.bin"}}"#, .malformed, 16, "a"),
      (#"{"weight_map": {"a": "m-1.safetensors", "a": "m-1.safetensors"}}"#, .malformed, 40, nil),
      (#"{"weight_map": {"a": 1}}"#, .malformed, 21, nil),
      (#"{"weight_map": []}"#, .malformed, 15, nil),
      (#"{"weight_map": {}, "weight_map": {}}"#, .malformed, 19, nil),
      (#"{"metadata": {}}"#, .malformed, 0, nil), ("[]", .malformed, 0, nil),
      ("", .truncated, 0, nil),
      (#"{"weight_map": {"a": "m-1.safe"#, .truncated, 30, nil),
    ] as [(String, FlywheelError.Code, UInt64, String?)]
  )
  func refused(text: String, code: FlywheelError.Code, offset: UInt64, tensor: String?) throws {
    try write(["a", "b"], to: "m-1.safetensors")
    try write(["b", "c"], to: "m-2.safetensors")
    try write(index: text)
    let error = try refusal()
    #expect(error.code == code, "\(error)")
    #expect(error.location.byteOffset == offset, "\(error)")
    #expect(error.location.tensor == tensor, "\(error)")
  }

  @Test(
    "A directory with one index, or else with one file, is that archive; others say what to name"
  )
  func directories() throws {
    let directory = temporary.path
    let none = #expect(throws: FlywheelError.self) {
      _ = try SafetensorsShards.open(directory: directory)
    }
    #expect(none?.code == .invalidArgument)
    try write(["a"], to: "m-1.safetensors")
    #expect(try SafetensorsShards.open(directory: directory) is SafetensorsFile)
    try write(["b"], to: "m-2.safetensors")
    let several = #expect(throws: FlywheelError.self) {
      _ = try SafetensorsShards.open(directory: directory)
    }
    #expect(several?.code == .invalidArgument)
    #expect(several?.message.contains("'m-1.safetensors', 'm-2.safetensors'") == true)
    try write(index: #"{"weight_map": {"a": "m-1.safetensors"}}"#)
    #expect(try SafetensorsShards.open(directory: directory) is SafetensorsShards)
    try temporary.write(Array("{}".utf8), to: "n.safetensors.index.json")
    #expect(throws: FlywheelError.self) { _ = try SafetensorsShards.open(directory: directory) }
  }

  // MARK: Writing

  /// Writes vectors of so many bytes.
  private func write(
    _ sizes: KeyValuePairs<String, Int>,
    limit: Int,
    _ metadata: ArchiveMetadata = ArchiveMetadata()
  ) throws {
    let writer = try SafetensorsShardWriter(
      creating: index,
      shardByteCount: limit,
      durability: .cached
    )
    var arrays: OrderedDictionary<String, TensorDescription> = [:]
    for (key, size) in sizes {
      arrays[key] = try TensorDescription(element: .number(.uint8), shape: Shape([size]))
    }
    try writer.announce(arrays, metadata)
    for (key, array) in arrays.reversed() {
      try writer.write(array, under: key, crc32: nil) { (body) throws(FlywheelError) in
        try body([UInt8](repeating: UInt8(key.utf8.first ?? 0), count: array.byteCount).rawBytes)
      }
    }
    try writer.finish()
  }

  @Test("Tensors go into files of a size, in their order, as huggingface_hub shares them out")
  func sharing() throws {
    try write(["a": 6, "b": 6, "c": 2, "d": 12, "e": 1, "f": 6, "g": 0], limit: 10)
    #expect(
      try temporary.names() == [
        "m-00001-of-00004.safetensors", "m-00002-of-00004.safetensors",
        "m-00003-of-00004.safetensors", "m-00004-of-00004.safetensors", "m.safetensors.index.json",
      ]
    )
    let expected = """
      {
        "metadata": {
          "total_size": 33
        },
        "weight_map": {
          "a": "m-00001-of-00004.safetensors",
          "b": "m-00003-of-00004.safetensors",
          "c": "m-00003-of-00004.safetensors",
          "d": "m-00002-of-00004.safetensors",
          "e": "m-00003-of-00004.safetensors",
          "f": "m-00004-of-00004.safetensors",
          "g": "m-00004-of-00004.safetensors"
        }
      }

      """
    #expect(
      try String(decoding: temporary.read("m.safetensors.index.json"), as: UTF8.self) == expected
    )
    let reader = try SafetensorsShards(index: index)
    #expect(
      try reader.contents().mapValues(\.count) == [
        "a": 6, "b": 6, "c": 2, "d": 12, "e": 1, "f": 6, "g": 0,
      ]
    )
    #expect(try reader.contents()["d"] == [UInt8](repeating: 100, count: 12))
    #expect(try reader.metadata().attributes == ["": ["format": .string("pt")]])
  }

  @Test("The format is pt unless the archive says another, or is Flywheel's own")
  func format() throws {
    try write(["a": 1], limit: 10, .init(attributes: ["": ["format": .string("mlx")]]))
    #expect(
      try SafetensorsShards(index: index).metadata().attributes[""]?["format"] == .string("mlx")
    )
    for name in try temporary.names() { try FileSystem.removeFile(temporary.path.appending(name)) }
    try write(["a": 1, "flywheel.metadata": 2], limit: 10)
    #expect(try SafetensorsShards(index: index).metadata().attributes.isEmpty)
  }

  @Test("No file of another archive is replaced, and nothing is left of one that is not finished")
  func mistakes() throws {
    try write(["x"], to: "m-00001-of-00001.safetensors")
    let taken = #expect(throws: FlywheelError.self) { try write(["a": 1], limit: 10) }
    #expect(taken?.code == .alreadyExists)
    #expect(try temporary.names() == ["m-00001-of-00001.safetensors"])
    let many = #expect(throws: FlywheelError.self) {
      let writer = try SafetensorsShardWriter(
        creating: index,
        shardByteCount: 1,
        durability: .cached
      )
      let byte = try TensorDescription(element: .number(.uint8), shape: .init([1]))
      let arrays = OrderedDictionary(uniqueKeysWithValues: (0..<501).map { ("t\($0)", byte) })
      try writer.announce(arrays, ArchiveMetadata())
    }
    #expect(many?.code == .invalidArgument)
    for name in ["m.json", ".safetensors.index.json"] {
      let path = temporary.path.appending(name)
      let error = #expect(throws: FlywheelError.self) {
        _ = try SafetensorsShardWriter(creating: path)
      }
      #expect(error?.code == .invalidArgument)
    }
    #expect(try temporary.names() == ["m-00001-of-00001.safetensors"])
  }
}
