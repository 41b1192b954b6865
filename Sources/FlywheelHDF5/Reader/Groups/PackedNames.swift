/// Names one behind the other, so that many of them compare fast.
struct PackedNames {
  private var bytes: [UInt8] = []
  /// Where each begins, and at last where all end.
  private var starts: [Int] = [0]

  /// Packs names; none holds a zero.
  init(_ names: [String]) {
    starts.reserveCapacity(names.count + 1)
    bytes.reserveCapacity(names.reduce(0) { $0 + $1.utf8.count })
    for name in names {
      bytes.append(contentsOf: name.utf8)
      starts.append(bytes.count)
    }
  }

  /// Whether a name holds a byte.
  func contains(_ byte: UInt8) -> Bool { bytes.contains(byte) }

  /// Whether a name is one byte.
  func contains(only byte: UInt8) -> Bool {
    (1..<starts.count).contains {
      starts[$0] - starts[$0 - 1] == 1 && bytes[starts[$0 - 1]] == byte
    }
  }

  /// How many bytes all names begin with alike.
  var commonPrefixByteCount: Int {
    guard starts.count > 1 else { return 0 }
    var count = starts[1]
    for index in 1..<starts.count - 1 {
      let start = starts[index]
      count = min(count, starts[index + 1] - start)
      var same = 0
      while same < count, bytes[same] == bytes[start + same] { same += 1 }
      count = same
    }
    return count
  }

  /// Eight bytes of a name as a number, the first the most significant; zeros behind its end.
  ///
  /// Since no name holds a zero, numbers are in the order of the bytes.
  func word(_ index: Int, at offset: Int) -> UInt64 {
    let (start, end) = (starts[index] + offset, starts[index + 1])
    guard start < end else { return 0 }
    if start + 8 <= bytes.count {
      // Within the bytes, by the check above.
      let word = unsafe UInt64(
        bigEndian: bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
      )
      return end - start >= 8 ? word : word & ~(UInt64.max >> UInt64(8 * (end - start)))
    }
    // The last bytes of all.
    return (start..<end).reduce(0) { word, place in
      word | UInt64(bytes[place]) << UInt64(56 - 8 * (place - start))
    }
  }

  /// Whether a name comes before another one, of both of which the first bytes are the same.
  func precedes(_ index: Int, _ other: Int, from offset: Int) -> Bool {
    var offset = offset
    let limit = max(starts[index + 1] - starts[index], starts[other + 1] - starts[other])
    while offset < limit {
      let (word, otherWord) = (word(index, at: offset), self.word(other, at: offset))
      if word != otherWord { return word < otherWord }
      offset += 8
    }
    return false
  }
}
