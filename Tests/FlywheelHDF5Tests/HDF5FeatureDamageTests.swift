import CFlywheelHDF5
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

/// Damage where there is more than contiguous numbers: types, filters, texts, links and creation order.
@Suite("Damaged HDF5 features")
struct HDF5FeatureDamageTests {
  /// A file with one of everything that is written; its headers have checksums, its chunks' index and its
  /// heap have none.
  private static func write(to path: FilePath) throws {
    var writer = try HDF5Writer(creating: path)
    for dtype in [DType.bool, .bfloat16, .complex64, .float8E5M2] {
      try writer.write(try HDF5RoundTripTests.tensor(dtype, [3]), at: "types/\(dtype.rawValue)")
    }
    let numbers = try Tensor(vector: (0..<40).map(Int32.init))
    let filters = HDF5Filters(shuffles: true, gzipLevel: 1, hasChecksums: true)
    try writer.write(numbers, at: "chunks", layout: .chunked([16], filters))
    try writer.write(["a", "bc"], at: "texts")
    try writer.setAttribute("names", .strings(["x", "yz"]))
    try writer.setAttribute("values", .tensor(numbers))
    try writer.close()
  }

  /// Reads whatever is there in every way; gives the number of errors.
  private static func read(_ bytes: [UInt8]) throws -> Int {
    let storage = try StructureBuilder.storage(bytes)
    var errors = 0
    func attempt(_ body: () throws(FlywheelError) -> Void) {
      do throws(FlywheelError) { try body() } catch { errors += 1 }
    }
    attempt { () throws(FlywheelError) in
      let file = try HDF5File(storage, path: "damaged.h5")
      attempt { () throws(FlywheelError) in _ = try file.allLinks() }
      attempt { () throws(FlywheelError) in
        for dataset in try file.allDatasets() {
          attempt { () throws(FlywheelError) in _ = try file.tensor(dataset.path) }
        }
      }
      attempt { () throws(FlywheelError) in _ = try file.strings(at: "texts") }
      attempt { () throws(FlywheelError) in _ = try file.attribute("names") }
      attempt { () throws(FlywheelError) in _ = try file.attribute("values") }
      let block = HDF5Block(offset: [10], count: [10], stride: [2])
      attempt { () throws(FlywheelError) in _ = try file.tensor("chunks", block: block) }
    }
    return errors
  }

  @Test("Flipped bits and cuts end in errors or other values, never in anything worse")
  func damage() throws {
    let directory = try TemporaryDirectory()
    try Self.write(to: directory.path.appending("whole.h5"))
    var bytes = try directory.read("whole.h5")
    #expect(try Self.read(bytes) == 1)  // the texts are no tensor
    var (flipped, cut) = (0, 0)
    for index in stride(from: 0, to: bytes.count, by: 3) {
      bytes[index] ^= 1 << (index / 3 % 8)
      if try Self.read(bytes) > 1 { flipped += 1 }
      bytes[index] ^= 1 << (index / 3 % 8)
    }
    for count in stride(from: 0, to: bytes.count, by: 61) {
      if try Self.read(Array(bytes[..<count])) > 0 { cut += 1 }
    }
    #expect(flipped > 500)
    #expect(cut == (bytes.count + 60) / 61)
  }

  @Test("Texts that are shared by more references than the file can justify are refused")
  func sharedTexts() throws {
    // One text of a mebibyte, and a hundred references to it.
    let (size, count) = (1 << 20, 100)
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("texts.h5")
    do {
      let file = ForeignFile(path)
      file.addVariableString("long", String(repeating: "x", count: size))
      file.add("many", fw_h5_new_string_type(-1), [UInt64(count)])
      let dataset = unsafe H5Dopen2(file.id, "many", 0)
      let text = unsafe strdup("short")
      let pointers = unsafe [UnsafeMutablePointer<CChar>?](repeating: text, count: count)
      let type = fw_h5_new_string_type(-1)
      #expect(unsafe H5Dwrite(dataset, type, 0, 0, 0, pointers) >= 0)
      unsafe free(text)
      H5Tclose(type)
      H5Dclose(dataset)
    }
    let file = try HDF5File(opening: path)
    guard case .contiguous(let offset?) = try file.dataset("many").storage else {
      Issue.record("not contiguous")
      return
    }
    var bytes = try directory.read("texts.h5")
    let magic = Array("GCOL".utf8)
    let long = try #require(
      bytes.indices.first { index in
        bytes[index...].starts(with: magic) && bytes[index + 24] == 0 && bytes[index + 26] == 0x10
      }
    )
    for index in 0..<count {
      let place = Int(offset) + 16 * index
      let reference: [UInt8] =
        [0, 0, 0x10, 0] + (0..<8).map { UInt8(truncatingIfNeeded: long >> (8 * $0)) } + [
          1, 0, 0, 0,
        ]
      bytes.replaceSubrange(place..<place + 16, with: reference)
    }
    let shared = try HDF5File(opening: try directory.write(bytes, to: "shared.h5"))
    let error = #expect(throws: FlywheelError.self) { try shared.strings(at: "many") }
    #expect(error?.code == .limitExceeded)
  }
}
