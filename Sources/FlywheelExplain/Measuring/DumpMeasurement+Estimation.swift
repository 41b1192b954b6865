public import FlywheelCore

extension DumpMeasurement {
  /// Measures what the steps of a dump show of an SGD-like rule.
  ///
  /// Each parameter is fitted with the lines that its arrays let us fit (`Measurement.Evidence`), over all
  /// steps; then the weights together, the biases together, and both step by step. Of a parameter of more
  /// than 2^18 elements as many are looked at, evenly spread.
  ///
  /// - Parameter dump: The dump.
  /// - Throws: `limitExceeded` if there is no memory for the elements that are looked at.
  public init(of dump: StepDump) throws(FlywheelError) {
    var estimation = try DumpEstimation(dump)
    try estimation.align()
    try estimation.measure()
    self = estimation.whole()
  }
}
