import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Which dialect it is")
struct RecognitionTests {
  /// Archives that are one dialect's, with where an array of it lies and how.
  struct Sample: CustomStringConvertible {
    let description: String
    let dialect: String
    let arrays: KeyValuePairs<String, [Int]>
    let key: String
    let place: CheckpointLayout.Place

    init(
      _ description: String,
      _ dialect: String,
      _ arrays: KeyValuePairs<String, [Int]>,
      _ key: String,
      at stored: String,
      _ arrangement: TensorArrangement = .identity
    ) {
      self.description = description
      self.dialect = dialect
      self.arrays = arrays
      self.key = key
      place = .init(key: stored, arrangement: arrangement)
    }
  }

  private static let velocity = "optimizer/velocity/layers"

  static let samples = [
    Sample(
      "torch.nn.Sequential below a prefix, buffers by name",
      "pytorch",
      [
        "model.0.weight": [5, 4], "model.0.bias": [5], "model.2.weight": [3, 5],
        "model.2.bias": [3],
        "model.2.weight.momentum_buffer": [3, 5],
      ],
      "\(velocity).1.weight",
      at: "model.2.weight.momentum_buffer"
    ),
    Sample(
      "a checkpoint of Lightning",
      "pytorch",
      [
        "state_dict.net.0.weight": [5, 4], "state_dict.net.0.bias": [5],
        "optimizer_states.0.state.0.momentum_buffer": [5, 4],
        "optimizer_states.0.state.1.momentum_buffer": [5],
      ],
      "\(velocity).0.weight",
      at: "optimizer_states.0.state.0.momentum_buffer"
    ),
    Sample(
      "the slot's word in front",
      "pytorch",
      ["fc1.weight": [5, 4], "fc1.bias": [5], "momentum_buffer.fc1.weight": [5, 4]],
      "\(velocity).0.weight",
      at: "momentum_buffer.fc1.weight"
    ),
    Sample(
      "more than ten layers in the order of the alphabet",
      "pytorch",
      [
        "0.weight": [2, 1], "10.weight": [4, 3], "2.weight": [3, 2],
        "state.2.momentum_buffer": [4, 3],
      ],
      "\(velocity).2.weight",
      at: "state.2.momentum_buffer"
    ),
    Sample(
      "convolutions keep their names",
      "pytorch",
      [
        "conv.weight": [8, 3, 5, 5], "conv.bias": [8], "conv.weight.momentum_buffer": [8, 3, 5, 5],
      ],
      "optimizer/velocity/conv.weight",
      at: "conv.weight.momentum_buffer"
    ),
    Sample(
      "slashes flattened to dots",
      "keras",
      ["layers.dense.vars.0": [4, 5], "layers.dense.vars.1": [5]],
      "model/layers.0.weight",
      at: "layers.dense.vars.0",
      .transposed
    ),
    Sample(
      "an optax chain with something in front",
      "optax",
      [
        "params/Dense_0/kernel": [4, 5], "params/Dense_0/bias": [5],
        "opt_state/1/0/trace/Dense_0/kernel": [4, 5], "opt_state/1/0/trace/Dense_0/bias": [5],
      ],
      "\(velocity).0.weight",
      at: "opt_state/1/0/trace/Dense_0/kernel",
      .transposed
    ),
    Sample(
      "columns of CS230",
      "cs230",
      ["W1": [5, 4], "b1": [5, 1], "VdW1": [5, 4], "Vdb1": [5, 1]],
      "\(velocity).0.bias",
      at: "Vdb1",
      .column
    ),
    Sample(
      "rows of x·W",
      "cs231n",
      ["W1": [4, 5], "b1": [5], "W2": [5, 3], "b2": [3], "v_W2": [5, 3]],
      "\(velocity).1.weight",
      at: "v_W2",
      .transposed
    ),
    Sample(
      "the question with flat biases and a transposed chain",
      "question",
      [
        "layers.0.W": [4, 5], "layers.0.b": [5], "layers.1.W": [5, 3], "layers.1.b": [3],
        "layers.1.weight_velocity": [5, 3],
      ],
      "\(velocity).1.weight",
      at: "layers.1.weight_velocity",
      .transposed
    ),
    Sample(
      "Nielsen's columns",
      "nielsen",
      ["weights.0": [5, 4], "biases.0": [5, 1], "velocity.weights.0": [5, 4]],
      "model/layers.0.bias",
      at: "biases.0",
      .column
    ),
  ]

