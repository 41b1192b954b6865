import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import FlywheelRun
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

struct StepDumpReadingTests {
  /// How somebody names the weights, the gradient and the velocity of one layer and its bias.
  struct Convention: Sendable, CustomTestStringConvertible {
    var weight: [String]
    var bias: [String]
    var names = ["W1", "b1"]

    var testDescription: String { weight.joined(separator: " ") }
  }

  static let conventions: [Convention] = [
    .init(weight: ["W1", "dW1", "vW1"], bias: ["b1", "db1", "vb1"]),
    .init(weight: ["W1", "gW1", "v_W1"], bias: ["b1", "gb1", "v_b1"]),
    .init(weight: ["W1", "grad_W1", "velocity_W1"], bias: ["b1", "grad_b1", "velocity_b1"]),
    .init(weight: ["W1", "W1_grad", "W1_velocity"], bias: ["b1", "b1_grad", "b1_velocity"]),
    .init(weight: ["W1", "dW1", "vdW1"], bias: ["b1", "db1", "vdb1"]),
    .init(weight: ["W1", "dW1", "VdW1"], bias: ["b1", "db1", "Vdb1"]),
    .init(
      weight: ["weights/W1", "gradients/W1", "velocities/W1"],
      bias: ["weights/b1", "gradients/b1", "velocities/b1"]
    ),
    .init(
      weight: ["params/W1", "grads/W1", "momentum/W1"],
      bias: ["params/b1", "grads/b1", "momentum/b1"]
    ),
    .init(
      weight: ["fc1.weight", "fc1.weight.grad", "fc1.weight.momentum_buffer"],
      bias: ["fc1.bias", "fc1.bias.grad", "fc1.bias.momentum_buffer"],
      names: ["fc1.weight", "fc1.bias"]
    ),
    .init(
      weight: ["fc1.weight", "grad.fc1.weight", "optimizer.momentum_buffer.fc1.weight"],
      bias: ["fc1.bias", "grad.fc1.bias", "optimizer.momentum_buffer.fc1.bias"],
      names: ["fc1.weight", "fc1.bias"]
    ),
    .init(
      weight: ["fc1.weight", "fc1.weight.grad", "state.fc1.weight.momentum_buffer"],
      bias: ["fc1.bias", "fc1.bias.grad", "state.fc1.bias.momentum_buffer"],
      names: ["fc1.weight", "fc1.bias"]
    ),
    .init(
      weight: [
        "model/layers.0.weight", "gradient/layers.0.weight", "optimizer/velocity/layers.0.weight",
      ],
      bias: ["model/layers.0.bias", "gradient/layers.0.bias", "optimizer/velocity/layers.0.bias"],
      names: ["layers.0.weight", "layers.0.bias"]
    ),
    .init(
      weight: ["weight", "weight.grad", "weight.momentum_buffer"],
      bias: ["bias", "bias.grad", "bias.momentum_buffer"],
      names: ["weight", "bias"]
    ),
    .init(
      weight: ["weight", "weight_grad", "weight_momentum_buffer"],
      bias: ["bias", "grad_bias", "momentum_buffer_bias"],
      names: ["weight", "bias"]
    ),
    .init(
      weight: ["model.0.weight", "model.0.weight.grad", "model.0.weight.momentum_buffer"],
      bias: ["model.0.bias", "model.0.bias.grad", "model.0.bias.momentum_buffer"],
      names: ["0.weight", "0.bias"]
    ),
    .init(
      weight: ["l1/W", "l1/dW", "l1/vW"],
      bias: ["l1/b", "l1/db", "l1/vb"],
      names: ["l1/W", "l1/b"]
    ),
  ]

  @Test("Names that people and frameworks give are understood", arguments: conventions)
  func names(_ convention: Convention) throws {
    let directory = try TemporaryDirectory()
    let paths = try (0..<3).map { step in
      let arrays = try DumpArrays(
        [
          convention.bias[1]: [2], convention.weight[2]: [2, 3], convention.weight[0]: [2, 3],
          convention.bias[0]: [2], convention.weight[1]: [2, 3], convention.bias[2]: [2],
        ],
        from: Double(step)
      )
      return try arrays.write(to: "\(step).npz", in: directory)
    }
    let dump = try StepDump(reading: paths)
    #expect(dump.series.map(\.name) == convention.names)
    #expect(dump.series.map(\.isWeight) == [true, false])
    let weight = try #require(dump.series.first)
    #expect(weight.count == 3)
    let found = try [weight.weights, weight.gradients, weight.velocities].map { row in
      try row.map { try $0.map { try $0.elements(as: Double.self)[0] } }
    }
    #expect(found == [[2, 3, 4], [4, 5, 6], [1, 2, 3]])
  }

