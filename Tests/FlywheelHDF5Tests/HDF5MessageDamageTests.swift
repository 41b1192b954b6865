import FlywheelCore
import FlywheelTestSupport
import Testing

@testable import FlywheelHDF5

/// Messages that no program writes: each is refused where it is wrong.
@Suite("Damaged messages of HDF5 headers")
struct HDF5MessageDamageTests {
  private typealias Build = StructureBuilder

  private func expect(_ fault: ExpectedFault, _ read: (StoredBytes, FileImage) throws -> Void)
    throws
  {
    let (content, image) = try Build.content(fault.bytes)
    let error = #expect(throws: FlywheelError.self) { try read(content, image) }
    #expect(error?.code == fault.code, "\(error?.description ?? "")")
    #expect(error?.location.byteOffset == fault.offset.map(UInt64.init))
  }

  private static func number(_ values: UInt64...) -> [UInt8] { values.flatMap { Build.le($0) } }

  // MARK: Dataspaces

  static let spaceFaults: [ExpectedFault] = [
    .init("nothing", .truncated, at: 0, []),
    .init("version 0", .unsupported, at: 0, [0, 0, 0, 0]),
    .init("version 3", .unsupported, at: 0, [3, 0, 0, 0]),
    .init("33 axes", .malformed, at: 1, [2, 33, 0, 1] + number(1, 1, 1)),
    .init("255 axes of version 1", .malformed, at: 1, [1, 255, 0, 0, 0, 0, 0, 0]),
    .init("axes that are not there", .truncated, at: 12, [2, 2, 0, 1] + number(1)),
    .init("a scalar with axes", .malformed, at: 1, [2, 1, 0, 0] + number(1)),
    .init("nothing with axes", .malformed, at: 1, [2, 1, 0, 2] + number(1)),
    .init("an unknown kind", .malformed, at: 1, [2, 0, 0, 3]),
    .init("the greatest extent", .limitExceeded, at: 4, [2, 1, 0, 1] + number(.max)),
    .init("extents that overflow", .limitExceeded, at: 4, [2, 2, 0, 1] + number(1 << 32, 1 << 32)),
    .init("an extent above its limit", .malformed, at: 12, [2, 1, 1, 1] + number(5, 4)),
    .init("limits that are not there", .truncated, at: 12, [2, 1, 1, 1] + number(5)),
  ]

  @Test("Dataspaces that cannot be are refused", arguments: spaceFaults)
  func dataspaces(fault: ExpectedFault) throws {
    try expect(fault) { _ = try Dataspace($0, in: $1) }
  }

  // MARK: Datatypes

  private static let int16: [UInt8] = [0x10, 8, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0]
  private static let float32: [UInt8] =
    [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]

  /// A type of 4 bytes before its own fields.
  private static func head(
    _ classAndVersion: UInt8,
    _ bits: UInt32 = 0,
    _ size: UInt32 = 4
  ) -> [UInt8] {
    [classAndVersion] + Build.le(bits).prefix(3) + Build.le(size)
  }

  /// Sequences of sequences, so many levels in all with the integers in the innermost.
  private static func nested(_ levels: Int) -> [UInt8] {
    [UInt8](repeatElement(head(0x19, 0, 16), count: levels - 1).joined()) + int16
  }

  /// The same with compound types, enumerations or arrays, without an end.
  private static func deep(_ level: [UInt8]) -> [UInt8] {
    [UInt8](repeatElement(level, count: 3000).joined())
  }

  private static let accents = "a" + String(repeating: "\u{301}", count: 300)

