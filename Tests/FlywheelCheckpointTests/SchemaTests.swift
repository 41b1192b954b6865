import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

/// What schema 2 added, and how documents of older schemas are read.
@Suite("Schemas")
struct SchemaTests {
  /// An archive whose document was changed and sealed again.
  static func archive(
    of checkpoint: Checkpoint,
    _ edit: (inout OrderedDictionary<String, JSONValue>) -> Void
  ) throws -> Archive {
    var archive = try checkpoint.archive()
    let json = try Checkpoint.documentJSON(archive.tensors[CheckpointKey.document])
    guard case .object(var members) = json else { throw FlywheelError(.malformed, "no object") }
    members.removeValue(forKey: "crc32")
    edit(&members)
    var body = JSONValue.object(members).canonicalBytes
    body.removeLast()
    let crc = CRC32.hexadecimal(try Tensor(vector: body).crc32)
    archive.tensors[CheckpointKey.document] = try Tensor(
      vector: body + Array(",\"crc32\":\"\(crc)\"}".utf8)
    )
    return archive
  }

  /// Changes an object within a document.
  static func change(
    _ root: inout OrderedDictionary<String, JSONValue>,
    _ name: String,
    _ edit: (inout OrderedDictionary<String, JSONValue>) -> Void
  ) {
    guard case .object(var members)? = root[name] else { return }
    edit(&members)
    root[name] = .object(members)
  }

  /// The document as a Flywheel of schema 1 would have written it.
  private static func downgrade(_ root: inout OrderedDictionary<String, JSONValue>) {
    root["schema"] = 1
    root["layout"] = nil
    root["schedule"] = ["kind": "constant"]
    Self.change(&root, "optimizer") { optimizer in
      optimizer["clipping"] = nil
      guard case .array(let groups)? = optimizer["groups"] else { return }
      optimizer["groups"] = .array(
        groups.map { group in
          guard case .object(var members) = group else { return group }
          members["initial_learning_rate"] = nil
          return .object(members)
        }
      )
    }
    Self.change(&root, "data") { data in
      for name in ["dtype", "mean", "deviation"] { data[name] = nil }
    }
  }

  @Test("A document of schema 1 means what it always meant")
  func first() throws {
    let checkpoint = try CheckpointExamples.full()
    let read = try CheckpointExamples.read(try Self.archive(of: checkpoint, Self.downgrade))
    #expect(read.schedule == .constant)
    #expect(read.optimizer.clipping == nil)
    #expect(read.optimizer.groups.map(\.initialLearningRate) == [0.1, 0.1])
    #expect(read.data?.dtype == .uint8)
    #expect(read.data?.normalization == Normalization(scale: 1.0 / 255))
    #expect(read.generator == Checkpoint.philox)
  }

  @Test(
    "A document of schema 1 with members that came later is refused",
    arguments: ["optimizer", "schedule", "data"]
  )
  func mixed(section: String) throws {
    let later = ["optimizer": "clipping", "schedule": "unit", "data": "mean"]
    let mixture = try Self.archive(of: try CheckpointExamples.full()) { root in
      Self.downgrade(&root)
      Self.change(&root, section) { $0[later[section] ?? ""] = .null }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(mixture) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(later[section] ?? "-") == true)
  }

