/// How many bytes of elements the datasets of a file declare together; `Int.max` if there are more.
struct DeclaredBytes {
  /// Those of all datasets.
  private(set) var all = 0
  /// Those that lie in the file in one piece for each dataset.
  private(set) var inPieces = 0

  /// Adds a dataset.
  ///
  /// - Parameters:
  ///   - byteCount: How many bytes its elements have in memory, which is not more than in the file.
  ///   - isPiece: Whether they lie in the file in one piece.
  mutating func add(_ byteCount: Int, isPiece: Bool) {
    all = Self.sum(all, byteCount)
    if isPiece { inPieces = Self.sum(inPieces, byteCount) }
  }

  private static func sum(_ first: Int, _ second: Int) -> Int {
    let (sum, overflow) = first.addingReportingOverflow(second)
    return overflow ? .max : sum
  }
}