  @Test("It is recognised, and each array found where it lies", arguments: samples)
  func recognised(_ sample: Sample) throws {
    let reading = try Dialect.recognise(try Examples.arrays(sample.arrays))
    #expect(reading.dialect.name == sample.dialect)
    #expect(reading.places[sample.key] == sample.place)
  }

  @Test(
    "What may be several dialects' is refused, with the candidates",
    arguments: [
      (["layers.0.weight": [5, 4], "layers.0.bias": [5]], ["pytorch", "mlx"]),
      (["W1": [4, 4], "b1": [4]], ["cs230", "cs231n"]),
    ] as [(KeyValuePairs<String, [Int]>, [String])]
  )
  func ambiguous(_ arrays: KeyValuePairs<String, [Int]>, _ names: [String]) throws {
    let arrays = try Examples.arrays(arrays)
    #expect(Dialect.candidates(for: arrays).map(\.dialect.name) == names)
    let error = #expect(throws: FlywheelError.self) { try Dialect.recognise(arrays) }
    #expect(error?.code == .invalidArgument)
    for name in names { #expect(error?.message.contains("'\(name)' (weights (") == true) }
  }

  @Test("A framework's own file is in its own names, where they do not tell")
  func ownFile() throws {
    let facts = ArrayFacts(origin: ArchiveOrigin(order: .kept, dialect: "pytorch"))
    for shapes: KeyValuePairs in [
      ["layers.0.weight": [5, 4], "layers.0.bias": [5]],
      ["layers.0.weight": [5, 4], "layers.0.bias": [5], "cls_token": [1, 4]],
    ] {
      let reading = try Dialect.recognise(try Examples.arrays(shapes), facts: facts)
      #expect(reading.dialect.name == "pytorch")
    }
    // Names that only another has are its.
    let other = try Examples.arrays(["coefs_.0": [4, 5], "intercepts_.0": [5]])
    #expect(try Dialect.recognise(other, facts: facts).dialect.name == "sklearn")
    let none = try Examples.arrays(["x": [5]])
    let error = #expect(throws: FlywheelError.self) { try Dialect.recognise(none, facts: facts) }
    #expect(error?.message.contains("No array is named as 'pytorch'") == true)
  }

  @Test(
    "Sorted layers are in the only order that is a chain; numbers decide among those called alike",
    arguments: [
      (["down": [3, 5], "input": [4, 2], "out": [5, 4]], ["input", "out", "down"]),
      (
        ["fc_in": [4, 2], "fc_out": [3, 4], "fc1": [4, 4], "fc10": [4, 4], "fc2": [4, 4]],
        ["fc_in", "fc1", "fc2", "fc10", "fc_out"]
      ),
    ] as [(KeyValuePairs<String, [Int]>, [String])]
  )
  func sortedChain(_ layers: KeyValuePairs<String, [Int]>, _ order: [String]) throws {
    for kind in [ArchiveOrigin.Order.lost, .written] {
      var arrays: OrderedDictionary<String, TensorDescription> = [:]
      for (name, extents) in layers.sorted(by: { $0.key < $1.key }) {
        let biased = try Examples.arrays(["x.bias": [extents[0]], "x.weight": extents])
        arrays["\(name).bias"] = biased["x.bias"]
        arrays["\(name).weight"] = biased["x.weight"]
      }
      let facts = ArrayFacts(origin: ArchiveOrigin(order: kind))
      let reading = try Dialect.pytorch.understand(arrays, facts: facts)
      for (place, name) in order.enumerated() {
        #expect(reading.parameters["layers.\(place).weight"]?.place.key == "\(name).weight")
        #expect(reading.parameters["layers.\(place).bias"]?.place.key == "\(name).bias")
      }
    }
  }

  @Test("Sorted layers that are a chain in several orders are refused, with what would tell")
  func severalChains() throws {
    let arrays = try Examples.arrays([
      "down.bias": [4], "down.weight": [4, 4], "hidden.bias": [4], "hidden.weight": [4, 4],
    ])
    for kind in [ArchiveOrigin.Order.lost, .written] {
      let facts = ArrayFacts(origin: ArchiveOrigin(order: kind))
      for refusal in [
        #expect(throws: FlywheelError.self) {
          try Dialect.pytorch.understand(arrays, facts: facts)
        },
        #expect(throws: FlywheelError.self) { try Dialect.recognise(arrays, facts: facts) },
      ] {
        #expect(refusal?.code == .invalidArgument)
        #expect(refusal?.message.contains("several orders") == true, "\(refusal?.message ?? "")")
        #expect(refusal?.message.contains("'down.weight', 'hidden.weight'") == true)
      }
    }
    let kept = ArrayFacts(origin: ArchiveOrigin(order: .kept))
    let reading = try Dialect.pytorch.understand(arrays, facts: kept)
    #expect(reading.parameters["layers.0.weight"]?.place.key == "down.weight")
  }

