import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is written is a committed file, which the Python tests read with h5py.
@Suite("HDF5 files of ours")
struct HDF5WrittenTests {
  private static func write(to path: FilePath) throws {
    var writer = try HDF5Writer(creating: path)
    let filters = HDF5Filters(shuffles: true, gzipLevel: 6, hasChecksums: true)
    for dtype in DType.allCases {
      let tensor = try HDF5DTypeTests.specials(dtype)
      let name = dtype.rawValue
      try writer.write(tensor, at: "contiguous/\(name)")
      // One of each kind; the index of chunks takes three kibibytes.
      if [.bool, .int16, .bfloat16, .float32, .complex64].contains(dtype) {
        try writer.write(tensor, at: "filtered/\(name)", layout: .chunked([5], filters))
      }
      let bits = try Tensor(vector: HDF5DTypeTests.specialBytes(dtype))
      try writer.write(bits, at: "bits/\(name)")
    }
    try writer.write(try HDF5DTypeTests.specials(.bfloat16), at: "keras/vars/0")
    try writer.write(["dense", "", "Größe, 大きさ"], at: "texts")
    try writer.setAttribute("layer_names", .strings(["b", "a"]))
    let wave = try Tensor(vector: [1, 2] as [Float])
    let one = try Tensor(dtype: .complex64, shape: Shape(vector: 1), storage: wave.storage)
    try writer.setAttribute("wave", .tensor(one))
    try writer.close()
  }

  /// The golden file is only written anew when a feature is added to it, or files are laid out better.
  private static func emptied(_ path: FilePath) throws -> FilePath {
    try HDF5DamageTests.write([], to: path)
    return path
  }

  @Test("Every dtype, layout and attribute is written as it always was")
  func golden() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("written.h5")
    try Self.write(to: path)
    let golden = HDF5ArchiveTests.directory.appending("written.h5")
    if unsafe getenv("FLYWHEEL_WRITE_FIXTURES") != nil { try Self.write(to: Self.emptied(golden)) }
    let now = try HDF5File(opening: path)
    let then = try HDF5File(opening: golden)
    #expect(try now.allDatasets().map(\.path) == then.allDatasets().map(\.path))
    for dataset in try now.allDatasets() where dataset.dtype != nil {
      let (new, old) = (try now.tensor(dataset.path), try then.tensor(dataset.path))
      #expect(new.dtype == old.dtype && new.shape == old.shape, "\(dataset.path)")
      #expect(new.crc32 == old.crc32, "\(dataset.path)")
    }
    // Another libhdf5 may lay the same things out in another way.
    guard HDF5Library.version == "1.10.8" else { return }
    let (newBytes, oldBytes) = (try directory.read("written.h5"), try OpenFile.contents(of: golden))
    #expect(newBytes == oldBytes)
  }
}
