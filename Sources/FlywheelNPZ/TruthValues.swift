import FlywheelCore

/// What a file may hold where truth values are expected.
enum TruthValues {
  /// Refuses bytes that are neither true nor false.
  ///
  /// - Parameters:
  ///   - bytes: Truth values.
  ///   - offset: Where in the file they begin.
  /// - Throws: `malformed`, with the first one's offset.
  static func check(_ bytes: RawSpan, at offset: Int) throws(FlywheelError) {
    let odd = unsafe bytes.withUnsafeBytes { bytes in
      unsafe bytes.firstIndex { $0 > 1 }.map { unsafe ($0, bytes[$0]) }
    }
    guard let (index, byte) = odd else { return }
    throw FlywheelError.malformed(
      found: "the byte \(byte) as a truth value",
      expected: "0 (False) or 1 (True)",
      at: .init(byteOffset: UInt64(offset + index))
    )
  }
}
