import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelSafetensors

@Suite("Writing safetensors files")
struct SafetensorsWriterTests {
  let temporary: TemporaryDirectory
  private var path: FilePath { temporary.path.appending("a.safetensors") }

  init() throws { temporary = try TemporaryDirectory() }

  private static func description(
    _ element: ElementType,
    _ extents: [Int]
  ) throws -> TensorDescription {
    try TensorDescription(element: element, shape: Shape(extents))
  }

  /// Writes arrays of bytes that count up, in the order given.
  private func write(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata = ArchiveMetadata(),
    shuffled: Bool = false
  ) throws -> [UInt8] {
    let writer = try SafetensorsWriter(creating: path, durability: .cached)
    try writer.announce(arrays, metadata)
    for (key, array) in shuffled ? arrays.elements.reversed() : Array(arrays.elements) {
      let bytes = Self.content(of: key, array)
      try writer.write(array, under: key, crc32: nil) { (body) throws(FlywheelError) in
        let half = bytes.count / 2
        try body(Array(bytes[..<half]).rawBytes)
        try body(Array(bytes[half...]).rawBytes)
      }
    }
    try writer.finish()
    return try temporary.read("a.safetensors")
  }

  private static func content(of key: String, _ array: TensorDescription) -> [UInt8] {
    (0..<array.byteCount).map { place in
      array.element == .number(.bool)
        ? UInt8(place & 1) : UInt8(truncatingIfNeeded: place &+ key.utf8.count)
    }
  }

  // The bytes are those of safetensors 0.8.0, as `safetensors.numpy.save` gives them.
  @Test("The bytes are those of the format's own library")
  func golden() throws {
    let plain = try write(["attn0": Self.description(.number(.float32), [1, 1, 2, 3])])
    let header = #"{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       "#
    #expect(Array(plain.prefix(80)) == [72, 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8))
    #expect(try write([:]) == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
    let texts = ArchiveMetadata(attributes: ["": ["framework": .string("pt")]])
    #expect(try write([:], texts) == file(#"{"__metadata__":{"framework":"pt"}}     "#))
  }

  @Test("Tensors lie in the order of their types, then of their names, whatever order they come in")
  func order() throws {
    let arrays: OrderedDictionary = [
      "b": try Self.description(.number(.float32), [2]),
      "u": try Self.description(.number(.uint8), [3]),
      "B": try Self.description(.number(.float32), [1]),
      "é": try Self.description(.number(.float32), []),
      "l": try Self.description(.number(.int64), [1, 0]),
      "t": try Self.description(.number(.bool), [2]),
      "h": try Self.description(.number(.bfloat16), [1]),
      "z": try Self.description(.number(.int64), [1]),
      "x": try Self.description(.opaque(OpaqueType(name: "float8_e8m0fnu", byteCount: 1)), [2]),
    ]
    let once = try write(arrays)
    let again = try write(arrays, shuffled: true)
    #expect(once == again)
    let reader = try SafetensorsFile(path: path)
    #expect(try reader.members().map(\.key) == ["l", "z", "B", "b", "é", "h", "x", "u", "t"])
    for (key, content) in try reader.contents() {
      let array = try #require(arrays[key])
      #expect(content == Self.content(of: key, array), "\(key)")
      #expect(try reader.member(key)?.array() == array)
    }
    let tensor = try #require(try reader.tensor("B"))
    #expect(tensor.storage.isMapped && tensor.byteOffset.isMultiple(of: 4))
  }

  @Test("Any tensors and texts come back")
  func roundTrips() throws {
    var random = Philox(seed: 5, stream: 0)
    let types = SafetensorsType.allCases.compactMap(\.element)
    for _ in 0..<150 {
      var arrays: OrderedDictionary<String, TensorDescription> = [:]
      for _ in 0..<(random.next() % 9) {
        let letters = (0..<(random.next() % 5)).map { _ in
          ["a", "\"", "\\", "/", "\n", "é", "😀", "\u{1}", ".", "\u{7f}"][Int(random.next() % 10)]
        }
        let extents = (0..<(random.next() % 4)).map { _ in Int(random.next() % 5) }
        arrays[letters.joined()] = try Self.description(
          types[Int(random.next() % UInt64(types.count))],
          extents
        )
      }
      var metadata = ArchiveMetadata()
      if random.next() % 2 == 0 {
        metadata.attributes[""] = ["format": .string("pt"), "\u{2028}\"": .string("\u{0}\\é")]
      }
      _ = try write(arrays, metadata)
      let reader = try SafetensorsFile(path: path)
      #expect(try reader.metadata().attributes == metadata.attributes)
      #expect(try Set(reader.members().map(\.key)) == Set(arrays.keys))
      for (key, content) in try reader.contents() {
        let array = try #require(arrays[key])
        #expect(content == Self.content(of: key, array))
      }
    }
  }

