/// Where the blocks of an object header are, to tell one that was read before.
///
/// Most headers have a few, which are faster compared than hashed; a hostile one has a hundred thousand.
struct BlockPlaces {
  private static let fewCount = 32

  /// The first of them.
  private var few: [Int]
  /// All of them, once they are more than few.
  private var many: Set<Int> = []

  /// Begins with one block.
  init(_ first: Int) { few = [first] }

  /// Adds a block.
  ///
  /// - Parameter place: Where it is.
  /// - Returns: Whether it was not there yet.
  mutating func insert(_ place: Int) -> Bool {
    guard few.count == Self.fewCount else {
      guard !few.contains(place) else { return false }
      few.append(place)
      return true
    }
    if many.isEmpty { many = Set(few) }
    return many.insert(place).inserted
  }
}
