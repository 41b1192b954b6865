import FlywheelCore

/// Keys of dictionaries, each of which may be there once.
extension PickleReader {
  /// Below this number of keys, comparing each with each is faster than hashing.
  private static let fewKeys = 8

  /// What a key is to Python, which compares numbers of all types by what they are worth.
  private enum Key: Hashable {
    case none
    case integer(Int64)
    case largeInteger([UInt8])
    case double(UInt64)
    /// The first text that is equal to it.
    case text(UInt32)
    case bytes([UInt8])
    case global(UInt32)
    case other(Reference)
  }

  /// Refuses a key that occurs twice.
  ///
  /// Python would let the last win; but it never writes two, and files whose meaning depends on who reads them
  /// are none to train from.
  func checkKeys(
    of entries: [PickleGraph.Entry],
    _ texts: inout EqualTexts
  ) throws(FlywheelError) {
    var keys: [Key] = []
    keys.reserveCapacity(entries.count)
    for entry in entries { keys.append(key(entry.key, &texts)) }
    guard let place = Self.firstRepeated(in: keys) else { return }
    let key = entries[place].key
    let location = location(start + Int(arena[key].offset))
    let first = keys.firstIndex(of: keys[place]).map { entries[$0].key }
    if case .text(let text) = arena[key].content, let first,
      case .text(let other) = arena[first].content,
      !arena.texts[Int(text)].utf8.elementsEqual(arena.texts[Int(other)].utf8)
    {
      throw FlywheelError(
        .unsupported,
        "Two keys look the same, \(quoted(arena.texts[Int(text)])), and differ only in how their accents are "
          + "composed; rename one of them.",
        at: location
      )
    }
    throw FlywheelError.malformed(
      found: "\(name(of: key)) as a key for the second time",
      expected: "each key once",
      at: location
    )
  }

  private static func firstRepeated(in keys: [Key]) -> Int? {
    if keys.count <= fewKeys {
      return keys.indices.first { keys[..<$0].contains(keys[$0]) }
    }
    var seen = Set<Key>(minimumCapacity: keys.count)
    return keys.indices.first { !seen.insert(keys[$0]).inserted }
  }

  private func key(_ reference: Reference, _ texts: inout EqualTexts) -> Key {
    switch arena[reference].content {
    case .none: .none
    case .bool(let value): .integer(value ? 1 : 0)
    case .integer(let value): .integer(value)
    case .double(let value): Int64(exactly: value).map { .integer($0) } ?? .double(value.bitPattern)
    case .largeInteger(let run): .largeInteger(contents(run.range(from: start)))
    case .text(let place): .text(texts.first(equalTo: place))
    case .bytes(let run): .bytes(contents(run.range(from: start)))
    case .global(let place): .global(place)
    default: .other(reference)
    }
  }
}
