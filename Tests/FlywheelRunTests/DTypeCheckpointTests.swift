import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import FlywheelTestSupport
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

/// A checkpoint as another trainer may write it: every dtype, a master weight, words of its own.
@Suite("Checkpoints of every dtype")
struct DTypeCheckpointTests {
  /// `schemas/examples/dtypes-2.h5`, found from where this file lies.
  private static let golden = FilePath("\(#filePath)")
    .removingLastComponent().removingLastComponent().removingLastComponent()
    .appending("schemas").appending("examples").appending("dtypes-2.h5")

  private static func checkpoint() throws -> Checkpoint {
    let numbers = try Tensor([0, 1, 2, 0.5, 3, 0.25] as [Double], shape: try Shape([2, 3]))
    var parameters: OrderedDictionary<String, Parameter> = [:]
    for dtype in DType.allCases {
      parameters[dtype.rawValue] = Parameter(
        value: try numbers.converted(to: dtype),
        group: dtype.isFloatingPoint ? 0 : 1,
        axes: ["out", "in"]
      )
    }
    let fine = try Tensor([0, 1.001, 2, 0.5, 3, 0.25] as [Float], shape: try Shape([2, 3]))
    parameters["bfloat16"]?.value = try fine.converted(to: .bfloat16)
    parameters["bfloat16"]?.master = fine
    return Checkpoint(
      writer: "another trainer 1.0",
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: parameters,
      optimizer: OptimizerState(
        rule: "lion",
        dialect: "own",
        groups: [
          ParameterGroup(
            hyperparameters: Hyperparameters([
              .learningRate: .number(1e-4), .beta1: .number(0.9), .beta2: .number(0.99),
              Hyperparameter(rawValue: "warmed_up"): .flag(true),
            ]),
            lastLearningRate: 1e-4
          ),
          ParameterGroup(hyperparameters: Hyperparameters([.learningRate: .number(0)])),
        ],
        step: 7,
        slots: ["exp_avg": ["bfloat16": fine]]
      ),
      progress: Progress(),
      generator: "xoshiro256**",
      random: ["dropout": [1, 2, 3, .max]]
    )
  }

  @Test("Such a checkpoint comes back with nothing lost")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("dtypes.h5")
    let written = try Self.checkpoint()
    try CheckpointFile.write(written, to: path)
    let read = try CheckpointFile.verify(path)
    #expect(read.parameters.count == DType.allCases.count)
    for (name, parameter) in written.parameters {
      let other = try #require(read.parameters[name])
      #expect(
        other.value.dtype == parameter.value.dtype && other.value.shape == parameter.value.shape
      )
      #expect(other.value.crc32 == parameter.value.crc32)
      #expect(other.master?.crc32 == parameter.master?.crc32)
    }
    #expect(read.optimizer.groups == written.optimizer.groups)
    #expect(read.optimizer.slots["exp_avg"]?.keys == ["bfloat16"])
    #expect(read.generator == written.generator && read.random == written.random)
    #expect(read.schedule == nil && read.data == nil && read.optimizer.sizes == nil)
  }

  @Test("The golden one is read, and written anew has the same content")
  func golden() throws {
    let written = try Self.checkpoint()
    // How the golden file is made, once: FLYWHEEL_WRITE_FIXTURES=1 swift test --filter DTypeCheckpoint
    if unsafe getenv("FLYWHEEL_WRITE_FIXTURES") != nil, !FileSystem.exists(Self.golden) {
      try CheckpointFile.write(written, to: Self.golden)
    }
    let read = try CheckpointFile.verify(Self.golden)
    let (now, then) = (try written.archive(), try read.archive())
    #expect(Set(now.tensors.keys) == Set(then.tensors.keys))
    for (key, tensor) in now.tensors {
      #expect(then.tensors[key]?.crc32 == tensor.crc32, "\(key)")
      #expect(then.tensors[key]?.dtype == tensor.dtype, "\(key)")
    }
  }
}
