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

  /// The numbers of one step.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of mini-batch and training set.
  ///   - step: The number of this step, from 1: bias corrections depend on it.
  ///   - isWeight: Whether the parameter is a weight rather than a bias.
  /// - Returns: The coefficients.
  public func resolve(
    _ hyperparameters: Hyperparameters,
    sizes: TrainingSizes,
    step: Int,
    isWeight: Bool
  ) -> AdaptiveForm<Double> {
    let first = Self.correction(hyperparameters.number(.beta1), step: step)
    let second = Self.correction(hyperparameters.number(.beta2), step: step)
    return prepare(hyperparameters, sizes: sizes, isWeight: isWeight).map { formula in
      formula.evaluate { symbol in
        switch symbol {
        case .firstCorrection: first
        case .secondCorrection: second
        default: hyperparameters.learningRate
        }
      }
    }
  }

  /// The coefficients of a step with all put in but the learning rate and the bias corrections, which
  /// may change every step.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of mini-batch and training set.
  ///   - isWeight: Whether the parameter is a weight rather than a bias.
  /// - Returns: Formulas in the learning rate and the two corrections alone.
  public func prepare(
    _ hyperparameters: Hyperparameters,
    sizes: TrainingSizes,
    isWeight: Bool
  ) -> AdaptiveForm<Formula> {
    let isDecayed = isWeight || decayScope == .all
    return form.map { formula in
      formula.substituting { symbol in
        switch symbol {
        case .learningRate, .firstCorrection, .secondCorrection: nil
        case .weightDecay where !isDecayed: 0
        case .batchSize: Double(sizes.batch)
        case .trainingSize: Double(sizes.training)
        default: symbol.hyperparameter.map { hyperparameters.number($0) } ?? 0
        }
      }
    }
  }

  /// What corrects the bias of a moment that started from zero: 1 − βᵗ.
  ///
  /// - Parameters:
  ///   - beta: What the moment keeps from step to step.
  ///   - step: The number of the step, from 1.
  /// - Returns: The correction.
  public static func correction(_ beta: Double, step: Int) -> Double { 1 - power(beta, step) }
}
