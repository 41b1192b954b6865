import FlywheelCheckpoint
import FlywheelCore
import FlywheelRun
import FlywheelTestSupport
import SystemPackage
import Testing

@Suite("Summaries of runs")
struct RunSummaryTests {
  /// Creates a run with checkpoints of these steps, an epoch every ten.
  private func makeRun(_ path: FilePath, steps: [Int], epochs: JSONValue = 3) throws {
    let run = try RunDirectory(creating: path, configuration: ["epochs": epochs])
    for step in steps {
      var checkpoint = try RunExamples.checkpoint(step: step)
      checkpoint.progress.epoch = step / 10
      _ = try run.save(checkpoint, retention: Retention(last: 9))
    }
  }

  @Test("A run says how far it has come and how large it is, and is not disturbed by it")
  func whole() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    try makeRun(path, steps: [10, 20])
    let held = try RunDirectory(opening: path)
    var summary = RunSummary(of: path)
    #expect(summary.isTraining)
    #expect(summary.newest?.step == 20)
    #expect(summary.newest?.progress.epoch == 2)
    #expect(summary.epochs == 3)
    #expect(!summary.isFinished)
    #expect(summary.checkpointCount == 2)
    let files = ["lock", "configuration.json"].map { path.appending($0) }
    let sizes = try (files + RunDirectory.checkpoints(in: path)).map {
      try OpenFile.contents(of: $0).count
    }
    #expect(summary.byteCount == sizes.reduce(0, +))
    #expect(summary.damaged.isEmpty && summary.trouble == nil)
    _ = try held.save(try RunExamples.checkpoint(step: 30), retention: Retention(last: 9))
    _ = consume held
    summary = RunSummary(of: path)
    #expect(!summary.isTraining)
    // A lock that is only looked at is nobody's.
    _ = try RunDirectory(opening: path)
  }

  @Test("Damage is named, and the newest whole checkpoint counts")
  func damaged() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    try makeRun(path, steps: [10, 20, 30])
    let files = try RunDirectory.checkpoints(in: path)
    try AtomicFile.write([1, 2, 3], to: files[2])
    var summary = RunSummary(of: path)
    #expect(summary.newest?.path == files[1])
    #expect(summary.damaged.map(\.path) == [files[2]])
    #expect(summary.checkpointCount == 3)
    #expect(summary.trouble == nil)
    for file in files { try AtomicFile.write([], to: file) }
    summary = RunSummary(of: path)
    #expect(summary.newest == nil)
    #expect(summary.trouble?.code == .corrupted)
  }

  @Test("A broken run says why")
  func broken() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    try makeRun(path, steps: [])
    #expect(RunSummary(of: path).trouble?.code == .notFound)
    try AtomicFile.write(Array("}".utf8), to: path.appending("configuration.json"))
    let trouble = RunSummary(of: path).trouble
    #expect(trouble?.code == .malformed)
    #expect(trouble?.location.path == path.appending("configuration.json"))
  }

  @Test("Runs are listed in the order of their numbers, one level deep")
  func list() throws {
    let temporary = try TemporaryDirectory()
    for name in ["10", "9", "b", "a", "deep/er"] {
      try makeRun(temporary.path.appending(name), steps: [1])
    }
    try FileSystem.createDirectory(temporary.path.appending("empty"))
    try temporary.write([1], to: "notes.txt")
    let names = try RunSummary.runs(in: temporary.path).map { $0.path.lastComponent?.string }
    #expect(names == ["9", "10", "a", "b"])
    let run = temporary.path.appending("10")
    #expect(try RunSummary.runs(in: run).map(\.path) == [run])
    #expect(try RunSummary.runs(in: temporary.path.appending("deep")).count == 1)
    let missing = #expect(throws: FlywheelError.self) {
      try RunSummary.runs(in: temporary.path.appending("nowhere"))
    }
    #expect(missing?.code == .notFound)
  }
}
