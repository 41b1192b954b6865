/// Counts the bytes of an array that is handed out in pieces: they must be as many as described.
package struct ElementCount {
  private let array: TensorDescription
  private let key: String
  private var remaining: Int

  package init(_ array: TensorDescription, _ key: String) {
    self.array = array
    self.key = key
    remaining = array.byteCount
  }

  /// Counts a piece.
  ///
  /// - Throws: `mismatch` if there are more bytes than described.
  package mutating func take(_ piece: RawSpan) throws(FlywheelError) {
    guard piece.byteCount <= remaining else { throw mismatch("more came") }
    remaining -= piece.byteCount
  }

  /// Makes sure that no byte is missing.
  ///
  /// - Throws: `mismatch` if there are fewer bytes than described.
  package func finish() throws(FlywheelError) {
    guard remaining == 0 else { throw mismatch("\(remaining) of them are missing") }
  }

  private func mismatch(_ difference: String) -> FlywheelError {
    FlywheelError(
      .mismatch,
      "An array of shape \(array.shape) and type \(array.element) has \(array.byteCount) bytes; "
        + "\(difference).",
      at: .init(tensor: key)
    )
  }
}
