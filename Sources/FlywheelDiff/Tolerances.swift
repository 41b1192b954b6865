public import FlywheelConvert
public import FlywheelCore

/// What is allowed for each array: the standard of its type, what was asked for all, what was asked for some.
public struct Tolerances: Sendable, Hashable {
  /// What was asked for all arrays.
  public var common: Change
  /// What was asked for some, by name; the first that matches counts.
  public var overrides: [Override]

  /// What changes in a type's standard tolerance; nil for what stays.
  public struct Change: Sendable, Hashable {
    /// The relative part.
    public var relative: Double?
    /// The absolute part.
    public var absolute: Double?
    /// How many representable numbers apart two elements may be.
    ///
    /// The relative and the absolute part are then 0 unless they are given.
    public var ulps: UInt64?
    /// Whether only equal bits are the same.
    public var isExact: Bool
    /// Whether NaN is the same as NaN.
    public var equatesNaN: Bool?

    /// Creates a change.
    public init(
      relative: Double? = nil,
      absolute: Double? = nil,
      ulps: UInt64? = nil,
      isExact: Bool = false,
      equatesNaN: Bool? = nil
    ) {
      self.relative = relative
      self.absolute = absolute
      self.ulps = ulps
      self.isExact = isExact
      self.equatesNaN = equatesNaN
    }

    func apply(to tolerance: Tolerance) -> Tolerance {
      if isExact { return .exact }
      var tolerance = tolerance
      if let ulps { (tolerance.ulps, tolerance.relative, tolerance.absolute) = (ulps, 0, 0) }
      if let relative { tolerance.relative = relative }
      if let absolute { tolerance.absolute = absolute }
      if let equatesNaN { tolerance.equatesNaN = equatesNaN }
      if relative != nil || absolute != nil || ulps != nil { tolerance.isExact = false }
      return tolerance
    }

    /// Whether it says what is allowed however small elements are.
    var saysAbsolute: Bool { absolute != nil || ulps != nil || isExact }
  }

  /// What was asked for some arrays.
  public struct Override: Sendable, Hashable {
    /// Which ones, by name.
    public var pattern: NamePattern
    /// What changes.
    public var change: Change

    /// Creates an override.
    public init(pattern: NamePattern, change: Change) {
      self.pattern = pattern
      self.change = change
    }
  }

  /// Creates tolerances: the standard ones if nothing is given.
  public init(common: Change = Change(), overrides: [Override] = []) {
    self.common = common
    self.overrides = overrides
  }

  /// The tolerance for an array.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - first: Its type on the first side.
  ///   - second: Its type on the second side; of two, the coarser one counts.
  /// - Returns: The tolerance.
  public func tolerance(for name: String, _ first: DType, _ second: DType) -> Tolerance {
    let (one, other) = (Tolerance.standard(for: first), Tolerance.standard(for: second))
    let standard = Tolerance(
      relative: max(one.relative, other.relative),
      absolute: max(one.absolute, other.absolute)
    )
    return (change(for: name) ?? Change()).apply(to: common.apply(to: standard))
  }

  /// Whether the absolute part is the standard's, which knows nothing of the unit that a buffer has.
  func scalesAbsolute(of name: String) -> Bool {
    !common.saysAbsolute && !(change(for: name)?.saysAbsolute ?? false)
  }

  /// What numbers outside of arrays may differ by, relative to the larger: what rounding to float32 does to
  /// a number that was typed.
  func allows(_ first: Double, _ second: Double) -> Bool {
    if first == second || first.isNaN && second.isNaN { return true }
    guard !common.isExact else { return false }
    return abs(first - second) <= 1e-7 * max(abs(first), abs(second))
  }

  private func change(for name: String) -> Change? {
    overrides.first { $0.pattern.matches(name) }?.change
  }
}
