import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@Suite("Run directories")
struct RunDirectoryTests {
  private func checkpoint(step: Int) throws -> Checkpoint {
    Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: [
        "w": Parameter(value: try Tensor(vector: [Float(step)]), group: 0, axes: ["out"])
      ],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [ParameterGroup(hyperparameters: .init(learningRate: 0.1))],
        step: step,
        sizes: .init(batch: 1, training: 1),
        slots: [:]
      ),
      progress: Progress()
    )
  }

  private func weight(_ checkpoint: Checkpoint) throws -> [Float] {
    try #require(checkpoint.parameters["w"]).value.elements()
  }

  @Test("A run keeps its newest checkpoints, and their names sort by step")
  func retention() throws {
    let temporary = try TemporaryDirectory()
    let run = try RunDirectory(creating: temporary.path.appending("run"), configuration: [:])
    for step in [0, 9, 10, 100] {
      _ = try run.save(try checkpoint(step: step), retention: Retention(last: 3))
    }
    let names = try RunDirectory.checkpoints(in: run.path).compactMap { $0.lastComponent?.string }
    #expect(
      names == ["step-000000000009.h5", "step-000000000010.h5", "step-000000000100.h5"]
    )
    let newest = try RunDirectory.newest(in: run.path)
    #expect(newest.skipped.isEmpty)
    #expect(try weight(newest.checkpoint) == [100])
  }

  @Test("The newest whole checkpoint is found by looking, and damaged ones are named")
  func damagedNewest() throws {
    let temporary = try TemporaryDirectory()
    let run = try RunDirectory(creating: temporary.path.appending("run"), configuration: [:])
    var files: [FilePath] = []
    for step in 1...4 {
      files.append(try run.save(try checkpoint(step: step), retention: Retention(last: 9)))
    }
    try AtomicFile.write([], to: files[3])
    try AtomicFile.write(Array("no HDF5 at all".utf8), to: files[2])
    let newest = try RunDirectory.newest(in: run.path)
    #expect(newest.path == files[1])
    #expect(newest.skipped.map(\.path) == [files[3], files[2]])
    #expect(newest.skipped.map(\.reason.code) == [.truncated, .malformed])
    #expect(try weight(newest.checkpoint) == [2])
  }

  @Test("A run without a whole checkpoint says so")
  func noneWhole() throws {
    let temporary = try TemporaryDirectory()
    let run = try RunDirectory(creating: temporary.path.appending("run"), configuration: [:])
    let none = #expect(throws: FlywheelError.self) { try RunDirectory.newest(in: run.path) }
    #expect(none?.code == .notFound)
    let file = try run.save(try checkpoint(step: 1), retention: Retention(last: 1))
    try AtomicFile.write([1, 2, 3], to: file)
    let damaged = #expect(throws: FlywheelError.self) { try RunDirectory.newest(in: run.path) }
    #expect(damaged?.code == .corrupted)
  }

  @Test("Two holders of one run are one too many")
  func lock() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    let run = try RunDirectory(creating: path, configuration: [:])
    let error = #expect(throws: FlywheelError.self) { _ = try RunDirectory(opening: path) }
    #expect(error?.code == .busy)
    #expect(run.path == path)
  }

  @Test("A run that is let go can be opened again, with its configuration")
  func reopening() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    do { _ = try RunDirectory(creating: path, configuration: ["epochs": 7]) }
    let run = try RunDirectory(opening: path)
    #expect(run.configuration == ["epochs": 7])
  }

  @Test("What a killed save left behind is cleaned up, and nothing else")
  func leftovers() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    do {
      let run = try RunDirectory(creating: path, configuration: [:])
      _ = try run.save(try checkpoint(step: 1), retention: Retention(last: 1))
    }
    let leftover = path.appending("checkpoints/.step-2.h5.x\(AtomicFile.temporarySuffix)")
    try AtomicFile.write([1], to: leftover)
    try AtomicFile.write([2], to: path.appending("notes.txt"))
    _ = try RunDirectory(opening: path)
    let names = try FileSystem.names(in: path.appending("checkpoints"))
    #expect(names == ["step-000000000001.h5"])
    #expect(FileSystem.exists(path.appending("notes.txt")))
  }

  @Test("A directory that holds something is no place for a new run")
  func occupied() throws {
    let temporary = try TemporaryDirectory()
    try temporary.write([1], to: "thesis.tex")
    let error = #expect(throws: FlywheelError.self) {
      _ = try RunDirectory(creating: temporary.path, configuration: [:])
    }
    #expect(error?.code == .alreadyExists)
    #expect(try temporary.read("thesis.tex") == [1])
  }

  @Test("metrics.jsonl says what the history says, whoever wrote it last")
  func metrics() throws {
    let temporary = try TemporaryDirectory()
    let run = try RunDirectory(creating: temporary.path.appending("run"), configuration: [:])
    var history = History()
    try history.append(step: 10, ["epoch": 1, "loss": 0.5])
    try run.appendMetrics(history)
    let short = history
    try history.append(step: 20, ["epoch": 2, "loss": 0.25])
    try run.appendMetrics(history)
    func text() throws -> String {
      String(decoding: try temporary.read("run/metrics.jsonl"), as: UTF8.self)
    }
    let first = "{\"step\":10,\"epoch\":1,\"loss\":0.5}\n"
    #expect(try text() == first + "{\"step\":20,\"epoch\":2,\"loss\":0.25}\n")
    try run.rewriteMetrics(short)
    #expect(try text() == first)
  }
}
