import Synchronization

/// A structure of an HDF5 file with the checksum over it.
struct Seal {
  /// The bytes of the structure that the checksum is of; if it lies among them, it counts as zeros.
  let range: Range<Int>
  /// Where the checksum is.
  let place: Int

  /// What structures begin with, but for the superblock.
  private static let letters = Set(
    [
      "OHDR", "OCHK", "BTHD", "BTLF", "BTIN", "FRHP", "FHDB", "FHIB", "FAHD", "FADB", "EAHD",
      "EAIB", "EASB", "EADB", "SMTB", "SMLI",
    ].map { Array($0.utf8) }
  )

  /// What is known of inputs that are changed again and again, by their hashes.
  private static let known = Mutex<[Int: [Seal]]>([:])

  /// The structures whose checksums are right.
  ///
  /// Where they end is found by trying: this knows as little about the format as it can.
  static func all(in bytes: [UInt8]) -> [Seal] {
    if let seals = known.withLock({ $0[bytes.hashValue] }) { return seals }
    let starts = starts(in: bytes)
    var seals: [Seal] = []
    if bytes.count >= 48, bytes[0] == 0x89, bytes[8] >= 2 {
      seals.append(Seal(range: 0..<44, place: 44))
    }
    for (index, start) in starts.enumerated() {
      let next = index + 1 < starts.count ? starts[index + 1] : bytes.count
      let end = min(next, start + 2_048, bytes.count)
      if let seal = within(start..<end, of: bytes) { seals.append(seal) }
    }
    remember(seals, of: bytes)
    return seals
  }

  /// Keeps in mind what was put on some bytes.
  static func remember(_ seals: [Seal], of bytes: [UInt8]) {
    known.withLock { known in
      if known.count > 5_000 { known.removeAll() }
      known[bytes.hashValue] = seals
    }
  }

  private static func starts(in bytes: [UInt8]) -> [Int] {
    bytes.indices.dropLast(8).filter { letters.contains(Array(bytes[$0..<$0 + 4])) }
  }

  private static func within(_ range: Range<Int>, of bytes: [UInt8]) -> Seal? {
    let start = range.lowerBound
    if bytes[start..<start + 4].elementsEqual("FHDB".utf8) {
      // Behind the heap's address and the block's offset in it; blocks have powers of two of bytes.
      for size in [512, 1_024, 2_048] where start + size <= bytes.count {
        for place in start + 14..<start + 22 {
          let seal = Seal(range: start..<start + size, place: place)
          if seal.isRight(in: bytes) { return seal }
        }
      }
      return nil
    }
    for end in range.dropFirst(6).dropLast(3) {
      let seal = Seal(range: start..<end, place: end)
      if seal.isRight(in: bytes) { return seal }
    }
    return nil
  }

  /// The structures that say themselves, or of others, how long they are; right or not.
  static func declared(in bytes: [UInt8]) -> [Seal] {
    starts(in: bytes).compactMap { start in
      func number(_ offset: Int, _ size: Int) -> Int? {
        guard start + offset + size <= bytes.count else { return nil }
        let field = bytes[start + offset..<start + offset + size]
        return Int(exactly: field.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      }
      func seal(_ address: Int, _ count: Int, _ letters: String) -> Seal? {
        let (end, overflow) = address.addingReportingOverflow(count)
        guard !overflow, count >= 0, end <= bytes.count - 4, address <= end,
          letters.isEmpty || bytes[address..<end].starts(with: letters.utf8)
        else { return nil }
        return Seal(range: address..<end, place: end)
      }
      switch String(decoding: bytes[start..<start + 4], as: UTF8.self) {
      case "OHDR":
        guard let flags = number(5, 1) else { return nil }
        let prefix = 6 + (flags & 0x20) / 2 + (flags & 0x10) / 4
        guard let count = number(prefix, 1 << (flags & 3)), count < bytes.count else { return nil }
        return seal(start, prefix + 1 << (flags & 3) + count, "")
      case "BTHD":
        guard let size = number(10, 2), let root = number(16, 8), let count = number(24, 2) else {
          return nil
        }
        return seal(root, 6 + size * count, "BTLF")
      case "FAHD":
        guard let size = number(6, 1), let count = number(8, 8), let block = number(16, 8),
          count < bytes.count
        else { return nil }
        return seal(block, 14 + size * count, "FADB")
      default: return nil
      }
    }
  }

  private func isRight(in bytes: [UInt8]) -> Bool {
    guard place + 4 <= bytes.count else { return false }
    let stored = bytes[place..<place + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return stored == checksum(of: bytes)
  }

  private func checksum(of bytes: [UInt8]) -> UInt32 {
    guard range.contains(place) else { return Lookup3.hash(bytes, range) }
    var content = Array(bytes[range])
    for index in place..<min(place + 4, range.upperBound) { content[index - range.lowerBound] = 0 }
    return Lookup3.hash(content, 0..<content.count)
  }

  /// Puts the checksum right; nil if the structure is not there.
  func put(on bytes: inout [UInt8]) -> Seal? {
    guard range.lowerBound >= 0, range.upperBound <= bytes.count, place + 4 <= bytes.count,
      range.lowerBound == 0 || Self.letters.contains(Array(bytes[range.prefix(4)]))
    else { return nil }
    let checksum = checksum(of: bytes)
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
    return self
  }

  /// The structure with so many bytes more in front of it.
  func moved(by distance: Int) -> Seal? {
    guard range.lowerBound + distance >= 0 else { return nil }
    return Seal(
      range: range.lowerBound + distance..<range.upperBound + distance,
      place: place + distance
    )
  }
}
