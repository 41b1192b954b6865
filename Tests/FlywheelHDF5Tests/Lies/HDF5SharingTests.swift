import FlywheelCore
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Small files with many datasets, each of which could be read, while all together would take hours.
@Suite("HDF5 files whose datasets share their elements")
struct HDF5SharingTests {
  private typealias Build = StructureBuilder

  private static func open(
    _ file: SharedElements,
    fillLimit: Int = 1 << 18
  ) throws -> HDF5ArchiveReader {
    try HDF5ArchiveReader(file.storage(), path: "shared.h5", fillLimit: fillLimit)
  }

  /// Reads in every way that there is until there is too much, and then a single dataset.
  private static func expectLimit(_ file: SharedElements, _ words: String) throws {
    let keys = try open(file).members().map(\.key)
    #expect(keys.count == file.datasetCount)
    let ways: [(String, (HDF5ArchiveReader) throws -> Void)] = [
      ("one by one", { file in for key in keys { _ = try file.tensor(key) } }),
      ("all at once", { file in _ = try file.tensors(keys) }),
      ("in pieces", { file in for key in keys { try file.read(key) { _ in } } }),
    ]
    for (way, read) in ways {
      let reader = try open(file)
      #expect(try reader.members().map(\.key) == keys)
      for _ in 0..<2 {
        let error = #expect(throws: FlywheelError.self, "\(way)") { try read(reader) }
        #expect(error?.code == .limitExceeded, "\(way): \(error?.description ?? "")")
        #expect(error?.message.contains(words) == true, "\(error?.description ?? "")")
        #expect(error?.message.contains("--only") == true)
        #expect(error?.location.tensor?.hasPrefix("/d") == true)
        #expect(error?.location.path == "shared.h5")
      }
    }
    for key in [keys[0], keys[file.datasetCount - 1]] {
      let reader = try open(file)
      _ = try reader.members()
      #expect(try reader.tensor(key)?.byteCount == file.byteCount)
    }
  }

  @Test(
    "Datasets that share chunks or their index are read up to a limit",
    arguments: SharedElements.chunks
  )
  func chunks(example: SharedElements.Example) throws {
    try Self.expectLimit(example.file(), "again and again")
  }

  @Test(
    "Datasets that declare too much together are read up to a limit",
    arguments: SharedElements.large
  )
  func elements(example: SharedElements.Example) throws {
    try Self.expectLimit(example.file(), "bytes together")
  }

