import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Flywheel's reader against libhdf5, on whole files.
@Suite("Both readers of HDF5 files")
struct HDF5ReadersTests {
  static let fixtures = HDF5ArchiveTests.directory.removingLastComponent()

  static let paths: [FilePath] = ["hdf5", "hdf5/structures", "keras"].flatMap { folder in
    let directory = fixtures.appending(folder)
    let names = (try? FileSystem.names(in: directory)) ?? []
    return names.filter { [".h5", ".mat", ".nc"].contains(where: $0.hasSuffix) }.sorted()
      .map { directory.appending($0) }
      // Made by HDF5 2.0, for which many a libhdf5 is too old.
      .filter { $0.stem != "v200" }
  }

  @Test("Every file of every program is the same to both", arguments: paths)
  func same(path: FilePath) throws {
    let (own, library) = (
      try Self.content(of: path, .flywheel), try Self.content(of: path, .library)
    )
    #expect(own.count > 2)
    for (line, other) in zip(own, library) { #expect(line == other) }
    #expect(own.count == library.count)
  }

  @Test("What was listed is read as if it had not been", arguments: paths)
  func listed(path: FilePath) throws {
    let listed = try HDF5ArchiveReader(opening: path)
    let keys = try listed.members().map(\.key)
    #expect(!keys.isEmpty)
    for key in keys {
      let fresh = try HDF5ArchiveReader(opening: path)
      #expect(Self.tensor(key, in: listed) == Self.tensor(key, in: fresh), "\(key)")
    }
  }

  @Test("A link to the root is another name of it", arguments: HDF5Implementation.allCases)
  func rootAgain(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("root.h5")
    do {
      let file = ForeignFile(path, userBlock: 512)
      file.add("a", HDF5Library.type(of: .int32), [2])
      unsafe H5Lcreate_hard(file.id, "/", file.id, "again", 0, 0)
    }
    let file = try HDF5File(opening: path, with: reader)
    #expect(try file.allDatasets().map(\.path) == ["/a"])
    let obstacles = try file.contents().metadata.obstacles
    #expect(obstacles.map { "\($0.name) \($0.reason)" } == ["/again is another name of /"])
  }

  @Test("A group is empty under its first name", arguments: HDF5Implementation.allCases)
  func emptyGroups(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("groups.h5")
    do {
      let file = ForeignFile(path)
      for name in ["empty", "filled", "outer", "outer/inner", "self", "up"] {
        H5Gclose(unsafe H5Gcreate2(file.id, name, 0, 0, 0))
      }
      file.add("filled/a", HDF5Library.type(of: .uint8), [1], [7])
      let links = [
        ("/empty", "empty again"), ("/filled", "filled again"), ("/self", "self/loop"),
        ("/", "up/back"),
        ("/filled/a", "up/a"),
      ]
      for (target, name) in links { unsafe H5Lcreate_hard(file.id, target, file.id, name, 0, 0) }
    }
    let found = try HDF5File(opening: path, with: reader).contents()
    #expect(found.datasets.map(\.dataset.path) == ["/filled/a"])
    #expect(found.metadata.emptyGroups == ["empty", "outer/inner", "self", "up"])
    #expect(
      found.metadata.obstacles.map(\.name)
        == ["/empty again", "/filled again", "/self/loop", "/up/a", "/up/back"]
    )
  }

