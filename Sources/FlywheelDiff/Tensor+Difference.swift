public import FlywheelCore

extension Tensor {
  /// Compares the elements with those of another tensor of the same shape.
  ///
  /// - Parameters:
  ///   - other: The other tensor; its type may be another.
  ///   - tolerance: How far apart two elements may be.
  /// - Throws: `mismatch` if the shapes differ.
  /// - Returns: How they differ.
  public func difference(
    from other: Tensor,
    within tolerance: Tolerance
  ) throws(FlywheelError) -> TensorDifference {
    guard shape == other.shape else {
      throw FlywheelError(.mismatch, "The shapes are \(shape) and \(other.shape).")
    }
    let left: [Double] = try converted(to: .float64).elements()
    let right: [Double] = try other.converted(to: .float64).elements()
    var difference = TensorDifference()
    difference.count = left.count
    for (a, b) in zip(left, right) where a != b {
      difference.differingCount += 1
      let allowed = tolerance.absolute + tolerance.relative * max(abs(a), abs(b))
      if !(abs(a - b) <= allowed) { difference.outsideCount += 1 }
    }
    return difference
  }
}
