import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDiff
import FlywheelOptim
import OrderedCollections
import SystemPackage
import Testing

@Suite("Comparisons of training states")
struct ComparisonTests {
  /// A layer's weight and bias, each with its buffers, 30 steps on.
  static func checkpoint(
    _ call: String = "pytorch(lr=0.05)",
    buffers: [String] = ["velocity"]
  ) throws -> Checkpoint {
    let call = try RuleCall(call)
    let shape = try Shape([2, 3])
    let weight = try Tensor([1, -2, 0.3, 4, 0.01, -7], shape: shape)
    let bias = try Tensor(vector: [0.5, -0.25])
    var slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>> = [:]
    for (index, slot) in buffers.enumerated() {
      let scale = Double(index + 1)
      slots[slot] = [
        "layers.0.weight": try Tensor(
          [0.1, 0.2, 0.7, 0.003, 1, 2].map { $0 * scale },
          shape: shape
        ),
        "layers.0.bias": try Tensor(vector: [3 * scale, 0.9]),
      ]
    }
    return Checkpoint(
      saved: .init(run: String(repeating: "0", count: 32), time: "2026-01-02T03:04:05Z"),
      parameters: [
        "layers.0.weight": Parameter(value: weight, group: 0, axes: ["out", "in"]),
        "layers.0.bias": Parameter(value: bias, group: 0, axes: ["out"]),
      ],
      optimizer: OptimizerState(
        rule: call.rule.name,
        groups: [
          ParameterGroup(hyperparameters: try call.hyperparameters(), lastLearningRate: 0.05)
        ],
        step: 30,
        sizes: TrainingSizes(batch: 10, training: 500),
        slots: slots
      ),
      progress: Progress()
    )
  }

  static func compare(
    _ first: Checkpoint,
    _ second: Checkpoint,
    _ options: ComparisonOptions = ComparisonOptions()
  ) throws -> Comparison {
    try Comparison(
      try DiffInput(first, from: "first"),
      try DiffInput(second, from: "second"),
      options
    )
  }

  private static func verdicts(_ comparison: Comparison) -> [String: TensorVerdict] {
    Dictionary(uniqueKeysWithValues: comparison.tensors.map { ($0.name, $0.verdict) })
  }

  private static func differing(_ comparison: Comparison) -> [String] {
    comparison.settings.filter { !$0.isSame }.map { "\($0.section)/\($0.name)" }
  }

  @Test("A state is the same as itself, whichever run wrote it, and when")
  func same() throws {
    let first = try Self.checkpoint()
    var second = first
    second.saved = .init(run: String(repeating: "1", count: 32), time: "2027-01-02T03:04:05Z")
    second.writer = "somebody else"
    let comparison = try Self.compare(first, second)
    #expect(comparison.isSame)
    #expect(comparison.tensors.count == 4)
    #expect(comparison.settings.allSatisfy { $0.verdict == .same })
  }

  @Test(
    "Under any rule that goes on as well, the run is the same, either way round",
    arguments: UpdateRule.presets.map(\.name)
  )
  func conventions(rule: String) throws {
    let target = try UpdateRule.named(rule)
    let calls: [(call: String, buffers: [String])] = [
      ("pytorch(lr=0.05)", ["velocity"]), ("pytorch(lr=0.05, weight_decay=0.02)", ["velocity"]),
      ("keras(lr=0.05, nesterov=true)", ["velocity"]),
      ("adam(lr=0.01)", ["exp_avg", "exp_avg_sq"]),
    ]
    for (call, buffers) in calls {
      let first = try Self.checkpoint(call, buffers: buffers)
      guard let second = try? OptimizerConversion(first, to: target).checkpoint else { continue }
      for (one, other) in [(first, second), (second, first)] {
        let comparison = try Self.compare(one, other)
        #expect(Self.differing(comparison) == [], "\(call) as \(rule)")
        #expect(comparison.tensors.allSatisfy { $0.verdict.isSame }, "\(call) as \(rule)")
        #expect(comparison.isSame)
      }
    }
  }

