public import FlywheelCore

/// How an array lies in another program's file, seen from how Flywheel holds it.
///
/// Flywheel holds a dense layer's weights as `[out, in]` and its biases as `[out]`.
public enum TensorArrangement: String, Sendable, Hashable, CaseIterable {
  /// As Flywheel holds it.
  case identity
  /// A matrix with its axes exchanged: `[in, out]`.
  case transposed
  /// A vector as a matrix of one column, `[out, 1]`.
  case column
  /// A vector as a matrix of one row, `[1, out]`.
  case row

  /// The shape that an array of Flywheel's has in the other file.
  ///
  /// - Parameter shape: Its shape in Flywheel.
  /// - Throws: `mismatch` if the arrangement is for arrays of another rank.
  /// - Returns: Its shape there.
  public func stored(_ shape: Shape) throws(FlywheelError) -> Shape {
    let extents = shape.extents
    switch (self, extents.count) {
    case (.identity, _): return shape
    case (.transposed, 2): return try Shape([extents[1], extents[0]])
    case (.column, 1): return try Shape([extents[0], 1])
    case (.row, 1): return try Shape([1, extents[0]])
    default: throw misfit(shape, expected: self == .transposed ? "two axes" : "one axis")
    }
  }

  /// The shape that an array of the other file has in Flywheel: `stored` undone.
  ///
  /// - Parameter shape: Its shape in the file.
  /// - Throws: `mismatch` if no array of Flywheel's is stored so.
  /// - Returns: Its shape in Flywheel.
  public func restored(_ shape: Shape) throws(FlywheelError) -> Shape {
    let extents = shape.extents
    switch (self, extents.count) {
    case (.identity, _): return shape
    case (.transposed, 2): return try Shape([extents[1], extents[0]])
    case (.column, 2) where extents[1] == 1: return Shape(vector: extents[0])
    case (.row, 2) where extents[0] == 1: return Shape(vector: extents[1])
    default:
      let expected =
        switch self {
        case .column: "(n, 1)"
        case .row: "(1, n)"
        default: "two axes"
        }
      throw misfit(shape, expected: expected)
    }
  }

  /// An array of Flywheel's as the other file has it.
  ///
  /// - Parameter tensor: The array.
  /// - Throws: `mismatch` if the arrangement is for arrays of another rank, `limitExceeded` if there is no
  ///   memory for a transposed copy.
  /// - Returns: The array, of its own memory if it is transposed.
  public func store(_ tensor: Tensor) throws(FlywheelError) -> Tensor {
    try arranged(tensor, stored(tensor.shape))
  }

  /// An array of the other file as Flywheel holds it: `store` undone.
  ///
  /// - Parameter tensor: The array.
  /// - Throws: As `restored` and `store`.
  /// - Returns: The array, of its own memory if it is transposed.
  public func restore(_ tensor: Tensor) throws(FlywheelError) -> Tensor {
    try arranged(tensor, restored(tensor.shape))
  }

  private func arranged(_ tensor: Tensor, _ shape: Shape) throws(FlywheelError) -> Tensor {
    switch self {
    case .identity: tensor
    case .transposed: try tensor.transposed([1, 0])
    case .column, .row:
      try Tensor(
        dtype: tensor.dtype,
        shape: shape,
        storage: tensor.storage,
        byteOffset: tensor.byteOffset
      )
    }
  }

  private func misfit(_ shape: Shape, expected: String) -> FlywheelError {
    FlywheelError(
      .mismatch,
      "An array of shape \(shape) cannot be arranged as '\(rawValue)', which is for \(expected)."
    )
  }
}
