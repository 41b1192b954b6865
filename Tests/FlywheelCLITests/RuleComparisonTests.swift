import FlywheelCore
import FlywheelOptim
import Testing

@testable import FlywheelCLI

/// Two rules held against each other.
@Suite("Comparisons of rules")
struct RuleComparisonTests {
  private func pair(_ first: String, _ second: String) throws -> RulePair {
    try RulePair(try RuleCall(first), try RuleCall(second), batchSize: 32, trainingSize: 50_000)
  }

  private func text(_ first: String, _ second: String) throws -> String {
    let pair = try pair(first, second)
    let lines = RuleComparisonView.lines(
      of: pair,
      weights: try pair.comparison(ofWeights: true),
      biases: try pair.comparison(ofWeights: false)
    )
    for line in lines { #expect(line.count <= 80, "\(line)") }
    return lines.joined(separator: " ").split(separator: " ").joined(separator: " ")
  }

  @Test(
    "Rules are the same run or not, for weights and for biases",
    arguments: [
      ("pytorch(lr=.01,weight_decay=.1)", "optax(lr=.01,weight_decay=.1)", true, true),
      ("pytorch(lr=.01,weight_decay=.1)", "mxnet(lr=.01,weight_decay=.1)", true, true),
      ("pytorch(lr=.01,weight_decay=.1)", "caffe(lr=.01,weight_decay=.1)", true, true),
      ("pytorch(lr=.01,weight_decay=.1)", "keras(lr=.01,weight_decay=.1)", false, false),
      ("pytorch(lr=.01,weight_decay=.1)", "keras(lr=.01,l2=.05)", true, false),
      ("pytorch(lr=.01,weight_decay=.1)", "nielsen(lr=.01,weight_decay=5000)", true, false),
      ("pytorch(lr=.01)", "nielsen(lr=.01)", true, true),
      ("pytorch(lr=.01)", "cs230(lr=.1)", true, true),
      ("pytorch(lr=.01)", "pytorch(lr=.01,momentum=.8)", false, false),
      ("pytorch(lr=.01)", "pytorch(lr=.01,nesterov=True)", false, false),
      ("question(lr=.01)", "pytorch(lr=.01)", true, true),
      ("question_summed(lr=.01)", "pytorch(lr=.32)", true, true),
      ("question_summed(lr=.01)", "pytorch(lr=.01)", false, false),
      ("torch.AdamW(lr=.001)", "optax.adamw(learning_rate=.001,weight_decay=.01)", true, true),
      ("adam(weight_decay=.01)", "adamw(weight_decay=.01)", false, false),
      ("adam(weight_decay=.32)", "sklearn_adam(alpha=10.24)", false, false),
      ("adam(eps=0,weight_decay=.32)", "sklearn_adam(eps=0,alpha=10.24)", true, false),
      ("mlx_adam(bias_correction=True)", "adam", true, true),
      ("mlx_adam()", "adam()", false, false),
      // The first step is another one: torch7 does not dampen it.
      ("torch7(lr=.1,momentum=.5)", "cs230(lr=.1,momentum=.5)", false, false),
    ]
  )
  func same(first: String, second: String, weights: Bool, biases: Bool) throws {
    let pair = try pair(first, second)
    #expect(try pair.comparison(ofWeights: true).isSame == weights)
    #expect(try pair.comparison(ofWeights: false).isSame == biases)
  }

  @Test(
    "What differs and what it would take is said in words",
    arguments: [
      (
        "pytorch(lr=.01, weight_decay=.1)", "keras(lr=.01, weight_decay=.1)",
        [
          "shrinks by 0.01113 a step in pytorch, 0.001 in keras: a ratio of 11.1",
          "keras(learning_rate=0.01, momentum=0.9, l2=0.05, bias_l2=0.05)",
          "v_keras = -0.01 v_pytorch", "exact while the learning rate is constant",
        ]
      ),
      (
        "question_summed(lr=.01)", "pytorch(lr=.01)",
        [
          "a steady gradient moves a weight by 3.2 times it a step in question_summed, 0.1 in pytorch",
          ": a ratio of 32", "pytorch(learning_rate=0.32, momentum=0.9)",
          "v_pytorch = 0.03125 v_question_summed",
        ]
      ),
      (
        "pytorch(lr=.01)", "pytorch(lr=.01, nesterov=True)",
        ["B looks ahead (Nesterov), A does not", "v_B = v_A"]
      ),
      (
        "pytorch(lr=.01,momentum=.9)", "pytorch(lr=.02,momentum=.8)",
        ["momentum keeps 0.9 of the last step in A, 0.8 in B"]
      ),
      (
        "torch7(lr=.1,momentum=.5)", "cs230(lr=.1,momentum=.5)",
        ["because the first steps differ", "v_cs230 = v_torch7", "exact"]
      ),
      (
        "adam(weight_decay=.01)", "keras_adam(eps=1e-7,wd=.01)",
        [
          "epsilon is 1e-08 in adam, 1e-07 in keras_adam",
          "the decay is coupled lambda in adam, decoupled lr lambda in keras_adam",
          "divided by sqrt(s') + eps sqrt(c2) in adam, sqrt(s') + eps in keras_adam",
        ]
      ),
      (
        "keras(nesterov=True,wd=.1)", "pytorch",
        ["No numbers of 'pytorch' make the run of keras: "]
      ),
      (
        "torch.optim.SGD(lr=0.01, momentum=0.9, weight_decay=0.1)", "question",
        [": a ratio of 356", "WEIGHTS", "BIASES", "momentum=0.91012678"]
      ),
    ]
  )
  func words(first: String, second: String, phrases: [String]) throws {
    let text = try text(first, second)
    for phrase in phrases { #expect(text.contains(phrase), "\(phrase) in \(text)") }
  }

  @Test("Without numbers there is an example, and it is said to be one")
  func example() throws {
    let bare = try RulePair(
      try RuleCall("pytorch"),
      try RuleCall("sklearn"),
      batchSize: nil,
      trainingSize: nil
    )
    #expect(
      bare.examples
        == ["learning_rate 0.01", "momentum 0.9", "weight_decay 0.1", "--batch-size 32"]
    )
    #expect(bare.second.hyperparameters.weightDecay == 0.1)
    let text = try text("pytorch", "nielsen")
    #expect(text.contains("for example learning_rate 0.01, momentum 0.9, weight_decay 0.1"))
    #expect(text.contains("T = 1 + mu - lr lambda/n"))
    #expect(!text.contains("--train-size"))
  }

  @Test("A rule without brackets takes the other one's numbers")
  func borrowed() throws {
    let pair = try pair("pytorch(lr=.5, momentum=.25, weight_decay=.125)", "lasagne")
    #expect(pair.second.hyperparameters.learningRate == 0.5)
    #expect(pair.second.hyperparameters.momentum == 0.25)
    #expect(pair.second.hyperparameters.number(.l2) == 0.0625)
    #expect(pair.examples.isEmpty)
  }

  @Test("Any two rules can be compared in 80 columns", arguments: UpdateRule.presets)
  func all(rule: UpdateRule) throws {
    for other in UpdateRule.presets {
      #expect(try text(rule.name, other.name).contains(rule.name))
    }
  }

  @Test("A rule is the same run as itself", arguments: UpdateRule.presets)
  func itself(rule: UpdateRule) throws {
    let pair = try pair(rule.name, rule.name)
    #expect(try pair.comparison(ofWeights: true).isSame)
    #expect(try pair.comparison(ofWeights: false).isSame)
  }
}
