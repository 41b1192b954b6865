public import FlywheelCore

extension SGDRule {
  /// `torch.optim.SGD`: the buffer sums gradients, the learning rate stays outside, decay is coupled.
  ///
  /// Source: torch/optim/sgd.py of PyTorch 2.13.
  public static let pytorch = SGDRule(
    name: "pytorch",
    summary: "velocity sums gradients, lr outside, decay for biases too",
    form: SGDForm(
      a: .momentum,
      b: 1 - .dampening,
      c: (1 - .dampening) * .weightDecay,
      d: -.learningRate,
      f: 0,
      h: 0
    ),
    nesterovForm: SGDForm(
      a: .momentum,
      b: 1,
      c: .weightDecay,
      d: -.learningRate * .momentum,
      f: -.learningRate,
      h: -.learningRate * .weightDecay
    ),
    takesDampening: true,
    firstStep: .undamped,
    decayScope: .all
  )

  /// Michael Nielsen's momentum: the velocity is the displacement, decay is λ/n on weights only.
  ///
  /// Source: Neural Networks and Deep Learning, chapter 3; network2.py for the decay.
  public static let nielsen = SGDRule(
    name: "nielsen",
    summary: "velocity is the displacement, decay lambda/n, weights only",
    form: SGDForm(
      a: .momentum,
      b: -.learningRate,
      c: -.learningRate * .weightDecay / .trainingSize,
      d: 1,
      f: 0,
      h: 0
    ),
    nesterovForm: nil,
    takesDampening: false,
    firstStep: .fromZeros,
    decayScope: .weights
  )

  /// Every rule that has a name.
  public static let presets: [SGDRule] = [pytorch, nielsen]

  /// The rule with a name.
  ///
  /// - Parameter name: The name.
  /// - Throws: `invalidArgument`, listing the names there are.
  /// - Returns: The rule.
  public static func named(_ name: String) throws(FlywheelError) -> SGDRule {
    guard let rule = presets.first(where: { $0.name == name }) else {
      throw FlywheelError(
        .invalidArgument,
        "There is no rule '\(name)'; choose one of \(presets.map(\.name).joined(separator: ", "))."
      )
    }
    return rule
  }
}
