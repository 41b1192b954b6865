public import FlywheelCore
public import FlywheelOptim

extension Explanation {
  /// Explains the dumped steps of a trainer.
  ///
  /// - Parameters:
  ///   - dump: The steps.
  ///   - declaration: What is known of the trainer.
  ///   - meant: The rule that was meant, with its numbers; nil if none is given.
  /// - Throws: What measuring throws.
  public init(
    of dump: StepDump,
    declaration: Declaration = Declaration(),
    against meant: (rule: UpdateRule, hyperparameters: Hyperparameters)? = nil
  ) throws(FlywheelError) {
    let measurement = try DumpMeasurement(of: dump)
    self.init(
      measurement,
      declaration: declaration,
      against: meant,
      notes: dump.notes + measurement.notes
    )
  }
}
