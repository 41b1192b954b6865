import CFlywheelHDF5
import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

@Suite("Compressed HDF5 datasets")
struct HDF5CompressionTests {
  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("compressed.h5")
  }

  static let compressions: [Compression] = [.fast, .level(1), .level(9)]

  /// Numbers with noise in their low bytes, as weights have; the same for the same count.
  static func weights(_ count: Int) throws -> Tensor {
    var random = SplitMix(state: 42)
    return try Tensor(
      vector: (0..<count).map { _ in Float(random.next() >> 40) / 16_777_216 - 0.5 }
    )
  }

  /// Random bits that the same state gives again.
  struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  @Test("Every type and shape comes back bit for bit", arguments: compressions)
  func everyType(compression: Compression) throws {
    let shapes = [[], [0], [5], [700, 3], [3, 0, 2], [40, 7, 9]]
    for element in HDF5ArchiveRoundTripTests.elements {
      let path = directory.path.appending("types.h5")
      let writer = try HDF5ArchiveWriter(
        replacing: path,
        compression: compression,
        durability: .cached
      )
      let descriptions = try shapes.map {
        try TensorDescription(element: element, shape: Shape($0))
      }
      for (index, description) in descriptions.enumerated() {
        let bytes = HDF5ArchiveRoundTripTests.bytes(description)
        let key = "\(index)"
        try HDF5ArchiveRoundTripTests.write(description, bytes, under: key, to: writer, pieces: 999)
      }
      try writer.finish()
      let reader = try HDF5ArchiveReader(opening: path)
      for (index, description) in descriptions.enumerated() {
        let read = try HDF5ArchiveRoundTripTests.read("\(index)", from: reader)
        #expect(read == HDF5ArchiveRoundTripTests.bytes(description), "\(description)")
        #expect(try reader.member("\(index)")?.array() == description)
      }
    }
  }

  @Test("Arrays of many chunks come back, in whatever pieces they are written and read")
  func manyChunks() throws {
    // Rows that divide a chunk, rows larger than one, a vector, and one with an edge along an inner axis.
    for extents in [[1_500, 500], [3, 350_000], [700_001], [2, 3, 200_000]] {
      let shape = try Shape(extents)
      let vector = try Self.weights(shape.elementCount)
      let tensor = try Tensor(dtype: .float32, shape: shape, storage: vector.storage)
      let bytes = HDF5RoundTripTests.bytes(of: tensor)
      var files: [[UInt8]] = []
      for pieces in [bytes.count, 100_001, 3_000_000] {
        let writer = try HDF5ArchiveWriter(
          replacing: path,
          compression: .fast,
          durability: .cached
        )
        let description = TensorDescription(of: tensor)
        try HDF5ArchiveRoundTripTests.write(
          description,
          bytes,
          under: "a",
          to: writer,
          pieces: pieces
        )
        try writer.finish()
        files.append(try directory.read("compressed.h5"))
      }
      #expect(files.allSatisfy { $0 == files[0] }, "\(extents)")
      #expect(files[0].count < bytes.count * 95 / 100, "\(extents)")
      let reader = try HDF5ArchiveReader(opening: path)
      #expect(try reader.tensor("a")?.crc32 == tensor.crc32, "\(extents)")
      #expect(try HDF5ArchiveRoundTripTests.read("a", from: reader) == bytes, "\(extents)")
      #expect(try reader.member("a")?.storage.contains("shuffle (2), gzip (1)") == true)
    }
  }

  @Test("Several are read at once, and the first that is damaged is the error")
  func several() throws {
    let writer = try HDF5ArchiveWriter(replacing: path, compression: .fast, durability: .cached)
    let tensors = try (1...9).map { try Self.weights(20_000 * $0) }
    for (index, tensor) in tensors.enumerated() { try writer.write(tensor, under: "\(index)") }
    try writer.finish()
    let reader = try HDF5ArchiveReader(opening: path)
    let keys = ["8", "missing", "0"] + (0..<9).map(String.init)
    let read = try reader.tensors(keys).map { $0?.crc32 }
    #expect(read == [tensors[8].crc32, nil, tensors[0].crc32] + tensors.map(\.crc32))
    var bytes = try directory.read("compressed.h5")
    for index in bytes.indices where index > 300_000 { bytes[index] ^= 0x55 }
    let damaged = try HDF5ArchiveReader(opening: try directory.write(bytes, to: "damaged.h5"))
    let error = #expect(throws: FlywheelError.self) { try damaged.tensors(keys) }
    #expect(error?.location.tensor == "/8")
  }

  @Test("libhdf5 itself reads the same")
  func library() throws {
    let tensor = try Self.weights(600_000)
    var writer = try HDF5Writer(creating: path)
    try writer.write(tensor, at: "a", layout: .compressed(.fast))
    try writer.close()
    var elements = [Float](repeating: 0, count: 600_000)
    fw_h5_enter()
    let file = unsafe H5Fopen(path.string, 0, 0)
    let dataset = unsafe H5Dopen2(file, "a", 0)
    #expect(unsafe fw_h5_read_all(dataset, HDF5Library.type(of: .float32), &elements) >= 0)
    H5Dclose(dataset)
    H5Fclose(file)
    fw_h5_leave()
    #expect(try tensor.elements() == elements)
  }

  @Test("What would not shrink lies there as it is")
  func incompressible() throws {
    var random = SplitMix(state: 1)
    let noise = try Tensor(vector: (0..<400_000).map { _ in random.next() })
    let small = try Tensor(vector: (0..<1_000).map { _ in random.next() })
    let tiny = try Tensor(vector: [Float](repeating: 0, count: 500))
    var writer = try HDF5Writer(creating: path)
    try writer.write(noise, at: "noise", layout: .compressed(.fast))
    try writer.write(small, at: "small", layout: .compressed(.fast))
    try writer.write(tiny, at: "tiny", layout: .compressed(.level(9)))
    let one = try Tensor([1] as [Float], shape: .scalar)
    try writer.write(one, at: "one", layout: .compressed(.fast))
    try writer.close()
    let size = try directory.read("compressed.h5").count
    #expect(size < noise.byteCount + small.byteCount + tiny.byteCount + 8_192)
    let file = try HDF5File(opening: path)
    for (name, tensor) in [("noise", noise), ("small", small), ("tiny", tiny)] {
      #expect(try file.tensor(name).crc32 == tensor.crc32, "\(name)")
    }
    for name in ["small", "tiny", "one"] {
      #expect(try file.tensor(name).storage.isMapped, "\(name)")
    }
    guard case .chunked = try file.dataset("noise").storage else {
      Issue.record("not in chunks")
      return
    }
  }

  @Test("A compression that there is not is refused")
  func levels() throws {
    let writer = try HDF5ArchiveWriter(
      replacing: path,
      compression: .level(10),
      durability: .cached
    )
    let error = #expect(throws: FlywheelError.self) {
      try writer.write(try Self.weights(10_000), under: "a")
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.location == .init(path: path, tensor: "/a"))
  }

  @Test("Chunks hold all bytes of an array, in order, and each not much more than a mebibyte")
  func plan() throws {
    for extents in [
      [1], [300], [1_000_000], [1_500, 500], [3, 350_000], [2, 3, 200_000], [7, 1, 5, 99_999],
      [100_000, 3], [1, 1, 1], [5, 600_000, 2],
    ] {
      let shape = try Shape(extents)
      let description = try TensorDescription(element: .number(.float64), shape: shape)
      let plan = try #require(ChunkPlan(description))
      #expect(plan.chunkByteCount == plan.chunk.reduce(8, *))
      #expect(plan.chunkByteCount <= 1 << 20)
      var next = 0
      var fits = true
      for index in 0..<plan.count {
        let offset = plan.offset(of: index)
        let start = zip(offset, extents).reduce(0) { $0 * $1.1 + $1.0 } * 8
        fits = fits && start == next && zip(offset, plan.chunk).allSatisfy { $0 % $1 == 0 }
        next += plan.byteCount(of: index)
      }
      #expect(fits && next == description.byteCount, "\(extents)")
    }
    #expect(ChunkPlan(try TensorDescription(element: .number(.bool), shape: .scalar)) == nil)
  }
}
