import FlywheelCore
import FlywheelOptim
import Testing

/// Conversions of SGD-like rules with numbers that were worked out and measured elsewhere.
@Suite("Conversion of SGD-like rules, by example")
struct RuleConversionExampleTests {
  private func use(
    _ name: String,
    _ numbers: [Hyperparameter: Double],
    nesterov: Bool? = nil,
    sizes: TrainingSizes? = TrainingSizes(batch: 10, training: 50_000),
    isWeight: Bool = true
  ) throws -> RuleUse {
    let rule = try UpdateRule.named(name)
    var given = Hyperparameters(numbers.mapValues { .number($0) })
    if let nesterov { given[.nesterov] = .flag(nesterov) }
    return RuleUse(
      rule: rule,
      hyperparameters: try rule.completed(given),
      sizes: sizes,
      isWeight: isWeight
    )
  }

  private func convert(
    _ source: RuleUse,
    to name: String,
    with given: [Hyperparameter: Hyperparameters.Value] = [:],
    at moment: ConversionMoment = ConversionMoment(step: 30, hasBuffer: true)
  ) throws -> RuleConversion {
    let rule = try UpdateRule.named(name)
    return try RuleConversion(source, to: rule, with: Hyperparameters(given), at: moment)
  }

  private func reason(_ conversion: RuleConversion) -> String {
    if case .impossible(let reason) = conversion.verdict { reason } else { "" }
  }

  private var torch: RuleUse {
    get throws {
      try use("pytorch", [.learningRate: 0.01, .momentum: 0.9, .weightDecay: 0.1])
    }
  }

  @Test("Coupled decay becomes decoupled with other numbers")
  func decoupled() throws {
    let conversion = try convert(torch, to: "sgdw")
    let numbers = conversion.target.hyperparameters
    #expect(abs(numbers.weightDecay - 0.0111268) < 5e-8)
    #expect(abs(numbers.momentum - 0.910127) < 5e-7)
    #expect(numbers.learningRate == 0.01)
    #expect(conversion.verdict.isExact(whenRateIsConstant: true))
  }

  @Test("Decoupled decay becomes coupled with other numbers: mu (1 - x) and (1 - mu) wd")
  func coupled() throws {
    let source = try use("keras", [.learningRate: 0.01, .momentum: 0.9, .weightDecay: 0.1])
    let conversion = try convert(source, to: "pytorch")
    let numbers = conversion.target.hyperparameters
    #expect(abs(numbers.momentum - 0.9 * (1 - 0.001)) < 1e-16)
    #expect(numbers.weightDecay == 0.01)
    let map = try #require(conversion.buffers.first).map
    #expect(abs(map.scale + 1 / (0.01 * (1 - 0.001))) < 1e-12)
    #expect(abs(map.weightShare - 0.1 / (1 - 0.001)) < 1e-15)
  }

  @Test("PyTorch becomes Nielsen: v = -lr v, lambda = n wd, and nothing for biases")
  func nielsen() throws {
    let conversion = try convert(torch, to: "nielsen")
    let numbers = conversion.target.hyperparameters
    #expect(numbers.learningRate == 0.01)
    #expect(numbers.momentum == 0.9)
    #expect(numbers.weightDecay == 5000)
    let map = try #require(conversion.buffers.first).map
    #expect(map == BufferMap(scale: -0.01))
    var bias = try torch
    bias.isWeight = false
    let reason = reason(try convert(bias, to: "nielsen"))
    #expect(reason.contains("'nielsen' decays weights only"))
  }

  @Test("Averaged gradients are summed ones at a lower rate, or dampened ones")
  func averages() throws {
    let source = try use("cs230", [.learningRate: 0.1, .momentum: 0.9, .weightDecay: 1])
    let conversion = try convert(source, to: "pytorch")
    let numbers = conversion.target.hyperparameters
    #expect(numbers.learningRate == 0.01)
    #expect(numbers.weightDecay == 0.1)
    #expect(conversion.buffers.first?.map == BufferMap(scale: 10))
    #expect(conversion.verdict == .exact)
    let dampened = try convert(source, to: "pytorch", with: [.dampening: .number(0.9)])
    #expect(dampened.target.hyperparameters.learningRate == 0.1)
    #expect(dampened.buffers.first?.map == .identity)
  }

  @Test("Keras takes coupled decay as penalties, which need no other momentum")
  func penalties() throws {
    let ofWeights = try convert(torch, to: "keras")
    #expect(ofWeights.target.hyperparameters.number(.l2) == 0.05)
    #expect(ofWeights.target.hyperparameters.weightDecay == 0)
    #expect(ofWeights.target.hyperparameters.momentum == 0.9)
    #expect(ofWeights.free == [.biasL2])
    var bias = try torch
    bias.isWeight = false
    let ofBiases = try convert(bias, to: "keras")
    #expect(ofBiases.target.hyperparameters.number(.biasL2) == 0.05)
    #expect(ofBiases.free == [.l2])
  }

