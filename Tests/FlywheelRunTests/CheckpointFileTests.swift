import FlywheelCheckpoint
import FlywheelCore
import FlywheelHDF5
import FlywheelOptim
import FlywheelRun
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@Suite("Checkpoint files")
struct CheckpointFileTests {
  private func checkpoint() throws -> Checkpoint {
    Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: [
        "w": Parameter(value: try Tensor(vector: [1, 2, 3] as [Float]), group: 0, axes: ["out"])
      ],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [ParameterGroup(hyperparameters: .init(learningRate: 0.1, momentum: 0.9))],
        step: 1,
        sizes: .init(batch: 1, training: 1),
        slots: ["velocity": ["w": try Tensor(vector: [4, 5, 6] as [Float])]]
      ),
      progress: Progress()
    )
  }

  @Test("A checkpoint comes back from a file, and verifies")
  func roundTrip() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("c.h5")
    try CheckpointFile.write(try checkpoint(), to: path)
    let copy = try CheckpointFile.verify(path)
    let velocity = try #require(copy.optimizer.slots["velocity"]?["w"])
    #expect(try velocity.elements() == [4, 5, 6] as [Float])
    #expect(velocity.storage.isMapped)
    #expect(try temporary.names() == ["c.h5"])
  }

  @Test("Every format holds a checkpoint", arguments: ["c.h5", "c.npz", "c"])
  func formats(name: String) throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending(name)
    // An empty directory asks for .npy files.
    if name == "c" { try FileSystem.createDirectory(path) }
    var written = try checkpoint()
    let master = try Tensor(vector: [1, 2, 3] as [Float])
    written.parameters["w"]?.value = try master.converted(to: .bfloat16)
    written.parameters["w"]?.master = master
    try CheckpointFile.write(written, to: path)
    for copy in [try CheckpointFile.verify(path), try CheckpointFile.read(path)] {
      let parameter = try #require(copy.parameters["w"])
      #expect(parameter.value.dtype == .bfloat16)
      #expect(parameter.value.crc32 == written.parameters["w"]?.value.crc32)
      #expect(parameter.master?.crc32 == master.crc32)
      #expect(try copy.archive().tensors.keys == written.archive().tensors.keys)
    }
    #expect(try temporary.names() == [name])
  }

  @Test("Equal checkpoints are equal files")
  func determinism() throws {
    let temporary = try TemporaryDirectory()
    try CheckpointFile.write(try checkpoint(), to: temporary.path.appending("a.h5"))
    try CheckpointFile.write(try checkpoint(), to: temporary.path.appending("b.h5"))
    #expect(try temporary.read("a.h5") == (try temporary.read("b.h5")))
  }

  @Test("Reading ignores what was added or edited beside the index; verifying names it")
  func additions() throws {
    let temporary = try TemporaryDirectory()
    let archive = try checkpoint().archive()
    var added = archive
    added.tensors["extra"] = try Tensor(vector: [1] as [Float])
    var edited = archive
    edited.attributes["learning_rate"] = .double(0.2)
    for (name, archive) in [("added", added), ("edited", edited)] {
      let path = temporary.path.appending(name)
      try HDF5Archive.write(archive, to: path)
      _ = try CheckpointFile.read(path)
      let error = #expect(throws: FlywheelError.self) { try CheckpointFile.verify(path) }
      #expect(error?.code == .mismatch)
      #expect(error?.location.path == path)
    }
  }

  @Test("An HDF5 file that is no checkpoint is told apart from a damaged one")
  func foreign() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("f.h5")
    try HDF5Archive.write(Archive(tensors: ["x": try Tensor(vector: [1] as [Float])]), to: path)
    let error = #expect(throws: FlywheelError.self) { try CheckpointFile.read(path) }
    #expect(error?.code == .invalidArgument)
  }
}
