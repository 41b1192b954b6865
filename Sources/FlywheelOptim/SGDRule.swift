public import FlywheelCore

/// An update rule of the SGD family as a value: its coefficients as formulas, what its first step
/// does, and which parameters it decays.
public struct SGDRule: Sendable, Hashable {
  /// The name that users type.
  public let name: String
  /// One line that says where the learning rate and the decay enter.
  public let summary: String
  /// The coefficients of an ordinary step.
  public let form: SGDForm<Formula>
  /// The coefficients with Nesterov's look-ahead; nil if the rule has none.
  public let nesterovForm: SGDForm<Formula>?
  /// Whether the rule knows dampening.
  public let takesDampening: Bool
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

  /// Which parameters a rule decays.
  public enum DecayScope: String, Sendable, Hashable {
    /// Weights and biases.
    case all
    /// Weights only.
    case weights
  }

  /// The sizes that some rules divide by.
  public struct Sizes: Sendable, Hashable {
    /// The size of a full mini-batch, m.
    public var batch: Int
    /// The size of the training set, n.
    public var training: Int

    /// Creates the pair.
    public init(batch: Int, training: Int) {
      self.batch = batch
      self.training = training
    }
  }

  /// Checks hyperparameters against what the rule knows.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Throws: `invalidArgument`, naming the one that does not fit.
  public func validate(_ hyperparameters: Hyperparameters) throws(FlywheelError) {
    try hyperparameters.validate()
    if hyperparameters.nesterov && nesterovForm == nil {
      throw FlywheelError(
        .invalidArgument,
        "The rule '\(name)' has no nesterov form; leave it off."
      )
    }
    if hyperparameters.dampening != 0 && !takesDampening {
      throw FlywheelError(
        .invalidArgument,
        "The rule '\(name)' has no dampening; found \(hyperparameters.dampening), leave it at 0."
      )
    }
  }

  /// Whether a step with these hyperparameters depends on the step before, through the buffer.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: Whether it does.
  public func keepsBuffer(_ hyperparameters: Hyperparameters) -> Bool {
    hyperparameters.momentum != 0
  }

  /// The numbers of one step.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the parameter's group.
  ///   - sizes: The sizes of mini-batch and training set.
  ///   - hasBuffer: Whether the parameter has a buffer from a step before.
  ///   - isWeight: Whether the parameter is a weight rather than a bias.
  /// - Returns: The coefficients.
  public func resolve(
    _ hyperparameters: Hyperparameters,
    sizes: Sizes,
    hasBuffer: Bool,
    isWeight: Bool
  ) -> SGDForm<Double> {
    // Without a buffer (the first step, or no momentum at all) PyTorch's dampening does not apply.
    let isUndamped = firstStep == .undamped && !(hasBuffer && keepsBuffer(hyperparameters))
    let isDecayed = isWeight || decayScope == .all
    let formulas = (hyperparameters.nesterov ? nesterovForm : nil) ?? form
    var numbers = formulas.map { formula in
      formula.evaluate { symbol in
        switch symbol {
        case .learningRate: hyperparameters.learningRate
        case .momentum: hyperparameters.momentum
        case .dampening: isUndamped ? 0 : hyperparameters.dampening
        case .weightDecay: isDecayed ? hyperparameters.weightDecay : 0
        case .batchSize: Double(sizes.batch)
        case .trainingSize: Double(sizes.training)
        }
      }
    }
    if !hasBuffer { numbers.a = 0 }
    return numbers
  }
}
