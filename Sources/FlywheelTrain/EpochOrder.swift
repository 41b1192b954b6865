import FlywheelCore

/// The order in which an epoch visits its samples.
///
/// In numpy it is
/// `argsort(Philox(key=[seed, stream], counter=[0, 0, 0, epoch]).random_raw(n), kind="stable")`.
package enum EpochOrder {
  /// Puts the sample numbers `0..<count` into the order of one epoch.
  ///
  /// - Parameters:
  ///   - count: The number of samples.
  ///   - seed: The run's seed.
  ///   - stream: The stream that orders are drawn from.
  ///   - epoch: The epoch, counted from 0.
  /// - Returns: A permutation of the sample numbers.
  /// - Precondition: `count` fits 32 bits and is not negative.
  package static func order(
    count: Int,
    seed: UInt64,
    stream: UInt64,
    epoch: UInt64
  ) -> [UInt32] {
    precondition(UInt32(exactly: count) != nil, "sample numbers have 32 bits")
    var words = [UInt64](repeating: 0, count: count)
    var generator = Philox(seed: seed, stream: stream, epoch: epoch)
    generator.fill(&words)

    // The upper half of each word with its sample number below: half the memory to move.
    var entries = [UInt64](repeating: 0, count: count)
    for index in 0..<count { entries[index] = words[index] & 0xFFFF_FFFF_0000_0000 | UInt64(index) }
    var scratch = entries
    for shift: UInt64 in [32, 43, 54] {
      distribute(entries, to: &scratch, byBitsAbove: shift)
      swap(&entries, &scratch)
    }
    insertionSort(&entries, by: words)
    return entries.map { UInt32(truncatingIfNeeded: $0) }
  }

  /// One stable pass of a radix sort, by the eleven bits from `shift` upwards.
  private static func distribute(
    _ entries: [UInt64],
    to sorted: inout [UInt64],
    byBitsAbove shift: UInt64
  ) {
    var positions = [Int](repeating: 0, count: 1 << 11)
    for entry in entries { positions[Int(entry &>> shift & 0x7FF)] += 1 }
    var start = 0
    for digit in positions.indices {
      let size = positions[digit]
      positions[digit] = start
      start += size
    }
    for entry in entries {
      let digit = Int(entry &>> shift & 0x7FF)
      sorted[positions[digit]] = entry
      positions[digit] += 1
    }
  }

  /// Puts right the few neighbours whose words differ only in the lower half.
  private static func insertionSort(_ entries: inout [UInt64], by words: [UInt64]) {
    for index in entries.indices.dropFirst() {
      let entry = entries[index]
      var place = index
      while place > 0, entries[place - 1] >> 32 == entry >> 32,
        words[Int(entries[place - 1] & 0xFFFF_FFFF)] > words[Int(entry & 0xFFFF_FFFF)]
      {
        entries[place] = entries[place - 1]
        place -= 1
      }
      entries[place] = entry
    }
  }
}
