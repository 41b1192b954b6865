import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import OrderedCollections
import SystemPackage
import Testing

/// Every schema version ever released stays readable: the files in `schemas/examples` never change.
@Suite("Golden checkpoints")
struct GoldenCheckpointTests {
  /// `schemas/examples`, found from where this file lies.
  private static let directory = FilePath("\(#filePath)")
    .removingLastComponent().removingLastComponent().removingLastComponent()
    .appending("schemas").appending("examples")

  private static func files() throws -> [FilePath] {
    try FileSystem.names(in: directory)
      .filter { $0.hasPrefix("checkpoint-") && $0.hasSuffix(".h5") }
      .map { directory.appending($0) }
  }

  @Test("There is a golden checkpoint of every schema, and each verifies")
  func allAreWhole() throws {
    let names = try Self.files().compactMap(\.lastComponent?.string)
    for schema in 1...Checkpoint.schema { #expect(names.contains("checkpoint-\(schema).h5")) }
    for file in try Self.files() {
      let checkpoint = try CheckpointFile.verify(file)
      #expect(!checkpoint.parameters.isEmpty, "\(file)")
    }
  }

  /// A float32 tensor by its bits.
  private struct Values {
    var name: String
    var shape: [Int]
    var bits: [UInt32]
  }

  private static func firstSchema() throws -> Checkpoint {
    try CheckpointFile.read(directory.appending("checkpoint-1.h5"))
  }

  @Test("Schema 1: parameters, bit for bit and in order")
  func parameters() throws {
    let checkpoint = try Self.firstSchema()
    #expect(Array(checkpoint.parameters.keys) == Self.parameters.map(\.name))
    for expected in Self.parameters {
      let parameter = try #require(checkpoint.parameters[expected.name])
      #expect(parameter.value.shape.extents == expected.shape)
      let elements: [Float] = try parameter.value.elements()
      #expect(elements.map(\.bitPattern) == expected.bits, "\(expected.name)")
      #expect(parameter.axes == (expected.shape.count == 2 ? ["out", "in"] : ["out"]))
      #expect(parameter.group == 0)
    }
  }

  @Test("Schema 1: velocities, bit for bit")
  func velocities() throws {
    let slots = try Self.firstSchema().optimizer.slots
    #expect(Array(slots.keys) == [SGDRule.slotName])
    let velocities = try #require(slots[SGDRule.slotName])
    #expect(Array(velocities.keys) == Self.velocities.map(\.name))
    for expected in Self.velocities {
      let velocity = try #require(velocities[expected.name])
      #expect(velocity.shape.extents == expected.shape)
      let elements: [Float] = try velocity.elements()
      #expect(elements.map(\.bitPattern) == expected.bits, "\(expected.name)")
    }
  }

  @Test("Schema 1: the optimizer's numbers")
  func optimizer() throws {
    let optimizer = try Self.firstSchema().optimizer
    #expect(optimizer.rule == "pytorch")
    #expect(optimizer.dialect == "flywheel")
    #expect(optimizer.step == 6)
    #expect(optimizer.gradient == .mean)
    #expect(optimizer.sizes == TrainingSizes(batch: 5, training: 16))
    let group = ParameterGroup(
      hyperparameters: try UpdateRule.sgd(.pytorch).completed(
        Hyperparameters(learningRate: 0.1, momentum: 0.9, weightDecay: 0.01)
      ),
      lastLearningRate: 0.1
    )
    #expect(optimizer.groups == [group])
  }

  @Test("Schema 1: progress inside an epoch, and the history")
  func progress() throws {
    let checkpoint = try Self.firstSchema()
    var progress = Progress()
    progress.epoch = 1
    progress.batch = 2
    progress.samples = 26
    progress.epochLoss = 6.242744600706416
    progress.epochHits = 7
    progress.best = .init(metric: "validation_accuracy", value: 0.5, step: 4)
    #expect(checkpoint.progress == progress)

    var history = History()
    try history.append(
      step: 4,
      [
        "epoch": 1,
        "learning_rate": 0.1,
        "training_loss": 0.6731246850430765,
        "training_accuracy": 0.5,
        "validation_loss": 0.6549698613154691,
        "validation_accuracy": 0.5,
      ]
    )
    #expect(checkpoint.history == history)
  }

  @Test("Schema 1: random streams, data, and the trainer's own words")
  func surroundings() throws {
    let checkpoint = try Self.firstSchema()
    // The seed is the largest there is; 23 numbers were drawn for the network.
    #expect(
      checkpoint.random == [
        "initialization": [.max, 0, 5, 0, 0, 0, 3],
        "order": [.max, 1, 0, 0, 0, 1, 0],
      ]
    )
    let data = DataDescription(
      source: "idx",
      digest: "crc32:9b1f11f0,9d9b4105",
      training: 16,
      validation: 4,
      test: 4,
      dtype: .uint8,
      normalization: Normalization(scale: 1.0 / 255),
      lastBatch: .keep
    )
    #expect(checkpoint.data == data)
    #expect(checkpoint.backend == Backend(products: "flywheel", arithmetic: "fma"))
    var trainer = try JSONObject(checkpoint.trainer)
    #expect(try trainer.unsigned("seed") == .max)
    var network = try trainer.object("network")
    #expect(try network.integers("layers") == [4, 3, 2])
  }

  private static let parameters = [
    Values(
      name: "layers.0.weight",
      shape: [3, 4],
      bits: [
        0xbead_7fac, 0x3e08_74fe, 0xbd25_5859, 0x3e84_ef39,
        0x3b9c_52e0, 0x3ed3_75a5, 0xbd07_d9d8, 0xbe7a_4207,
        0xbed6_6bb2, 0xbece_3fe9, 0xbeac_eab7, 0xbe9d_b68f,
      ]
    ),
    Values(
      name: "layers.0.bias",
      shape: [3],
      bits: [0xbed7_6d54, 0xbeb1_c062, 0x3edd_c920]
    ),
    Values(
      name: "layers.1.weight",
      shape: [2, 3],
      bits: [
        0xbda1_f5de, 0xbf02_beab, 0xbd55_a9a6,
        0xbf0d_2d98, 0x3d5c_7a90, 0xbe09_c7c5,
      ]
    ),
    Values(name: "layers.1.bias", shape: [2], bits: [0xbeac_4167, 0xbc43_fc94]),
  ]

  private static let velocities = [
    Values(
      name: "layers.0.weight",
      shape: [3, 4],
      bits: [
        0x3e64_3468, 0x3e7e_8e49, 0xbde9_17ed, 0xbdd0_7338,
        0xbee7_210a, 0xbedf_90b1, 0x3ddd_fcd2, 0x3dd3_4ba4,
        0xbd53_499c, 0xbd51_1f37, 0x3b5e_0ff5, 0x3ba2_640e,
      ]
    ),
    Values(
      name: "layers.0.bias",
      shape: [3],
      bits: [0x3dd2_7774, 0xbeb3_6c37, 0x3c17_1f2d]
    ),
    Values(
      name: "layers.1.weight",
      shape: [2, 3],
      bits: [
        0xbe9f_6fa0, 0xbbe6_f3c2, 0xbe8f_d8c6,
        0x3e90_2104, 0xbc6f_71e9, 0x3e8b_506e,
      ]
    ),
    Values(name: "layers.1.bias", shape: [2], bits: [0x3efa_62ee, 0xbf01_6c07]),
  ]
}
