import FlywheelCore

/// Counts the bytes of a member that come in pieces, and lets there be neither more nor fewer than were said.
struct SizeCheck {
  private let byteCount: Int
  private var count = 0

  init(_ byteCount: Int) {
    self.byteCount = byteCount
  }

  mutating func take(_ piece: RawSpan) throws(FlywheelError) {
    guard piece.byteCount <= byteCount - count else {
      throw FlywheelError(
        .mismatch,
        "The member goes on after its \(byteCount) bytes; its size was given wrong."
      )
    }
    count += piece.byteCount
  }

  func finish() throws(FlywheelError) {
    guard count == byteCount else {
      throw FlywheelError(
        .mismatch,
        "The member ends after \(count) of its \(byteCount) bytes; its size was given wrong."
      )
    }
  }
}
