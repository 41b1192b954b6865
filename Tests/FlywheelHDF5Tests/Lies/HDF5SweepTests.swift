import FlywheelCore
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Small files of every layout, cut off everywhere, and with every byte changed.
@Suite("HDF5 files damaged everywhere")
struct HDF5SweepTests {
  /// Whose structures all have checksums; those of the second half, none.
  static let names = [
    "compact-links", "dense-attributes", "growing", "growing-packed", "chunk-indexes", "many-names",
    "small-sizes", "texts",
  ]

  /// All that a file says, line by line; errors are lines too.
  private static func reading(_ bytes: [UInt8]) throws -> Reading {
    let storage = try StructureBuilder.storage(bytes)
    var reading = Reading()
    do throws(FlywheelError) {
      let file = try HDF5File(storage, path: "a.h5", fillLimit: 1 << 16)
      reading.add { () throws(FlywheelError) in "\(try file.allLinks())" }
      reading.add { () throws(FlywheelError) in "\(try file.contents().metadata)" }
      for dataset in try file.allDatasets() {
        reading.lines.append("\(dataset)")
        reading.add { () throws(FlywheelError) in
          let tensor = try file.tensor(dataset.path)
          return "\(dataset.path) \(tensor.shape) \(tensor.crc32)"
        }
        guard dataset.dtype == nil else { continue }
        reading.add { () throws(FlywheelError) in "\(try file.strings(at: dataset.path))" }
      }
    } catch {
      reading.codes.append(error.code)
    }
    return reading
  }

  /// What was said, and why something was not.
  private struct Reading: Equatable {
    var lines: [String] = []
    var codes: [FlywheelError.Code] = []

    mutating func add(_ body: () throws(FlywheelError) -> String) {
      do throws(FlywheelError) {
        let line = try body()
        lines.append(line)
      } catch {
        codes.append(error.code)
      }
    }
  }

  /// The codes that bytes may be blamed with.
  private static let codes: Set<FlywheelError.Code> = [
    .malformed, .truncated, .corrupted, .unsupported, .limitExceeded, .mismatch, .notFound,
  ]

  @Test("A changed byte under a checksum is an error, or changes nothing", arguments: names)
  func flips(name: String) throws {
    let file = try SealedFile.named(name)
    let sound = try Self.reading(file.bytes)
    #expect(!sound.lines.isEmpty)
    let isSealed = Self.sealed(file)
    var bytes = file.bytes
    var wrong: [String] = []
    var refused = 0
    for place in bytes.indices {
      let mask: UInt8 = 1 << UInt8(place % 8)
      bytes[place] ^= mask
      let reading = try Self.reading(bytes)
      bytes[place] ^= mask
      if reading.codes.count > sound.codes.count { refused += 1 }
      if !Self.codes.isSuperset(of: reading.codes) { wrong.append("\(place): \(reading.codes)") }
      guard isSealed[place] else { continue }
      let isSame = reading == sound
      let isRefused = reading.codes != sound.codes && reading.lines.allSatisfy(sound.lines.contains)
      if !isSame && !isRefused { wrong.append("byte \(place) went unseen: \(reading)") }
    }
    #expect(wrong == [])
    #expect(refused > bytes.count / 20, "\(refused) of \(bytes.count)")
  }

  /// Which bytes checksums are of.
  private static func sealed(_ file: SealedFile) -> [Bool] {
    var isSealed = [Bool](repeating: false, count: file.bytes.count)
    for seal in file.seals { for place in seal.whole { isSealed[place] = true } }
    return isSealed
  }

  @Test("A file that ends too early is refused, or the part that is not there", arguments: names)
  func cuts(name: String) throws {
    let file = try SealedFile.named(name)
    let sound = try Self.reading(file.bytes)
    // With the true end in the superblock, and with that of the cut.
    let place = file.bytes[8] >= 2 ? 28 : nil
    // Up to the last byte of the signature.
    let frontByteCount = name == "small-sizes" ? 512 + 7 : 0
    var wrong: [String] = []
    for count in file.bytes.indices {
      let cut = try Self.reading(Array(file.bytes.prefix(count)))
      // What may lie in front of a file is no part of one.
      let isFront = count > 0 && count <= frontByteCount
      let code = isFront ? FlywheelError.Code.malformed : .truncated
      if !cut.lines.isEmpty || cut.codes != [code] { wrong.append("\(count) bytes: \(cut)") }
      guard let place, count > 48 else { continue }
      var shorter = file
      shorter.set(place, UInt64(count))
      let bytes = Array(shorter.sealed().prefix(count))
      let reading = try Self.reading(bytes)
      let isSame = reading == sound
      let isRefused = reading.codes != sound.codes && reading.lines.allSatisfy(sound.lines.contains)
      if !isSame && !isRefused { wrong.append("\(count) bytes: \(reading)") }
    }
    #expect(wrong == [])
  }
}