  static let typeFaults: [ExpectedFault] = [
    .init("nothing", .truncated, at: 0, []),
    .init("version 0", .unsupported, at: 0, head(0x00)),
    .init("version 6", .unsupported, at: 0, head(0x60)),
    .init("class 12", .malformed, at: 0, head(0x1C)),
    .init("no bytes", .malformed, at: 4, head(0x10, 0, 0) + [0, 0, 0, 0]),
    .init("an integer cut off", .truncated, at: 10, head(0x10) + [0, 0, 32]),
    .init("an integer without bits", .malformed, at: 0, head(0x10) + [0, 0, 0, 0]),
    .init("an integer with too many bits", .malformed, at: 0, head(0x10) + [1, 0, 32, 0]),
    .init(
      "a mantissa beyond the number",
      .malformed,
      at: 0,
      head(0x11) + [0, 0, 32, 0, 23, 8, 1, 32, 127, 0, 0, 0]
    ),
    .init(
      "a byte order of no machine",
      .malformed,
      at: 0,
      head(0x11, 0x40) + float32.dropFirst(8)
    ),
    .init("a normalisation of none", .malformed, at: 0, head(0x11, 0x30) + float32.dropFirst(8)),
    .init("a text of unknown padding", .malformed, at: 0, head(0x13, 3)),
    .init("a text of unknown characters", .malformed, at: 0, head(0x13, 0x20)),
    .init("a tag that is longer", .truncated, at: 8, head(0x15, 8) + [1, 2, 3]),
    .init(
      "65,535 members",
      .malformed,
      at: 23,
      head(0x36, 65_535) + Array("a\0".utf8) + [0] + int16
    ),
    .init("no members", .malformed, at: 0, head(0x36)),
    .init("a member without a name's end", .malformed, at: 8, head(0x36, 1) + Array("abc".utf8)),
    .init("a member's name cut off in its padding", .truncated, at: 10, head(0x16, 1) + [97, 0]),
    .init(
      "a member's name that is not UTF-8",
      .malformed,
      at: 8,
      head(0x36, 1) + [0xC3, 0x28, 0, 0] + int16
    ),
    .init(
      "a member's name of accents",
      .limitExceeded,
      at: 8,
      head(0x36, 1) + Array(accents.utf8) + [0, 0] + int16
    ),
    .init("a member beyond its type", .malformed, at: 8, head(0x36, 1) + [97, 0, 3] + int16),
    .init(
      "a member of five axes",
      .malformed,
      at: 20,
      head(0x16, 1) + [97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5] + [UInt8](repeating: 0, count: 40)
    ),
    .init(
      "a member that overflows",
      .limitExceeded,
      at: 8,
      head(0x16, 1) + [97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] + [UInt8](repeating: 0, count: 11)
        + [UInt8](repeating: 0xFF, count: 16) + int16
    ),
    .init("a reference to nothing known", .malformed, at: 0, head(0x47, 5)),
    .init("an enumeration of floats", .malformed, at: 0, head(0x38, 0) + float32),
    .init("an enumeration of another size", .malformed, at: 0, head(0x38, 0) + int16),
    .init("an enumeration without values", .truncated, at: 22, head(0x38, 1, 2) + int16 + [97, 0]),
    .init("65,535 values", .malformed, at: 22, head(0x38, 65_535, 2) + int16 + [97, 0]),
    .init("an unknown sequence", .malformed, at: 0, head(0x19, 2, 16) + int16),
    .init("a text of variable length, unknown", .malformed, at: 0, head(0x19, 0x31, 16) + int16),
    .init("an array without axes", .malformed, at: 0, head(0x3A) + [0] + int16),
    .init("an array of 33 axes", .malformed, at: 0, head(0x3A) + [33] + int16),
    .init("an array with an extent of 0", .malformed, at: 9, head(0x3A) + [1, 0, 0, 0, 0] + int16),
    .init("an array of another size", .malformed, at: 0, head(0x3A) + [1, 3, 0, 0, 0] + int16),
    .init(
      "an array that overflows",
      .limitExceeded,
      at: 0,
      head(0x3A) + [16] + [UInt8](repeating: 0xFF, count: 64) + int16
    ),
    .init("a complex number of integers", .malformed, at: 0, head(0x5B, 1) + int16),
    .init("a complex number of another size", .malformed, at: 0, head(0x5B, 1) + float32),
    .init("a polar complex number", .malformed, at: 0, head(0x5B, 3, 8) + float32),
    .init("33 levels", .limitExceeded, at: 256, nested(33)),
    .init("3000 sequences", .limitExceeded, at: 256, deep(head(0x19, 0, 16))),
    .init("3000 enumerations", .limitExceeded, at: 256, deep(head(0x38, 2, 1))),
    .init("3000 compound types", .limitExceeded, at: 32 * 11, deep(head(0x36, 1) + [97, 0, 0])),
    .init("3000 arrays", .limitExceeded, at: 32 * 13, deep(head(0x3A) + [1, 1, 0, 0, 0])),
  ]