  @Test("Large and many small tensors go to their places")
  func sizes() throws {
    var arrays: OrderedDictionary<String, TensorDescription> = [
      "large": try Self.description(.number(.float32), [1 << 17]),
      "larger": try Self.description(.number(.uint8), [(1 << 20) + 3]),
    ]
    for index in 0..<400 {
      arrays["t\(index)"] = try Self.description(.number(.float32), [index])
    }
    let once = try write(arrays)
    #expect(try write(arrays, shuffled: true) == once)
    for (key, content) in try SafetensorsFile(path: path).contents() {
      let array = try #require(arrays[key])
      #expect(content == Self.content(of: key, array), "\(key)")
    }
  }

  @Test("What the format has no room for is refused by name")
  func room() throws {
    let writer = try SafetensorsWriter(creating: path, durability: .cached)
    for element in [
      ElementType.number(.complex128), .opaque(OpaqueType(name: "|S3", byteCount: 3)),
      .opaque(OpaqueType(name: "float8_e8m0fnu", byteCount: 2)),
    ] {
      let array = try Self.description(element, [1])
      let error = try #require(throws: FlywheelError.self) {
        try writer.requireRoom(for: array, under: "x")
      }
      #expect(error.code == .unsupported && error.location.tensor == "x")
      #expect(throws: FlywheelError.self) { try writer.announce(["x": array], ArchiveMetadata()) }
    }
    let reserved = try #require(throws: FlywheelError.self) {
      try writer.requireRoom(for: Self.description(.number(.uint8), [1]), under: "__metadata__")
    }
    #expect(reserved.code == .unsupported)
    #expect(writer.hasRoom(for: ArchiveMetadata()) && writer.namesEveryDType)
    #expect(writer.hasRoom(for: .init(attributes: ["": ["a": .string("b")], "x": [:]])))
    #expect(!writer.hasRoom(for: .init(attributes: ["": ["a": .integer(1)]])))
    #expect(!writer.hasRoom(for: .init(attributes: ["x": ["a": .string("b")]])))
    #expect(!writer.hasRoom(for: .init(emptyGroups: ["g"])))
  }

  @Test("What is written must be what was announced, once and whole; else there is no file")
  func mistakes() throws {
    let array = try Self.description(.number(.uint8), [2])
    let other = try Self.description(.number(.int8), [2])
    let mistakes: [(FlywheelError.Code, (SafetensorsWriter) throws -> Void)] = [
      (.invalidArgument, { try $0.write(array, under: "b", crc32: nil) { _ in } }),
      (.invalidArgument, { try $0.write(other, under: "a", crc32: nil) { _ in } }),
      (.mismatch, { try $0.write(array, under: "a", crc32: nil) { _ in } }),
      (.mismatch, { try Self.write([1, 2, 3], as: array, to: $0) }),
      (.mismatch, { try $0.finish() }),
      (
        .alreadyExists,
        { writer in
          for _ in 0..<2 { try Self.write([1, 2], as: array, to: writer) }
        }
      ),
    ]
    for (code, mistake) in mistakes {
      let writer = try SafetensorsWriter(creating: path, durability: .cached)
      try writer.announce(["a": array], ArchiveMetadata())
      let error = try #require(throws: FlywheelError.self) { try mistake(writer) }
      #expect(error.code == code, "\(error)")
      #expect(error.location.path == path)
    }
    #expect(try temporary.names().isEmpty)
  }

  private static func write(
    _ bytes: [UInt8],
    as array: TensorDescription,
    to writer: SafetensorsWriter
  ) throws {
    try writer.write(array, under: "a", crc32: nil) { (body) throws(FlywheelError) in
      try body(bytes.rawBytes)
    }
  }
}
