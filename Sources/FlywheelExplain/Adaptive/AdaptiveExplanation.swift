public import FlywheelCore
public import FlywheelOptim

/// Which Adam-like rules the steps of a dump follow, with which numbers, and what is odd about them.
///
/// No framework is known by name: every preset of the family, and some mistakes that people make of them,
/// is held against the dump, and what leaves no more than rounding is named.
public struct AdaptiveExplanation: Sendable {
  /// What weights show; nil if there are none.
  public private(set) var weights: AdaptiveMeasurement?
  /// What biases show; nil if there are none.
  public private(set) var biases: AdaptiveMeasurement?
  /// Every rule that fits, what was declared first, then what takes the fewest odd numbers; none if the
  /// residual supports none.
  public private(set) var rules: [AdaptiveReading] = []

  /// Explains a dump.
  ///
  /// - Parameters:
  ///   - dump: The dump.
  ///   - declared: Numbers that somebody says are in use: they are believed where the dump lets them.
  ///   - sizes: The sizes of mini-batch and training set; nil if nobody knows them.
  /// - Throws: `mismatch` if the shape of a parameter changes from dump to dump, and what reading numbers
  ///   throws.
  public init(
    _ dump: StepDump,
    declared: Hyperparameters = Hyperparameters(),
    sizes: TrainingSizes? = nil
  ) throws(FlywheelError) {
    let known = (dump.declared?.hyperparameters ?? Hyperparameters()).merging(declared)
    var namers: [AdaptiveNamer] = []
    for isWeight in [true, false] {
      guard let sample = try AdaptiveSample(dump.series, isWeight: isWeight) else { continue }
      let scope = AdaptiveScope(
        sample,
        declared: known,
        sizes: sizes ?? dump.sizes,
        firstStep: dump.firstStep,
        learningRates: dump.learningRates
      )
      namers.append(AdaptiveNamer(scope: scope))
    }
    weights = namers.first { $0.scope.sample.isWeight }?.measurement
    biases = namers.first { !$0.scope.sample.isWeight }?.measurement
    guard let first = namers.first else { return }
    rules = first.all
      .sorted { $0.oddity < $1.oddity }
      .map { named in
        AdaptiveReading(
          rule: .adaptive(named.rule),
          hyperparameters: named.hyperparameters,
          mistakes: [named.candidate.trial.mistake?.sentence].compactMap(\.self)
        )
      }
  }
}
