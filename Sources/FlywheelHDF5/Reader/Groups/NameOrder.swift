/// The order of names by their bytes, which is that of files that know no other.
///
/// Swift's own order of strings depends on Unicode's tables, and two that it takes for the same can be two
/// names. Groups have tens of thousands of names that begin alike: what all have in common is passed over,
/// and the next eight bytes are compared as one number, which decides nearly always.
struct NameOrder {
  /// The indices of the names, in the order of their bytes.
  let indices: [Int]
  /// The index of a name that is there twice; nil if there is none.
  let duplicate: Int?
  /// Whether a name holds a slash, which stands between names, or is a dot, which stands for none.
  let hasPath: Bool

  /// A name, and the first bytes by which it differs from others.
  private struct Key {
    let word: UInt64
    let index: Int
  }

  /// Orders names.
  ///
  /// - Parameter names: The names; none holds a zero.
  init(_ names: [String]) {
    let texts = PackedNames(names)
    let common = texts.commonPrefixByteCount
    func precedes(_ key: Key, _ other: Key) -> Bool {
      if key.word != other.word { return key.word < other.word }
      return texts.precedes(key.index, other.index, from: common + 8)
    }
    var keys = (0..<names.count).map { Key(word: texts.word($0, at: common), index: $0) }
    // Most files have them in this order already.
    let isOrdered = keys.indices.dropFirst().allSatisfy { !precedes(keys[$0], keys[$0 - 1]) }
    if !isOrdered { keys.sort(by: precedes) }
    let second = keys.indices.dropFirst().first { !precedes(keys[$0 - 1], keys[$0]) }
    hasPath = texts.contains(UInt8(ascii: "/")) || texts.contains(only: UInt8(ascii: "."))
    duplicate = second.map { keys[$0].index }
    indices = keys.map(\.index)
  }
}