  @Test("Datatypes that cannot be are refused", arguments: typeFaults)
  func datatypes(fault: ExpectedFault) throws {
    try expect(fault) { _ = try Datatype($0, in: $1) }
  }

  @Test("Types lie in one another as deep as the limit")
  func depth() throws {
    let (content, image) = try Build.content(Self.nested(DatatypeReader.depthLimit))
    #expect(try Datatype(content, in: image).words == "sequences of variable length")
  }

  // MARK: Layouts, filters and fill values

  private static func extents(_ extents: UInt32...) -> [UInt8] { extents.flatMap { Build.le($0) } }

  static let layoutFaults: [ExpectedFault] = [
    .init("version 0", .unsupported, at: 0, [0, 1]),
    .init("version 6", .unsupported, at: 0, [6, 1]),
    .init("class 4", .malformed, at: 1, [4, 4]),
    .init("virtual of version 3", .malformed, at: 1, [3, 3] + number(0)),
    .init("class 3 of version 1", .malformed, at: 2, [1, 2, 3, 0, 0, 0, 0, 0] + number(0)),
    .init("compact data that are not there", .truncated, at: 4, [3, 0, 9, 0, 1, 2]),
    .init(
      "old compact data that are not there",
      .truncated,
      at: 16,
      [1, 1, 0, 0, 0, 0, 0, 0] + extents(1, .max) + [1, 2]
    ),
    .init("255 extents", .malformed, at: 1, [1, 255, 0, 0, 0, 0, 0, 0] + extents(1, 1)),
    .init("no extents", .malformed, at: 1, [2, 0, 1, 0, 0, 0, 0, 0] + number(77)),
    .init("contiguous without a size", .truncated, at: 10, [3, 1] + number(77)),
    .init("chunks with one axis", .malformed, at: 2, [3, 2, 1] + number(77) + extents(4)),
    .init("chunks with 34 axes", .malformed, at: 2, [3, 2, 34] + number(77) + extents(4)),
    .init("an extent of 0", .malformed, at: 11, [3, 2, 2] + number(77) + extents(0, 4)),
    .init("no bytes in an element", .malformed, at: 15, [3, 2, 2] + number(77) + extents(4, 0)),
    .init(
      "a chunk that overflows",
      .limitExceeded,
      at: 15,
      [3, 2, 3] + number(77) + extents(.max, .max, 4)
    ),
    .init("extents that are not there", .truncated, at: 15, [3, 2, 3] + number(77) + extents(4)),
    .init("extents of 9 bytes", .malformed, at: 5, [4, 2, 0, 2, 9] + number(1, 1, 1)),
    .init("extents of 0 bytes", .malformed, at: 5, [4, 2, 0, 2, 0] + number(1, 1, 1)),
    .init("the greatest extent", .limitExceeded, at: 13, [4, 2, 0, 2, 8] + number(.max, 4)),
    .init("a chunk index of kind 0", .malformed, at: 7, [4, 2, 0, 2, 1, 4, 4, 0] + number(77)),
    .init("a chunk index of kind 6", .malformed, at: 7, [4, 2, 0, 2, 1, 4, 4, 6] + number(77)),
    .init("an index without a place", .truncated, at: 13, [4, 2, 0, 2, 1, 4, 4, 4, 1, 2, 3, 4, 5]),
    .init("a filtered chunk cut off", .truncated, at: 16, [4, 2, 2, 2, 1, 4, 4, 1] + number(77)),
  ]

