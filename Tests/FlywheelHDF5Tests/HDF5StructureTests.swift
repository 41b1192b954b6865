import FlywheelCore
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// What h5py wrote for several versions of the format: it says at which address each header is, and what it holds.
@Suite("Structures of HDF5 files")
struct HDF5StructureTests {
  static let folder = FilePath(#filePath).removingLastComponent()
    .removingLastComponent().appending("Fixtures/hdf5/structures")

  static let versions = ["earliest", "v108", "v110", "v200"]

  static func open(_ version: String) throws -> FileStructure {
    let path = folder.appending(version + ".h5")
    return try FileStructure(of: TensorStorage(mapping: try MappedFile(path: path)))
  }

  /// All bytes of a version's file.
  static func bytes(_ version: String) throws -> [UInt8] {
    try OpenFile.contents(of: folder.appending(version + ".h5"))
  }

  /// Where headers are of types, datasets and a group with attributes.
  static func addresses(_ version: String) throws -> [Int] {
    let expected = try expectation(version)
    let all = expected["types"].array + expected["datasets"].array + [expected["attributes"]]
    return all.map { Int($0["address"].address) }
  }

  /// What h5py says of a version's file.
  private static func expectation(_ version: String) throws -> Expectation {
    let bytes = try OpenFile.contents(of: folder.appending("expected.json"))
    return Expectation(try JSONValue(parsing: bytes))[version]
  }

  @Test("Superblocks of all versions say where the root is", arguments: versions)
  func superblock(version: String) throws {
    let structure = try Self.open(version)
    let superblock = structure.superblock
    #expect(superblock.version == ["earliest": 0, "v108": 2, "v110": 3, "v200": 3][version])
    #expect(superblock.image.baseAddress == (version == "v108" ? 512 : 0))
    #expect(superblock.endOfFile == UInt64(superblock.image.storage.byteCount))
    let root = try ObjectHeader(at: superblock.rootAddress, in: structure.image)
    let isOld = version == "earliest"
    #expect((root.first(.symbolTable) != nil) == isOld)
    #expect((root.first(.linkInfo) != nil) == !isOld)
    if let message = root.first(.symbolTable) {
      let table = try SymbolTableMessage(message.content(in: structure.image), in: structure.image)
      #expect(table.treeAddress < superblock.endOfFile && table.heapAddress < superblock.endOfFile)
    }
    if let message = root.first(.linkInfo) {
      let info = try LinkInfo(message.content(in: structure.image), in: structure.image)
      // There are too many for the header.
      #expect(info.heapAddress != nil && info.nameIndexAddress != nil)
      #expect(info.orderIndexAddress == nil && !info.tracksOrder)
    }
  }

  @Test("Types of all classes are read, or refused in words", arguments: versions)
  func types(version: String) throws {
    let structure = try Self.open(version)
    let types = try Self.expectation(version)["types"].array
    #expect(types.count > 50)
    for (index, expected) in types.enumerated() {
      let header = try ObjectHeader(at: expected["address"].address, in: structure.image)
      let message = try #require(header.first(.datatype))
      let type = try Datatype(try structure.content(of: message), in: structure.image)
      #expect(type.byteCount == expected["byteCount"].integer, "type \(index)")
      #expect(type.elementType?.description == expected["element"].string, "type \(index): \(type)")
      #expect(type.isBigEndian == expected["isBigEndian"].bool, "type \(index)")
      if let words = expected["words"].string { #expect(type.words == words, "type \(index)") }
    }
  }

  @Test("Extents, layouts, filters and fill values are what h5py says", arguments: versions)
  func datasets(version: String) throws {
    let structure = try Self.open(version)
    let datasets = try Self.expectation(version)["datasets"].array
    #expect(datasets.count == 14)
    for (index, expected) in datasets.enumerated() {
      let header = try ObjectHeader(at: expected["address"].address, in: structure.image)
      let space = try Dataspace(
        try #require(header.first(.dataspace)).content(in: structure.image),
        in: structure.image
      )
      #expect(space.shape?.extents == expected["shape"].integers, "dataset \(index)")
      let limits = space == .null ? nil : space.limits.map { JSONValue($0) }
      #expect(limits == expected["limits"].values, "dataset \(index)")
      let pipeline = try header.first(.filterPipeline).map {
        try FilterPipeline(try structure.content(of: $0), in: structure.image)
      }
      let filters = (pipeline?.filters ?? []).map { Self.summary($0) }
      #expect(filters == expected["filters"].values, "dataset \(index)")
      let fill = try FillValue(of: header, in: structure).bytes.map { Self.hex($0) }
      #expect(fill == expected["fill"].string, "dataset \(index)")
      let layout = try DataLayout(
        try #require(header.first(.layout)).content(in: structure.image),
        in: structure.image
      )
      try check(layout, structure, expected, "dataset \(index)")
    }
  }

  private func check(
    _ layout: DataLayout,
    _ structure: FileStructure,
    _ expected: Expectation,
    _ name: Comment
  ) throws {
    switch layout {
    case .compact(let bytes):
      #expect(expected["layout"].string == "compact", name)
      #expect(bytes.count == 12, name)
    case .contiguous(let address, let byteCount):
      #expect(expected["layout"].string == "contiguous", name)
      // h5py says where in the file it is.
      let offset = address.map { Int($0) + structure.image.baseAddress }
      #expect(offset == expected["offset"].integer, name)
      if offset != nil { #expect(byteCount == 24, name) }
    case .chunked(let chunked):
      #expect(expected["layout"].string == "chunked", name)
      #expect(chunked.chunk == expected["chunk"].integers, name)
      #expect(chunked.elementByteCount == 4, name)
      #expect(chunked.filtersPartialEdges, name)
      #expect("\(chunked.index)".prefix { $0 != "(" } == expected["index"].string ?? "", name)
    case .virtual: Issue.record("a virtual dataset")
    }
  }

  private static func summary(_ filter: PipelineFilter) -> JSONValue {
    .array([
      JSONValue(filter.id), JSONValue(filter.isOptional ? 1 : 0),
      .array(filter.values.map { JSONValue(Int($0)) }),
    ])
  }

  @Test("Attributes are read, shared types too", arguments: versions)
  func attributes(version: String) throws {
    let structure = try Self.open(version)
    let expected = try Self.expectation(version)["attributes"]
    let header = try ObjectHeader(at: expected["address"].address, in: structure.image)
    #expect(!header.tracksAttributeOrder)
    let messages = header.messages.filter { $0.kind == .attribute }
    #expect(messages.count == 5)
    for message in messages {
      let attribute = try AttributeMessage(try structure.content(of: message), in: structure)
      let values = expected["attributes"][attribute.name].array
      #expect(attribute.dataspace.shape?.extents == values[0].integers, "\(attribute.name)")
      #expect(attribute.datatype.byteCount == values[1].integer, "\(attribute.name)")
      if let bytes = values[2].string { #expect(Self.hex(attribute.data) == bytes) }
    }
  }

  @Test("Compact links lead to objects, paths and other files", arguments: versions.dropFirst())
  func links(version: String) throws {
    let structure = try Self.open(version)
    let address = try Self.expectation(version)["links"].address
    let header = try ObjectHeader(at: address, in: structure.image)
    let links = try header.messages.filter { $0.kind == .link }
      .map { try LinkMessage($0.content(in: structure.image), in: structure.image) }
      .sorted { $0.name < $1.name }
    let targets: [LinkTarget] = [
      .external(file: "other.h5", path: "/there"), .object(address: address), .soft("/some/where"),
    ]
    #expect(links.map(\.name) == ["außen", "hard", "soft"])
    #expect(links.map(\.target) == targets)
    #expect(links.allSatisfy { $0.order == nil })
  }

  static func hex(_ bytes: StoredBytes) -> String {
    let digits = Array("0123456789abcdef")
    return unsafe bytes.span.withUnsafeBytes { bytes in
      unsafe String(bytes.flatMap { [digits[Int($0) / 16], digits[Int($0) % 16]] })
    }
  }
}

extension JSONValue {
  fileprivate init(_ limit: Int?) {
    self = limit.map { JSONValue($0) } ?? .null
  }
}

/// A part of what is expected; nil where there is null.
private struct Expectation {
  let value: JSONValue

  init(_ value: JSONValue) {
    self.value = value
  }

  subscript(name: String) -> Expectation {
    guard case .object(let members) = value, let member = members[name] else {
      return Expectation(.null)
    }
    return Expectation(member)
  }

  var values: [JSONValue]? {
    guard case .array(let values) = value else { return nil }
    return values
  }

  var array: [Expectation] { (values ?? []).map { Expectation($0) } }

  var integer: Int? {
    guard case .integer(let integer) = value else { return nil }
    return Int(integer)
  }

  var integers: [Int]? {
    guard case .array = value else { return nil }
    return array.compactMap(\.integer)
  }

  var address: UInt64 { UInt64(integer ?? 0) }

  var string: String? {
    guard case .string(let string) = value else { return nil }
    return string
  }

  var bool: Bool? {
    guard case .bool(let bool) = value else { return nil }
    return bool
  }
}
