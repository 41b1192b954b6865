import FlywheelCore

/// An update rule of the SGD family as a value: its coefficients as formulas, what its first step
/// does, and which parameters it decays.
public struct SGDRule: Sendable, Hashable {
  /// The name that users type.
  public let name: String
  /// One line that says where the learning rate and the decay enter.
  public let summary: String
  /// Where the rule is written: a file of a framework at a version, or a text.
  public let source: String
  /// The coefficients of an ordinary step.
  public let form: SGDForm<Formula>
  /// The coefficients with Nesterov's look-ahead; nil if the rule has none.
  public let nesterovForm: SGDForm<Formula>?
  /// The hyperparameters that the rule takes.
  public let hyperparameters: [HyperparameterDefinition]
  /// What the first step does, when there is no buffer yet.
  public let firstStep: FirstStep
  /// Which parameters the weight decay is for.
  public let decayScope: DecayScope

  /// The name of the one buffer that these rules keep per parameter.
  public static let slotName = "velocity"

  /// What a rule does when a parameter has no buffer yet.
  public enum FirstStep: String, Sendable, Hashable {
    /// The buffer starts from zeros.
    case fromZeros
    /// The buffer becomes the decayed gradient itself, undamped.
    case undamped
  }

  /// Checks what a range cannot say; `UpdateRule.validate` has checked the ranges.
  ///
  /// A rule that dampens takes no look-ahead along a dampened velocity, as its sources have it.
  func validateTogether(_ hyperparameters: Hyperparameters) throws(FlywheelError) {
    let isDampened = self.hyperparameters.contains { $0.name == .dampening }
    guard hyperparameters.nesterov, isDampened else { return }
    let (momentum, dampening) = (hyperparameters.momentum, hyperparameters.dampening)
    guard momentum > 0, dampening == 0 else {
      throw FlywheelError(
        .invalidArgument,
        "nesterov needs a momentum above 0 and a dampening of 0; "
          + "found momentum \(momentum) and dampening \(dampening)."
      )
    }
  }

  /// Whether a step with these hyperparameters depends on the step before, through the buffer.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: Whether it does.
  public func keepsBuffer(_ hyperparameters: Hyperparameters) -> Bool {
    form.a != 0 && hyperparameters.momentum != 0
  }

  /// The coefficients that hyperparameters ask for: with Nesterov's look-ahead or without.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: The coefficients as formulas.
  public func form(_ hyperparameters: Hyperparameters) -> SGDForm<Formula> {
    (hyperparameters.nesterov ? nesterovForm : nil) ?? form
  }

  /// The numbers of one step.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of a full mini-batch and of the training set.
  ///   - batch: The size of this mini-batch; nil for that of a full one.
  ///   - hasBuffer: Whether the parameter has a buffer from a step before.
  ///   - isWeight: Whether the parameter is a weight rather than a bias.
  /// - Returns: The coefficients, without a momentum correction: that is of two steps.
  public func resolve(
    _ hyperparameters: Hyperparameters,
    sizes: TrainingSizes,
    batch: Int? = nil,
    hasBuffer: Bool,
    isWeight: Bool
  ) -> SGDForm<Double> {
    prepare(hyperparameters, sizes: sizes, hasBuffer: hasBuffer, isWeight: isWeight)
      .map { formula in
        formula.evaluate { symbol in
          symbol == .batchSize ? Double(batch ?? sizes.batch) : hyperparameters.learningRate
        }
      }
  }

  /// The coefficients of a step with all put in but what may change every step: the learning rate and
  /// the size of the mini-batch.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of a full mini-batch and of the training set.
  ///   - hasBuffer: Whether the parameter has a buffer from a step before.
  ///   - isWeight: Whether the parameter is a weight rather than a bias.
  /// - Returns: Formulas in the learning rate and the size of the mini-batch alone.
  public func prepare(
    _ hyperparameters: Hyperparameters,
    sizes: TrainingSizes,
    hasBuffer: Bool,
    isWeight: Bool
  ) -> SGDForm<Formula> {
    // Frameworks dampen what a velocity takes in: nothing does without one, and PyTorch's first step
    // makes one.
    let isUndamped =
      !keepsBuffer(hyperparameters) || (firstStep == .undamped && !hasBuffer)
    let isDecayed = isWeight || decayScope == .all
    var prepared = form(hyperparameters).map { formula in
      formula.substituting { symbol in
        switch symbol {
        case .learningRate, .batchSize: nil
        case .dampening where isUndamped: 0
        case .weightDecay where !isDecayed: 0
        case .l2 where !isWeight: hyperparameters.number(.biasL2)
        case .trainingSize: Double(sizes.training)
        default: symbol.hyperparameter.map { hyperparameters.number($0) } ?? 0
        }
      }
    }
    if !hasBuffer { (prepared.a, prepared.e) = (0, 0) }
    return prepared
  }
}

extension SGDRule {
  /// A rule that nobody wrote down: a form of numbers, which all scale with the learning rate where a
  /// gradient moves the weight.
  ///
  /// - Parameters:
  ///   - name: What messages call it.
  ///   - form: The numbers at the learning rate.
  ///   - learningRate: The learning rate, not 0.
  package init(name: String, form: SGDForm<Double>, learningRate: Double) {
    let rate: Formula = .learningRate / .constant(learningRate)
    let isInside = abs(abs(form.d) - 1) < 1e-9
    let numbers = form.map { Formula.constant($0) }
    self.init(
      name: name,
      summary: "as measured",
      source: "dumped steps",
      form: SGDForm(
        a: numbers.a,
        b: isInside ? numbers.b * rate : numbers.b,
        c: isInside ? numbers.c * rate : numbers.c,
        d: isInside ? numbers.d : numbers.d * rate,
        f: numbers.f * rate,
        h: numbers.h * rate
      ),
      nesterovForm: nil,
      hyperparameters: [.stepSize],
      firstStep: .fromZeros,
      decayScope: .all
    )
  }
}
