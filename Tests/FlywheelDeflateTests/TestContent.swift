import FlywheelCore

/// Bytes of every kind that the encoder treats in its own way, made from a seed.
enum TestContent: String, CaseIterable, Sendable {
  case zeros
  case noise
  case weights
  case sparse
  case counters
  case flags
  case text
  case farRepeats
  case repeatedElements
  case runs
  case mixture

  /// The first bytes of this kind.
  func bytes(_ count: Int, seed: UInt64 = 0) -> [UInt8] {
    var generator = Philox(seed: seed, stream: 5)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 64)
    let words = ["epoch", "loss", "weight", "velocity", "0.125", "-1.5e-3", "\": ", ", \"", "\n"]
    while bytes.count < count {
      let word = generator.next()
      switch self {
      case .zeros: bytes.append(contentsOf: repeatElement(0, count: 64))
      case .noise: bytes.append(word)
      case .weights: bytes.append(float(word))
      case .sparse: bytes.append(word % 10 < 7 ? 0 : float(word))
      case .counters: bytes.append(UInt64(bytes.count / 8) * 3)
      case .flags: bytes.append(UInt8(truncatingIfNeeded: word % 10 / 7))
      case .text: bytes.append(contentsOf: words[Int(word % UInt64(words.count))].utf8)
      case .farRepeats:
        if bytes.count < 6_000 { bytes.append(word) } else { bytes.append(bytes[bytes.count - 6_000]) }
      case .repeatedElements: bytes.append(float(word % 50 &* 0x9E37_79B9_7F4A_7C15))
      case .runs:
        let length = Int(word >> 8 % 700)
        bytes.append(contentsOf: repeatElement(UInt8(truncatingIfNeeded: word), count: length))
      case .mixture:
        let others = Self.allCases.filter { $0 != .mixture }
        let other = others[Int(word % UInt64(others.count))]
        bytes += other.bytes(min(count, Int(word >> 32 % 50_000)), seed: word)
      }
    }
    return Array(bytes.prefix(count))
  }

  /// The bits of a float32 as trained weights are: exponents of a few values, mantissas of all.
  private func float(_ word: UInt64) -> UInt32 {
    let exponent = 120 - UInt32(truncatingIfNeeded: (word >> 40).trailingZeroBitCount)
    return UInt32(truncatingIfNeeded: word) & 0x807F_FFFF | exponent << 23
  }
}

extension [UInt8] {
  /// The bytes of an integer, least significant first.
  fileprivate mutating func append<Integer: FixedWidthInteger>(_ value: Integer) {
    for shift in stride(from: 0, to: Integer.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
