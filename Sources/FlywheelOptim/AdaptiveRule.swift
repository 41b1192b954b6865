/// An update rule of the Adam family as a value: its coefficients as formulas, the names of its
/// buffers, and which parameters it decays.
public struct AdaptiveRule: Sendable, Hashable {
  /// The name that users type.
  public let name: String
  /// One line that says where the learning rate and the decay enter.
  public let summary: String
  /// Where the rule is written: a file of a framework at a version, or a text.
  public let source: String
  /// The coefficients of a step.
  public let form: AdaptiveForm<Formula>
  /// The names of the buffers.
  public let slots: SlotNames
  /// What the second moment starts from, in the hyperparameters; the other buffers start from 0.
  public let secondStart: Formula
  /// What the exponents of the bias corrections count.
  public let correctionCount: CorrectionCount
  /// The hyperparameters that the rule takes.
  public let hyperparameters: [HyperparameterDefinition]
  /// Which parameters the weight decay is for.
  public let decayScope: DecayScope

  /// What a rule calls its buffers; nil for one that it never keeps.
  public struct SlotNames: Sendable, Hashable {
    /// The first moment, m.
    public let first: String?
    /// The second moment, s.
    public let second: String
    /// The largest second moment so far, x.
    public let maximum: String?
    /// The mean of gradients, a.
    public let mean: String?
    /// The momentum, v.
    public let momentum: String?

    init(
      first: String? = nil,
      second: String,
      maximum: String? = nil,
      mean: String? = nil,
      momentum: String? = nil
    ) {
      self.first = first
      self.second = second
      self.maximum = maximum
      self.mean = mean
      self.momentum = momentum
    }
  }

  /// What the exponents of the bias corrections count.
  public enum CorrectionCount: String, Sendable, Hashable {
    /// Steps: c₁ = 1 − β₁ᵗ.
    case steps
    /// Samples, in mini-batches of the full size: the exponent of step t is t m.
    case samples
  }

  init(
    name: String,
    summary: String,
    source: String,
    form: AdaptiveForm<Formula>,
    slots: SlotNames,
    secondStart: Formula = 0,
    correctionCount: CorrectionCount = .steps,
    hyperparameters: [HyperparameterDefinition],
    decayScope: DecayScope
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.form = form
    self.slots = slots
    self.secondStart = secondStart
    self.correctionCount = correctionCount
    self.hyperparameters = hyperparameters
    self.decayScope = decayScope
  }

  /// The buffers that a step with these hyperparameters keeps, in the order they are written.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: The names of the slots.
  public func slotNames(_ hyperparameters: Hyperparameters) -> [String] {
    let isOn = { (name: Hyperparameter) in hyperparameters.number(name) != 0 }
    return [
      slots.first, slots.second, isOn(.amsgrad) ? slots.maximum : nil,
      isOn(.centered) ? slots.mean : nil, isOn(.momentum) ? slots.momentum : nil,
    ].compactMap(\.self)
  }

  /// What the second moment of a parameter starts from.
  ///
  /// - Parameter hyperparameters: The numbers of the parameter's group.
  /// - Returns: The number that each element is before the first step.
  public func secondStart(_ hyperparameters: Hyperparameters) -> Double {
    secondStart.evaluate { $0.hyperparameter.map { hyperparameters.number($0) } ?? 0 }
  }

  /// Whether a step depends on how many came before it, through a correction or a rate that falls.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: Whether it does.
  public func dependsOnStepCount(_ hyperparameters: Hyperparameters) -> Bool {
    let sizes = TrainingSizes(batch: 1, training: 1)
    let steps = [1, 2].map {
      resolve(hyperparameters, sizes: sizes, step: $0, isWeight: true)
    }
    return steps[0] != steps[1]
  }

  /// The numbers of one step.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of a full mini-batch and of the training set.
  ///   - batch: The size of this mini-batch; nil for that of a full one.
  ///   - step: The number of this step, from 1: bias corrections depend on it.
  ///   - isWeight: Whether the parameter is a weight rather than a bias.
  /// - Returns: The coefficients.
  public func resolve(
    _ hyperparameters: Hyperparameters,
    sizes: TrainingSizes,
    batch: Int? = nil,
    step: Int,
    isWeight: Bool
  ) -> AdaptiveForm<Double> {
    let corrections = corrections(hyperparameters, sizes: sizes, step: step)
    return prepare(hyperparameters, sizes: sizes, isWeight: isWeight).map { formula in
      formula.evaluate { symbol in
        switch symbol {
        case .firstCorrection: corrections.first
        case .secondCorrection: corrections.second
        case .step: Double(step)
        case .batchSize: Double(batch ?? sizes.batch)
        default: hyperparameters.learningRate
        }
      }
    }
  }

  /// The coefficients of a step with all put in but what may change every step: the learning rate, the
  /// bias corrections, the size of the mini-batch and the number of the step.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of a full mini-batch and of the training set.
  ///   - isWeight: Whether the parameter is a weight rather than a bias.
  /// - Returns: Formulas in what may change alone.
  public func prepare(
    _ hyperparameters: Hyperparameters,
    sizes: TrainingSizes,
    isWeight: Bool
  ) -> AdaptiveForm<Formula> {
    let isDecayed = isWeight || decayScope == .all
    return form.map { formula in
      formula.substituting { symbol in
        switch symbol {
        case .learningRate, .firstCorrection, .secondCorrection, .batchSize, .step: nil
        case .weightDecay where !isDecayed: 0
        case .trainingSize: Double(sizes.training)
        default: symbol.hyperparameter.map { hyperparameters.number($0) } ?? 0
        }
      }
    }
  }

  /// What the two moments are corrected by at a step; 1 where a rule's own switch has that off.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of a full mini-batch and of the training set.
  ///   - step: The number of the step, from 1.
  /// - Returns: c₁ and c₂.
  public func corrections(
    _ hyperparameters: Hyperparameters,
    sizes: TrainingSizes,
    step: Int
  ) -> (first: Double, second: Double) {
    let isSwitched = self.hyperparameters.contains { $0.name == .biasCorrection }
    guard !isSwitched || hyperparameters.number(.biasCorrection) != 0 else { return (1, 1) }
    let unit = correctionCount == .steps ? 1 : sizes.batch
    let (product, isTooLarge) = step.multipliedReportingOverflow(by: unit)
    let count = isTooLarge ? .max : product
    return (
      Self.correction(hyperparameters.number(.beta1), step: count),
      Self.correction(hyperparameters.number(.beta2), step: count)
    )
  }

  /// What corrects the bias of a moment that started from zero: 1 − βᵗ.
  ///
  /// - Parameters:
  ///   - beta: What the moment keeps from step to step.
  ///   - step: The number of the step, from 1.
  /// - Returns: The correction.
  public static func correction(_ beta: Double, step: Int) -> Double { 1 - power(beta, step) }
}
