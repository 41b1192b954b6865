import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Chunks that h5py has written, made by `Tests/Python/make_chunk_fixtures.py`, against what it was given.
@Suite("Chunks of h5py's files")
struct HDF5ChunkFixtureTests {
  static let names = ["chunks-earliest.h5", "chunks-v110.h5", "chunks-v200.h5"]
  private static let directory = HDF5ArchiveTests.directory

  /// A file, which is compressed, and what it holds.
  private static func open(_ name: String) throws -> (ReaderFile, expected: JSONObject) {
    let (storage, expected) = try contents(name)
    return (try ReaderFile(storage), expected)
  }

  private static func contents(_ name: String) throws -> (TensorStorage, expected: JSONObject) {
    let bytes = try OpenFile.contents(of: directory.appending("chunks.json"))
    var all = try JSONObject(JSONValue(parsing: bytes))
    var entry = try all.object(name)
    let compressed = try MappedFile(path: directory.appending(name + ".z"))
    let storage = try TensorStorage(byteCount: entry.integer("byte_count")) {
      (output) throws(FlywheelError) in
      var bytes = [UInt8](repeating: 0, count: output.freeCapacity)
      try bytes.withMutableRawBytes { (bytes) throws(FlywheelError) in
        _ = try Inflate.inflate(compressed.bytes, .zlib, into: &bytes)
      }
      for byte in bytes { output.append(byte) }
    }
    return (storage, try entry.object("datasets"))
  }

  @Test("Elements behind every index, filter and type are what was written", arguments: names)
  func elements(name: String) throws {
    var (file, expected) = try Self.open(name)
    #expect(file.names == expected.names.sorted())
    for key in file.names {
      var expectation = try expected.object(key)
      do {
        let elements = try file.input(key).elements()
        let shape = try expectation.integers("shape")
        #expect(elements.description.shape.extents == shape, "\(key)")
        let crc32 = try expectation.unsigned("crc32")
        #expect(UInt64(CRC32.checksum(elements.bytes)) == crc32, "\(key)")
      } catch {
        Issue.record("\(key): \(error)")
      }
    }
  }

  @Test("All are read through one open file, and again", arguments: names)
  func together(name: String) throws {
    let (storage, expected) = try Self.contents(name)
    let reader = try HDF5ArchiveReader(storage, path: "chunks.h5", fillLimit: 0)
    let keys = try reader.members().map(\.key)
    #expect(keys.sorted() == expected.names.sorted())
    for key in keys + keys { try reader.read(key) { _ in } }
  }

  @Test("Every strided block is what the whole has there", arguments: names)
  func blocks(name: String) throws {
    let (file, _) = try Self.open(name)
    var random = HDF5CompressionTests.SplitMix(state: 7)
    for key in file.names {
      let input = try file.input(key)
      let whole = try input.elements()
      let extents = input.shape.extents
      let size = input.element.byteCount
      for _ in 0..<20 {
        let offset = extents.map { Int(random.next() % UInt64($0)) }
        let stride = extents.map { 1 + Int(random.next() % UInt64(min(5, $0))) }
        let count = extents.indices.map { axis in
          1 + Int(random.next() % UInt64((extents[axis] - offset[axis] - 1) / stride[axis] + 1))
        }
        let block = HDF5Block(offset: offset, count: count, stride: stride)
        let part = try input.elements(of: block, alignment: 1)
        let expected = Self.taken(block, from: whole.bytes, extents, size)
        let found = unsafe part.bytes.withUnsafeBytes { unsafe Array($0) }
        #expect(found == expected, "\(key) \(block)")
      }
    }
  }

  /// The bytes of a block, element by element.
  private static func taken(
    _ block: HDF5Block,
    from bytes: RawSpan,
    _ extents: [Int],
    _ size: Int
  ) -> [UInt8] {
    let all = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    var taken: [UInt8] = []
    for number in 0..<block.count.reduce(1, *) {
      var rest = number
      var index = 0
      var step = 1
      for axis in extents.indices.reversed() {
        let place = block.offset[axis] + rest % block.count[axis] * block.stride[axis]
        index += place * step
        rest /= block.count[axis]
        step *= extents[axis]
      }
      taken += all[index * size..<(index + 1) * size]
    }
    return taken
  }
}
