import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Writing in a dialect")
struct ExpressionTests {
  @Test("PyTorch numbers parameters group by group")
  func groups() throws {
    var checkpoint = try Examples.checkpoint("pytorch", .init(learningRate: 0.1, momentum: 0.9))
    checkpoint.optimizer.groups.append(checkpoint.optimizer.groups[0])
    for name in checkpoint.parameters.keys where name.hasSuffix("bias") {
      checkpoint.parameters[name]?.group = 1
    }
    let layout = try Dialect.pytorch.express(checkpoint)
    let names = ["layers.0.weight", "layers.1.weight", "layers.0.bias", "layers.1.bias"]
    for (index, name) in names.enumerated() {
      #expect(
        layout.places["optimizer/velocity/\(name)"]?.key
          == "optimizer.state.\(index).momentum_buffer"
      )
    }
  }

  @Test("Names that came from the dialect go back as they were")
  func namesKept() throws {
    let stored = try Examples.arrays(["net.0.weight": [5, 4], "net.0.bias": [5]])
    let reading = try Dialect.pytorch.understand(stored)
    #expect(Array(reading.parameters.keys) == ["layers.0.weight", "layers.0.bias"])
    var checkpoint = try Examples.checkpoint(
      "pytorch",
      .init(learningRate: 0.1, momentum: 0.9),
      shapes: ["layers.0.weight": [5, 4], "layers.0.bias": [5]]
    )
    checkpoint.layout = CheckpointLayout(dialect: "pytorch", places: reading.places)
    let layout = try Dialect.pytorch.express(checkpoint)
    #expect(layout.places["model/layers.0.bias"]?.key == "net.0.bias")
  }

  @Test("A learning rate that a schedule sets is not among Keras's variables")
  func schedule() throws {
    var checkpoint = try Examples.checkpoint("keras", .init(learningRate: 0.1, momentum: 0.9))
    checkpoint.schedule = Schedule(shape: .step(every: 1, factor: 0.5))
    let layout = try Dialect.keras.express(checkpoint)
    #expect(Array(layout.counters.keys) == ["optimizer/vars/0"])
    #expect(layout.places["optimizer/velocity/layers.0.weight"]?.key == "optimizer/vars/1")
    let tensors = try Examples.stored(checkpoint, layout)
    let reading = try Dialect.recognise(Examples.descriptions(tensors))
    #expect(reading.places == layout.places)
  }

  @Test("A count that the dialect's type does not hold is refused")
  func largeCount() throws {
    var checkpoint = try Examples.checkpoint("keras", .init(learningRate: 0.1, momentum: 0.9))
    checkpoint.optimizer.step = 1 << 40
    let error = #expect(throws: FlywheelError.self) { try Dialect.keras.express(checkpoint) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.location.tensor == "optimizer/vars/0")
  }

  /// What cannot be written, and what is said then.
  enum Refusal: CaseIterable {
    case convolution, unknownKind, notAChain, otherRule, groups, missingBuffer

    var dialect: Dialect { self == .groups || self == .missingBuffer ? .keras : .nielsen }

    func checkpoint() throws -> Checkpoint {
      let rule = self == .otherRule ? "pytorch" : dialect.rules[0]
      var shapes = Examples.shapes
      switch self {
      case .convolution: shapes["conv.weight"] = [2, 2, 2]
      case .unknownKind: shapes["scale"] = [3]
      case .notAChain: shapes["layers.1.weight"] = [3, 6]
      default: break
      }
      var checkpoint = try Examples.checkpoint(
        rule,
        .init(learningRate: 0.1, momentum: 0.9),
        shapes: shapes
      )
      if self == .groups {
        var group = checkpoint.optimizer.groups[0]
        group.hyperparameters = group.hyperparameters.merging(.init([.weightDecay: .number(0.5)]))
        checkpoint.optimizer.groups.append(group)
      }
      if self == .missingBuffer { checkpoint.optimizer.slots["velocity"]?["layers.0.bias"] = nil }
      return checkpoint
    }

    var place: String? {
      switch self {
      case .convolution: "model/conv.weight"
      case .unknownKind: "model/scale"
      case .notAChain: "model/layers.1.weight"
      case .missingBuffer: "optimizer/velocity/layers.0.bias"
      case .otherRule, .groups: nil
      }
    }
  }

  @Test("What has no name there is refused with its own", arguments: Refusal.allCases)
  func refused(_ refusal: Refusal) throws {
    let checkpoint = try refusal.checkpoint()
    let error = #expect(throws: FlywheelError.self) { try refusal.dialect.express(checkpoint) }
    #expect(error?.code == .unsupported)
    #expect(error?.location.tensor == refusal.place)
  }
}
