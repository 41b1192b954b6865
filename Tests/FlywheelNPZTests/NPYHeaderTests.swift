import FlywheelCore
import Testing

@testable import FlywheelNPZ

@Suite(".npy headers")
struct NPYHeaderTests {
  private static func header(_ bytes: [UInt8]) throws -> NPYHeader {
    try NPYHeader(parsing: bytes.rawBytes)
  }

  @Test(
    "Each of numpy's is understood, and said again in the same bytes",
    arguments: Fixtures.names
  )
  func golden(name: String) throws {
    let bytes = try Fixtures.bytes(name)
    let header = try Self.header(bytes)
    #expect(header.bytes == Array(bytes[..<header.byteCount]))
    #expect(header.byteCount + header.array.byteCount == bytes.count)
    #expect(header.isBigEndian == (name.hasSuffix("big") && !name.hasPrefix("opaque")))
    #expect(header.isFortranOrder == name.contains("fortran"))
  }

  @Test(
    "What numpy never writes but means the same is taken",
    arguments: [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
      " \t{\"shape\" : (2,3,) ,\n\"fortran_order\":False,'descr':'f4'} \n\n ",
      "{'descr': '=f4', 'fortran_order': False, 'shape': (2L, 3L), }",
      "{'descr': '|f4', 'fortran_order': False, 'shape': (2, 3), }",
      "{'descr': 'float32', 'fortran_order': False, 'shape': (2, 3), }",
      "{'descr': 'f', 'fortran_order': False, 'shape': (2, 3), }",
      "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (2, 3), }",
    ]
  )
  func variants(text: String) throws {
    let header = try Self.header(npy(text))
    #expect(header.array.element == .number(.float32))
    #expect(header.array.shape.extents == [2, 3])
    #expect(!header.isFortranOrder && !header.isBigEndian)
  }

  @Test(
    "Names of types become numpy's own",
    arguments: [
      ("'b1'", "bool", 1), ("'?'", "bool", 1), ("'<i1'", "int8", 1), ("'>u1'", "uint8", 1),
      ("'i8'", "int64", 8), ("'<f1'", "float8_e5m2", 1), ("'c16'", "complex128", 16),
      ("'bfloat16'", "bfloat16", 2), ("'<S5'", "|S5", 5), ("'S'", "|S0", 0), ("'U3'", "<U3", 12),
      ("'>U3'", ">U3", 12), ("'=U3'", "<U3", 12), ("'V16'", "|V16", 16), ("'<V2'", "<V2", 2),
      ("'M8[1s]'", "<M8[s]", 8), ("'>m8[25us]'", ">m8[25us]", 8), ("'M8'", "<M8", 8),
      ("'M8[generic]'", "<M8", 8), ("'<f16'", "<f16", 16), ("'f12'", "<f12", 12),
      ("'>c32'", ">c32", 32),
      ("[('a','f4'),]", "[('a', '<f4')]", 4), ("[]", "[]", 0),
      (
        "[(('t','a'), '=i2', (2,3)), ('b', [('c','|b1')], (0,))]",
        "[(('t', 'a'), '<i2', (2, 3)), ('b', [('c', '|b1')], (0,))]", 12
      ),
      ("[('a', ('<i2', (2,)), (3,))]", "[('a', ('<i2', (2,)), (3,))]", 12),
      (
        "[('', '|V3'), ('', '|V4'), (\"it's\", '<f1')]",
        "[('', '|V3'), ('', '|V4'), (\"it's\", '<f1')]", 8
      ),
    ] as [(String, String, Int)]
  )
  func types(descr: String, name: String, byteCount: Int) throws {
    let header = try Self.header(npy(descr: descr, shape: "()"))
    #expect("\(header.array.element)" == name)
    #expect(header.array.element.byteCount == byteCount)
  }

  @Test("A long one is in the second version, as numpy's")
  func versions() throws {
    let fields = (0..<4_000).map { place in
      let digits = String(place)
      return "('field" + String(repeating: "0", count: 4 - digits.utf8.count) + digits + "', '<f4')"
    }
    let type = OpaqueType(name: "[\(fields.joined(separator: ", "))]", byteCount: 16_000)
    let header = try NPYHeader(TensorDescription(element: .opaque(type), shape: Shape([0])))
    let bytes = header.bytes
    #expect(bytes.count == 88_128)
    #expect(bytes[6] == 2)
    #expect(CRC32.checksum(bytes.rawBytes) == 0xDB40_5461)
    #expect(try Self.header(bytes) == header)
  }

