import FlywheelCore

extension Tensor {
  /// Views of what lies along the outermost axis, one after the other.
  ///
  /// - Throws: `mismatch` for a scalar.
  /// - Returns: As many tensors as the outermost extent says, of one axis less.
  func rows() throws(FlywheelError) -> [Tensor] {
    guard let count = shape.extents.first else {
      throw FlywheelError(.mismatch, "A scalar has no rows.")
    }
    let row = try Shape(Array(shape.extents.dropFirst()))
    let byteCount = try row.byteCount(of: dtype)
    var rows: [Tensor] = []
    rows.reserveCapacity(count)
    for index in 0..<count {
      rows.append(
        try Tensor(
          dtype: dtype,
          shape: row,
          storage: storage,
          // Within the tensor's bytes, which fit an Int.
          byteOffset: byteOffset + index * byteCount
        )
      )
    }
    return rows
  }
}
