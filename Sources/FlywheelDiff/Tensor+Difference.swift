public import FlywheelCore

extension Tensor {
  /// Compares the elements with those of another tensor of the same shape, in one pass over both.
  ///
  /// Large tensors are shared out among the processors; the result does not depend on how many there are, nor
  /// on the CPU. Integers of any two types are subtracted exactly before the difference is rounded to
  /// float64; an integer and a float meet in float64, which rounds integers beyond 2^53. A `bool` counts as the
  /// number in its byte. Of complex numbers |a|, |b| and |a − b| are absolute values, and a real number
  /// beside them has the imaginary part 0.
  ///
  /// - Complexity: O(elements), without temporary tensors. Numbers beyond 2^480, or all below 2^-400, are
  ///   read twice.
  /// - Parameters:
  ///   - other: The other tensor; its type may be another.
  ///   - tolerance: How far apart two elements may be.
  /// - Throws: `mismatch` if the shapes differ.
  /// - Returns: How they differ.
  public func difference(
    from other: Tensor,
    within tolerance: Tolerance
  ) throws(FlywheelError) -> TensorDifference {
    try TensorPair(self, other).difference(within: tolerance)
  }

  /// Counts the differences to another tensor of the same shape by their size, met as in
  /// `difference(from:within:)`.
  ///
  /// - Parameter other: The other tensor; its type may be another.
  /// - Throws: `mismatch` if the shapes differ.
  /// - Returns: How many differences lie in which decade.
  public func differenceHistogram(
    from other: Tensor
  ) throws(FlywheelError) -> DifferenceHistogram {
    try TensorPair(self, other).histogram()
  }
}
