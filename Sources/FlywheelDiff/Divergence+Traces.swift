public import FlywheelCheckpoint
public import FlywheelCore
import SystemPackage

extension Divergence {
  /// Compares two traces at every step that both have.
  ///
  /// - Parameters:
  ///   - first: The first trace.
  ///   - second: The second trace.
  ///   - options: What is asked for; names are those that a trace's tensors have.
  /// - Throws: `limitExceeded` if there is no memory for a buffer in the other's convention, and what
  ///   comparing throws.
  public init(
    of first: Trace,
    and second: Trace,
    _ options: ComparisonOptions = ComparisonOptions()
  ) throws(FlywheelError) {
    try self.init(
      .rows,
      first: first.rows.map(\.step),
      second: second.rows.map(\.step)
    ) { (step) throws(FlywheelError) in
      try StepComparison(
        try DiffInput(first, atStep: step, from: "A"),
        try DiffInput(second, atStep: step, from: "B"),
        options
      )
    }
  }
}
