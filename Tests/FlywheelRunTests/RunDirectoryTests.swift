import FlywheelCheckpoint
import FlywheelCore
import FlywheelHDF5
import FlywheelRun
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@Suite("Run directories")
struct RunDirectoryTests {
  private func weight(_ checkpoint: Checkpoint) throws -> [Float] {
    try #require(checkpoint.parameters["w"]).value.elements()
  }

  @Test("A run keeps its newest checkpoints, and their names sort by step")
  func retention() throws {
    let temporary = try TemporaryDirectory()
    let run = try RunDirectory(creating: temporary.path.appending("run"), configuration: [:])
    for step in [0, 9, 10, 100] {
      _ = try run.save(try RunExamples.checkpoint(step: step), retention: Retention(last: 3))
    }
    let names = try RunDirectory.checkpoints(in: run.path).compactMap { $0.lastComponent?.string }
    #expect(
      names == ["step-000000000009.h5", "step-000000000010.h5", "step-000000000100.h5"]
    )
    let newest = try RunDirectory.newest(in: run.path)
    #expect(newest.skipped.isEmpty)
    #expect(try weight(newest.checkpoint) == [100])
  }

  @Test("A new process knows the metrics and times of the checkpoints that it finds")
  func retentionAfterResume() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    let values = [(1, 0.5), (2, 0.1), (3, .nan), (4, 0.3)].map { (step: $0, value: $1) }
    for count in values.indices {
      // Opened anew for every save: nothing is remembered but what the files say.
      let run =
        try count == 0
        ? RunDirectory(creating: path, configuration: [:]) : RunDirectory(opening: path)
      _ = try run.save(
        try RunExamples.checkpoint(
          step: values[count].step,
          time: "2026-01-02T03:0\(count):00Z",
          losses: Array(values[...count])
        ),
        retention: Retention(best: .init(1, by: "loss", .min), everyMinutes: 3)
      )
    }
    #expect(try RunExamples.steps(in: path) == [1, 2, 4])
    let run = try RunDirectory(opening: path)
    // In the middle of an epoch there is no row of this very step.
    _ = try run.save(
      try RunExamples.checkpoint(step: 5, losses: values),
      retention: Retention(best: .init(1, by: "loss", .min))
    )
    #expect(try RunExamples.steps(in: path) == [2, 5])
  }

  @Test("A damaged checkpoint counts for nothing, and goes when a newer one is durable")
  func retentionWithDamage() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    do {
      let run = try RunDirectory(creating: path, configuration: [:])
      for step in 1...4 {
        _ = try run.save(try RunExamples.checkpoint(step: step), retention: .init(last: 9))
      }
    }
    let files = try RunDirectory.checkpoints(in: path)
    try AtomicFile.write([1, 2, 3], to: files[2])
    try AtomicFile.write(try OpenFile.contents(of: files[0]), to: files[3])
    let run = try RunDirectory(opening: path)
    _ = try run.save(try RunExamples.checkpoint(step: 5), retention: .init(last: 3))
    #expect(try RunExamples.steps(in: path) == [1, 2, 5])
  }

  /// A save that fails when all that comes before writing is done.
  private func failToSave(in run: borrowing RunDirectory, step: Int) throws {
    var checkpoint = try RunExamples.checkpoint(step: step)
    // More than fits into an attribute.
    checkpoint.parameters["w"]?.axes = [String(repeating: "a", count: 70_000)]
    do throws(FlywheelError) {
      _ = try run.save(checkpoint, retention: .init(last: 2))
      Issue.record("it was saved")
    } catch {
      #expect(error.code == .invalidArgument)
    }
  }

  @Test("What a killed process had not tidied up goes before there is one file more")
  func untidied() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    do {
      let run = try RunDirectory(creating: path, configuration: [:])
      for step in 1...4 {
        _ = try run.save(try RunExamples.checkpoint(step: step), retention: .init(last: 9))
      }
    }
    let run = try RunDirectory(opening: path)
    // Nothing is deleted by a process that has read nothing whole.
    try failToSave(in: run, step: 5)
    #expect(try RunExamples.steps(in: path) == [1, 2, 3, 4])
    _ = try run.newest()
    try failToSave(in: run, step: 5)
    #expect(try RunExamples.steps(in: path) == [3, 4])
  }

  @Test("A checkpoint whose tensors are damaged never costs the whole one before it")
  func damagedTensor() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    do {
      let run = try RunDirectory(creating: path, configuration: [:])
      for step in 1...4 {
        _ = try run.save(try RunExamples.checkpoint(step: step), retention: .init(last: 9))
      }
    }
    let files = try RunDirectory.checkpoints(in: path)
    for (file, step) in [(files[2], 3), (files[3], 4)] {
      var bytes = try OpenFile.contents(of: file)
      let pattern = Float(step).bitPattern
      let value = (0..<4).map { UInt8(truncatingIfNeeded: pattern >> (8 * $0)) }
      let place = try #require(
        bytes.indices.dropLast(3).first { $0 % 64 == 0 && Array(bytes[$0..<$0 + 4]) == value }
      )
      bytes[place] ^= 1
      try AtomicFile.write(bytes, to: file)
    }
    let run = try RunDirectory(opening: path)
    #expect(try run.newest().path == files[1])
    try failToSave(in: run, step: 3)
    #expect(try RunDirectory.newest(in: path).path == files[1])
    _ = try run.save(try RunExamples.checkpoint(step: 3), retention: .init(last: 2))
    #expect(try RunExamples.steps(in: path) == [2, 3])
  }

  @Test("A save never goes back behind a checkpoint that is whole, or may be")
  func goingBack() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    func saveStep2(in run: borrowing RunDirectory) throws {
      let early = try RunExamples.checkpoint(step: 2)
      do throws(FlywheelError) {
        _ = try run.save(early, retention: .init(last: 1))
        Issue.record("it was saved")
      } catch {
        #expect(error.code == .alreadyExists)
      }
      #expect(try RunExamples.steps(in: path) == [3])
    }
    do {
      let run = try RunDirectory(creating: path, configuration: [:])
      _ = try run.save(try RunExamples.checkpoint(step: 3), retention: .init(last: 1))
      try saveStep2(in: run)
    }
    // A process that forgot to look at what is there.
    let run = try RunDirectory(opening: path)
    try saveStep2(in: run)
    _ = try run.newest()
    try saveStep2(in: run)
    _ = try run.save(try RunExamples.checkpoint(step: 3), retention: .init(last: 1))
  }

  @Test("A checkpoint that cannot be judged is neither counted nor deleted")
  func retentionWithUnreadable() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    let run = try RunDirectory(creating: path, configuration: [:])
    _ = try run.save(try RunExamples.checkpoint(step: 2), retention: .init(last: 1))
    let foreign = path.appending("checkpoints/step-000000000001.h5")
    // Whole, but no checkpoint: its document is missing.
    try HDF5Archive.write(Archive(), to: foreign)
    _ = try run.save(try RunExamples.checkpoint(step: 3), retention: .init(last: 1))
    #expect(try RunExamples.steps(in: path) == [1, 3])
  }

  @Test("The newest whole checkpoint is found by looking, and damaged ones are named")
  func damagedNewest() throws {
    let temporary = try TemporaryDirectory()
    let run = try RunDirectory(creating: temporary.path.appending("run"), configuration: [:])
    var files: [FilePath] = []
    for step in 1...4 {
      files.append(
        try run.save(try RunExamples.checkpoint(step: step), retention: Retention(last: 9))
      )
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
    let file = try run.save(try RunExamples.checkpoint(step: 1), retention: Retention(last: 1))
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
      _ = try run.save(try RunExamples.checkpoint(step: 1), retention: Retention(last: 1))
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

  @Test(
    "A save that cannot fit is refused before anything is written",
    arguments: [(nil, true), (0, false), (1 << 20, false), ((1 << 20) + 1027, false)]
      + [((1 << 20) + 1028, true), (.max, true)] as [(Int?, Bool)]
  )
  func space(available: Int?, fits: Bool) throws {
    let archive = Archive(tensors: ["t": try Tensor(vector: [1] as [Float])])
    let file: FilePath = "run/checkpoints/step-000000000001.h5"
    do throws(FlywheelError) {
      try CheckpointStore.requireSpace(for: archive, available: available, at: file)
      #expect(fits)
    } catch {
      #expect(!fits)
      #expect(error.code == .noSpace)
      #expect(error.location.path == file)
      #expect(error.message.contains("needs 1049604 bytes, and \(available ?? 0) are free"))
    }
  }
}
