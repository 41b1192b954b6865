import FlywheelCore
import Synchronization
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// A small sound file to be damaged on purpose, which knows the bytes that its checksums are of.
struct SealedFile: Sendable {
  /// The file.
  private(set) var bytes: [UInt8]
  /// Its structures with checksums.
  let seals: [Seal]
  private let sound: FileStructure

  /// A structure with its checksum.
  struct Seal: Sendable {
    /// The bytes that the checksum is of; if it lies among them, it counts as zeros.
    let range: Range<Int>
    /// Where the checksum is.
    let place: Int

    /// All bytes that cannot change unseen.
    var whole: Range<Int> { range.lowerBound..<max(range.upperBound, place + 4) }

    func checksum(of bytes: [UInt8]) -> UInt32 {
      var content = Array(bytes[range])
      if range.contains(place) {
        content.replaceSubrange(
          place - range.lowerBound..<place - range.lowerBound + 4,
          with: [0, 0, 0, 0]
        )
      }
      return MetadataChecksum.checksum(content.rawBytes)
    }
  }

  /// Takes a file of fuzz/inputs/hdf5.
  static func named(_ name: String) throws -> SealedFile {
    if let file = known.withLock({ $0[name] }) { return file }
    let path = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
      .removingLastComponent().removingLastComponent().appending("fuzz/inputs/hdf5/\(name).h5")
    let file = try SealedFile(OpenFile.contents(of: path))
    known.withLock { $0[name] = file }
    return file
  }

  private static let known = Mutex<[String: SealedFile]>([:])

  private init(_ bytes: [UInt8]) throws {
    self.bytes = bytes
    sound = try FileStructure(of: try StructureBuilder.storage(bytes))
    seals = Self.seals(of: bytes)
  }

  // MARK: Where things are

  /// Where a structure begins.
  func find(_ letters: String, _ number: Int = 0) throws -> Int {
    let starts = bytes.indices.filter { bytes[$0...].starts(with: letters.utf8) }
    return try #require(starts.dropFirst(number).first, "no \(letters) \(number)")
  }

  /// Where the superblock says where the root is.
  var rootPlace: Int { [64, 68, 36, 36][Int(bytes[8])] }

  /// Where the header of an object begins.
  func header(_ path: String) throws -> Int { Int(try object(path).address) }

  /// Where what a message says begins.
  func message(_ kind: MessageKind, of path: String, _ number: Int = 0) throws -> Int {
    let messages = try object(path).messages.filter { $0.kind == kind }
    return try #require(messages.dropFirst(number).first).range.lowerBound
  }

  private func object(_ path: String) throws -> ObjectHeader {
    var header = try ObjectHeader(at: sound.superblock.rootAddress, in: sound.image)
    for name in path.split(separator: "/") {
      let link = try GroupLinks.links(of: header, in: sound).first { $0.name == name }
      guard case .object(let address)? = link?.target else { throw Missing(path: path) }
      header = try ObjectHeader(at: address, in: sound.image)
    }
    return header
  }

  private struct Missing: Error { let path: String }

  /// A number in the file.
  func number(at place: Int, _ size: Int = 8) -> UInt64 {
    bytes[place..<place + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  // MARK: Damage

  /// Writes a number.
  mutating func set(_ place: Int, _ number: UInt64, _ size: Int = 8) {
    for index in 0..<size {
      bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
    }
  }

  /// Gives a dataset of some axes, which cannot grow, another extent along the first.
  mutating func stretch(_ path: String, to extent: UInt64) throws {
    let space = try message(.dataspace, of: path)
    let axisCount = Int(bytes[space + 1])
    set(space + 4, extent)
    set(space + 4 + 8 * axisCount, extent)
  }

  /// Writes bytes.
  mutating func set(_ place: Int, _ new: [UInt8]) {
    bytes.replaceSubrange(place..<place + new.count, with: new)
  }

  /// The file with all checksums right.
  func sealed() -> [UInt8] {
    var copy = self
    for seal in seals { copy.set(seal.place, UInt64(seal.checksum(of: bytes)), 4) }
    return copy.bytes
  }

  // MARK: Checksums

  private static let letters = Set(
    [
      "OHDR", "OCHK", "BTHD", "BTLF", "BTIN", "FRHP", "FHDB", "FHIB", "FAHD", "FADB", "EAHD",
      "EAIB", "EASB", "EADB", "SMTB",
    ].map { Array($0.utf8) }
  )

  /// Where structures end is found by trying, so that their lengths are not taken from the reader.
  private static func seals(of bytes: [UInt8]) -> [Seal] {
    let starts = bytes.indices.dropLast(8).filter { letters.contains(Array(bytes[$0..<$0 + 4])) }
    let superblock = Seal(range: 0..<44, place: 44)
    var seals = bytes[8] >= 2 ? [superblock] : []
    for (index, start) in starts.enumerated() {
      let next = index + 1 < starts.count ? starts[index + 1] : bytes.count
      let end = min(next, start + 600, bytes.count - 4)
      // Blocks of heaps have powers of two of bytes, and their checksum in front of them.
      let blocks = [512, 1_024, 2_048].filter { start + $0 <= bytes.count }.flatMap { size in
        (start + 14..<start + 22).map { Seal(range: start..<start + size, place: $0) }
      }
      let isBlock = bytes[start..<start + 4].elementsEqual("FHDB".utf8)
      let others = (start + 6...max(start + 6, end)).lazy.map { Seal(range: start..<$0, place: $0) }
      let isRight = { (seal: Seal) in
        seal.place + 4 <= bytes.count && read(bytes, seal.place) == seal.checksum(of: bytes)
      }
      let found = isBlock ? blocks.first(where: isRight) : others.first(where: isRight)
      if let found { seals.append(found) }
    }
    return seals
  }

  private static func read(_ bytes: [UInt8], _ place: Int) -> UInt32 {
    bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
