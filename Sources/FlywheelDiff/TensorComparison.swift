import FlywheelCore

/// An array held against its partner.
public struct TensorComparison: Sendable {
  /// The array of the first side; nil if only the second has it.
  public let first: DiffTensor?
  /// The array of the second side, brought into the first's convention; nil if only the first has it.
  public let second: DiffTensor?
  /// What comes of it.
  public let verdict: TensorVerdict
  /// Why the two cannot be compared; nil if they can, or one is missing.
  public let reason: String?
  /// What was allowed; nil if no elements were compared.
  public let tolerance: Tolerance?
  /// How the elements differ; nil if none were compared.
  public let difference: TensorDifference?
  /// How many times further apart than allowed the pair of `difference.largestAbsolute` is.
  ///
  /// It is infinite if nothing is allowed, and nil if there is no such pair.
  public let excess: Double?
  /// The two elements with the largest difference; nil if there is none.
  public let worstElements: (first: Double, second: Double)?

  /// The name to show: the first side's, or the second's if there is no other.
  public var name: String { first?.name ?? second?.name ?? "" }

  init(
    first: DiffTensor?,
    second: DiffTensor?,
    verdict: TensorVerdict,
    reason: String? = nil,
    tolerance: Tolerance? = nil,
    difference: TensorDifference? = nil,
    excess: Double? = nil,
    worstElements: (first: Double, second: Double)? = nil
  ) {
    self.first = first
    self.second = second
    self.verdict = verdict
    self.reason = reason
    self.tolerance = tolerance
    self.difference = difference
    self.excess = excess
    self.worstElements = worstElements
  }

  /// Compares two arrays that are partners.
  ///
  /// - Throws: What reading throws.
  init(
    _ first: DiffTensor,
    _ second: DiffTensor,
    _ options: ComparisonOptions
  ) throws(FlywheelError) {
    guard let one = first.description, let other = second.description,
      first.obstacle == nil, second.obstacle == nil,
      let dtype = one.element.dtype, let otherDType = other.element.dtype
    else {
      self.init(
        first: first,
        second: second,
        verdict: .incomparable,
        reason: first.obstacle ?? second.obstacle
      )
      return
    }
    guard one.shape == other.shape else {
      self.init(first: first, second: second, verdict: .shape)
      return
    }
    let left = try first.tensor()
    let right = try second.tensor()
    var tolerance = options.tolerances.tolerance(for: first.name, dtype, otherDType)
    var difference = try left.difference(from: right, within: tolerance)
    if difference.differingCount > 0, first.role.hasOwnUnit,
      options.tolerances.scalesAbsolute(of: first.name)
    {
      // The unit of a buffer or a gradient is a convention: what is nothing in one is all there is in another.
      tolerance.absolute *= difference.largestMagnitude
      difference = try left.difference(from: right, within: tolerance)
    }
    let excess = try Self.excess(difference, tolerance, left, right)
    self.init(
      first: first,
      second: second,
      verdict: Self.verdict(
        difference,
        sameType: dtype == otherDType,
        ignoresType: options.ignoresDType
      ),
      tolerance: tolerance,
      difference: difference,
      excess: excess?.factor,
      worstElements: excess?.elements
    )
  }

  private static func verdict(
    _ difference: TensorDifference,
    sameType: Bool,
    ignoresType: Bool
  ) -> TensorVerdict {
    guard sameType || ignoresType else { return .dtype }
    if difference.outsideCount > 0 {
      let isFinite =
        difference.nanCounts.first == difference.nanCounts.second
        && difference.infinityCounts.first == difference.infinityCounts.second
      return isFinite ? .different : .nonFinite
    }
    return sameType && difference.bitDifferingCount == 0 ? .identical : .close
  }

  /// How far the worst pair is beyond what is allowed, and the pair.
  private static func excess(
    _ difference: TensorDifference,
    _ tolerance: Tolerance,
    _ left: Tensor,
    _ right: Tensor
  ) throws(FlywheelError) -> (factor: Double, elements: (first: Double, second: Double))? {
    guard let worst = difference.largestAbsolute else { return nil }
    let elements = (
      first: try left.magnitudeOrNumber(at: worst.index),
      second: try right.magnitudeOrNumber(at: worst.index)
    )
    let allowed =
      tolerance.isExact
      ? 0
      : tolerance.absolute + tolerance.relative * max(abs(elements.first), abs(elements.second))
    return (worst.value / allowed, elements)
  }
}

extension Tensor {
  /// One element in float64; of a complex one the absolute value.
  fileprivate func magnitudeOrNumber(at index: Int) throws(FlywheelError) -> Double {
    let element = try Tensor(
      dtype: dtype,
      shape: Shape([]),
      storage: storage,
      byteOffset: byteOffset + index * dtype.byteCount
    )
    if dtype.kind == .complex { return element.statistics().maximum ?? .nan }
    let numbers: [Double] = try element.converted(to: .float64).elements()
    return numbers.first ?? .nan
  }
}
