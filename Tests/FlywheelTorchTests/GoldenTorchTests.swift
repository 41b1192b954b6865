import FlywheelCore
import OrderedCollections
import Testing

@testable import FlywheelTorch

/// Files of PyTorch, old and new, against what PyTorch finds in them.
@Suite("Files of PyTorch")
struct GoldenTorchTests {
  private static func bytes(_ span: RawSpan) -> [UInt8] {
    unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test("give the tensors that PyTorch gives", arguments: TorchFixtures.names, [true, false])
  func tensors(name: String, verifies: Bool) throws {
    let file = try TorchFile(path: TorchFixtures.path(name), verifiesChecksums: verifies)
    var expected = try TorchFixtures.expected(name)
    var tensors = try expected.object("tensors")
    let members = try file.members()
    #expect(members.map(\.key) == tensors.names)
    for member in members {
      var row = try tensors.object(member.key)
      let (dtype, shape) = (try row.string("dtype"), try Shape(row.integers("shape")))
      let elements = try row.string("bytes")
      let array = try member.array()
      #expect(array.shape == shape, "\(member.key)")
      #expect(
        array.element.dtype?.rawValue == dtype
          || array.element.dtype == nil && member.storage.contains(dtype),
        "\(member.key)"
      )
      var pieces: [UInt8] = []
      try file.read(member.key) { (piece) throws(FlywheelError) in pieces += Self.bytes(piece) }
      #expect(Self.hexadecimal(pieces) == elements, "\(member.key)")
      if array.element.dtype != nil {
        let tensor = try #require(try file.tensor(member.key))
        #expect(tensor.shape == shape)
        #expect(Self.hexadecimal(Self.bytes(tensor.bytes)) == elements, "\(member.key)")
      } else {
        let error = #expect(throws: FlywheelError.self) { try file.tensor(member.key) }
        #expect(error?.code == .unsupported)
      }
    }
    let numbers = members.filter { (try? $0.array().element.dtype) != nil }.map(\.key)
    #expect(try file.tensors(numbers).allSatisfy { $0 != nil })
  }

  @Test("give what PyTorch gives besides", arguments: TorchFixtures.names)
  func attributes(name: String) throws {
    var metadata = try TorchFile(path: TorchFixtures.path(name)).metadata()
    // What it is to Python is told in test_torch_round_trips.py.
    metadata.attributes[""]?.removeAll { ArchiveMetadata.isTorchStructure($0.key) }
    if metadata.attributes[""]?.isEmpty == true { metadata.attributes[""] = nil }
    var expected = try TorchFixtures.expected(name)
    let attributes = try expected.object("attributes")
    #expect(metadata.attributes.keys.map { $0 } == attributes.names)
    for (owner, values) in metadata.attributes {
      var attributes = attributes
      var row = try attributes.object(owner)
      #expect(values.keys.map { $0 } == row.names)
      for (name, value) in values {
        #expect(try Self.json(value) == row.value(name), "\(owner), \(name)")
      }
    }
    #expect(try metadata.emptyGroups == expected.strings("empty"))
    #expect(metadata.obstacles.isEmpty)
  }

  /// An attribute as the golden files have it.
  private static func json(_ value: AttributeValue) throws -> JSONValue {
    switch value {
    case .string(let text): return .string(text)
    case .integer(let number): return .integer(number)
    case .double(let number): return .double(number)
    case .strings(let texts): return .array(texts.map { .string($0) })
    case .tensor(let tensor):
      let elements: [JSONValue]
      switch tensor.dtype {
      case .bool: elements = try tensor.elements(as: Bool.self).map { .bool($0) }
      case .int64: elements = try tensor.elements(as: Int64.self).map { .integer($0) }
      case .uint8: elements = try tensor.elements(as: UInt8.self).map { .integer(Int64($0)) }
      case .uint64: elements = try tensor.elements(as: UInt64.self).map { JSONValue($0) }
      case .complex128:
        let number = try tensor.elements(as: Complex128.self)[0]
        return .array([.double(number.real), .double(number.imaginary)])
      default: elements = try tensor.elements(as: Double.self).map { .double($0) }
      }
      return tensor.shape.rank == 0 ? elements[0] : .array(elements)
    }
  }

  @Test("are used where they lie, but for what does not lie there as tensors need it")
  func mapped() throws {
    let file = try TorchFile(path: TorchFixtures.path("views"))
    for (key, isMapped) in [
      ("base", true), ("row", true), ("element", true), ("scalar", true), ("transposed", false),
      ("expanded", false), ("channels_last", false), ("middle", false),
    ] {
      #expect(try file.tensor(key)?.storage.isMapped == isMapped, "\(key)")
    }
    let swapped = try TorchFile(path: TorchFixtures.path("big-endian"))
    #expect(try swapped.tensor("float32")?.storage.isMapped == false)
    #expect(try swapped.tensor("uint8")?.storage.isMapped == true)
  }

  @Test("tell how tensors lie in them")
  func storage() throws {
    let file = try TorchFile(path: TorchFixtures.path("views-deflated"))
    #expect(try file.member("tied")?.storage == "deflate, the same elements as 'base'")
    #expect(try file.member("middle")?.storage == "deflate, strides (12, 1)")
    let signs = try TorchFile(path: TorchFixtures.path("signs"))
    #expect(try signs.member("both")?.storage == "conjugate, negative")
    let swapped = try TorchFile(path: TorchFixtures.path("big-endian"))
    #expect(try swapped.member("complex32")?.storage == "complex32, big-endian")
    #expect(try file.member("missing") == nil)
    #expect(try file.tensor("missing") == nil)
    let error = #expect(throws: FlywheelError.self) { try file.read("missing") { _ in } }
    #expect(error?.code == .notFound)
  }

  @Test(
    "list what is more than elements at regular distances, with a way to save it",
    arguments: [
      ("sparse", "sparse tensor", "to_dense"), ("rows", "sparse tensor", "to_dense"),
      ("quantised", "quantised tensor", "dequantize"), ("nested", "nested tensor", "unbind"),
      ("meta", "meta tensor", "elements"),
    ]
  )
  func unreadable(key: String, kind: String, remedy: String) throws {
    let file = try TorchFile(path: TorchFixtures.path("unreadable"))
    guard case .unreadable(let type, _, let reason)? = try file.member(key)?.content else {
      Issue.record("\(key) is readable")
      return
    }
    #expect(type == kind)
    #expect(reason.code == .unsupported && reason.message.contains(remedy))
    let error = try #require(throws: FlywheelError.self) { try file.tensor(key) }
    #expect(error.location.tensor == key && error.location.byteOffset != nil)
    #expect(error.location.path == TorchFixtures.path("unreadable"))
    #expect(try file.tensor("good")?.elements(as: Float.self) == [1, 1])
  }

  @Test(
    "of kinds that are not read are refused, with what to do",
    arguments: [("program", "state_dict"), ("tape", "save it anew"), ("preview", "make it anew")]
  )
  func refused(name: String, remedy: String) throws {
    let error = try #require(throws: FlywheelError.self) {
      try TorchFile(path: TorchFixtures.path(name))
    }
    #expect(error.code == .unsupported)
    #expect(error.message.contains(remedy))
    #expect(error.location.path == TorchFixtures.path(name))
  }
}