  @Test("A document of schema 2 has its arrays under Flywheel's names, and says no other")
  func second() throws {
    let checkpoint = try CheckpointExamples.full()
    let read = try CheckpointExamples.read(
      try Self.archive(of: checkpoint) { root in
        root["schema"] = 2
        root["layout"] = nil
      }
    )
    #expect(read.layout.map(\.dialect) == nil)
    #expect(read.parameters.keys == checkpoint.parameters.keys)
    let mixture = try Self.archive(of: checkpoint) { $0["schema"] = 2 }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(mixture) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("'layout'") == true)
  }

  @Test("Nielsen's groups lose what the rule never took, unless it was on")
  func nielsen() throws {
    let numbers = Hyperparameters(learningRate: 0.1, momentum: 0.5, weightDecay: 5)
    var checkpoint = try CheckpointExamples.full()
    checkpoint.optimizer.rule = "nielsen"
    checkpoint.optimizer.groups = [
      ParameterGroup(hyperparameters: numbers), ParameterGroup(hyperparameters: numbers),
    ]
    let read = try CheckpointExamples.read(try Self.archive(of: checkpoint, Self.downgrade))
    let taken = try UpdateRule.named("nielsen").completed(numbers)
    #expect(read.optimizer.groups.map(\.hyperparameters) == [taken, taken])
    checkpoint.optimizer.groups[1].hyperparameters[.nesterov] = .flag(true)
    let lie = try Self.archive(of: checkpoint, Self.downgrade)
    #expect(throws: FlywheelError.self) { try CheckpointExamples.read(lie) }
  }

  @Test("A switch that a group lacks is off, a number that it lacks is missed")
  func missingSwitch() throws {
    let original = try CheckpointExamples.full()
    for switched in [Hyperparameter.maximize, .momentumCorrection, .nesterov] {
      let older = try Self.archive(of: original) { root in
        Self.change(&root, "optimizer") { optimizer in
          guard case .array(let groups)? = optimizer["groups"] else { return }
          optimizer["groups"] = .array(
            groups.map { group in
              guard case .object(var members) = group else { return group }
              members[switched.rawValue] = nil
              return .object(members)
            }
          )
        }
      }
      let groups = try CheckpointExamples.read(older).optimizer.groups
      #expect(groups.allSatisfy { $0.hyperparameters[switched] == .flag(false) })
    }
    let lie = try Self.archive(of: original) { root in
      Self.change(&root, "optimizer") { optimizer in
        optimizer["groups"] = [
          ["learning_rate": 0.1, "last_learning_rate": .null, "initial_learning_rate": 0.1]
        ]
      }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(lie) }
    #expect(error?.message.contains("dampening, momentum, weight_decay") == true)
  }

  @Test("Steps of a history without a metric are refused, since no row could follow them")
  func emptyHistory() throws {
    let lie = try Self.archive(of: try CheckpointExamples.full()) { root in
      Self.change(&root, "tensors") { tensors in
        for key in tensors.keys where key.hasPrefix("history/") && key != "history/step" {
          tensors[key] = nil
        }
      }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(lie) }
    #expect(error?.code == .malformed)
    #expect(error?.location.tensor == "history/step")
  }

  @Test("An optimizer without groups is refused, as the schema says")
  func noGroups() throws {
    let lie = try Self.archive(of: try CheckpointExamples.full()) { root in
      root["parameters"] = []
      Self.change(&root, "optimizer") { $0["groups"] = [] }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(lie) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("groups") == true)
  }

  @Test(
    "Every schedule comes back with its position",
    arguments: [
      Schedule.constant,
      Schedule(shape: .step(every: 3, factor: 0.5), unit: .step),
      Schedule(shape: .multiStep(at: [2, 7], factor: 0.1)),
      Schedule(shape: .cosine(over: 9, end: 0.01), warmup: .init(over: 2, start: 0.25)),
      Schedule(shape: .linear(over: 9, end: 0.5), unit: .step, warmup: .init(over: 1, start: 1)),
    ]
  )
  func schedules(schedule: Schedule) throws {
    var checkpoint = try CheckpointExamples.full()
    checkpoint.schedule = schedule
    let archive = try checkpoint.archive()
    #expect(try CheckpointExamples.read(archive).schedule == schedule)
    let json = try Checkpoint.documentJSON(archive.tensors[CheckpointKey.document])
    var root = try JSONObject(json)
    var section = try root.object("schedule")
    #expect(try section.integer("position", in: 0...) == (schedule.unit == .step ? 5 : 2))
  }

  @Test("A schedule at another place than the steps and epochs done is refused")
  func position() throws {
    var checkpoint = try CheckpointExamples.full()
    checkpoint.schedule = Schedule(shape: .cosine(over: 9, end: 0), unit: .step)
    let lie = try Self.archive(of: checkpoint) { root in
      Self.change(&root, "schedule") { $0["position"] = 4 }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(lie) }
    #expect(error?.message.contains("position 4") == true)
  }

  @Test("A master weight comes back beside its rounding, and must have its shape")
  func master() throws {
    var checkpoint = try CheckpointExamples.full()
    let name = "layers.0.weight"
    let fine = [1.0 + .ulpOfOne, -2, 3] as [Double]
    checkpoint.parameters[name]?.master = try Tensor(fine, shape: try Shape([1, 3]))
    let read = try CheckpointExamples.read(try checkpoint.archive())
    #expect(try read.parameters[name]?.master?.elements(as: Double.self) == fine)
    #expect(read.parameters["a/b"]?.master == nil)
    #expect(read.keys.contains("master/layers.0.weight"))
    for wrong in [
      try Tensor(vector: fine), try Tensor([1, 2, 3] as [Int32], shape: try Shape([1, 3])),
    ] {
      checkpoint.parameters[name]?.master = wrong
      let archive = try checkpoint.archive()
      let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(archive) }
      #expect(error?.location.tensor == "master/layers.0.weight")
    }
  }

  @Test("Another trainer's rule, numbers and generator come back as they are")
  func stranger() throws {
    var checkpoint = try CheckpointExamples.full()
    let numbers = Hyperparameters([
      .learningRate: .number(0.1), Hyperparameter(rawValue: "trust"): .number(.infinity),
      Hyperparameter(rawValue: "lookahead"): .flag(true),
    ])
    checkpoint.optimizer.rule = "lion of mine"
    checkpoint.optimizer.sizes = nil
    checkpoint.optimizer.groups = [
      ParameterGroup(hyperparameters: numbers, lastLearningRate: 0.2, initialLearningRate: 0.4),
      ParameterGroup(hyperparameters: Hyperparameters([.learningRate: .number(0)])),
    ]
    checkpoint.schedule = nil
    checkpoint.data = nil
    checkpoint.generator = "xoshiro256**"
    checkpoint.random = ["mine": [1, 2, 3, 4]]
    let read = try CheckpointExamples.read(try checkpoint.archive())
    #expect(read.optimizer.groups == checkpoint.optimizer.groups)
    #expect(read.optimizer.sizes == nil)
    #expect(read.schedule == nil)
    #expect(read.generator == "xoshiro256**")
    #expect(read.random == ["mine": [1, 2, 3, 4]])
  }

  @Test("Clipping comes back, and must make sense")
  func clipping() throws {
    var checkpoint = try CheckpointExamples.full()
    checkpoint.optimizer.clipping = try GradientClipping(maximumNorm: 0.5)
    let read = try CheckpointExamples.read(try checkpoint.archive())
    #expect(read.optimizer.clipping == checkpoint.optimizer.clipping)
    let lie = try Self.archive(of: checkpoint) { root in
      Self.change(&root, "optimizer") { $0["clipping"] = ["max_norm": 0.0] }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(lie) }
    #expect(error?.code == .malformed)
  }
}
