/// A name with the numbers in it counted and not spelt: `layers.10` comes after `layers.2`.
package struct NumberedName: Sendable {
  /// The name in pieces: runs of digits as numbers, other characters one by one.
  private let pieces: [(number: Int, text: String)]

  /// Takes a name apart.
  package init(_ name: String) {
    var pieces: [(number: Int, text: String)] = []
    var digits = ""
    for scalar in name.unicodeScalars {
      if ("0"..."9").contains(scalar), digits.utf8.count < 9 {
        digits.unicodeScalars.append(scalar)
        continue
      }
      if let number = Int(digits) { pieces.append((number, "")) }
      digits = ""
      pieces.append((.max, String(scalar)))
    }
    if let number = Int(digits) { pieces.append((number, "")) }
    self.pieces = pieces
  }

  /// The name with `#` for each number: of names that are alike in it, the numbers are an order.
  package var pattern: String { pieces.map { $0.text.isEmpty ? "#" : $0.text }.joined() }

  /// Whether it comes first.
  package func precedes(_ other: NumberedName) -> Bool {
    pieces.lexicographicallyPrecedes(other.pieces) {
      ($0.number, $0.text) < ($1.number, $1.text)
    }
  }
}