  @Test("Numbers of buffers say nothing in a sorted file of modules that are called by words")
  func numbersWithoutOrder() throws {
    let arrays = try Examples.arrays([
      "key.weight": [4, 4], "norm.weight": [4], "query.weight": [4, 4],
      "state.0.momentum_buffer": [4, 4],
    ])
    let error = #expect(throws: FlywheelError.self) { try Dialect.pytorch.understand(arrays) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("does not keep the order") == true)
  }

  @Test("Families that name one slot alike are told apart by the rule")
  func sameWord() throws {
    let arrays = try Examples.arrays([
      "layers.0.weight": [5, 4], "optimizer.layers.0.weight.v": [5, 4],
    ])
    let reading = try Dialect.recognise(arrays)
    #expect(reading.rules == ["mlx", "mlx_rmsprop", "mlx_adagrad"])
    #expect(Array(try Dialect.recognise(arrays, rule: "mlx_adagrad").slots.keys) == ["sum"])
  }

  @Test(
    "What fits no dialect is refused, with what came closest",
    arguments: [
      (["x": [3]], "None finds weights"),
      (
        ["W1": [5, 4], "b1": [5, 1], "W2": [3, 6], "b2": [3, 1]],
        "'W1' gives 5 values, and this takes 6"
      ),
      (
        ["layers.0.weight": [5, 4], "layers.0.bias": [5], "cls_token": [1, 4]],
        "'pytorch' came closest, without 'cls_token'"
      ),
      (["coefs_.0": [4, 5], "intercepts_.0": [4]], "The bias has shape (4,)"),
    ] as [(KeyValuePairs<String, [Int]>, String)]
  )
  func refused(_ arrays: KeyValuePairs<String, [Int]>, _ words: String) throws {
    let arrays = try Examples.arrays(arrays)
    let error = #expect(throws: FlywheelError.self) { try Dialect.recognise(arrays) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test(
    "Numbers of parameters that several groups have made ambiguous are answered with what to do"
  )
  func groupedNumbers() throws {
    let arrays = try Examples.arrays([
      "0.weight": [5, 4], "0.bias": [5], "2.weight": [3, 5], "2.bias": [3],
      "optimizer.state.0.momentum_buffer": [5, 4], "optimizer.state.1.momentum_buffer": [3, 5],
      "optimizer.state.2.momentum_buffer": [5], "optimizer.state.3.momentum_buffer": [3],
    ])
    let error = #expect(throws: FlywheelError.self) { try Dialect.pytorch.understand(arrays) }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains("save it by name, such as '0.bias.momentum_buffer'") == true)
  }

  @Test("What a dialect does not know is left over or a guess, never lost")
  func leftovers() throws {
    let arrays = try Examples.arrays([
      "0.weight": [5, 4], "0.bias": [5], "1.running_mean": [5], "scale": [5],
      "optimizer.state.0.momentum": [5, 4],
    ])
    let reading = try Dialect.pytorch.understand(arrays)
    #expect(reading.untrained == ["1.running_mean"])
    #expect(reading.guessed == ["scale"])
    #expect(reading.leftovers == ["optimizer.state.0.momentum"])
    #expect(!reading.explainsAll)
    #expect(Array(reading.parameters.keys) == ["0.weight", "0.bias", "scale"])
  }
}
