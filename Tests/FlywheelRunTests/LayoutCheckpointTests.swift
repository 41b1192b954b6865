import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import OrderedCollections
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A checkpoint whose arrays lie as Keras has them.
@Suite("Checkpoints under other names")
struct LayoutCheckpointTests {
  /// `schemas/examples/layout-3.h5`, found from where this file lies.
  private static let golden = FilePath("\(#filePath)")
    .removingLastComponent().removingLastComponent().removingLastComponent()
    .appending("schemas").appending("examples").appending("layout-3.h5")

  private static func checkpoint() throws -> Checkpoint {
    let matrix = try Shape([2, 3])
    let weight = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: matrix)
    let bias = try Tensor(vector: [7, 8] as [Float])
    let hyperparameters = try UpdateRule.named("keras").completed(
      Hyperparameters(learningRate: 0.5, momentum: 0.75)
    )
    var history = History()
    try history.append(step: 3, ["epoch": 1, "training_loss": 0.5])
    return Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: [
        "layers.0.weight": Parameter(value: weight, group: 0, axes: ["out", "in"]),
        "layers.0.bias": Parameter(value: bias, group: 0, axes: ["out"]),
      ],
      optimizer: OptimizerState(
        rule: "keras",
        dialect: "keras",
        groups: [ParameterGroup(hyperparameters: hyperparameters, lastLearningRate: 0.5)],
        step: 3,
        slots: [
          "velocity": [
            "layers.0.weight": try Tensor([0, 1, 0, -1, 0, 0.5] as [Float], shape: matrix),
            "layers.0.bias": try Tensor(vector: [-0.0, 0.25] as [Float]),
          ]
        ]
      ),
      progress: Progress(),
      random: ["order": Philox(seed: 1, stream: 1, epoch: 1).words],
      history: history,
      layout: CheckpointLayout(
        dialect: "keras",
        places: [
          "model/layers.0.weight": .init(key: "layers/dense/vars/0", arrangement: .transposed),
          "model/layers.0.bias": .init(key: "layers/dense/vars/1"),
          "optimizer/velocity/layers.0.weight": .init(
            key: "optimizer/vars/2",
            arrangement: .transposed
          ),
          "optimizer/velocity/layers.0.bias": .init(key: "optimizer/vars/3"),
        ],
        counters: [
          "optimizer/vars/0": try Tensor([3] as [Int32], shape: .scalar),
          "optimizer/vars/1": try Tensor([0.5] as [Float], shape: .scalar),
        ]
      )
    )
  }

  @Test("The golden one is read, and written anew has the same content")
  func golden() throws {
    let written = try Self.checkpoint()
    // How the golden file is made, once: FLYWHEEL_WRITE_FIXTURES=1 swift test --filter LayoutCheckpoint
    if unsafe getenv("FLYWHEEL_WRITE_FIXTURES") != nil, !FileSystem.exists(Self.golden) {
      try CheckpointFile.write(written, to: Self.golden)
    }
    let read = try CheckpointFile.verify(Self.golden)
    let (now, then) = (try written.archive(), try read.archive())
    #expect(now.tensors.keys == then.tensors.keys)
    for (key, tensor) in now.tensors {
      #expect(then.tensors[key]?.crc32 == tensor.crc32, "\(key)")
      #expect(then.tensors[key]?.dtype == tensor.dtype, "\(key)")
    }
    for (name, parameter) in written.parameters {
      #expect(read.parameters[name]?.value.shape == parameter.value.shape)
      #expect(read.parameters[name]?.value.crc32 == parameter.value.crc32)
    }
    #expect(read.layout?.places == written.layout?.places)
  }
}
