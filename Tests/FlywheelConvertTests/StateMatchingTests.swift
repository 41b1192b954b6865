import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("An optimizer's state by number or name, and the model's parameters")
struct StateMatchingTests {
  /// A model's parameters, and what its optimizer says of them.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var model: OrderedDictionary<String, [Int]>
    /// The groups, each with the parameters that it was given, in its order.
    var groups: [[String]]
    /// Whether each group names its parameters, and how the names begin.
    var names: String?
    /// Whether there are buffers.
    var hasState = true
    /// What the kind of file says of the order.
    var origin = ArchiveOrigin.Order.kept

    /// The parameters in the order of the optimizer.
    var order: [String] { groups.flatMap(\.self) }
  }

  private static let two: OrderedDictionary<String, [Int]> = [
    "0.weight": [3, 2], "0.bias": [3], "2.weight": [4, 3], "2.bias": [4],
  ]
  private static let deep: OrderedDictionary<String, [Int]> = [
    "0.weight": [3, 3], "0.bias": [3], "2.weight": [3, 3], "2.bias": [3], "4.weight": [2, 3],
    "4.bias": [2],
  ]

  /// As a file has it that sorts names.
  private static let sorted: OrderedDictionary<String, [Int]> = [
    "0.bias": [3], "0.weight": [3, 3], "2.bias": [3], "2.weight": [3, 3], "4.bias": [2],
    "4.weight": [2, 3],
  ]
  /// Modules whose names are words.
  private static let words: OrderedDictionary<String, [Int]> = [
    "down.bias": [3], "down.weight": [3, 3], "input.bias": [3], "input.weight": [3, 3],
    "out.bias": [2], "out.weight": [2, 3],
  ]

  private static func array(_ extents: [Int], _ value: Double) throws -> Tensor {
    let shape = try Shape(extents)
    return try Tensor([Double](repeating: value, count: shape.elementCount), shape: shape)
  }

  /// The file of a case: each buffer is filled with its parameter's place in the model.
  private static func archive(_ given: Case) throws -> MemoryArchive {
    var arrays: OrderedDictionary<String, Tensor> = [:]
    for (place, parameter) in given.model.enumerated() {
      arrays["model.\(parameter.key)"] = try array(parameter.value, 100 + Double(place))
    }
    for (number, name) in given.order.enumerated() where given.hasState {
      let extents = try #require(given.model[name])
      let place = Double(given.model.index(forKey: name) ?? -1)
      arrays["optimizer.state.\(number).momentum_buffer"] = try array(extents, place)
    }
    var attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:]
    var number: Int64 = 0
    for (index, group) in given.groups.enumerated() {
      var words = try FoundOptimizerTests.sgd()
      words["lr"] = .double(Double(index + 1))
      words["params"] = .tensor(
        try Tensor(
          vector: group.map { _ in
            defer { number += 1 }
            return number
          }
        )
      )
      if let names = given.names { words["param_names"] = .strings(group.map { names + $0 }) }
      attributes["optimizer.param_groups.\(index)"] = words
    }
    let metadata = ArchiveMetadata(attributes: attributes)
    return MemoryArchive(arrays, metadata: metadata, origin: ArchiveOrigin(order: given.origin))
  }

  private static func understand(
    _ archive: MemoryArchive,
    _ stated: StatedOptimizer = StatedOptimizer(),
    options: ConversionOptions = ConversionOptions()
  ) throws -> UnderstoodArchive {
    try UnderstoodArchive(
      archive,
      in: nil,
      stated,
      options,
      saved: .init(run: String(repeating: "0", count: 32), time: "2026-01-02T03:04:05Z")
    )
  }

  // MARK: What is matched

  static let matched: [(Case, String)] = [
    (
      Case(testDescription: "one group", model: two, groups: [Array(two.keys)]),
      "by position; all shapes fit"
    ),
    (
      Case(
        testDescription: "decay and no decay",
        model: two,
        groups: [["0.weight", "2.weight"], ["0.bias", "2.bias"]]
      ), "by position within each group"
    ),
    (
      Case(
        testDescription: "equal layers, decay and no decay",
        model: deep,
        groups: [["0.weight", "2.weight", "4.weight"], ["0.bias", "2.bias", "4.bias"]]
      ), "by position within each group"
    ),
    (
      Case(
        testDescription: "the last layer by itself",
        model: deep,
        groups: [["0.weight", "0.bias", "2.weight", "2.bias"], ["4.weight", "4.bias"]]
      ), "by position within each group"
    ),
    (
      Case(
        testDescription: "the last layer first",
        model: deep,
        groups: [["4.weight", "4.bias"], ["0.weight", "0.bias", "2.weight", "2.bias"]]
      ), "by position within each group"
    ),
    (
      Case(testDescription: "backwards", model: two, groups: [two.keys.reversed()]),
      "by shape, which each has for itself"
    ),
    (
      Case(
        testDescription: "sorted, with numbers",
        model: sorted,
        groups: [Array(deep.keys)],
        origin: .lost
      ), "by shape, and where several have one by the numbers in their names"
    ),
    (
      Case(
        testDescription: "sorted by whoever wrote it, decay and no decay",
        model: sorted,
        groups: [["0.weight", "2.weight", "4.weight"], ["0.bias", "2.bias", "4.bias"]],
        origin: .written
      ), "by shape, and where several have one by the numbers in their names"
    ),
    (
      Case(
        testDescription: "sorted, each with a shape of its own",
        model: ["0.bias": [3], "0.weight": [3, 2], "2.bias": [4], "2.weight": [4, 3]],
        groups: [["0.weight", "2.weight"], ["0.bias", "2.bias"]],
        origin: .lost
      ), "by shape, which each has for itself"
    ),
    (
      Case(testDescription: "names", model: deep, groups: [deep.keys.reversed()], names: ""),
      "by name"
    ),
    (
      Case(
        testDescription: "names of a wrapped model",
        model: deep,
        groups: [["2.bias", "4.weight", "0.bias"], ["4.bias", "0.weight", "2.weight"]],
        names: "module."
      ), "by name"
    ),
    (
      Case(
        testDescription: "names without buffers",
        model: two,
        groups: [["0.weight", "2.weight"], ["0.bias", "2.bias"]],
        names: "",
        hasState: false
      ), "by name"
    ),
  ]

  @Test("Each buffer goes to its parameter, and each parameter into its group", arguments: matched)
  func matches(_ given: Case, _ way: String) throws {
    let understood = try Self.understand(try Self.archive(given))
    #expect(understood.matching?.contains(way) == true, "\(understood.matching ?? "")")
    let checkpoint = understood.checkpoint
    #expect(checkpoint.optimizer.slots.isEmpty == !given.hasState)
    for (place, name) in given.model.keys.enumerated() {
      let layer = try #require(Int(name.prefix(1))) / 2
      let own = "layers.\(layer)\(name.dropFirst())"
      let parameter = try #require(checkpoint.parameters[own])
      let group = given.groups.firstIndex { $0.contains(name) } ?? -1
      let numbers = checkpoint.optimizer.groups[parameter.group].hyperparameters
      #expect(numbers.learningRate == Double(group + 1))
      guard given.hasState else { continue }
      let buffer = try #require(checkpoint.optimizer.slots["velocity"]?[own])
      let elements: [Double] = try buffer.elements()
      #expect(elements.allSatisfy { $0 == Double(place) }, "\(own)")
    }
  }

  @Test("States under the names of parameters need no numbers")
  func namedStates() throws {
    var arrays: OrderedDictionary<String, Tensor> = [:]
    for (name, extents) in Self.two {
      arrays["model.\(name)"] = try Self.array(extents, 0)
      arrays["optim.state.\(name).momentum_buffer"] = try Self.array(extents, 1)
    }
    var words = try FoundOptimizerTests.sgd()
    words["params"] = .strings(Self.two.keys.reversed())
    let metadata = ArchiveMetadata(attributes: ["optim.param_groups.0": words])
    let understood = try Self.understand(MemoryArchive(arrays, metadata: metadata))
    #expect(understood.matching?.contains("by name") == true)
    #expect(understood.checkpoint.optimizer.slots["velocity"]?.count == 4)
  }

  // MARK: What is refused

  static let refused: [(Case, FlywheelError.Code, [String])] = [
    (
      Case(testDescription: "too few", model: two, groups: [["2.weight", "2.bias"]]), .mismatch,
      ["about 2 parameters", "has 4", "'model.0.weight'", "param_names"]
    ),
    (
      Case(testDescription: "too few, named", model: two, groups: [["2.weight"]], names: ""),
      .mismatch, ["about 1 parameters", "'model.0.weight'", "does not move"]
    ),
    (
      Case(testDescription: "unknown names", model: two, groups: [Array(two.keys)], names: "net/"),
      .mismatch, ["'net/0.weight'", "none of the model's"]
    ),
    (
      Case(
        testDescription: "nothing to check an order by",
        model: two,
        groups: [["0.weight", "2.weight"], ["0.bias", "2.bias"]],
        hasState: false
      ), .invalidArgument, ["several ways", "named_parameters()"]
    ),
    (
      Case(
        testDescription: "the last layer first and backwards",
        model: deep,
        groups: [["4.bias", "4.weight"], ["0.weight", "0.bias", "2.weight", "2.bias"]]
      ), .mismatch, ["State 0", "(2,)", "no order of the states fits"]
    ),
    (
      Case(
        testDescription: "equal layers backwards",
        model: deep,
        groups: [deep.keys.reversed()]
      ), .mismatch, ["State 0", "'model.0.weight'"]
    ),
  ]

  static let ambiguous: [(Case, FlywheelError.Code, [String])] = [
    (
      Case(
        testDescription: "equal layers, each by itself",
        model: deep,
        groups: [["0.weight", "0.bias"], ["2.weight", "2.bias"], ["4.weight", "4.bias"]]
      ), .invalidArgument, ["several ways", "named_parameters()"]
    ),
    (
      Case(
        testDescription: "equal layers, the second first",
        model: ["0.weight": [3, 3], "1.weight": [3, 3]],
        groups: [["1.weight"], ["0.weight"]]
      ), .invalidArgument, ["several ways"]
    ),
    (
      Case(
        testDescription: "sorted words",
        model: words,
        groups: [
          ["input.weight", "input.bias", "down.weight", "down.bias", "out.weight", "out.bias"]
        ],
        origin: .lost
      ), .invalidArgument,
      [
        "'model.down.weight', 'model.input.weight'", "(3, 3)", "pytorch_model.bin", "param_names",
        "--map",
      ]
    ),
    (
      Case(
        testDescription: "sorted numbers, equal layers in two groups",
        model: sorted,
        groups: [["2.weight", "2.bias"], ["0.weight", "0.bias", "4.weight", "4.bias"]],
        origin: .lost
      ), .invalidArgument, ["several have shape (3, 3)"]
    ),
    (
      Case(
        testDescription: "sorted, without buffers",
        model: sorted,
        groups: [["0.weight", "2.weight", "4.weight"], ["0.bias", "2.bias", "4.bias"]],
        hasState: false,
        origin: .lost
      ), .invalidArgument, ["not each of them has a buffer"]
    ),
  ]

  @Test("What numbers do not tell is refused, with what would tell", arguments: refused + ambiguous)
  func refuses(_ given: Case, _ code: FlywheelError.Code, _ words: [String]) throws {
    let archive = try Self.archive(given)
    let error = #expect(throws: FlywheelError.self) { _ = try Self.understand(archive) }
    #expect(error?.code == code)
    for word in words {
      #expect(error?.message.contains(word) == true, "\(word) in \(error?.message ?? "")")
    }
  }

  @Test("Hundreds of equal parameters in many groups are matched, or refused, at once")
  func many() throws {
    var model: OrderedDictionary<String, [Int]> = [:]
    for layer in 0..<200 { model["\(layer).weight"] = [1, 1] }
    let whole = Case(testDescription: "whole", model: model, groups: [Array(model.keys)])
    _ = try Self.understand(try Self.archive(whole))
    let halves = [Array(model.keys.prefix(100)), Array(model.keys.suffix(100))]
    for groups in [halves, model.keys.map { [$0] }] {
      let archive = try Self.archive(Case(testDescription: "", model: model, groups: groups))
      let error = #expect(throws: FlywheelError.self) { _ = try Self.understand(archive) }
      #expect(error?.message.contains("several ways") == true)
    }
  }

  // MARK: What is no parameter, or one twice

  @Test("What lies beside the model is no parameter where the optimizer has as many without it")
  func strays() throws {
    for names in [nil, ""] {
      let given = Case(
        testDescription: "",
        model: Self.two,
        groups: [Array(Self.two.keys)],
        names: names
      )
      let archive = try Self.archive(given).adding(
        ["best_acc1": try Self.array([], 93), "model.scale": try Self.array([], 1)]
      )
      let error = #expect(throws: FlywheelError.self) { _ = try Self.understand(archive) }
      #expect(error?.message.contains("'model.scale'") == true, "inside the model")
      let other = try Self.archive(given).adding(["best_acc1": try Self.array([], 93)])
      let refusal = #expect(throws: FlywheelError.self) { _ = try Self.understand(other) }
      #expect(refusal?.message.contains("does not explain 'best_acc1'") == true)
      let understood = try Self.understand(other, options: ConversionOptions(drops: true))
      #expect(understood.checkpoint.parameters.count == 4)
      #expect(understood.checkpoint.optimizer.slots["velocity"]?.count == 4)
      #expect(understood.notes.contains("left out: 'best_acc1'"))
    }
  }

  @Test("A parameter with two names is one, under the first")
  func twins() throws {
    var model = Self.two
    model["0.weight"] = [5, 2]
    model["0.bias"] = nil
    model["2.weight"] = nil
    model["2.bias"] = [5]
    let given = Case(testDescription: "", model: model, groups: [Array(model.keys)])
    let archive = try Self.archive(given).adding(
      ["model.2.weight": try Self.array([5, 2], 100)],
      twins: ["model.2.weight": "model.0.weight"]
    )
    let understood = try Self.understand(archive)
    #expect(Array(understood.checkpoint.parameters.keys) == ["0.weight", "2.bias"])
    #expect(understood.checkpoint.optimizer.slots["velocity"]?.count == 2)
    #expect(
      understood.notes.contains {
        $0.contains("'model.2.weight' is 'model.0.weight' under another")
      }
    )
  }

  @Test("An optimizer's unknown word is said, and refused where it has buffers of its own, too")
  func unknownWords() throws {
    let given = Case(testDescription: "", model: Self.two, groups: [Array(Self.two.keys)])
    let archive = try Self.archive(given).saying("trust_coefficient", .double(0.001))
    let understood = try Self.understand(archive)
    #expect(understood.notes.contains { $0.contains("trust_coefficient") })
    let other = archive.adding(["optimizer.state.0.trust": try Self.array([3, 2], 1)])
    let error = #expect(throws: FlywheelError.self) { _ = try Self.understand(other) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("trust_coefficient and the buffer") == true)
  }

  // MARK: Numbers

  private static func one() throws -> MemoryArchive {
    try archive(Case(testDescription: "", model: two, groups: [Array(two.keys)]))
  }

  @Test("The file's numbers are taken, and those that a person gives must be the same")
  func numbers() throws {
    let understood = try Self.understand(try Self.one())
    let optimizer = understood.checkpoint.optimizer
    #expect(optimizer.rule == "pytorch" && understood.reading.dialect.name == "pytorch")
    #expect(
      optimizer.groups.map(\.hyperparameters) == [
        try UpdateRule.named("pytorch").completed(
          Hyperparameters([
            .learningRate: .number(1), .momentum: .number(0.9), .weightDecay: .number(1e-4),
            .nesterov: .flag(true),
          ])
        )
      ]
    )
    #expect(understood.notes.contains { $0.contains("'optimizer.param_groups' says the rule") })
    // What is the same may be said again.
    var stated = StatedOptimizer(hyperparameters: Hyperparameters([.momentum: .number(0.9)]))
    stated.rule = try .named("pytorch")
    _ = try Self.understand(try Self.one(), stated)
  }

  static let contradictions: [(StatedOptimizer, [String])] = [
    (
      StatedOptimizer(hyperparameters: Hyperparameters([.momentum: .number(0.5)])),
      ["momentum 0.9", "0.5", "'optimizer.param_groups'"]
    ),
    (
      StatedOptimizer(hyperparameters: Hyperparameters([.learningRate: .number(2)])),
      ["learning_rate 1.0", "--next-learning-rate"]
    ),
    (StatedOptimizer(rule: .adaptive(.adam)), ["'adam'", "torch.optim.SGD", "--to-rule"]),
    (
      StatedOptimizer(groups: [
        .init(
          patterns: [NamePattern("*.bias")],
          hyperparameters: Hyperparameters([.weightDecay: .number(0)])
        )
      ]), ["weight_decay 0.0001", "'layers.0.bias'"]
    ),
  ]

  @Test("What contradicts the file is refused", arguments: contradictions)
  func contradicts(_ stated: StatedOptimizer, _ words: [String]) throws {
    let archive = try Self.one()
    let error = #expect(throws: FlywheelError.self) { _ = try Self.understand(archive, stated) }
    #expect(error?.code == .mismatch)
    for word in words {
      #expect(error?.message.contains(word) == true, "\(word) in \(error?.message ?? "")")
    }
  }

  @Test("An optimizer that no rule is, or whose rule is not told, is refused by name")
  func unknownRule() throws {
    let cases: [(OrderedDictionary<String, AttributeValue>, FlywheelError.Code, String)] = [
      (["momentum_decay": .double(0.004)], .unsupported, "torch.optim.NAdam is none"),
      (
        ["maximize": .tensor(try Tensor([true], shape: .scalar))], .unsupported,
        "maximize is true"
      ),
      ([:], .invalidArgument, "--rule, one of adam, adamw"),
    ]
    for (others, code, words) in cases {
      var group = try FoundOptimizerTests.adam(others)
      if code == .unsupported, others["momentum_decay"] != nil { group["amsgrad"] = nil }
      if others["maximize"] != nil { group["weight_decay"] = .integer(0) }
      let metadata = ArchiveMetadata(attributes: ["param_groups.0": group])
      let arrays: OrderedDictionary = try [
        "0.weight": Self.array([2, 2], 0), "0.bias": Self.array([2], 0),
      ]
      let error = #expect(throws: FlywheelError.self) {
        _ = try Self.understand(MemoryArchive(arrays, metadata: metadata))
      }
      #expect(error?.code == code)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
  }
}