  @Test("With Nesterov's look-ahead coupled and decoupled decay stay apart, and the reason says so")
  func nesterov() throws {
    let source = try use("keras", [.learningRate: 0.01, .weightDecay: 0.1], nesterov: true)
    let reason = reason(try convert(source, to: "pytorch"))
    #expect(reason.contains("Nesterov"))
    #expect(reason.contains("0.001 of itself directly"))
  }

  @Test("Idle weights that swing have no decoupled form")
  func swinging() throws {
    let source = try use("pytorch", [.learningRate: 0.1, .momentum: 0.9, .weightDecay: 0.1])
    let reason = reason(try convert(source, to: "fastai"))
    #expect(reason.contains("sqrt(lr lambda) <= 1 - sqrt(mu)"))
  }

  @Test("A number that is insisted on is kept, or refused with the one that would do")
  func given() throws {
    let kept = try convert(torch, to: "mlx", with: [.weightDecay: .number(0.1)])
    #expect(kept.verdict == .exact)
    let refused = reason(try convert(torch, to: "mlx", with: [.momentum: .number(0.5)]))
    #expect(refused.contains("momentum 0.5"))
    #expect(throws: FlywheelError.self) {
      try convert(torch, to: "tf1", with: [.weightDecay: .number(0.1)])
    }
  }

  @Test("A buffer is converted with the learning rate of the next step")
  func nextRate() throws {
    let source = try use("pytorch", [.learningRate: 0.1, .momentum: 0.9])
    var walk = SGDWalk(use: source, weights: [0.8, -0.3])
    for step in 1...30 { walk.step(step) }
    walk.use.hyperparameters.learningRate = 0.01
    let right = try walk.converted(convert(walk.use, to: "keras"))
    var wrong = right
    wrong.buffers = right.buffers?.map { $0 * 10 }
    var walks = [walk, right, wrong]
    for step in 31...60 {
      for place in walks.indices { walks[place].step(step) }
    }
    #expect(abs(walks[1].weights[0] - walks[0].weights[0]) <= 1e-14)
    #expect(abs(walks[2].weights[0] / walks[0].weights[0] - 1) > 0.1)
  }

  @Test("Before the first step nothing is made where both rules begin alike")
  func beginning() throws {
    let start = ConversionMoment(step: 0, hasBuffer: false)
    #expect(try convert(torch, to: "keras", at: start).buffers.isEmpty)
    // A buffer that has a share of the weight in it is made.
    let keras = try use("keras", [.learningRate: 0.01, .weightDecay: 0.1])
    let made = try #require(try convert(keras, to: "pytorch", at: start).buffers.first)
    #expect(made.source == nil && made.map.scale == 0)
    #expect(abs(made.map.weightShare - 0.1 / (1 - 0.001)) < 1e-15)
  }

  @Test("A first step that is not dampened goes only to a rule that takes it alike")
  func firstStep() throws {
    let start = ConversionMoment(step: 0, hasBuffer: false)
    let torch = try use("pytorch", [.learningRate: 0.01, .dampening: 0.5])
    #expect(reason(try convert(torch, to: "mlx", at: start)).contains("take one step first"))
    #expect(try convert(torch, to: "mlx").verdict == .exact)
    #expect(try convert(torch, to: "torch7", at: start).buffers.isEmpty)
    // The other way round a buffer of zeros does it.
    let mlx = try use("mlx", [.learningRate: 0.01, .dampening: 0.5])
    let made = try convert(mlx, to: "pytorch", at: start)
    #expect(made.verdict == .exact)
    #expect(made.buffers.map(\.map) == [BufferMap(scale: 0)])
  }

  @Test("A run that climbs goes only to a rule that can")
  func maximize() throws {
    var torch = try torch
    torch.hyperparameters[.maximize] = .flag(true)
    #expect(reason(try convert(torch, to: "mlx")).contains("maximize"))
    #expect(try convert(torch, to: "pytorch").target.hyperparameters[.maximize] == .flag(true))
  }

  @Test("A decay over the mini-batch's size is exact for equal mini-batches, and says so")
  func batches() throws {
    let source = try use("sklearn", [.learningRate: 0.01, .weightDecay: 1], nesterov: true)
    let conversion = try convert(source, to: "pytorch")
    #expect(conversion.target.hyperparameters.weightDecay == 0.1)
    #expect(conversion.target.hyperparameters.nesterov)
    #expect(conversion.remarks.contains { $0.contains("mini-batches of 10") })
    var unsized = source
    unsized.sizes = nil
    #expect(reason(try convert(unsized, to: "pytorch")).contains("the size m of a mini-batch"))
  }
}