  @Test("Only of a dataset does an attribute name the type", arguments: HDF5Implementation.allCases)
  func namedType(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("type.h5")
    var writer = try HDF5Writer(creating: path)
    try writer.createGroup("group")
    for place in ["/", "group"] { try writer.setAttribute("dtype", .string("bfloat16"), of: place) }
    try writer.close()
    let attributes = try HDF5File(opening: path, with: reader).contents().metadata.attributes
    #expect(
      attributes.keys.map { attributes[$0]?["dtype"] } == [
        .string("bfloat16"), .string("bfloat16"),
      ]
    )
  }

  @Test("What is never filled is zeros, not memory", arguments: HDF5Implementation.allCases)
  func neverFilled(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("never.h5")
    let count = 10_000
    do {
      let file = ForeignFile(path)
      let creation = unsafe fw_h5_new_chunked_creation(1, [100], 0, 0, 0)
      H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER)
      file.add("never", HDF5Library.type(of: .int64), [UInt64(count)], creation: creation)
    }
    let file = try HDF5File(opening: path, with: reader)
    #expect(try file.tensor("never").elements(as: Int64.self) == Array(repeating: 0, count: count))
  }

  @Test("A scalar has one block, which is all of it", arguments: HDF5Implementation.allCases)
  func scalarBlock(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("scalar.h5")
    do {
      let file = ForeignFile(path)
      file.add("scalar", HDF5Library.type(of: .uint8), [], [7])
    }
    let file = try HDF5File(opening: path, with: reader)
    let block = try file.tensor("scalar", block: HDF5Block(offset: [], count: []))
    #expect(try block.elements(as: UInt8.self) == [7])
  }

  @Test(
    "Of two attributes whose names look alike the second is named, not lost",
    arguments: HDF5Implementation.allCases
  )
  func alikeAttributes(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("alike.h5")
    do {
      let file = ForeignFile(path)
      let byte = HDF5Library.type(of: .uint8)
      file.addAttribute("\u{E9}", byte, [2])
      file.addAttribute("e\u{301}", byte, [1])
    }
    let file = try HDF5File(opening: path, with: reader)
    let metadata = try file.contents().metadata
    let kept = try #require(metadata.attributes[""])
    #expect(kept.keys.map { Array($0.utf8) } == [Array("e\u{301}".utf8)])
    #expect(kept["e\u{301}"] == .tensor(try Tensor([1] as [UInt8], shape: .scalar)))
    let obstacle = try #require(metadata.obstacles.first)
    #expect(metadata.obstacles.count == 1)
    #expect(obstacle.name.utf8.elementsEqual("the attribute '\u{E9}' of /".utf8))
    #expect(obstacle.reason == "has the name of another one, in other characters")
    #expect(obstacle.key == "")
    // Asked for by its name, each is there.
    #expect(try file.attribute("\u{E9}") == .integer(2))
    #expect(try file.attribute("e\u{301}") == .integer(1))
  }

  @Test(
    "Of two groups whose names look alike neither loses its attributes unseen",
    arguments: HDF5Implementation.allCases
  )
  func alikeGroups(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("alike.h5")
    do {
      let file = ForeignFile(path)
      for (name, value) in [("\u{E9}", UInt8(2)), ("e\u{301}", 1)] {
        let group = unsafe H5Gcreate2(file.id, name, 0, 0, 0)
        MadeFile.addAttribute("a", [value], to: group)
        H5Gclose(group)
      }
      // The other one is empty.
      file.add("\u{E9}/x", HDF5Library.type(of: .uint8), [1], [7])
    }
    let metadata = try HDF5File(opening: path, with: reader).contents().metadata
    #expect(metadata.attributes.keys.map { Array($0.utf8) } == [Array("e\u{301}".utf8)])
    #expect(
      metadata.attributes["e\u{301}"]?["a"] == .tensor(try Tensor(vector: [1] as [UInt8]))
    )
    #expect(metadata.emptyGroups.map { Array($0.utf8) } == [Array("e\u{301}".utf8)])
    let obstacle = try #require(metadata.obstacles.first)
    #expect(metadata.obstacles.count == 1)
    #expect(obstacle.name.utf8.elementsEqual("the attributes of /\u{E9}".utf8))
    #expect(
      obstacle.reason == "are of an object that has the name of another one, in other characters"
    )
    #expect(obstacle.key?.utf8.elementsEqual("\u{E9}".utf8) == true)
  }

  /// Everything that can be read from a file, line by line.
  static func content(of path: FilePath, _ reader: HDF5Implementation) throws -> [String] {
    try HDF5Implementation.$current.withValue(reader) {
      let file = try HDF5File(opening: path)
      var lines = try file.allDatasets().flatMap { dataset in
        let isRead = !"\(dataset.storage)".contains("lzf")  // which libhdf5 does not have
        return ["\(dataset)", isRead ? tensor(dataset, in: file) : "", strings(dataset, in: file)]
      }
      lines += try file.allLinks().map { "\($0)" }
      let metadata = try file.contents().metadata
      for (key, attributes) in metadata.attributes {
        lines += attributes.map { "\(key) \($0.key): \(words($0.value))" }
        lines += try attributes.keys.map { name in
          "\(name): \(try file.attribute(name, of: key).map(words) ?? "none")"
        }
      }
      lines += metadata.emptyGroups + metadata.obstacles.map { "\($0)" }
      return lines
    }
  }

  private static func tensor(_ key: String, in archive: HDF5ArchiveReader) -> String {
    do throws(FlywheelError) {
      guard let tensor = try archive.tensor(key) else { return "none" }
      return "\(tensor.dtype) \(tensor.shape) \(tensor.crc32) \(tensor.storage.isMapped)"
    } catch {
      return "\(error)"
    }
  }

  private static func tensor(_ dataset: HDF5Dataset, in file: borrowing HDF5File) -> String {
    do throws(FlywheelError) {
      let tensor = try file.tensor(dataset.path)
      return "\(tensor.dtype) \(tensor.shape) \(tensor.crc32)"
    } catch {
      return "\(error.code)"
    }
  }

  private static func strings(_ dataset: HDF5Dataset, in file: borrowing HDF5File) -> String {
    do throws(FlywheelError) {
      return "\(try file.strings(at: dataset.path))"
    } catch {
      return "\(error.code)"
    }
  }

  private static func words(_ value: AttributeValue) -> String {
    guard case .tensor(let tensor) = value else { return "\(value)" }
    return "\(tensor.dtype) \(tensor.shape) \(tensor.crc32)"
  }
}
