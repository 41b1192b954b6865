import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Archives that are understood as training states")
struct UnderstoodArchiveTests {
  private static let saved = Checkpoint.Saved(
    run: String(repeating: "0", count: 32),
    time: "2026-01-02T03:04:05Z"
  )

  private static func tensor(_ extents: [Int], _ first: Double = 0) throws -> Tensor {
    let count = extents.reduce(1, *)
    return try Tensor((0..<count).map { first + Double($0) }, shape: try Shape(extents))
  }

  /// PyTorch's names of one layer, with the buffers of its SGD.
  private static func torch() throws -> OrderedDictionary<String, Tensor> {
    [
      "layers.0.weight": try tensor([3, 2]), "layers.0.bias": try tensor([3]),
      "layers.0.weight.momentum_buffer": try tensor([3, 2], 10),
      "layers.0.bias.momentum_buffer": try tensor([3], 20),
    ]
  }

  /// The same with Adam's.
  private static func adam(counting steps: [Float]) throws -> OrderedDictionary<String, Tensor> {
    var arrays = try torch().filter { !$0.key.hasSuffix("buffer") }
    for name in ["layers.0.weight", "layers.0.bias"] {
      arrays["\(name).exp_avg"] = arrays[name]
      arrays["\(name).exp_avg_sq"] = arrays[name]
    }
    for (name, step) in zip(["layers.0.weight", "layers.0.bias"], steps) {
      arrays["\(name).step"] = try Tensor([step], shape: .scalar)
    }
    return arrays
  }

  private static func stated(
    _ rule: String?,
    _ numbers: [Hyperparameter: Hyperparameters.Value],
    groups: [StatedOptimizer.Group] = [],
    step: Int? = nil
  ) throws -> StatedOptimizer {
    StatedOptimizer(
      rule: try rule.map { try .named($0) },
      hyperparameters: Hyperparameters(numbers),
      groups: groups,
      step: step
    )
  }

  private static func understand(
    _ arrays: OrderedDictionary<String, Tensor>,
    in dialect: Dialect? = nil,
    _ stated: StatedOptimizer,
    _ options: ConversionOptions = ConversionOptions()
  ) throws -> UnderstoodArchive {
    try UnderstoodArchive(MemoryArchive(arrays), in: dialect, stated, options, saved: saved)
  }

