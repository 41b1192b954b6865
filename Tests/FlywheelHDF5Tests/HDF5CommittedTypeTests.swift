import FlywheelCore
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Datatypes that are objects of their own, which many attributes have.
@Suite("Committed datatypes of HDF5 files")
struct HDF5CommittedTypeTests {
  private typealias Build = StructureBuilder

  /// Bytes without a sign.
  private static let type = Build.message(.datatype, [0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0])
  /// Messages that were taken away, 100,000 of them.
  private static let nothing = [UInt8](repeating: 0, count: 400_000)

  /// An attribute that is one byte, of the type at an address.
  private static func attribute(_ name: String, _ value: UInt8, of type: UInt64) -> [UInt8] {
    let name = Array(name.utf8) + [0]
    var content: [UInt8] = [3, 1] + Build.le(UInt16(name.count)) + [10, 0, 4, 0, 0] + name
    content += [3, 2] + Build.le(type)
    content += [2, 0, 0, 0, value]
    return Build.message(.attribute, content)
  }

  /// A file whose root has so many attributes.
  private static func file(
    _ builder: StructureBuilder,
    attributeCount: Int,
    type: (Int) -> UInt64
  ) throws -> HDF5File {
    var builder = builder
    var messages = Build.message(
      .linkInfo,
      [0, 0] + Build.le(Build.nowhere) + Build.le(Build.nowhere)
    )
    for number in 0..<attributeCount {
      messages += attribute("a\(number)", UInt8(number & 0xFF), of: type(number))
    }
    let root = builder.add(Build.header(messages))
    return try HDF5File(try Build.storage(builder.build(root: root)), path: "committed.h5")
  }

  @Test("A type with a large header is read once, however many attributes have it")
  func large() throws {
    var builder = Build()
    let type = builder.add(Build.header(Self.type + Self.nothing))
    let file = try Self.file(builder, attributeCount: 1_000) { _ in type }
    #expect(try file.attribute("a7", of: "/") == .integer(7))
    // For each attribute anew, its header would be more than a walk may look at.
    #expect(try file.contents().metadata.obstacles.isEmpty)
  }

  @Test("Headers of types that share their bytes are refused")
  func overlapping() throws {
    var builder = Build()
    let rest = Build.continuation(Self.nothing)
    let next = Build.next(builder.add(rest), UInt64(rest.count))
    let header = Build.header(Self.type + Build.message(.continuation, next))
    let types = (0..<3).map { _ in builder.add(header) }
    let file = try Self.file(builder, attributeCount: 3) { types[$0] }
    let error = #expect(throws: FlywheelError.self) { try file.attribute("a0", of: "/") }
    #expect(error?.code == .malformed, "\(error?.description ?? "")")
    #expect(error?.message.contains("headers of committed datatypes that overlap") == true)
  }
}
