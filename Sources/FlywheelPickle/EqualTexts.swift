/// Which texts of a pickle are equal, so that keys are compared by number.
///
/// A long text may be a key of many dictionaries; each is hashed once.
struct EqualTexts {
  private let texts: [String]
  /// The first text of those that were asked for and are equal.
  private var firsts: [String: UInt32] = [:]
  /// The place of the first that is equal to each; nil where nobody asked.
  private var known: [UInt32?]

  /// - Parameter texts: All of them.
  init(_ texts: [String]) {
    self.texts = texts
    known = Array(repeating: nil, count: texts.count)
  }

  /// The first of the texts asked for that is equal to one, as Swift compares them.
  ///
  /// - Parameter place: The place of the text.
  /// - Returns: The place of the first; its own if there is no other.
  mutating func first(equalTo place: UInt32) -> UInt32 {
    if let first = known[Int(place)] { return first }
    let first = firsts[texts[Int(place)]] ?? place
    if first == place { firsts[texts[Int(place)]] = place }
    known[Int(place)] = first
    return first
  }
}
