import FlywheelCore
import OrderedCollections

/// A list of texts that a group has as an attribute, or, if it is long, as several: `name0`, `name1`, ….
struct KerasList {
  /// The texts.
  let texts: [String]

  /// Reads the list; nil if the group has none.
  ///
  /// - Throws: `malformed` if something else has its name.
  init?(
    _ name: String,
    of owner: String,
    in metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    guard let attributes = metadata.attributes[owner] else { return nil }
    if let value = attributes[name] {
      texts = try Self.texts(value, name, owner)
      return
    }
    var texts: [String] = []
    var count = 0
    while let value = attributes["\(name)\(count)"] {
      texts += try Self.texts(value, name, owner)
      count += 1
    }
    guard count > 0 else { return nil }
    self.texts = texts
  }

  private static func texts(
    _ value: AttributeValue,
    _ name: String,
    _ owner: String
  ) throws(FlywheelError) -> [String] {
    switch value {
    case .strings(let texts): return texts
    // Python has no type for the elements of an empty list, and numpy takes them for numbers.
    case .tensor(let tensor) where tensor.shape.elementCount == 0: return []
    default:
      throw FlywheelError.malformed(
        found: "an attribute '\(name)' of /\(owner) that holds something else",
        expected: "a list of names"
      )
    }
  }

  /// The attributes without the list.
  static func removing(
    _ name: String,
    from attributes: OrderedDictionary<String, AttributeValue>
  ) -> OrderedDictionary<String, AttributeValue> {
    attributes.filter { attribute in
      guard attribute.key.hasPrefix(name) else { return true }
      return !attribute.key.dropFirst(name.count).allSatisfy { ("0"..."9").contains($0) }
    }
  }

  /// The attributes that a list is written as: several if it is too long for one.
  static func attributes(
    _ name: String,
    _ texts: [String]
  ) -> OrderedDictionary<String, AttributeValue> {
    // All texts of an attribute have the length of its longest.
    let limit = 60_000 / max(1, texts.map(\.utf8.count).max() ?? 1)
    guard texts.count > max(1, limit) else { return [name: .strings(texts)] }
    let count = max(1, limit)
    let parts = stride(from: 0, to: texts.count, by: count).map {
      AttributeValue.strings(Array(texts[$0..<min($0 + count, texts.count)]))
    }
    return OrderedDictionary(
      uniqueKeysWithValues: parts.enumerated().map { ("\(name)\($0.offset)", $0.element) }
    )
  }
}
