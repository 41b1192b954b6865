import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

@Suite("Blocks of HDF5 datasets")
struct HDF5BlockTests {
  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("blocks.h5")
  }

  static let extents = [4, 5, 6]
  static let blocks: [HDF5Block] = [
    HDF5Block(offset: [0, 0, 0], count: [4, 5, 6]),
    HDF5Block(offset: [1, 0, 0], count: [2, 5, 6]),
    HDF5Block(offset: [2, 1, 0], count: [1, 3, 6]),
    HDF5Block(offset: [3, 4, 2], count: [1, 1, 4]),
    HDF5Block(offset: [3, 4, 5], count: [1, 1, 1]),
    HDF5Block(offset: [1, 2, 3], count: [2, 2, 2]),
    HDF5Block(offset: [0, 0, 0], count: [2, 3, 3], stride: [3, 2, 2]),
    HDF5Block(offset: [1, 1, 1], count: [1, 1, 5], stride: [9, 9, 1]),
    HDF5Block(offset: [0, 3, 0], count: [4, 0, 6]),
    HDF5Block(offset: [4, 5, 6], count: [0, 0, 0]),
  ]

  /// What the block holds of 0, 1, 2, … in row-major order.
  static func expected(_ block: HDF5Block) -> [Int32] {
    var elements: [Int32] = []
    for i in 0..<block.count[0] {
      for j in 0..<block.count[1] {
        for k in 0..<block.count[2] {
          let place = zip([i, j, k], zip(block.offset, block.stride)).map { $0 * $1.1 + $1.0 }
          elements.append(Int32((place[0] * 5 + place[1]) * 6 + place[2]))
        }
      }
    }
    return elements
  }

  @Test("A block holds what a loop over the whole finds there", arguments: blocks)
  func everyBlock(block: HDF5Block) throws {
    let tensor = try Tensor((0..<120).map(Int32.init), shape: try Shape(Self.extents))
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "contiguous")
    try writer.write(tensor, at: "chunked", layout: .chunked([3, 2, 4]))
    try writer.write(tensor, at: "filtered", layout: .chunked([2, 5, 1], .compressed(level: 5)))
    try writer.close()
    let file = try HDF5File(opening: path)
    for name in ["contiguous", "chunked", "filtered"] {
      let read = try file.tensor(name, block: block)
      #expect(try read.elements() == Self.expected(block), "\(name)")
      #expect(read.shape.extents == block.count)
    }
  }

  @Test("Blocks that lie in one piece are views of the file, others are copies")
  func views() throws {
    let tensor = try Tensor((0..<120).map(Int32.init), shape: try Shape(Self.extents))
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "a")
    try writer.close()
    let file = try HDF5File(opening: path)
    let mapped = try Self.blocks.map { try file.tensor("a", block: $0).storage.isMapped }
    #expect(mapped == [true, true, true, true, true, false, false, true, false, false])
  }

  @Test("A block outside the dataset is refused with the axis")
  func bounds() throws {
    let tensor = try Tensor((0..<120).map(Int32.init), shape: try Shape(Self.extents))
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "a")
    try writer.write(try Tensor([1] as [Int32], shape: .scalar), at: "scalar")
    try writer.close()
    let file = try HDF5File(opening: path)
    let cases: [([Int], [Int], [Int]?, String)] = [
      ([0, 0], [1, 1], nil, "needs 3 of each"), ([0, 0, 0], [1, 1, 1], [1], "needs 3 of each"),
      ([0, 0, -1], [1, 1, 1], nil, "along axis 2"), ([0, 0, 0], [1, -1, 1], nil, "along axis 1"),
      ([0, 0, 0], [1, 1, 1], [0, 1, 1], "along axis 0"),
      ([0, 0, 0], [5, 1, 1], nil, "has only 4"),
      ([0, 4, 0], [1, 2, 1], nil, "has only 5"), ([0, 0, 0], [1, 1, 4], [1, 1, 2], "has only 6"),
      ([0, 0, .max], [1, 1, 1], nil, "has only 6"), ([0, 0, 1], [1, 1, .max], nil, "has only 6"),
      ([0, 0, 0], [1, 1, 3], [1, 1, .max], "has only 6"),
    ]
    for (offset, count, stride, words) in cases {
      let block = HDF5Block(offset: offset, count: count, stride: stride)
      let error = #expect(throws: FlywheelError.self) { try file.tensor("a", block: block) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
    #expect(try file.tensor("scalar", block: .init(offset: [], count: [])).elements() == [Int32(1)])
  }

  @Test("Chunks that were never written are fill values, up to what is asked for")
  func sparse() throws {
    do {
      let file = ForeignFile(path)
      let type = HDF5Library.type(of: .float32)
      for (name, extents, chunk) in [
        ("small", [1_000, 1_000], [10, 10]), ("large", [1 << 20, 1 << 10], [1 << 10, 1 << 10]),
        ("many", [1 << 18], [1]), ("one", [1 << 40], [1 << 28]),
      ] as [(String, [UInt64], [UInt64])] {
        let chunked = unsafe fw_h5_new_chunked_creation(CInt(chunk.count), chunk, 0, 0, 0)
        unsafe H5Pset_fill_value(chunked, type, [Float(7)])
        file.add(name, type, extents, creation: chunked)
        H5Pclose(chunked)
      }
    }
    let file = try HDF5File(opening: path)
    let small = try file.tensor("small")
    #expect(small.shape.extents == [1_000, 1_000])
    #expect(try small.elements(as: Float.self).allSatisfy { $0 == 7 })
    #expect(try file.tensor("many").elements(as: Float.self).allSatisfy { $0 == 7 })
    for name in ["large", "one"] {
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.code == .limitExceeded, "\(name)")
    }
    let corner = HDF5Block(offset: [1 << 20 - 1, 1_022], count: [1, 2])
    #expect(try file.tensor("large", block: corner).elements() == [Float(7), 7])
    let few = HDF5Block(offset: [1 << 18 - 3], count: [3])
    #expect(try file.tensor("many", block: few).elements() == [Float(7), 7, 7])
    // A chunk is in memory as a whole.
    let error = #expect(throws: FlywheelError.self) {
      try file.tensor("one", block: .init(offset: [5], count: [1]))
    }
    #expect(error?.code == .limitExceeded)
    let strict = try HDF5File(opening: path, fillLimit: 0)
    #expect(throws: FlywheelError.self) { try strict.tensor("large", block: corner) }
      .map { #expect($0.code == .limitExceeded) }
  }

  @Test("Layouts and filters that make no sense are refused")
  func layouts() throws {
    let tensor = try Tensor(vector: [1, 2] as [Float])
    var writer = try HDF5Writer(creating: path)
    for level in [-1, 0, 10] {
      let layout = HDF5Layout.chunked([1], HDF5Filters(gzipLevel: level))
      let error = #expect(throws: FlywheelError.self) {
        try writer.write(tensor, at: "a", layout: layout)
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains("gzip level \(level)") == true)
    }
    try writer.write(tensor, at: "a", layout: .chunked([2], .compressed(level: 9)))
    try writer.close()
  }

  @Test("What changed in a chunk with a checksum is an error")
  func fletcher() throws {
    let tensor = try Tensor(vector: (0..<64).map(Float.init))
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "a", layout: .chunked([64], HDF5Filters(hasChecksums: true)))
    try writer.close()
    var bytes = try directory.read("blocks.h5")
    let pattern = Float(63).bitPattern
    let place = try #require(
      bytes.indices.dropLast(3).last { index in
        (0..<4).allSatisfy { bytes[index + $0] == UInt8(truncatingIfNeeded: pattern >> (8 * $0)) }
      }
    )
    bytes[place + 1] ^= 4
    let file = try HDF5File(opening: try directory.write(bytes, to: "changed.h5"))
    let error = #expect(throws: FlywheelError.self) { try file.tensor("a") }
    #expect(error?.code == .corrupted, "\(error.map(String.init(describing:)) ?? "")")
  }
}
