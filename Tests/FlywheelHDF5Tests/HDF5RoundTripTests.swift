import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

@Suite struct HDF5RoundTripTests {
  static let shapes: [[Int]] = [[], [0], [7], [3, 0, 2], [5, 9], [2, 3, 4]]

  /// A tensor whose bytes are all different as far as that goes, and no valid floats by accident only.
  static func tensor(_ dtype: DType, _ extents: [Int]) throws -> Tensor {
    let shape = try Shape(extents)
    let byteCount = try shape.byteCount(of: dtype)
    let mask: UInt8 = dtype == .bool ? 1 : 0xFF
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) & mask }
    return try Tensor(dtype: dtype, shape: shape, storage: Tensor(vector: bytes).storage)
  }

  static func bytes(of tensor: Tensor) -> [UInt8] {
    unsafe tensor.bytes.withUnsafeBytes { unsafe Array($0) }
  }

  @Test("Every dtype and shape comes back bit for bit", arguments: DType.allCases, shapes)
  func roundTrip(dtype: DType, extents: [Int]) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.h5")
    let tensor = try Self.tensor(dtype, extents)
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "plain")
    try writer.write(tensor, at: "deep/er/chunked", layout: .chunked(extents.map { ($0 + 1) / 2 }))
    try writer.close()

    let file = try HDF5File(opening: path)
    for (name, isMapped) in [("/plain", tensor.byteCount > 0), ("deep//er/chunked/", false)] {
      let read = try file.tensor(name)
      #expect(read.dtype == dtype)
      #expect(read.shape == tensor.shape)
      #expect(Self.bytes(of: read) == Self.bytes(of: tensor))
      if !name.contains("chunked") { #expect(read.storage.isMapped == isMapped) }
      #expect(try file.dataset(name).dtype == dtype)
      #expect(try file.dataset(name).shape == tensor.shape)
    }
  }

  @Test("Groups whose names look alike are two", arguments: HDF5Implementation.allCases)
  func alikeGroups(reader: HDF5Implementation) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("alike.h5")
    var writer = try HDF5Writer(creating: path)
    for (index, name) in ["\u{E9}", "e\u{301}"].enumerated() {
      try writer.write(try Tensor(vector: [UInt8(index)]), at: "\(name)/x")
    }
    try writer.close()
    let file = try HDF5File(opening: path, with: reader)
    #expect(try file.members().count == 2)
    #expect(try file.tensor("\u{E9}/x").elements() == [0] as [UInt8])
    #expect(try file.tensor("e\u{301}/x").elements() == [1] as [UInt8])
  }

  @Test("Contiguous bytes lie at multiples of 64, whatever lies before them")
  func alignment() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.h5")
    var writer = try HDF5Writer(creating: path)
    for count in 1...40 {
      try writer.write(try Self.tensor(.uint8, [count * count]), at: "group \(count % 7)/\(count)")
      try writer.setAttribute("step", .integer(1), of: "group \(count % 7)/\(count)")
    }
    try writer.close()
    let datasets = try HDF5File(opening: path).allDatasets()
    #expect(datasets.count == 40)
    for dataset in datasets {
      guard case .contiguous(let offset?) = dataset.storage else {
        Issue.record("\(dataset.path) is not contiguous")
        continue
      }
      #expect(offset % 64 == 0, "\(dataset.path)")
    }
  }

  @Test("Equal input gives equal bytes, chunks and attributes included")
  func determinism() throws {
    let directory = try TemporaryDirectory()
    for name in ["a", "b"] {
      var writer = try HDF5Writer(
        creating: directory.path.appending(name),
        expectedByteCount: name == "a" ? 0 : 1 << 20
      )
      for dtype in DType.allCases {
        let tensor = try Self.tensor(dtype, [5, 9])
        try writer.write(tensor, at: "model/\(dtype.rawValue)")
        try writer.write(tensor, at: "c/\(dtype.rawValue)", layout: .chunked([2, 4]))
      }
      try writer.setAttribute("rule", .string("nielsen"))
      try writer.close()
    }
    #expect(try directory.read("a") == directory.read("b"))
    #expect(try directory.read("a").count < 131_072)
  }

  @Test("Attributes come back, of the root, groups and datasets")
  func attributes() throws {
    let values: [(String, AttributeValue)] = [
      ("text", .string("Größe, 大きさ")), ("empty", .string("")), ("step", .integer(.min)),
      ("last", .integer(.max)), ("rate", .double(0.1)), ("none", .double(-.infinity)),
      ("no number", .double(.nan)), ("negative", .double(-0.0)),
      ("long", .string(String(repeating: "x", count: 60_000))),
    ]
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.h5")
    var writer = try HDF5Writer(creating: path)
    try writer.write(try Self.tensor(.int8, [2]), at: "group/data")
    try writer.createGroup("group")
    for place in ["/", "group", "group/data"] {
      for (name, value) in values { try writer.setAttribute(name, value, of: place) }
      let error = #expect(throws: FlywheelError.self) {
        try writer.setAttribute("step", .integer(1), of: place)
      }
      #expect(error?.code == .alreadyExists)
    }
    try writer.close()
    let file = try HDF5File(opening: path)
    for place in ["/", "group", "group/data"] {
      for (name, value) in values { #expect(try file.attribute(name, of: place) == value) }
      #expect(try file.attribute("other", of: place) == nil)
    }
  }

  @Test(
    "Groups list their members in the order in which they came, large groups too",
    arguments: [3, 64, 65, 1_000]
  )
  func members(count: Int) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.h5")
    var writer = try HDF5Writer(creating: path)
    for index in (0..<count).reversed() {
      try writer.write(try Tensor(vector: [Int32(index)]), at: "model/\(1_000 + index)")
    }
    try writer.createGroup("empty")
    try writer.close()
    let file = try HDF5File(opening: path)
    #expect(try file.members().map(\.name) == ["model", "empty"])
    #expect(try file.members().allSatisfy { $0.kind == .group })
    #expect(try file.members(of: "empty") == [])
    let names = (0..<count).reversed().map { String(1_000 + $0) }
    #expect(try file.members(of: "/model").map(\.name) == names)
    #expect(try file.allDatasets().map(\.path) == names.map { "/model/" + $0 })
    for index in [0, count / 2, count - 1] {
      #expect(try file.tensor("model/\(1_000 + index)").elements() == [Int32(index)])
    }
  }

  @Test("A tensor outlives its file, and the file's name")
  func lifetime() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.h5")
    let original = try Self.tensor(.float32, [100, 100])
    var writer = try HDF5Writer(creating: path)
    try writer.write(original, at: "a")
    try writer.close()
    let tensor = try HDF5File(opening: path).tensor("a")
    try AtomicFile.write([1, 2, 3], to: path)
    #expect(tensor.storage.isMapped)
    #expect(Self.bytes(of: tensor) == Self.bytes(of: original))
  }

  @Test("A file that was replaced while it is open is read as it was")
  func replacedFile() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.h5")
    for value in [Int32(1), 2] {
      let atomic = try AtomicFile(replacing: path, durability: .cached)
      var writer = try HDF5Writer(creating: atomic.temporaryPath)
      try writer.write(try Tensor(vector: [value]), at: "a")
      try writer.close()
      guard value == 2 else {
        try atomic.commit()
        continue
      }
      let file = try HDF5File(opening: path)
      try atomic.commit()
      #expect(try file.tensor("a").elements() == [Int32(1)])
      #expect(try HDF5File(opening: path).tensor("a").elements() == [Int32(2)])
    }
  }

  @Test("Threads read one file and write others at the same time")
  func threads() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.h5")
    var writer = try HDF5Writer(creating: path)
    for index in 0..<20 { try writer.write(try Tensor(vector: [Int64(index)]), at: "g/\(index)") }
    try writer.close()
    let file = SharedFile(try HDF5File(opening: path))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask {
          for index in 0..<200 {
            let expected = Int64((index + task) % 20)
            #expect(try file.value.tensor("g/\(expected)").elements() == [expected])
            #expect(throws: FlywheelError.self) { try file.value.tensor("g/none") }
            guard index % 20 == 0 else { continue }
            var writer = try HDF5Writer(creating: directory.path.appending("\(task)-\(index)"))
            try writer.write(try Tensor(vector: [expected]), at: "a")
            try writer.close()
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Tasks cannot capture what cannot be copied.
  private final class SharedFile: Sendable {
    let value: HDF5File
    init(_ value: consuming HDF5File) { self.value = value }
  }
}