  @Test(
    "What was not listed is not counted, as its reader knows what it asks for; but all at once is too much"
  )
  func unlisted() throws {
    let file = try #require(SharedElements.large.first { $0.testDescription == "fill values" })
      .file()
    let reader = try Self.open(file)
    let keys = (0..<file.datasetCount).map(SharedElements.key)
    for key in keys { #expect(try reader.tensor(key) != nil) }
    for _ in 0..<2 {
      let error = #expect(throws: FlywheelError.self) { _ = try reader.tensors(keys) }
      #expect(error?.code == .limitExceeded)
      #expect(error?.message.contains("at once have more than") == true)
      #expect(error?.location.path == "shared.h5")
      #expect(try reader.tensors(["d3", "nothing"]).map { $0?.byteCount } == [1 << 20, nil])
    }
  }

  @Test("A nearly empty file that is sound is read, as long as it is not very large")
  func nearlyEmpty() throws {
    var file = try #require(SharedElements.large.first { $0.testDescription == "fill values" })
      .file()
    file.datasetCount = 16
    let reader = try Self.open(file, fillLimit: file.byteCount)
    let keys = try reader.members().map(\.key)
    for _ in 0..<3 {
      for key in keys { #expect(try reader.tensor(key)?.byteCount == 1 << 20) }
    }
  }

  @Test("Of datasets that share a chunk, those that were read before stay readable")
  func readBefore() throws {
    let file = try #require(SharedElements.chunks.first).file()
    let reader = try HDF5File(file.storage(), path: "shared.h5")
    for _ in 0..<3 {
      #expect(try reader.tensor("d0").byteCount == file.byteCount)
      #expect(throws: FlywheelError.self) {
        for number in 0..<file.datasetCount { _ = try reader.tensor(SharedElements.key(number)) }
      }
      let block = HDF5Block(offset: [0], count: [1])
      #expect(throws: FlywheelError.self) { _ = try reader.tensor("d99", block: block) }
      #expect(try reader.tensor("d0", block: block).byteCount == 1)
    }
  }

  @Test("Texts that share a chunk are read up to a limit")
  func texts() throws {
    let chunk = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 12)
    var builder = Build()
    let place = builder.add(chunk)
    let layout = [4, 2, 0, 2, 4] + Build.le(UInt32(1 << 11)) + Build.le(UInt32(2)) + [1]
    let header = Build.header(
      Build.message(.datatype, [0x13, 0, 0, 0, 2, 0, 0, 0]) + Build.space([1])
        + Build.message(.layout, layout + Build.le(place))
    )
    var group = Build.emptyLinkInfo
    for number in 0..<20 { group += Build.link(Array("d\(number)".utf8), builder.add(header)) }
    let root = builder.add(Build.header(group))
    let file = try HDF5File(Build.storage(builder.build(root: root)), path: "shared.h5")
    for _ in 0..<100 { #expect(try file.strings(at: "d0") == ["aa"]) }
    let error = #expect(throws: FlywheelError.self) {
      for number in 0..<20 { _ = try file.strings(at: "d\(number)") }
    }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.location.tensor?.hasPrefix("/d") == true)
  }

  // MARK: Sound files

  @Test(
    "Every dataset of a sound file may be read any number of times",
    arguments: ["chunk-indexes", "small-sizes"]
  )
  func again(name: String) throws {
    let bytes = try SealedFile.named(name).bytes
    let reader = try HDF5ArchiveReader(Build.storage(bytes), path: "sound.h5", fillLimit: 0)
    let members = try reader.members()
    for member in members {
      for _ in 0..<10_000 / members.count { #expect(try reader.tensor(member.key) != nil) }
    }
  }

  @Test(
    "A dataset that shares nothing is read by several threads",
    arguments: SharedElements.chunks
  )
  func alone(example: SharedElements.Example) throws {
    var file = try example.file()
    file.datasetCount = 1
    let keys = [String](repeating: SharedElements.key(0), count: 8)
    for _ in 0..<4 { #expect(try Self.open(file).tensors(keys).allSatisfy { $0 != nil }) }
  }

  @Test("A dataset that two look for at once is counted once")
  func atOnce() throws {
    let image = try StructureBytes.image([0])
    let chunks = ChunkMeter(in: image)
    try chunks.find(ofDatasetAt: 7) { (outer) throws(FlywheelError) in
      #expect(outer.meter != nil)
      try chunks.find(ofDatasetAt: 7) { #expect($0 === image) }
      try chunks.find(ofDatasetAt: 8) { #expect($0 === outer) }
    }
    try chunks.find(ofDatasetAt: 7) { #expect($0 === image) }
  }

  @Test("An open dataset may be read any number of times")
  func openDataset() throws {
    let bytes = try SealedFile.named("chunk-indexes").bytes
    let limit = ReadLimit(fileByteCount: bytes.count, fillLimit: 0)
    let file = try StructureFile(Build.storage(bytes), limit)
    for name in ["single-packed", "fixed", "fixed-packed", "implicit"] {
      let input = try file.input(at: HDF5Path(name))
      for _ in 0..<100 { _ = try input.tensor() }
    }
  }

  @Test("A damaged dataset may be asked for any number of times, and others are read")
  func damaged() throws {
    // The only chunk of one dataset is none of it, which is seen when its index was read.
    var builder = Build()
    let noise = [UInt8](repeating: 7, count: 100)
    let chunk = builder.add(noise)
    var node =
      Array("TREE".utf8) + [1, 0, 1, 0] + Build.le(Build.nowhere) + Build.le(Build.nowhere)
    node += Build.chunkKey(100, 200) + Build.le(chunk) + Build.chunkKey(0, 300)
    let tree = builder.add(node)
    let type = Build.integers(1) + Build.space([100])
    let damaged = builder.add(Build.header(type + Build.chunked([100, 1], tree)))
    let single = [4, 2, 0, 2, 4] + Build.le(UInt32(100)) + Build.le(UInt32(1)) + [1]
    let layout = Build.message(.layout, single + Build.le(chunk))
    let sound = builder.add(Build.header(type + layout))
    let links = Build.link(Array("a".utf8), damaged) + Build.link(Array("b".utf8), sound)
    let root = builder.add(Build.header(Build.emptyLinkInfo + links))
    let file = try HDF5File(Build.storage(builder.build(root: root)), path: "damaged.h5")
    for _ in 0..<1_000 {
      let error = #expect(throws: FlywheelError.self) { _ = try file.tensor("a") }
      #expect(error?.code == .malformed, "\(error?.description ?? "")")
    }
    #expect(try file.tensor("b").elements(as: UInt8.self) == noise)
  }
}