  @Test(
    "Words alone name the arrays of a single parameter",
    arguments: [
      ["w", "g", "v"], ["theta", "grad", "momentum"], ["weights", "gradient", "velocity"],
    ]
  )
  func words(names: [String]) throws {
    let directory = try TemporaryDirectory()
    let arrays = try DumpArrays([names[0]: [3], names[1]: [3], names[2]: [3]])
    let paths = try ["0.npz", "1.npz"].map { try arrays.write(to: $0, in: directory) }
    let series = try StepDump(reading: paths).series
    #expect(series.map(\.name) == [names[0]])
    #expect(series[0].gradients.count == 2 && series[0].velocities.count == 2)
  }

  @Test(
    "Buffers are those of the rule that keeps all of them together",
    arguments: [
      (["vW1"], ["velocity"]), (["mW1"], ["velocity"]), (["W1.momentum_buffer"], ["velocity"]),
      (["mW1", "sW1"], ["exp_avg", "exp_avg_sq"]), (["m_W1", "v_W1"], ["exp_avg", "exp_avg_sq"]),
      (["vdW1", "sdW1"], ["exp_avg", "exp_avg_sq"]), (["W1.exp_avg"], ["exp_avg"]),
      (["cache_W1"], ["square_avg"]), (["state.W1.sum"], ["sum"]),
      (["W1.square_avg", "W1.momentum_buffer"], ["square_avg", "momentum_buffer"]),
    ] as [([String], [String])]
  )
  func buffers(names: [String], slots: [String]) throws {
    let directory = try TemporaryDirectory()
    var arrays = try DumpArrays(["W1": [2, 3], "dW1": [2, 3]])
    for name in names { arrays.tensors[name] = arrays.tensors["W1"] }
    let paths = try ["0.h5", "1.h5"].map { try arrays.write(to: $0, in: directory) }
    let series = try #require(try StepDump(reading: paths).series.first)
    let found = (series.velocities.isEmpty ? [] : ["velocity"]) + series.slots.keys
    #expect(Set(found) == Set(slots))
  }