  @Test(
    "What a .npy file cannot hold is refused",
    arguments: [
      ElementType.opaque(OpaqueType(name: "<f4", byteCount: 4)),
      .opaque(OpaqueType(name: "|S5", byteCount: 6)),
      .opaque(OpaqueType(name: "U3", byteCount: 12)),
      .opaque(OpaqueType(name: "|O", byteCount: 8)),
      .opaque(OpaqueType(name: "enum", byteCount: 1)),
      .opaque(OpaqueType(name: "[('a', '<f4'), ]", byteCount: 4)),
      .opaque(OpaqueType(name: "[('a', '<f4')", byteCount: 4)),
    ]
  )
  func unsupported(element: ElementType) throws {
    let array = try TensorDescription(element: element, shape: Shape([1]))
    #expect { try NPYHeader(array) } throws: { ($0 as? FlywheelError)?.code == .unsupported }
  }

  /// A header that is refused: its text, why, and where in the file.
  struct Refusal: CustomTestStringConvertible {
    let text: String
    let code: FlywheelError.Code
    let offset: UInt64
    var version: UInt8 = 1

    var testDescription: String { String(text.prefix(60)) }
  }

  static let refusals: [Refusal] = [
    .init(text: "", code: .malformed, offset: 10),
    .init(text: "   \n", code: .malformed, offset: 14),
    .init(text: "[]", code: .malformed, offset: 10),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)",
      code: .malformed,
      offset: 64
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\0",
      code: .malformed,
      offset: 65
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}{}",
      code: .malformed,
      offset: 65
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} # x",
      code: .malformed,
      offset: 66
    ),
    .init(text: "{'descr': '<f4', 'fortran_order': False}", code: .malformed, offset: 10),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}",
      code: .malformed,
      offset: 64
    ),
    .init(
      text: "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 27
    ),
    .init(text: "{1: '<f4', 'fortran_order': False, 'shape': ()}", code: .malformed, offset: 11),
    .init(text: "{'descr' '<f4'}", code: .malformed, offset: 19),
    .init(text: "{'descr': '<f4' 'fortran_order': False}", code: .malformed, offset: 26),
    .init(
      text: "{'descr': '<f' '4', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 25
    ),
    .init(text: "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", code: .malformed, offset: 44),
    .init(
      text: "{'descr': '<f4', 'fortran_order': false, 'shape': ()}",
      code: .malformed,
      offset: 44
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': Falsely, 'shape': ()}",
      code: .malformed,
      offset: 49
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': 4}",
      code: .malformed,
      offset: 60
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (4)}",
      code: .malformed,
      offset: 62
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': [4]}",
      code: .malformed,
      offset: 60
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': None}",
      code: .malformed,
      offset: 60
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (4, -1)}",
      code: .malformed,
      offset: 64
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}",
      code: .malformed,
      offset: 61
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (4.0,)}",
      code: .malformed,
      offset: 62
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (0x4,)}",
      code: .malformed,
      offset: 62
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (1_0,)}",
      code: .malformed,
      offset: 62
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (04,)}",
      code: .malformed,
      offset: 61
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (4L,)}",
      code: .malformed,
      offset: 64,
      version: 3
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
      code: .malformed,
      offset: 61
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
      code: .limitExceeded,
      offset: 61
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
      code: .limitExceeded,
      offset: 60
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}",
      code: .limitExceeded,
      offset: 60
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': ("
        + String(repeating: "1,", count: 65) + ")}",
      code: .limitExceeded,
      offset: 60
    ),
    .init(text: String(repeating: "(", count: 65), code: .limitExceeded, offset: 74),
    .init(
      text: "{'descr': '|O', 'fortran_order': False, 'shape': ()}",
      code: .unsupported,
      offset: 20
    ),
    .init(
      text: "{'descr': 'object', 'fortran_order': False, 'shape': ()}",
      code: .unsupported,
      offset: 20
    ),
    .init(
      text: "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': ()}",
      code: .unsupported,
      offset: 27
    ),
    .init(text: "{'descr': 4, 'fortran_order': False, 'shape': ()}", code: .malformed, offset: 20),
    .init(text: "{'descr': '', 'fortran_order': False, 'shape': ()}", code: .malformed, offset: 20),
    .init(
      text: "{'descr': '<', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': '<i3', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': 'l', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': '<f4x', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': '<M4[s]', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': '<M8[x]', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': '<M8[0s]', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': '|S99999999999999999999', 'fortran_order': False, 'shape': ()}",
      code: .limitExceeded,
      offset: 20
    ),
    .init(
      text: "{'descr': [('" + String(repeating: "\\u0301", count: 257)
        + "', '<f4')], 'fortran_order': False, 'shape': ()}",
      code: .limitExceeded,
      offset: 22
    ),
    .init(
      text: "{'descr': '<U4611686018427387904', 'fortran_order': False, 'shape': ()}",
      code: .limitExceeded,
      offset: 20
    ),
    .init(
      text: "{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': ['<f4'], 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 21
    ),
    .init(
      text: "{'descr': [('a',)], 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 21
    ),
    .init(
      text: "{'descr': [('a', '<f4', 2)], 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 34
    ),
    .init(
      text: "{'descr': [('a', '<f4'), ('a', '<f4')], 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 36
    ),
    .init(
      text: "{'descr': [(3, '<f4')], 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 22
    ),
    .init(text: "{'descr': '<f4", code: .malformed, offset: 24),
    .init(
      text: "{'descr': '<f\n4', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 23
    ),
    .init(
      text: "{'descr': '<f\\q4', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 23
    ),
    .init(
      text: "{'descr': '\\ud800', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 21
    ),
    .init(
      text: "{'descr': u'<f4', 'fortran_order': False, 'shape': ()}",
      code: .malformed,
      offset: 20
    ),
    .init(
      text: "{'descr': '<f4', 'fortran_order': False, 'shape': ()}\u{A0}",
      code: .malformed,
      offset: 65,
      version: 3
    ),
  ]

  @Test(
    "What numpy refuses, or takes but never writes, is refused at its place",
    arguments: refusals
  )
  func refused(refusal: Refusal) throws {
    let bytes = npy(refusal.text, version: refusal.version)
    let error = try #require(throws: FlywheelError.self) { _ = try Self.header(bytes) }
    #expect(error.code == refusal.code, "\(error)")
    #expect(error.location.byteOffset == refusal.offset, "\(error)")
  }

  @Test(
    "Other files and versions are refused",
    arguments: [
      ([], .truncated, 0), ([0x93], .truncated, 1), ([0x93, 0x4E, 0x55, 0x4D], .truncated, 4),
      ([0x93, 0x4E, 0x55, 0x4E, 0x50, 0x59, 1, 0], .malformed, 3),
      ([0x50, 0x4B, 3, 4], .malformed, 0),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], .truncated, 6),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 4, 0, 0, 0, 0, 0], .unsupported, 6),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 1, 0, 0, 0, 0], .unsupported, 6),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 0, 0, 0, 0, 0, 0], .unsupported, 6),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 2], .truncated, 8),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 2, 0, 0x7B], .truncated, 10),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 2, 0, 2, 0], .truncated, 8),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 2, 0, 1, 0, 16, 0], .limitExceeded, 8),
      ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 3, 0, 0xFF, 0xFF, 0xFF, 0xFF], .limitExceeded, 8),
    ] as [([UInt8], FlywheelError.Code, UInt64)]
  )
  func preamble(bytes: [UInt8], code: FlywheelError.Code, offset: UInt64) throws {
    let error = try #require(throws: FlywheelError.self) { _ = try Self.header(bytes) }
    #expect(error.code == code, "\(error)")
    #expect(error.location.byteOffset == offset, "\(error)")
  }

  @Test("Text of the third version is UTF-8")
  func utf8() throws {
    let text = Array("{'descr': [('".utf8) + [0xC3, 0x28] + Array("', '<f4')]}".utf8)
    let error = try #require(throws: FlywheelError.self) {
      _ = try Self.header(npy(text: text, version: 3))
    }
    #expect(error.code == .malformed)
    #expect(error.location.byteOffset == 25)
  }
}