  @Test("Layouts that cannot be are refused", arguments: layoutFaults)
  func layouts(fault: ExpectedFault) throws {
    try expect(fault) { _ = try DataLayout($0, in: $1) }
  }

  static let pipelineFaults: [ExpectedFault] = [
    .init("version 3", .unsupported, at: 0, [3, 0]),
    .init("33 filters", .malformed, at: 1, [2, 33]),
    .init("a filter that is not there", .truncated, at: 8, [2, 2, 1, 0, 0, 0, 0, 0]),
    .init(
      "a name that is longer",
      .truncated,
      at: 16,
      [1, 1] + number(0).dropFirst(2) + [1, 0, 8, 0, 0, 0, 0, 0]
    ),
    .init("65,535 values", .truncated, at: 12, [2, 1, 1, 0, 0, 0, 255, 255] + extents(7)),
  ]

  @Test("Pipelines that cannot be are refused", arguments: pipelineFaults)
  func pipelines(fault: ExpectedFault) throws {
    try expect(fault) { _ = try FilterPipeline($0, in: $1) }
  }

  static let fillValueFaults: [ExpectedFault] = [
    .init("version 0", .unsupported, at: 0, [0, 1, 0, 0]),
    .init("version 4", .unsupported, at: 0, [4, 0]),
    .init("a value that is longer", .truncated, at: 6, [3, 0x20, 5, 0, 0, 0, 1, 2, 3, 4]),
    .init("the longest value", .truncated, at: 8, [2, 1, 0, 1, 255, 255, 255, 127, 1]),
  ]

  @Test("Fill values that cannot be are refused", arguments: fillValueFaults)
  func fillValues(fault: ExpectedFault) throws {
    try expect(fault) { _ = try FillValue($0, in: $1) }
  }

  // MARK: Links

  static let linkFaults: [ExpectedFault] = [
    .init("version 2", .unsupported, at: 0, [2, 0, 1, 97] + number(77)),
    .init("type 2", .malformed, at: 2, [1, 8, 2, 1, 97] + number(77)),
    .init("no name", .malformed, at: 3, [1, 0, 0] + number(77)),
    .init("a zero in a name", .malformed, at: 3, [1, 0, 2, 97, 0] + number(77)),
    .init("a name that is not UTF-8", .malformed, at: 3, [1, 0, 1, 0xFF] + number(77)),
    .init("the longest name", .truncated, at: 10, [1, 3] + number(.max) + number(77)),
    .init("an object nowhere", .malformed, at: 4, [1, 0, 1, 97] + number(.max)),
    .init("a target that is longer", .truncated, at: 7, [1, 8, 1, 1, 97, 9, 0, 98]),
    .init("a file without an end", .malformed, at: 8, [1, 8, 64, 1, 97, 3, 0, 0, 98, 99]),
    .init("an external link to nothing", .truncated, at: 7, [1, 8, 64, 1, 97, 0, 0]),
  ]

  @Test("Links that cannot be are refused", arguments: linkFaults)
  func links(fault: ExpectedFault) throws {
    try expect(fault) { _ = try LinkMessage($0, in: $1) }
  }

  // MARK: Attributes and shared messages

  private static let scalar: [UInt8] = [2, 0, 0, 0]

  private static func attribute(
    name: [UInt8] = [97, 0],
    type: [UInt8] = int16,
    space: [UInt8] = scalar,
    data: [UInt8] = [1, 2],
    version: UInt8 = 3,
    flags: UInt8 = 0
  ) -> [UInt8] {
    [version, flags] + Build.le(UInt16(name.count)) + Build.le(UInt16(type.count))
      + Build.le(UInt16(space.count)) + (version == 3 ? [0] : []) + name + type + space + data
  }