  private static func expectRefusal(
    _ code: FlywheelError.Code,
    _ words: [String],
    of body: () throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: FlywheelError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.code == code, sourceLocation: sourceLocation)
    for word in words {
      #expect(
        error?.message.contains(word) == true,
        "\(word) in \(error?.message ?? "")",
        sourceLocation: sourceLocation
      )
    }
  }

  private static let rate: [Hyperparameter: Hyperparameters.Value] = [.learningRate: .number(0.1)]
  private static let both: [Hyperparameter: Hyperparameters.Value] = [
    .learningRate: .number(0.1), .momentum: .number(0.9),
  ]

  // MARK: What is understood

  @Test("Names tell parameters and buffers; a person tells the numbers")
  func understands() throws {
    let arrays = try Self.torch()
    let understood = try Self.understand(arrays, Self.stated(nil, Self.both, step: 7))
    let checkpoint = understood.checkpoint
    #expect(understood.reading.dialect.name == "pytorch" && understood.notes.count == 1)
    let note = try #require(understood.notes.first)
    #expect(note.hasPrefix("nothing says dampening 0.0, weight_decay 0.0:"))
    #expect(Array(checkpoint.parameters.keys) == ["layers.0.weight", "layers.0.bias"])
    #expect(checkpoint.optimizer.rule == "pytorch" && checkpoint.optimizer.step == 7)
    let group = try #require(checkpoint.optimizer.groups.first)
    #expect(group.hyperparameters.momentum == 0.9 && group.lastLearningRate == 0.1)
    let velocity = try #require(checkpoint.optimizer.slots["velocity"]?["layers.0.bias"])
    #expect(velocity.hasSameBytes(as: try Self.tensor([3], 20)))
  }

  @Test("Weights alone are a state before its first step")
  func weightsAlone() throws {
    let arrays = try Self.torch().filter { !$0.key.hasSuffix("buffer") }
    let understood = try Self.understand(arrays, in: .pytorch, Self.stated("pytorch", Self.both))
    let optimizer = understood.checkpoint.optimizer
    #expect(optimizer.step == 0 && optimizer.slots.isEmpty)
    #expect(optimizer.groups[0].lastLearningRate == nil)
  }

  @Test("Groups are told by patterns; the first that matches counts, and none may be left empty")
  func groups() throws {
    func group(_ pattern: String, decay: Double) -> StatedOptimizer.Group {
      .init(
        patterns: [NamePattern(pattern)],
        hyperparameters: Hyperparameters([.weightDecay: .number(decay)])
      )
    }
    let two = [group("*.bias", decay: 0), group("*", decay: 0.2)]
    let stated = try Self.stated(nil, Self.both, groups: two)
    let checkpoint = try Self.understand(try Self.torch(), stated).checkpoint
    #expect(checkpoint.parameters.values.map(\.group) == [1, 0])
    #expect(checkpoint.optimizer.groups.map(\.hyperparameters.weightDecay) == [0, 0.2])
    #expect(checkpoint.optimizer.groups.map(\.hyperparameters.momentum) == [0.9, 0.9])

    let empty = try Self.stated(nil, Self.both, groups: [group("conv.*", decay: 0)])
    Self.expectRefusal(.invalidArgument, ["'conv.*'", "layers.0.weight"]) {
      _ = try Self.understand(try Self.torch(), empty)
    }
  }

  @Test("New names and shapes come before anything is understood")
  func mapsAndRenames() throws {
    let arrays: OrderedDictionary = [
      "net/kernel": try Self.tensor([2, 3]), "net/offset": try Self.tensor([3]),
    ]
    let options = ConversionOptions(
      map: [
        try MapRule(
          pattern: NamePattern("*/kernel"),
          rename: "layers.0.weight",
          change: TensorChange(transposition: .reversed)
        )
      ],
      renames: [try Rename(parsing: "net/offset=layers.0.bias")]
    )
    let stated = try Self.stated("pytorch", Self.both)
    let understood = try Self.understand(arrays, in: .pytorch, stated, options)
    let weight = try #require(understood.checkpoint.parameters["layers.0.weight"]?.value)
    #expect(weight.shape == (try Shape([3, 2])))
    let elements: [Double] = try weight.elements()
    #expect(elements == [0, 3, 1, 4, 2, 5])

    Self.expectRefusal(.invalidArgument, ["'net/kernel'", "'net/offset'", "'same'"]) {
      let twice = try ["net/kernel=same", "net/offset=same"].map { try Rename(parsing: $0) }
      _ = try Self.understand(arrays, in: .pytorch, stated, ConversionOptions(renames: twice))
    }
  }

  @Test("What no dialect explains is refused by name, or left out and named")
  func leftovers() throws {
    var arrays = try Self.torch()
    arrays["norm.running_mean"] = try Self.tensor([5])
    let stated = try Self.stated("pytorch", Self.both)
    Self.expectRefusal(.unsupported, ["'norm.running_mean'", "--drop"]) {
      _ = try Self.understand(arrays, in: .pytorch, stated)
    }
    let understood = try Self.understand(arrays, in: .pytorch, stated, .init(drops: true))
    #expect(understood.notes.contains { $0.contains("left out: 'norm.running_mean'") })
    #expect(understood.checkpoint.parameters.count == 2)
  }

  // MARK: What is missing

  @Test("A learning rate that no array holds is asked for by name")
  func missingRate() throws {
    Self.expectRefusal(.invalidArgument, ["--learning-rate"]) {
      _ = try Self.understand(try Self.torch(), Self.stated(nil, [.momentum: .number(0.9)]))
    }
  }

  @Test("So is a momentum: a guess would be another run")
  func missingMomentum() throws {
    Self.expectRefusal(.invalidArgument, ["--momentum"]) {
      _ = try Self.understand(try Self.torch(), Self.stated(nil, Self.rate))
    }
  }

  @Test("So is a step count where the next step depends on it")
  func missingStep() throws {
    let stated = try Self.stated("adam", Self.rate)
    Self.expectRefusal(.invalidArgument, ["--step"]) {
      _ = try Self.understand(try Self.adam(counting: []), stated)
    }
    // A velocity does not depend on it: 0 is assumed, and said to be.
    let understood = try Self.understand(try Self.torch(), Self.stated(nil, Self.both))
    #expect(understood.checkpoint.optimizer.step == 0)
    #expect(understood.notes.contains { $0.contains("--step") })
  }

  @Test("So is the rule where several keep such buffers")
  func missingRule() throws {
    let arrays = try Self.adam(counting: [3, 3])
    Self.expectRefusal(.invalidArgument, ["--rule", "adam", "adamw"]) {
      _ = try Self.understand(arrays, in: .pytorch, Self.stated(nil, Self.rate))
    }
    let understood = try Self.understand(arrays, in: .pytorch, Self.stated("adamw", Self.rate))
    #expect(understood.checkpoint.optimizer.step == 3)
  }

  // MARK: What contradicts

  @Test("Counters that differ from one another or from what is said are refused")
  func counters() throws {
    let stated = try Self.stated("adam", Self.rate)
    Self.expectRefusal(.mismatch, ["3", "4"]) {
      _ = try Self.understand(try Self.adam(counting: [3, 4]), in: .pytorch, stated)
    }
    let other = try Self.stated("adam", Self.rate, step: 5)
    Self.expectRefusal(.mismatch, ["counts 3", "--step says 5"]) {
      _ = try Self.understand(try Self.adam(counting: [3, 3]), in: .pytorch, other)
    }
  }

  @Test("A rule that is not the dialect's, or keeps other buffers, is refused")
  func rules() throws {
    Self.expectRefusal(.unsupported, []) {
      let stated = try Self.stated("nielsen", Self.both)
      _ = try Self.understand(try Self.torch(), in: .pytorch, stated)
    }
    let error = #expect(throws: FlywheelError.self) {
      _ = try Self.understand(
        try Self.torch(),
        in: .pytorch,
        Self.stated("adagrad", Self.rate)
      )
    }
    #expect(error?.message.isEmpty == false)
  }

  @Test("Numbers that the rule does not take are refused, in a group too")
  func odd() throws {
    let group = StatedOptimizer.Group(
      patterns: [NamePattern("*.bias")],
      hyperparameters: Hyperparameters([.beta1: .number(0.5)])
    )
    Self.expectRefusal(.invalidArgument, ["'pytorch'", "beta1"]) {
      _ = try Self.understand(try Self.torch(), Self.stated(nil, Self.both, groups: [group]))
    }
  }

  @Test("A learning rate beside the one in the file is the same to float32, or refused")
  func rates() throws {
    let arrays: OrderedDictionary = [
      "layers/dense/vars/0": try Self.tensor([2, 3]), "layers/dense/vars/1": try Self.tensor([3]),
      "optimizer/vars/0": try Tensor([Int32(3)], shape: .scalar),
      "optimizer/vars/1": try Tensor([Float(0.1)], shape: .scalar),
      "optimizer/vars/2": try Self.tensor([2, 3], 10), "optimizer/vars/3": try Self.tensor([3], 20),
    ]
    let stated = try Self.stated("keras", Self.both)
    let optimizer = try Self.understand(arrays, in: .keras, stated).checkpoint.optimizer
    #expect(optimizer.groups[0].hyperparameters.learningRate == 0.1 && optimizer.step == 3)
    var other = stated
    other.hyperparameters.learningRate = 0.2
    Self.expectRefusal(.mismatch, ["0.1", "0.2", "--next-learning-rate"]) {
      _ = try Self.understand(arrays, in: .keras, other)
    }
  }

  @Test("Two learning rates of one file are refused as the file's, not as what was given")
  func ratesOfOneFile() throws {
    let configuration = """
      {"optimizer_config": {"class_name": "SGD", "config": {"learning_rate": 0.2, "momentum": 0.9}}}
      """
    let archive = MemoryArchive(
      [
        "layers/dense/kernel": try Self.tensor([2, 3]), "layers/dense/bias": try Self.tensor([3]),
        "optimizer/iteration": try Tensor([Int32(3)], shape: .scalar),
        "optimizer/learning_rate": try Tensor([Float(0.1)], shape: .scalar),
        "optimizer/momentum/dense/kernel": try Self.tensor([2, 3], 10),
        "optimizer/momentum/dense/bias": try Self.tensor([3], 20),
      ],
      metadata: ArchiveMetadata(attributes: ["": ["training_config": .string(configuration)]])
    )
    Self.expectRefusal(.mismatch, ["0.2 in 'training_config'", "in an array", "--only"]) {
      _ = try UnderstoodArchive(
        archive,
        in: nil,
        StatedOptimizer(),
        ConversionOptions(),
        saved: Self.saved
      )
    }
  }
}
