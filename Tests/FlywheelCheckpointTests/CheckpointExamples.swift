import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// A small checkpoint that uses every part of the schema.
enum CheckpointExamples {
  static func full() throws -> Checkpoint {
    var history = History()
    try history.append(step: 2, ["epoch": 1, "training_loss": 0.5])
    try history.append(step: 4, ["epoch": 2, "training_loss": 0.25])
    var progress = Progress()
    progress.epoch = 2
    progress.batch = 1
    progress.samples = 10
    progress.epochLoss = 0.1 + 0.2
    progress.epochHits = 1
    progress.best = .init(metric: "training_loss", value: 0.25, step: 4)
    return Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: [
        "layers.0.weight": Parameter(
          value: try Tensor([1, -2, .leastNonzeroMagnitude] as [Float], shape: try Shape([1, 3])),
          group: 0,
          axes: ["out", "in"]
        ),
        "a/b": Parameter(value: try Tensor(vector: [-0.0] as [Float]), group: 1, axes: ["out"]),
      ],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [
          ParameterGroup(
            hyperparameters: try UpdateRule.sgd(.pytorch).completed(
              .init(learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4)
            ),
            lastLearningRate: 0.1
          ),
          ParameterGroup(
            hyperparameters: try UpdateRule.sgd(.pytorch).completed(
              .init(learningRate: 0.1, momentum: 0.9, nesterov: true)
            )
          ),
        ],
        step: 5,
        gradient: .mean,
        sizes: .init(batch: 2, training: 4),
        slots: [
          "velocity": [
            "layers.0.weight": try Tensor([0.5, 0, 1] as [Float], shape: try Shape([1, 3])),
            "a/b": try Tensor(vector: [7] as [Float]),
          ]
        ]
      ),
      progress: progress,
      random: ["order": Philox(seed: .max, stream: 1, epoch: 2).words],
      data: DataDescription(
        source: "idx",
        digest: "crc32:00000000,11111111",
        training: 4,
        validation: 0,
        test: 0,
        dtype: .uint8,
        normalization: Normalization(scale: 1.0 / 255),
        lastBatch: .keep
      ),
      backend: Backend(products: "flywheel", arithmetic: "fma"),
      history: history,
      trainer: ["anything": [1, 2.5, "three"]]
    )
  }

  /// Reads the checkpoint that an archive holds.
  static func read(
    _ archive: Archive,
    verification: Verification = .checksums
  ) throws -> Checkpoint {
    try Checkpoint(verification: verification) { (key) throws(FlywheelError) in
      archive.tensors[key]
    }
  }
}
