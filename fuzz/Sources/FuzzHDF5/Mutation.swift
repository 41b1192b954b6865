import CLibFuzzer

/// One change of an input.
struct Mutation {
  private(set) var bytes: [UInt8]
  private var random: UInt64

  init(of bytes: [UInt8], seed: UInt64) {
    self.bytes = bytes
    random = seed
  }

  /// Changes something, and puts all checksums right that were.
  mutating func run(limit: Int) {
    let seals = Seal.all(in: bytes)
    let countBefore = bytes.count
    switch draw(8) {
    case 0: change(0..<bytes.count, limit: limit)
    case 1: connect(seals)
    case 2, 3: changeInPlace(0..<bytes.count)
    default: changeInPlace(seals.isEmpty ? 0..<bytes.count : seals[draw(seals.count)].range)
    }
    // Bytes may have been added or taken away in front of a block.
    let distance = bytes.count - countBefore
    var put: [Seal] = []
    for seal in seals {
      let found = seal.put(on: &bytes) ?? seal.moved(by: distance)?.put(on: &bytes)
      if let found { put.append(found) }
    }
    for seal in Seal.declared(in: bytes) { _ = seal.put(on: &bytes) }
    Seal.remember(put, of: bytes)
  }

  /// Changes a few bytes, and leaves all others where they are: files are full of addresses.
  private mutating func changeInPlace(_ range: Range<Int>) {
    guard !range.isEmpty else { return change(range, limit: 64) }
    let length = min(1 << draw(6), range.count)
    let start = range.lowerBound + draw(range.count - length + 1)
    change(start..<start + length, limit: length)
  }

  /// Lets libFuzzer change some bytes, which may become others and fewer if the limit is their number.
  private mutating func change(_ range: Range<Int>, limit: Int) {
    var part = Array(bytes[range]) + [UInt8](repeating: 0, count: max(0, limit - range.count))
    let count = unsafe part.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe LLVMFuzzerMutate(start, range.count, limit)
    }
    if limit == range.count {
      bytes.replaceSubrange(range, with: part)
    } else {
      bytes.replaceSubrange(range, with: part[..<count])
    }
  }

  /// Lets some place lead to some block.
  private mutating func connect(_ seals: [Seal]) {
    guard !seals.isEmpty, bytes.count >= 8 else { return changeInPlace(0..<bytes.count) }
    let range = seals[draw(seals.count)].range
    let start = min(bytes.count - 8, range.lowerBound + draw(range.count))
    let target = UInt64(seals[draw(seals.count)].range.lowerBound)
    for index in 0..<8 { bytes[start + index] = UInt8(truncatingIfNeeded: target >> (8 * index)) }
  }

  /// A number from 0 up to a bound (SplitMix64).
  private mutating func draw(_ bound: Int) -> Int {
    random &+= 0x9E37_79B9_7F4A_7C15
    var number = random
    number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
    number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((number ^ number >> 31) % UInt64(bound))
  }
}