  private static func shared(_ version: UInt8, _ type: UInt8, _ address: UInt64) -> [UInt8] {
    [version, type] + [UInt8](repeating: 0, count: version == 1 ? 14 : 0) + Build.le(address)
  }

  /// Attributes in the header at byte 48, whose first message begins at byte 58 and says something at 62.
  static let attributeFaults: [ExpectedFault] = [
    .init("version 4", .unsupported, at: 62, attribute(version: 4)),
    .init("unknown flags", .malformed, at: 63, attribute(flags: 4)),
    .init("a name without an end", .malformed, at: 71, attribute(name: [97, 98])),
    .init("a name that ends early", .malformed, at: 71, attribute(name: [97, 0, 98, 0])),
    .init("a name of nothing", .malformed, at: 71, attribute(name: [])),
    .init("a type that is cut off", .truncated, at: 83, attribute(type: Array(int16.dropLast()))),
    .init("fewer elements", .truncated, at: 89, attribute(data: [1])),
    .init(
      "more elements than memory",
      .truncated,
      at: 97,
      attribute(space: [2, 1, 0, 1] + number(1 << 60))
    ),
    .init(
      "elements that overflow",
      .limitExceeded,
      at: 85,
      attribute(space: [2, 1, 0, 1] + number(1 << 62))
    ),
    .init(
      "a type in its own header",
      .malformed,
      at: 75,
      attribute(type: shared(3, 2, 48), flags: 1)
    ),
    .init("a type nowhere", .malformed, at: 75, attribute(type: shared(3, 2, .max), flags: 1)),
    .init(
      "a type beyond the file",
      .truncated,
      at: 9000,
      attribute(type: shared(2, 0, 9000), flags: 1)
    ),
    .init(
      "a type of an unknown kind",
      .malformed,
      at: 73,
      attribute(type: shared(3, 3, 48), flags: 1)
    ),
    .init(
      "a type of an unknown version",
      .malformed,
      at: 73,
      attribute(type: shared(4, 2, 48), flags: 1)
    ),
    .init(
      "extents in another header",
      .malformed,
      at: 101,
      attribute(space: shared(1, 0, 48), flags: 2)
    ),
  ]

  @Test("Attributes that cannot be are refused", arguments: attributeFaults)
  func attributes(fault: ExpectedFault) throws {
    var builder = Build()
    builder.add(Build.header(Build.message(.attribute, fault.bytes)))
    let structure = try FileStructure(of: try Build.storage(builder.build()))
    let header = try ObjectHeader(at: 48, in: structure.image)
    let message = try #require(header.first(.attribute))
    let error = #expect(throws: FlywheelError.self) {
      try AttributeMessage(try structure.content(of: message), in: structure)
    }
    #expect(error?.code == fault.code, "\(error?.description ?? "")")
    #expect(error?.location.byteOffset == fault.offset.map(UInt64.init))
  }

  @Test("A shared type leads to one header, never further")
  func sharedTypes() throws {
    for version in [1, 2, 3] as [UInt8] {
      var builder = Build()
      let type = builder.add(Build.header(Build.message(.datatype, Self.int16)))
      let reference = Self.shared(version, 2, type)
      let alias = builder.add(Build.header(Build.message(.datatype, reference, flags: 0x02)))
      let structure = try FileStructure(of: try Build.storage(builder.build()))
      let message = try #require(try ObjectHeader(at: alias, in: structure.image).first(.datatype))
      let content = try structure.content(of: message)
      #expect(try Datatype(content, in: structure.image).elementType == .number(.int16))
      let (further, _) = try Build.content(Self.shared(version, 2, alias))
      let error = #expect(throws: FlywheelError.self) {
        try structure.content(of: .datatype, further, isShared: true)
      }
      #expect(error?.code == .malformed)
    }
  }
}
