/// The rules of Julia's libraries.
extension SGDRule {
  /// `Momentum` of Optimisers.jl after `WeightDecay`: the velocity is what is subtracted.
  public static let optimisersJL = SGDRule(
    name: "optimisers_jl",
    summary: "velocity is what is subtracted, decay joins the gradient",
    source: "src/rules.jl of Optimisers.jl@b3595f5, OptimiserChain(WeightDecay, Momentum)",
    form: SGDForm(
      a: .momentum,
      b: .learningRate,
      c: .learningRate * .weightDecay,
      d: -1
    ),
    nesterovForm: nil,
    hyperparameters: withVelocity(.addedDecay),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// `Nesterov` of Optimisers.jl after `WeightDecay`: the velocity is the displacement, unlike that of
  /// its `Momentum`.
  public static let optimisersJLNesterov = SGDRule(
    name: "optimisers_jl_nesterov",
    summary: "Nesterov's displacement, decay joins the gradient",
    source: "src/rules.jl of Optimisers.jl@b3595f5, OptimiserChain(WeightDecay, Nesterov)",
    form: SGDForm(
      a: .momentum,
      b: -.learningRate,
      c: -.learningRate * .weightDecay,
      e: .momentum * .momentum,
      f: -(1 + .momentum) * .learningRate,
      h: -(1 + .momentum) * .learningRate * .weightDecay
    ),
    nesterovForm: nil,
    hyperparameters: withVelocity(.addedDecay),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// `Momentum` of Optimisers.jl before `WeightDecay`: a weight loses λ of itself a step.
  public static let optimisersJLDecoupled = SGDRule(
    name: "optimisers_jl_decoupled",
    summary: "velocity is what is subtracted, weights shrink by lambda a step",
    source: "src/rules.jl of Optimisers.jl@b3595f5, OptimiserChain(Momentum, WeightDecay)",
    form: SGDForm(a: .momentum, b: .learningRate, d: -1, h: -.weightDecay),
    nesterovForm: nil,
    hyperparameters: withVelocity(.absoluteDecay),
    firstStep: .fromZeros,
    decayScope: .all
  )

  /// `Momentum` of Flux up to 0.13 after `WeightDecay`: the velocity is the displacement.
  public static let flux = SGDRule(
    name: "flux",
    summary: "velocity is the displacement, decay joins the gradient",
    source: "src/optimise/optimisers.jl of Flux.jl 0.13.0",
    form: coupledDisplacement(decay: .weightDecay),
    nesterovForm: nil,
    hyperparameters: withVelocity(.addedDecay),
    firstStep: .fromZeros,
    decayScope: .all
  )
}
