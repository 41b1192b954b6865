extension Tensor {
  /// A linear combination of this tensor, another one and a constant, element by element: s v + k w + z.
  ///
  /// It is computed in float64 and rounded to this tensor's dtype once.
  ///
  /// - Parameters:
  ///   - scale: s, for this tensor.
  ///   - other: w, of the same shape; it is not looked at if its share is 0.
  ///   - share: k, for the other tensor.
  ///   - constant: z, which every element has added.
  /// - Throws: `mismatch` if the shapes differ, `limitExceeded` if there is no memory for it.
  /// - Returns: The combination, of this tensor's dtype; the tensor itself if nothing changes.
  public func combined(
    scale: Double,
    adding other: Tensor? = nil,
    share: Double = 0,
    constant: Double = 0
  ) throws(FlywheelError) -> Tensor {
    guard scale != 1 || share != 0 || constant != 0 else { return self }
    var values: [Double] = try converted(to: .float64).elements()
    if share != 0, let other {
      guard other.shape == shape else {
        throw FlywheelError(
          .mismatch,
          "A tensor of shape \(shape) and one of \(other.shape) cannot be added."
        )
      }
      let others: [Double] = try other.converted(to: .float64).elements()
      for (index, value) in others.enumerated() {
        values[index] = scale * values[index] + share * value + constant
      }
    } else {
      for index in values.indices { values[index] = scale * values[index] + constant }
    }
    return try Tensor(values, shape: shape).converted(to: dtype)
  }
}