  @Test("A buffer that is off differs in any convention")
  func changedBuffer() throws {
    let first = try Self.checkpoint()
    for rule in ["pytorch", "keras", "caffe", "cs230"] {
      let target = try UpdateRule.named(rule)
      var second = try OptimizerConversion(first, to: target).checkpoint
      let buffer = try #require(second.optimizer.slots["velocity"]?["layers.0.bias"])
      second.optimizer.slots["velocity"]?["layers.0.bias"] = try buffer.combined(scale: 1.001)
      for (one, other) in [(first, second), (second, first)] {
        let comparison = try Self.compare(one, other)
        #expect(!comparison.isSame)
        #expect(
          comparison.tensors.filter { !$0.verdict.isSame }.map(\.name)
            == ["optimizer/velocity/layers.0.bias"]
        )
      }
    }
  }

  @Test("The same rule with another number is a difference of that number only")
  func hyperparameters() throws {
    let first = try Self.checkpoint()
    var second = first
    second.optimizer.groups[0].hyperparameters[.momentum] = .number(0.8)
    let comparison = try Self.compare(first, second)
    #expect(Set(Self.differing(comparison)) == ["hyperparameters/momentum"])
    #expect(comparison.tensors.allSatisfy { $0.verdict.isSame })
    #expect(!comparison.isSame)
  }

  @Test("Another rule is said in the first's numbers where it has any")
  func otherNumbers() throws {
    let first = try Self.checkpoint("pytorch(lr=0.05)")
    let second = try Self.checkpoint("keras(lr=0.05, momentum=0.8)")
    let comparison = try Self.compare(first, second)
    #expect(Set(Self.differing(comparison)) == ["hyperparameters/momentum"])
    let rule = try #require(comparison.settings.first { $0.name == "rule" })
    #expect(rule.verdict == .convention)
  }

  @Test("Buffers of another family are not compared, and never the same")
  func families() throws {
    let first = try Self.checkpoint()
    let second = try Self.checkpoint("adam(lr=0.05)", buffers: ["velocity"])
    let comparison = try Self.compare(first, second)
    let verdicts = Self.verdicts(comparison)
    #expect(verdicts["optimizer/velocity/layers.0.weight"] == .incomparable)
    #expect(verdicts["model/layers.0.weight"]?.isSame == true)
    #expect(Self.differing(comparison).contains("optimizer/rule"))
    #expect(comparison.translations.allSatisfy { $0.obstacle?.contains("families") == true })
  }

  @Test("A missing buffer is a difference")
  func missing() throws {
    let first = try Self.checkpoint()
    var second = first
    second.optimizer.slots["velocity"]?["layers.0.bias"] = nil
    #expect(
      Self.verdicts(try Self.compare(first, second))["optimizer/velocity/layers.0.bias"]
        == .onlyFirst
    )
    #expect(
      Self.verdicts(try Self.compare(second, first))["optimizer/velocity/layers.0.bias"]
        == .onlySecond
    )
  }

  @Test("Steps, random streams and the trainer's words are compared; history where both have any")
  func settings() throws {
    var first = try Self.checkpoint()
    first.random = ["order": [1, 2]]
    first.trainer = ["seed": 1, "optimizer": ["rule": "pytorch"]]
    try first.history.append(step: 30, ["loss": 0.5])
    var second = first
    second.optimizer.step = 31
    second.random["order"] = [1, 3]
    second.trainer = ["seed": 2, "optimizer": ["rule": "other"]]
    let comparison = try Self.compare(first, second)
    #expect(Self.differing(comparison) == ["optimizer/step", "random/order", "trainer/seed"])
    second = first
    second.history = History()
    #expect(try Self.compare(first, second).isSame)
    #expect(try !Self.compare(first, second).notes.isEmpty)
    try second.history.append(step: 30, ["loss": 0.6])
    #expect(try !Self.compare(first, second).isSame)
  }

  @Test("By shape, buffers follow their parameters, and B's names do not matter")
  func byShape() throws {
    let first = try Self.checkpoint()
    var second = first
    let names = ["layers.0.weight": "w", "layers.0.bias": "b"]
    func renamed<Value>(
      _ values: OrderedDictionary<String, Value>
    ) -> OrderedDictionary<String, Value> {
      OrderedDictionary(uniqueKeysWithValues: values.map { (names[$0] ?? $0, $1) })
    }
    second.parameters = renamed(second.parameters)
    second.optimizer.slots = second.optimizer.slots.mapValues(renamed)
    #expect(try !Self.compare(first, second).isSame)
    let comparison = try Self.compare(first, second, ComparisonOptions(pairing: .shape))
    #expect(comparison.isSame)
    #expect(comparison.tensors.count == 4)
    let keras = try OptimizerConversion(second, to: try .named("keras")).checkpoint
    #expect(try Self.compare(first, keras, ComparisonOptions(pairing: .shape)).isSame)
  }

  @Test("A pattern that matches nothing is refused; one that does leaves the numbers out")
  func selection() throws {
    let first = try Self.checkpoint()
    var second = first
    second.optimizer.step = 31
    let chosen = ComparisonOptions(selection: [NamePattern("model/**")])
    let comparison = try Self.compare(first, second, chosen)
    #expect(comparison.isSame)
    #expect(comparison.tensors.count == 2)
    #expect(throws: FlywheelError.self) {
      try Self.compare(first, second, ComparisonOptions(selection: [NamePattern("modle/**")]))
    }
  }
}
