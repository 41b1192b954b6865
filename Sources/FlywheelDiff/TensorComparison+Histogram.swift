public import FlywheelCore

extension TensorComparison {
  /// How many elements differ by how much; nil if no elements were compared, or none differs.
  ///
  /// - Throws: What reading throws: the elements are read once more.
  /// - Returns: The counts.
  public func histogram() throws(FlywheelError) -> DifferenceHistogram? {
    guard let first, let second, let difference, difference.differingCount > 0 else { return nil }
    return try first.tensor().differenceHistogram(from: try second.tensor())
  }
}
