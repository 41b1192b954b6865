import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

@Suite struct TraceTests {
  /// Two steps of a network of two parameters, from the very first on.
  private static func example() throws -> Trace {
    func tensor(_ values: [Double], _ extents: [Int]) throws -> Tensor {
      try Tensor(values, shape: try Shape(extents))
    }
    let group = ParameterGroup(
      hyperparameters: try UpdateRule.named("pytorch").completed(Hyperparameters())
    )
    return Trace(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: [
        "layers.0.weight": TracedParameter(
          values: try tensor([1, 2, 3, 4, 5, 6], [2, 1, 3]),
          gradients: try tensor([0.5, 0, 0, 0, .infinity, 0], [2, 1, 3]),
          group: 0,
          axes: ["out", "in"]
        ),
        "a/b": TracedParameter(
          values: try tensor([7, 8], [2, 1]),
          gradients: try tensor([-1, 1], [2, 1]),
          group: 0,
          axes: ["out"]
        ),
      ],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [group],
        step: 4,
        slots: [
          "velocity": [
            "layers.0.weight": try tensor([1, 2, 3], [1, 1, 3]), "a/b": try tensor([9], [1, 1]),
          ]
        ]
      ),
      rows: [.init(step: 4, learningRates: [0.1]), .init(step: 5, learningRates: [0.05])]
    )
  }

  private static func read(_ archive: Archive) throws -> Trace {
    try Trace { (key) throws(FlywheelError) in archive.tensors[key] }
  }

  @Test func `a trace comes back with nothing lost`() throws {
    let original = try Self.example()
    let archive = try original.archive()
    let copy = try Self.read(archive)
    #expect(copy.rows == original.rows)
    #expect(copy.saved == original.saved)
    #expect(copy.optimizer.step == 4)
    #expect(copy.optimizer.groups == original.optimizer.groups)
    #expect(Array(copy.parameters.keys) == ["layers.0.weight", "a/b"])
    #expect(copy.parameters["a/b"]?.axes == ["out"])
    #expect(copy.optimizer.slots["velocity"]?["a/b"]?.shape.extents == [1, 1])
    let again = try copy.archive()
    #expect(again.attributes == archive.attributes)
    #expect(Array(again.tensors.keys) == Array(archive.tensors.keys))
    for (key, tensor) in archive.tensors {
      #expect(again.tensors[key]?.crc32 == tensor.crc32, "\(key)")
    }
  }

  @Test func `every tensor lies under its documented key`() throws {
    let trace = try Self.example()
    let keys = [
      "trace/step", "model/layers.0.weight", "model/a%2Fb", "optimizer/velocity/layers.0.weight",
      "optimizer/velocity/a%2Fb", "gradient/layers.0.weight", "gradient/a%2Fb",
      "flywheel.metadata",
    ]
    #expect(trace.keys == keys)
    #expect(try Array(trace.archive().tensors.keys) == keys)
  }

  @Test func `a trace and a checkpoint are not taken for each other`() throws {
    let trace = try Self.example().archive()
    let checkpoint = try CheckpointExamples.full().archive()
    #expect(Trace.isDocument(trace.tensors[CheckpointKey.document]))
    #expect(!Trace.isDocument(checkpoint.tensors[CheckpointKey.document]))
    #expect(!Trace.isDocument(trace.tensors["model/a%2Fb"]))
    #expect(!Trace.isDocument(nil))
    let noCheckpoint = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(trace) }
    #expect(noCheckpoint?.code == .malformed)
    #expect(noCheckpoint?.message.contains("'flywheel.trace'") == true)
    let noTrace = #expect(throws: FlywheelError.self) { try Self.read(checkpoint) }
    #expect(noTrace?.code == .malformed)
    let nothing = #expect(throws: FlywheelError.self) { try Self.read(Archive()) }
    #expect(nothing?.code == .invalidArgument)
  }

  @Test func `changing any byte of the document is noticed`() throws {
    let archive = try Self.example().archive()
    let document = try #require(archive.tensors[CheckpointKey.document])
    let bytes: [UInt8] = try document.elements()
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << UInt8(index % 8)
      var copy = archive
      copy.tensors[CheckpointKey.document] = try Tensor(vector: damaged)
      let error = #expect(throws: FlywheelError.self) { try Self.read(copy) }
      #expect(error?.code == .corrupted, "byte \(index)")
    }
  }

  @Test func `a missing or changed tensor is named`() throws {
    let archive = try Self.example().archive()
    for key in archive.tensors.keys where key != CheckpointKey.document {
      var copy = archive
      copy.tensors[key] = nil
      let missing = #expect(throws: FlywheelError.self) { try Self.read(copy) }
      #expect(missing?.code == .notFound)
      #expect(missing?.location.tensor == key)
      let shape = try #require(archive.tensors[key]?.shape)
      let other = [Double](repeating: 0.5, count: shape.elementCount)
      copy.tensors[key] = try Tensor(other, shape: shape)
      let changed = #expect(throws: FlywheelError.self) { try Self.read(copy) }
      #expect(changed?.location.tensor == key)
    }
  }

  struct Contradiction: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: FlywheelError.Code
    var tensor: String
    var change: @Sendable (inout Trace) throws -> Void
  }

  static let contradictions = [
    Contradiction(
      testDescription: "a row too few",
      code: .mismatch,
      tensor: "model/layers.0.weight"
    ) { $0.rows.removeLast() },
    Contradiction(
      testDescription: "a step left out",
      code: .malformed,
      tensor: CheckpointKey.document
    ) { $0.rows[1].step = 6 },
    Contradiction(
      testDescription: "a rate too many",
      code: .malformed,
      tensor: CheckpointKey.document
    ) { $0.rows[0].learningRates.append(1) },
    Contradiction(
      testDescription: "gradients of another shape",
      code: .mismatch,
      tensor: "gradient/a%2Fb"
    ) { $0.parameters["a/b"]?.gradients = try Tensor([1.0, 2], shape: try Shape([1, 2])) },
    Contradiction(
      testDescription: "an axis too many",
      code: .mismatch,
      tensor: "model/a%2Fb"
    ) { $0.parameters["a/b"]?.axes = ["out", "in"] },
    Contradiction(
      testDescription: "more buffers than rows",
      code: .mismatch,
      tensor: "optimizer/velocity/a%2Fb"
    ) {
      $0.optimizer.slots["velocity"]?["a/b"] = try Tensor([1.0, 2, 3], shape: try Shape([3, 1]))
    },
    Contradiction(
      testDescription: "buffers of no parameter",
      code: .malformed,
      tensor: "optimizer/velocity/c"
    ) { $0.optimizer.slots["velocity"]?["c"] = try Tensor([1.0], shape: try Shape([1, 1])) },
  ]

  @Test(arguments: contradictions)
  func `a trace that contradicts itself is refused`(contradiction: Contradiction) throws {
    var trace = try Self.example()
    try contradiction.change(&trace)
    let archive = try trace.archive()
    let error = #expect(throws: FlywheelError.self) { try Self.read(archive) }
    #expect(error?.code == contradiction.code)
    #expect(error?.location.tensor == contradiction.tensor)
  }
}
