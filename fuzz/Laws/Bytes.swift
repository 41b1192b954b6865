import FlywheelCore

extension RawSpan {
  /// Whether these are the same bytes.
  func isEqual(to bytes: [UInt8]?) -> Bool {
    guard let bytes, bytes.count == byteCount else { return false }
    return unsafe withUnsafeBytes { unsafe $0.elementsEqual(bytes) }
  }
}

extension [UInt8] {
  /// Takes a copy of bytes.
  mutating func append(_ piece: RawSpan) {
    unsafe piece.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }

  /// A block of memory with these bytes, and no other that a reader could step on unseen.
  func storage() throws(BrokenLaw) -> TensorStorage {
    do throws(FlywheelError) {
      return try Tensor(vector: self).storage
    } catch {
      throw BrokenLaw("there is no memory for the input: \(error)")
    }
  }
}
