#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The Philox4x64-10 random generator, word for word `numpy.random.Philox`.
///
/// It encrypts a 256-bit counter under a 128-bit key, so any place of any stream is reached by
/// arithmetic instead of by history. Like numpy, it increments the counter before each block of four
/// words.
public struct Philox: Sendable {
  // SIMD4 only as a Hashable array of four without a heap block; element 0 is the least significant.
  private var key: SIMD2<UInt64>
  private var counter: SIMD4<UInt64>
  private var block: SIMD4<UInt64> = .zero
  // How many words of the block after `counter` have been handed out, 0...3. At 0, `block` is stale.
  private var consumed = 0

  /// Starts a stream, as numpy's `Philox(key=[seed, stream], counter=[0, 0, 0, epoch])` does.
  ///
  /// - Parameters:
  ///   - seed: The run's seed.
  ///   - stream: What the numbers are for: different streams of one seed are independent.
  ///   - epoch: The part of the stream to start at; each part has 2¹⁹² blocks.
  public init(seed: UInt64, stream: UInt64, epoch: UInt64 = 0) {
    key = [seed, stream]
    counter = [0, 0, 0, epoch]
  }

  /// Goes on from a state that `words` gave.
  ///
  /// - Parameter words: The seven words.
  /// - Throws: `malformed` if they are not the state of a Philox generator.
  public init(words: [UInt64]) throws(FlywheelError) {
    guard words.count == 7 else {
      throw FlywheelError.malformed(
        found: "a random state of \(words.count) words",
        expected: "Philox's 7 (2 of key, 4 of counter, the number of words consumed)"
      )
    }
    guard words[6] < 4 else {
      throw FlywheelError.malformed(
        found: "a random state with \(words[6]) words of the block consumed",
        expected: "0 to 3"
      )
    }
    key = [words[0], words[1]]
    counter = [words[2], words[3], words[4], words[5]]
    consumed = Int(words[6])
    if consumed > 0 { block = Self.block(after: counter, key: key) }
  }

  /// The state: two words of key, four of counter, and the number of words consumed after it.
  ///
  /// In numpy, `g = Philox(key=w[:2], counter=w[2:6]); g.random_raw(w[6])` goes on where this
  /// generator is.
  public var words: [UInt64] {
    [key[0], key[1], counter[0], counter[1], counter[2], counter[3], UInt64(consumed)]
  }

  /// The next word, as numpy's `random_raw()`.
  public mutating func next() -> UInt64 {
    if consumed == 0 { block = Self.block(after: counter, key: key) }
    let word = block[consumed]
    if consumed == 3 {
      counter = Self.successor(of: counter)
      consumed = 0
    } else {
      consumed += 1
    }
    return word
  }

  /// Replaces all elements by the next words.
  ///
  /// - Parameter words: The elements to replace; their number is how many words are taken.
  public mutating func fill(_ words: inout [UInt64]) {
    var index = 0
    while index < words.count {
      if consumed == 0, words.count - index >= 4 {
        let whole = Self.block(after: counter, key: key)
        words[index] = whole[0]
        words[index + 1] = whole[1]
        words[index + 2] = whole[2]
        words[index + 3] = whole[3]
        counter = Self.successor(of: counter)
        index += 4
      } else {
        words[index] = next()
        index += 1
      }
    }
  }

  /// The next number in [0, 1), as numpy's `Generator.random()`: one word's top 53 bits.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// The next number of the standard normal distribution, from two words by Box and Muller.
  ///
  /// The second number of the pair is dropped, so that the state stays words alone. `log` and `cos`
  /// are the platform's, so the last bit may differ between platforms.
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * Double.pi * uniform())
  }

  private static func successor(of counter: SIMD4<UInt64>) -> SIMD4<UInt64> {
    var next = counter
    for index in 0..<4 {
      next[index] &+= 1
      if next[index] != 0 { break }
    }
    return next
  }

  private static func block(
    after counter: SIMD4<UInt64>,
    key: SIMD2<UInt64>
  ) -> SIMD4<UInt64> {
    let next = successor(of: counter)
    var (x0, x1, x2, x3) = (next[0], next[1], next[2], next[3])
    var (k0, k1) = (key[0], key[1])
    // Multipliers and key increments are those of Salmon et al., "Parallel random numbers: as easy as
    // 1, 2, 3" (2011).
    for _ in 0..<10 {
      let first = x0.multipliedFullWidth(by: 0xD2E7_470E_E14C_6C93)
      let second = x2.multipliedFullWidth(by: 0xCA5A_8263_9512_1157)
      (x0, x1) = (second.high ^ x1 ^ k0, second.low)
      (x2, x3) = (first.high ^ x3 ^ k1, first.low)
      k0 &+= 0x9E37_79B9_7F4A_7C15
      k1 &+= 0xBB67_AE85_84CA_A73B
    }
    return [x0, x1, x2, x3]
  }
}

extension Philox: Hashable {
  // By hand, because the block follows from the rest and is stale between blocks.

  /// Whether two generators will give the same words.
  public static func == (left: Philox, right: Philox) -> Bool {
    left.key == right.key && left.counter == right.counter && left.consumed == right.consumed
  }

  /// Feeds the state to a hasher.
  ///
  /// - Parameter hasher: The hasher.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(key)
    hasher.combine(counter)
    hasher.combine(consumed)
  }
}
