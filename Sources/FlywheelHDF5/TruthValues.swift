import FlywheelCore

/// What a tensor of dtype bool may hold.
enum TruthValues {
  /// Refuses truth values that are neither true nor false; tensors of other dtypes pass.
  static func check(_ tensor: Tensor) throws(FlywheelError) {
    guard tensor.dtype == .bool else { return }
    let odd = unsafe tensor.bytes.withUnsafeBytes { bytes in
      unsafe bytes.firstIndex { $0 > 1 }.map { unsafe ($0, Int8(bitPattern: bytes[$0])) }
    }
    guard let (index, value) = odd else { return }
    throw FlywheelError.malformed(
      found: "\(value) as element \(index) of truth values",
      expected: "0 (FALSE) or 1 (TRUE)"
    )
  }
}
