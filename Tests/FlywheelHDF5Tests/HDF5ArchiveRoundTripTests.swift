import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// What goes in through `ArchiveWriter` comes out through `ArchiveReader`.
@Suite("HDF5 archives")
struct HDF5ArchiveRoundTripTests {
  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("archive.h5")
  }

  static let opaqueTypes = [
    OpaqueType(name: "|S5", byteCount: 5), OpaqueType(name: "|S1", byteCount: 1),
    OpaqueType(name: "|V16", byteCount: 16), OpaqueType(name: "|V2", byteCount: 2),
    OpaqueType(name: "<M8[ns]", byteCount: 8), OpaqueType(name: ">M8[25s]", byteCount: 8),
    OpaqueType(name: "<m8[D]", byteCount: 8), OpaqueType(name: "<U3", byteCount: 12),
  ]
  static let elements =
    DType.allCases.map(ElementType.number) + opaqueTypes.map(ElementType.opaque)

  /// Bytes that any type can have.
  static func bytes(_ description: TensorDescription) -> [UInt8] {
    (0..<description.byteCount).map { UInt8(truncatingIfNeeded: $0 % 2) }
  }

  /// Writes bytes in pieces of a size that divides nothing.
  static func write(
    _ description: TensorDescription,
    _ bytes: [UInt8],
    under key: String,
    to writer: HDF5ArchiveWriter,
    pieces: Int = 7
  ) throws {
    try writer.write(description, under: key, crc32: nil) { (body) throws(FlywheelError) in
      for start in stride(from: 0, to: bytes.count, by: pieces) {
        let piece = Array(bytes[start..<min(bytes.count, start + pieces)])
        try body(piece.rawBytes)
      }
    }
  }

  static func read(_ key: String, from reader: HDF5ArchiveReader) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try reader.read(key) { (piece) throws(FlywheelError) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  @Test("Every type of elements comes back as it was, of every shape", arguments: elements)
  func everyType(element: ElementType) throws {
    let shapes = [[], [0], [5], [2, 3], [3, 0, 2], [2, 3, 4]]
    let descriptions = try shapes.map {
      try TensorDescription(element: element, shape: Shape($0))
    }
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    for (index, description) in descriptions.enumerated() {
      try Self.write(description, Self.bytes(description), under: "a/\(index)", to: writer)
    }
    try writer.finish()
    let reader = try HDF5ArchiveReader(opening: path)
    #expect(try reader.members().map(\.key) == shapes.indices.map { "a/\($0)" })
    for (index, description) in descriptions.enumerated() {
      let key = "a/\(index)"
      let member = try #require(try reader.member(key))
      #expect(try member.array() == description)
      #expect(member.storage == "")
      #expect(try Self.read(key, from: reader) == Self.bytes(description))
      guard element.dtype == nil else {
        let tensor = try #require(try reader.tensor(key))
        #expect(HDF5RoundTripTests.bytes(of: tensor) == Self.bytes(description))
        continue
      }
      let error = #expect(throws: FlywheelError.self) { try reader.tensor(key) }
      #expect(error?.code == .unsupported)
    }
    #expect(try reader.metadata().attributes.isEmpty)
    #expect(try reader.metadata().obstacles.isEmpty)
  }

  @Test("Names that are there are found, in one spelling; others are not")
  func names() throws {
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    try writer.write(try Tensor(vector: [1] as [Float]), under: "a/b")
    try writer.finish()
    let reader = try HDF5ArchiveReader(opening: path)
    #expect(reader.path == path)
    #expect(try reader.member("a/b")?.key == "a/b")
    for name in ["", "a", "b", "/a/b", "a//b", "a/b/", ".", "a/b/c", "a\0"] {
      #expect(try reader.member(name) == nil, "\(name)")
      #expect(try reader.tensor(name) == nil, "\(name)")
      #expect(throws: FlywheelError.self) { try Self.read(name, from: reader) }
    }
    #expect(try reader.tensors(["a/b", "c"]).map { $0?.byteCount } == [4, nil])
  }

  @Test("What HDF5 cannot hold is refused by name, before anything is written")
  func room() throws {
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    let number = TensorDescription(of: try Tensor(vector: [1] as [Float]))
    func refused(
      _ key: String,
      _ words: String,
      _ description: TensorDescription,
      _ location: SourceLocation = #_sourceLocation
    ) {
      let error = #expect(throws: FlywheelError.self, sourceLocation: location) {
        try writer.requireRoom(for: description, under: key)
      }
      #expect(error?.code == .unsupported, sourceLocation: location)
      #expect(error?.message.contains(words) == true, sourceLocation: location)
      #expect(error?.location == .init(path: path, tensor: key), sourceLocation: location)
    }
    for key in ["", "/a", "a/", "a//b", ".", "a/..", "../a", "./a"] {
      refused(key, "between slashes", number)
    }
    refused("a\0b", "NUL", number)
    try writer.requireRoom(for: number, under: "a/b/c")
    try writer.requireRoom(for: number, under: "a/b/c")
    refused("a", "below it", number)
    refused("a/b", "below it", number)
    refused("a/b/c/d", "'a/b/c' is an array", number)
    let axes = try Shape([Int](repeating: 1, count: 33))
    refused("axes", "33 axes", try TensorDescription(element: .number(.bool), shape: axes))
    for (name, size) in [
      ("|S0", 0), ("|V0", 0), ("<U0", 0), ("<U3", 3), ("|S4", 5), ("<M8", 8), ("<M8[s", 8),
      ("[('a', '<i4')]", 4), ("<f16", 16), ("|O", 8), ("", 1), ("<U03", 12), ("<M4[s]", 4),
    ] {
      let element = ElementType.opaque(OpaqueType(name: name, byteCount: size))
      refused("type", "numpy's \(name)", try TensorDescription(element: element, shape: .scalar))
    }
  }

  @Test("More or fewer bytes than described are a mismatch, and a name is written once")
  func mismatch() throws {
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    let description = try TensorDescription(element: .number(.int16), shape: Shape(vector: 3))
    for (index, count) in [0, 5, 7, 100].enumerated() {
      let error = #expect(throws: FlywheelError.self) {
        let bytes = [UInt8](repeating: 1, count: count)
        try Self.write(description, bytes, under: "\(index)", to: writer)
      }
      #expect(error?.code == .mismatch)
      #expect(error?.location == .init(path: path, tensor: "/\(index)"))
    }
    let error = #expect(throws: FlywheelError.self) {
      try Self.write(description, [UInt8](repeating: 1, count: 6), under: "0", to: writer)
    }
    #expect(error?.code == .alreadyExists)
    let truth = try TensorDescription(element: .number(.bool), shape: Shape(vector: 9))
    let odd = #expect(throws: FlywheelError.self) {
      try Self.write(truth, [0, 1, 0, 1, 0, 1, 0, 1, 2], under: "truth", to: writer)
    }
    #expect(odd?.message.contains("as element 8") == true)
  }

  @Test("A file that is not finished leaves nothing")
  func dropped() throws {
    do {
      let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
      try writer.write(try Tensor(vector: [1] as [Float]), under: "a")
      #expect(try FileSystem.names(in: directory.path).count == 1)
    }
    #expect(try FileSystem.names(in: directory.path) == [])
  }

  @Test("Attributes and empty groups come back, numbers with their types")
  func metadata() throws {
    var written = ArchiveMetadata(emptyGroups: ["empty", "nested/empty"])
    written.attributes[""] = [
      "double": .double(0.5), "integer": .integer(-3), "text": .string("Größe"),
      "texts": .strings(["a", "", "bc"]),
    ]
    written.attributes["a"] = ["flag": .tensor(try Tensor(vector: [1, 2] as [Int16]))]
    written.attributes["a/half"] = [
      "dtype": .string("something else"),
      "one": .tensor(try Tensor([3] as [UInt8], shape: .scalar)),
      "single": .tensor(try Tensor([0.25] as [Float], shape: .scalar)),
    ]
    written.attributes["empty"] = ["why": .string("to be filled")]
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    #expect(writer.holdsMetadata)
    try writer.write(try HDF5RoundTripTests.tensor(.float16, [3]), under: "a/half")
    try writer.write(try HDF5RoundTripTests.tensor(.bfloat16, [3]), under: "a/brain")
    try writer.write(written)
    try writer.finish()
    let read = try HDF5ArchiveReader(opening: path).metadata()
    #expect(read.attributes == written.attributes)
    #expect(read.emptyGroups == written.emptyGroups)
    #expect(read.obstacles == [])
  }

  @Test("Attributes of what is no array are those of a group")
  func attributesOfGroups() throws {
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    let written = ArchiveMetadata(attributes: ["a/group": ["a": .integer(1)]])
    try writer.write(written)
    try writer.finish()
    let read = try HDF5ArchiveReader(opening: path).metadata()
    #expect(read.attributes == written.attributes)
  }

  @Test("What only HDF5 can hold is an obstacle, by name")
  func obstacles() throws {
    do {
      let file = ForeignFile(path)
      let type = HDF5Library.type(of: .int32)
      file.add("data", type, [2], [1, 0, 0, 0, 2, 0, 0, 0])
      unsafe H5Lcreate_soft("/data", file.id, "soft", 0, 0)
      unsafe H5Lcreate_external("other.h5", "/x", file.id, "external", 0, 0)
      unsafe H5Lcreate_hard(file.id, "data", file.id, "twin", 0, 0)
      let named = H5Tcopy(type)
      unsafe H5Tcommit2(file.id, "type", named, 0, 0, 0)
      H5Tclose(named)
      let compound = H5Tcreate(H5T_COMPOUND, 4)
      unsafe H5Tinsert(compound, "a", 0, type)
      file.addAttribute("record", compound, [1, 2, 3, 4])
      H5Tclose(compound)
      let group = unsafe H5Gcreate2(file.id, "links", 0, 0, 0)
      unsafe H5Lcreate_soft("/data", group, "soft", 0, 0)
      H5Gclose(group)
    }
    let reader = try HDF5ArchiveReader(opening: path)
    #expect(try reader.members().map(\.key) == ["data"])
    let metadata = try reader.metadata()
    #expect(metadata.emptyGroups == ["links"])
    let words = metadata.obstacles.map { "\($0.name) \($0.reason)" }
    #expect(
      Set(words) == [
        "the attribute 'record' of / holds a compound type of 4 bytes",
        "/soft is a link to /data", "/external is a link to /x in the file other.h5",
        "/twin is another name of /data", "/type is a datatype with a name",
        "/links/soft is a link to /data",
      ]
    )
  }

  @Test("Files of other programs are listed whole", arguments: HDF5ArchiveTests.names)
  func foreign(name: String) throws {
    let file = try HDF5File(opening: HDF5ArchiveTests.directory.appending(name))
    let reader = try HDF5ArchiveReader(opening: HDF5ArchiveTests.directory.appending(name))
    let members = try reader.members()
    #expect(try members.map { "/\($0.key)" } == file.allDatasets().map(\.path))
    _ = try reader.metadata()
    for member in members {
      guard case .unreadable(let type, _, let reason) = member.content else {
        let bytes = try Self.read(member.key, from: reader)
        #expect(try bytes.count == member.array().byteCount)
        guard try member.array().element.dtype != nil else { continue }
        let tensor = try #require(try reader.tensor(member.key))
        #expect(HDF5RoundTripTests.bytes(of: tensor) == bytes, "\(member.key)")
        continue
      }
      #expect(reason.code == .unsupported)
      #expect(!type.isEmpty)
    }
  }

  @Test("Attributes that HDF5 cannot hold are named, and only then left out")
  func attributesWithoutRoom() throws {
    let half = try Tensor(vector: [1, 2] as [Float]).converted(to: .bfloat16)
    let misfits: OrderedDictionary<String, (value: AttributeValue, reason: String)> = [
      "half": (.tensor(half), "holds bfloat16, which HDF5 has no name for; write a dataset"),
      "long": (
        .string(String(repeating: "x", count: 60_001)),
        "has 60001 bytes, and at most 60000 are written; write a dataset"
      ),
      "wide": (
        .strings([String(repeating: "x", count: 20_001), "", ""]),
        "has 60003 bytes, and at most 60000 are written; write a dataset"
      ),
      "large": (
        .tensor(try Tensor(vector: [Double](repeating: 1, count: 7_501))),
        "has 60008 bytes, and at most 60000 are written; write a dataset"
      ),
      "zero": (
        .strings(["a", "b\0c"]), "holds a NUL character, which ends texts in HDF5; remove it"
      ),
      "": (.integer(1), "has a name that HDF5 cannot hold; choose another"),
      "a\0b": (.integer(1), "has a name that HDF5 cannot hold; choose another"),
    ]
    var attributes = misfits.mapValues(\.value)
    attributes["fits"] = .tensor(try Tensor(vector: [Double](repeating: 1, count: 7_500)))
    let metadata = ArchiveMetadata(attributes: ["": attributes, "w": attributes])
    let tensor = try Tensor(vector: [1] as [Float])
    // A caller who does not ask is told.
    let careless = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    try careless.write(tensor, under: "w")
    for (name, misfit) in misfits {
      let one = ArchiveMetadata(attributes: ["w": [name: misfit.value]])
      let error = #expect(throws: FlywheelError.self) { try careless.write(one) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message == "The attribute '\(name)' \(misfit.reason).")
      #expect(error?.location.tensor == "/w")
    }
    let writer = try HDF5ArchiveWriter(replacing: path, durability: .cached)
    try writer.write(tensor, under: "w")
    let obstacles = writer.obstacles(to: metadata)
    #expect(obstacles.map(\.reason) == misfits.values.map(\.reason) + misfits.values.map(\.reason))
    #expect(obstacles.first?.name == "the attribute 'half'")
    #expect(obstacles.last?.name == "the attribute 'a\0b' of 'w'")
    #expect(obstacles.map(\.key) == misfits.map { _ in "" } + misfits.map { _ in "w" })
    try writer.write(metadata)
    try writer.finish()
    let found = try HDF5ArchiveReader(opening: path).metadata()
    #expect(found.attributes.mapValues { Array($0.keys) } == ["": ["fits"], "w": ["fits"]])
    #expect(found.obstacles.isEmpty)
  }
}
