public import FlywheelCore
public import FlywheelOptim
import OrderedCollections

extension Explanation {
  /// Explains the dumped steps of a trainer.
  ///
  /// Buffers of Adam's kin tell its family; without them SGD's is tried first, because it has fewer numbers.
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
    try dump.requireChange()
    let isAdaptive = dump.series.contains { !$0.slots.isEmpty }
    if isAdaptive, let found = try Self.adaptive(dump, declaration, meant) {
      self = found
      return
    }
    let measurement = try DumpMeasurement(of: dump)
    let found = Explanation(
      measurement,
      declaration: declaration,
      against: meant,
      notes: dump.notes + measurement.notes
    )
    if found.family == nil, !isAdaptive, let other = try Self.adaptive(dump, declaration, meant) {
      self = other
      return
    }
    self = found
  }

  private static func adaptive(
    _ dump: StepDump,
    _ declaration: Declaration,
    _ meant: (rule: UpdateRule, hyperparameters: Hyperparameters)?
  ) throws(FlywheelError) -> Explanation? {
    var declared = Hyperparameters()
    let numbers: [(Hyperparameter, Double?)] = [
      (.learningRate, declaration.learningRate), (.weightDecay, declaration.weightDecay),
    ]
    for (name, number) in numbers { declared[name] = number.map { .number($0) } }
    let sizes = declaration.batchSize.map {
      TrainingSizes(batch: $0, training: declaration.trainingSize ?? 1)
    }
    let found = try AdaptiveExplanation(dump, declared: declared, sizes: sizes ?? dump.sizes)
    return Explanation(found, sizes: sizes ?? dump.sizes, against: meant, notes: dump.notes)
  }
}
