import FlywheelCore
import FlywheelHDF5
import FlywheelTestSupport
import SystemPackage
import Testing

/// The fast way in must say what libhdf5 says, or nothing.
@Suite("Plain HDF5 files")
struct HDF5PlainFileTests {
  private static func write(
    _ tensors: [(String, Tensor)],
    to path: FilePath,
    layout: HDF5Layout = .contiguous
  ) throws {
    var writer = try HDF5Writer(creating: path)
    for (key, tensor) in tensors { try writer.write(tensor, at: key, layout: layout) }
    try writer.setAttribute("step", .integer(7))
    try writer.setAttribute("rule", .string("pytorch"))
    try writer.close()
  }

  private static func bytes(_ tensor: Tensor) -> [UInt8] {
    unsafe tensor.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  private static func example() throws -> [(String, Tensor)] {
    func bytes(_ dtype: DType, _ bytes: [UInt8]) throws -> Tensor {
      let count = bytes.count / dtype.byteCount
      let storage = try Tensor(vector: bytes).storage
      return try Tensor(dtype: dtype, shape: Shape(vector: count), storage: storage)
    }
    return [
      ("model/layers.0.weight", try Tensor([1, -2, 3, 4] as [Float], shape: try Shape([2, 2]))),
      ("model/größe", try Tensor(vector: [0.5] as [Double])),
      ("optimizer/velocity/layers.0.weight", try Tensor([5, 6] as [Float], shape: Shape([2, 1]))),
      ("scalar", try Tensor([9] as [Int64], shape: .scalar)),
      ("half", try bytes(.float16, [1, 2, 3, 4])), ("brain", try bytes(.bfloat16, [5, 6])),
      ("mask", try bytes(.bool, [1, 0, 1])), ("tiny", try bytes(.float8E5M2, [0x7C, 1])),
      ("wave", try bytes(.complex64, Array(0..<16))),
      ("empty", try Tensor([] as [UInt16], shape: try Shape([0, 3]))),
      ("flywheel.metadata", try Tensor(vector: Array("{}".utf8))),
    ]
  }

  @Test("Files as Flywheel writes them are read without libhdf5, every dtype", arguments: [1, 60])
  func plain(groups: Int) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("plain.h5")
    var tensors = try Self.example()
    for dtype in DType.allCases {
      let mask: UInt8 = dtype == .bool ? 1 : 0xFF
      let storage = try TensorStorage(byteCount: 3 * dtype.byteCount) {
        (output) throws(FlywheelError) in
        for index in 0..<3 * dtype.byteCount {
          unsafe output.append(UInt8(truncatingIfNeeded: 37 * index) & mask, as: UInt8.self)
        }
      }
      let tensor = try Tensor(dtype: dtype, shape: Shape(vector: 3), storage: storage)
      for group in 0..<groups { tensors.append(("types/\(group)/\(dtype.rawValue)", tensor)) }
    }
    try Self.write(tensors, to: path)
    var file = try #require(try HDF5PlainFile(opening: path))
    for (key, tensor) in tensors {
      let plain = file.tensor(key)
      let found = try #require(plain, "\(key)")
      #expect(found.dtype == tensor.dtype)
      #expect(found.shape == tensor.shape)
      #expect(found.storage.isMapped)
      #expect(Self.bytes(found) == Self.bytes(tensor))
    }
  }

  @Test("What is not there, a group, or no path has no tensor")
  func absent() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("plain.h5")
    try Self.write(try Self.example(), to: path)
    var file = try #require(try HDF5PlainFile(opening: path))
    for key in ["none", "model", "model/none", "scalar/none", "", "/", "model/", "/scalar"] {
      let tensor = file.tensor(key)
      #expect(tensor == nil, "\(key)")
    }
  }

  @Test("Chunked datasets, and groups too large for their header, are left to libhdf5")
  func unusual() throws {
    let directory = try TemporaryDirectory()
    let tensor = try Tensor(vector: [1, 2, 3, 4] as [Float])
    let chunked = directory.path.appending("chunked.h5")
    try Self.write([("x", tensor)], to: chunked, layout: .chunked([2]))
    var file = try #require(try HDF5PlainFile(opening: chunked))
    let x = file.tensor("x")
    #expect(x == nil)
    let large = directory.path.appending("large.h5")
    try Self.write((0..<200).map { ("g/\($0)", tensor) }, to: large)
    var other = try #require(try HDF5PlainFile(opening: large))
    let one = other.tensor("g/1")
    #expect(one == nil)
  }

  @Test("A file that is no HDF5, or is not there, is not plain")
  func foreign() throws {
    let directory = try TemporaryDirectory()
    let text = try directory.write(Array(repeating: 65, count: 100), to: "text")
    let empty = try directory.write([], to: "empty")
    for path in [text, empty] {
      #expect(try HDF5PlainFile(opening: path) == nil)
    }
    #expect(throws: FlywheelError.self) {
      _ = try HDF5PlainFile(opening: directory.path.appending("none"))
    }
  }

  @Test("Every flipped bit outside the elements gives the same tensors or none")
  func flips() throws {
    let directory = try TemporaryDirectory()
    let tensors = try Self.example()
    let path = directory.path.appending("whole.h5")
    try Self.write(tensors, to: path)
    let whole = try directory.read("whole.h5")
    var refused = 0
    for index in whole.indices {
      var damaged = whole
      damaged[index] ^= 1 << UInt8(index % 8)
      let copy = directory.path.appending("damaged.h5")
      try HDF5DamageTests.write(damaged[...], to: copy)
      guard var file = try HDF5PlainFile(opening: copy) else {
        refused += 1
        continue
      }
      for (key, tensor) in tensors {
        guard let found = file.tensor(key) else {
          refused += 1
          continue
        }
        #expect(found.dtype == tensor.dtype && found.shape == tensor.shape)
        let differing = zip(Self.bytes(found), Self.bytes(tensor)).filter { $0 != $1 }.count
        // At most the flipped byte itself, if it is one of the elements'.
        #expect(differing <= 1, "byte \(index), \(key)")
      }
    }
    #expect(refused > 200)
  }

  @Test("A file cut off anywhere is refused, or cut after all that is read")
  func truncations() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("whole.h5")
    try Self.write(try Self.example(), to: path)
    let whole = try directory.read("whole.h5")
    for count in whole.indices {
      let copy = directory.path.appending("cut.h5")
      try HDF5DamageTests.write(whole[..<count], to: copy)
      #expect(try HDF5PlainFile(opening: copy) == nil, "\(count) bytes")
    }
  }
}