  @Test(
    "One file holds the steps as a first axis, or in its names",
    arguments: [
      ["W": [4, 2, 3], "dW": [4, 2, 3], "b": [4, 3], "db": [3, 3]],
      ["step0/W": [2, 3], "step0/dW": [2, 3], "step1/W": [2, 3], "step1/dW": [2, 3], "lr": []],
      ["5/W": [2, 3], "5/dW": [2, 3], "6/W": [2, 3], "6/dW": [2, 3]],
      ["W_0": [2, 3], "b_0": [3], "db_0": [3], "W_1": [2, 3], "b_1": [3], "db_1": [3]],
      ["W.t0": [2, 3], "dW.t0": [2, 3], "W.t1": [2, 3], "dW.t1": [2, 3]],
    ] as [KeyValuePairs<String, [Int]>]
  )
  func oneFile(shapes: KeyValuePairs<String, [Int]>) throws {
    let directory = try TemporaryDirectory()
    let path = try DumpArrays(shapes).write(to: "all.npz", in: directory)
    let dump = try StepDump(reading: [path])
    let isRow = shapes.first?.value.count == 3
    #expect(dump.series[0].count == (isRow ? 4 : 2))
    #expect(dump.series.allSatisfy { $0.weights[0].shape.extents.first == ($0.isWeight ? 2 : 3) })
    #expect(dump.notes.count == (shapes.contains { ["W_0", "lr"].contains($0.key) } ? 2 : 1))
    if isRow { #expect(dump.series[1].gradients.map { $0 == nil } == [false, false, false, true]) }
  }

  @Test("A dump may be a file of any format, or a directory", arguments: [".npz", ".h5", "/"])
  func formats(suffix: String) throws {
    let directory = try TemporaryDirectory()
    let arrays = try DumpArrays(["l1/W": [2, 3], "l1/dW": [2, 3], "l1/b": [3], "l1/db": [3]])
    let paths = try (0..<2).map { try arrays.write(to: "\($0)\(suffix)", in: directory) }
    #expect(try StepDump(reading: paths).series.map(\.name) == ["l1/W", "l1/b"])
  }

  @Test("Files are put in the order of the numbers in their names, as a shell does not")
  func order() throws {
    let directory = try TemporaryDirectory()
    let paths = try (8..<12).map { step in
      try DumpArrays(["W": [2, 3], "dW": [2, 3]], from: Double(step))
        .write(to: "run2_\(step).h5", in: directory)
    }
    let dump = try StepDump(reading: paths.sorted { $0.string < $1.string })
    let first = try dump.series[0].weights.map { try $0.elements(as: Double.self)[0] }
    #expect(first == [8, 9, 10, 11])
    #expect(dump.notes.count == 1 && dump.notes[0].contains("8 to 11"))
    #expect(try StepDump(reading: paths).notes.isEmpty)
    let gaps = try StepDump(reading: [paths[0], paths[3]])
    #expect(gaps.notes.count == 1 && gaps.notes[0].contains("gaps"))
  }

  @Test("Patterns pair arrays by what their wildcards stand for")
  func patterns() throws {
    let directory = try TemporaryDirectory()
    let arrays = try DumpArrays([
      "net/one/w": [2, 3], "net/two/w": [3], "slopes-one": [2, 3], "slopes-two": [3],
      "speed_of_one": [2, 3],
    ])
    let paths = try ["0.npz", "1.npz"].map { try arrays.write(to: $0, in: directory) }
    let dump = try StepDump(
      reading: paths,
      options: DumpOptions(
        weights: NamePattern("net/*/w"),
        gradients: NamePattern("slopes-*"),
        velocities: NamePattern("speed_of_*")
      )
    )
    #expect(dump.series.map(\.name) == ["net/one/w", "net/two/w"])
    #expect(dump.series.map { $0.gradients.count } == [2, 2])
    #expect(dump.series.map { $0.velocities.count } == [2, 0])
  }

  @Test(
    "Single numbers say the learning rate, the sizes and the step; the rest is left out by name"
  )
  func numbers() throws {
    let directory = try TemporaryDirectory()
    let paths = try (0..<2).map { step in
      var arrays = try DumpArrays(["W1": [2, 3], "dW1": [2, 3], "X": [5, 3]])
      arrays.tensors["lr"] = try Tensor([0.1 / Double(step + 1)], shape: .scalar)
      arrays.tensors["mu"] = try Tensor([0.9], shape: .scalar)
      arrays.tensors["step"] = try Tensor([Int64(7 + step)], shape: .scalar)
      arrays.tensors["batch_size"] = try Tensor([Int64(32)], shape: .scalar)
      arrays.tensors["n"] = try Tensor([Int64(5000)], shape: .scalar)
      return try arrays.write(to: "\(step).npz", in: directory)
    }
    let dump = try StepDump(reading: paths)
    #expect(dump.learningRates == [0.1, 0.05])
    #expect(dump.stated.momentum == 0.9)
    #expect(dump.firstStep == 7)
    #expect(dump.sizes == TrainingSizes(batch: 32, training: 5000))
    #expect(dump.series.map(\.name) == ["W1"])
    #expect(dump.notes.contains { $0.contains("'X'") })
    let others = try ["one.npz", "two.npz"].map { name in
      var arrays = try DumpArrays(["W1": [2, 3], "dW1": [2, 3]])
      arrays.tensors["step"] = try Tensor([Int64(name == "one.npz" ? 4 : 14)], shape: .scalar)
      return try arrays.write(to: name, in: directory)
    }
    let error = try #require(throws: FlywheelError.self) { try StepDump(reading: others) }
    #expect(error.message.contains("step 4 and then step 14"))
  }

  /// A dump that says nothing, and what is said of it.
  struct Misfit: Sendable, CustomTestStringConvertible {
    var title: String
    var files: [KeyValuePairs<String, [Int]>]
    var code: FlywheelError.Code
    var words: [String]

    var testDescription: String { title }
  }

  static let misfits: [Misfit] = [
    .init(
      title: "one step",
      files: [["W1": [2, 3], "dW1": [2, 3], "b1": [3]]],
      code: .invalidArgument,
      words: ["at least two consecutive", "'W1' (2, 3)"]
    ),
    .init(
      title: "a transposed gradient",
      files: Array(repeating: ["W1": [2, 3], "dW1": [3, 2]], count: 2),
      code: .mismatch,
      words: ["'dW1' has shape (3, 2), 'W1' has (2, 3)", "transposed"]
    ),
    .init(
      title: "a velocity of another shape",
      files: Array(repeating: ["W1": [2, 3], "vW1": [6]], count: 2),
      code: .mismatch,
      words: ["'vW1' has shape (6,), 'W1' has (2, 3)"]
    ),
    .init(
      title: "a weight that changes its shape",
      files: [["W1": [2, 3], "dW1": [2, 3]], ["W1": [2, 4], "dW1": [2, 4]]],
      code: .mismatch,
      words: ["'W1' has shape (2, 4)"]
    ),
    .init(
      title: "a gradient without its weight",
      files: Array(repeating: ["W1": [2, 3], "dW1": [2, 3], "dW2": [4, 2]], count: 2),
      code: .notFound,
      words: ["gradient of 'W2', which is not there"]
    ),
    .init(
      title: "no weights",
      files: Array(repeating: ["dW1": [2, 3], "vW1": [2, 3]], count: 2),
      code: .notFound,
      words: ["There are no weights", "'dW1', 'vW1'", "--weights"]
    ),
    .init(
      title: "a gradient that is missing in the middle",
      files: [
        ["W1": [2, 3], "dW1": [2, 3]], ["W1": [2, 3]], ["W1": [2, 3], "dW1": [2, 3]],
      ],
      code: .notFound,
      words: ["'dW1' is in the dumps before and after this one"]
    ),
    .init(
      title: "a weight that is missing",
      files: [["W1": [2, 3], "dW1": [2, 3]], ["dW1": [2, 3]]],
      code: .notFound,
      words: ["'W1' is in other dumps"]
    ),
    .init(
      title: "two gradients",
      files: Array(repeating: ["W1": [2, 3], "dW1": [2, 3], "gW1": [2, 3]], count: 2),
      code: .mismatch,
      words: ["'dW1' and 'gW1' would both be the gradient of 'W1'"]
    ),
    .init(title: "nothing", files: [[:], [:]], code: .notFound, words: ["no arrays of numbers"]),
  ]

  @Test("A counter of each parameter that the first dump lacks counts from the first dump")
  func laterCounters() throws {
    let directory = try TemporaryDirectory()
    let paths = try (0..<3).map { step in
      var arrays = try DumpArrays(["1.weight": [2, 3], "2.weight": [2, 3]])
      for name in ["1.weight", "2.weight"] where step > 0 {
        arrays.tensors["\(name).step"] = try Tensor([Float(step)], shape: .scalar)
      }
      return try arrays.write(to: "\(step).npz", in: directory)
    }
    #expect(try StepDump(reading: paths).firstStep == 0)
  }

  @Test("What does not fit is refused with what was found and expected", arguments: misfits)
  func misfit(_ misfit: Misfit) throws {
    let directory = try TemporaryDirectory()
    let paths = try misfit.files.enumerated().map { place, shapes in
      try DumpArrays(shapes).write(to: "\(place).npz", in: directory)
    }
    let error = try #require(throws: FlywheelError.self) { try StepDump(reading: paths) }
    #expect(error.code == misfit.code)
    for word in misfit.words { #expect(error.description.contains(word)) }
    #expect(error.location.path != nil)
  }

  @Test("What is not finite is refused with its tensor and its file")
  func notFinite() throws {
    let directory = try TemporaryDirectory()
    var arrays = try DumpArrays(["W1": [2], "dW1": [2]])
    let first = try arrays.write(to: "0.npz", in: directory)
    arrays.tensors["dW1"] = try Tensor([1, Double.nan], shape: Shape([2]))
    let second = try arrays.write(to: "1.npz", in: directory)
    let error = try #require(throws: FlywheelError.self) {
      try StepDump(reading: [first, second])
    }
    #expect(error.location.tensor == "dW1" && error.location.path == second)
  }

  @Test("A trace says its rule, its numbers and its learning rates")
  func trace() throws {
    let directory = try TemporaryDirectory()
    let values = try DumpArrays(["w": [3, 2, 2], "g": [3, 2, 2], "v": [2, 2, 2]])
    let weights = try #require(values.tensors["w"])
    let gradients = try #require(values.tensors["g"])
    let numbers = Hyperparameters(learningRate: 0.1, momentum: 0.9)
    let rule = try UpdateRule.named("pytorch")
    let trace = Trace(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-01T00:00:00Z"),
      parameters: [
        "W": TracedParameter(values: weights, gradients: gradients, group: 0, axes: ["out", "in"])
      ],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [ParameterGroup(hyperparameters: try rule.completed(numbers))],
        step: 4,
        sizes: TrainingSizes(batch: 8, training: 80),
        slots: ["velocity": ["W": try #require(values.tensors["v"])]]
      ),
      rows: (0..<3).map { .init(step: 4 + $0, learningRates: [0.1 / Double($0 + 1)]) }
    )
    let path = directory.path.appending("trace.h5")
    try TraceFile.write(trace, to: path)
    let dump = try StepDump(reading: [path])
    #expect(dump.declared?.rule == rule)
    #expect(dump.declared?.hyperparameters.momentum == 0.9)
    #expect(dump.learningRates == [0.1, 0.05, 0.1 / 3])
    #expect(dump.firstStep == 4 && dump.sizes?.batch == 8)
    let series = try #require(dump.series.first)
    #expect(series.velocities.map { $0 == nil } == [true, false, false])
    #expect(series.gradients.count == 3 && series.isWeight)
  }
}
