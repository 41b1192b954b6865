import FlywheelCheckpoint
import FlywheelCore
import FlywheelRun
import FlywheelTestSupport
import SystemPackage
import Testing

@Suite("Saving behind training")
struct RunSaverTests {
  private struct Stumble: Error, Equatable {}

  private func newRun(_ temporary: TemporaryDirectory) throws -> RunDirectory {
    try RunDirectory(creating: temporary.path.appending("run"), configuration: [:])
  }

  private func unexpected(_ error: FlywheelError) {
    Issue.record("reported: \(error)")
  }

  /// Makes every save fail until it is undone: the checkpoints' directory is away.
  private func hideCheckpoints(of run: FilePath) throws {
    try FileSystem.removeFile(run.appending("checkpoints/step-000000000000.h5"))
    FileSystem.removeEmptyDirectory(run.appending("checkpoints"))
  }

  @Test(
    "Saves end one after the other, and finishing waits for the last",
    arguments: [true, false]
  )
  func order(isInBackground: Bool) throws {
    let temporary = try TemporaryDirectory()
    let run = try newRun(temporary)
    let saver = RunSaver(
      for: run,
      policy: SavePolicy(retention: .init(last: 2), isInBackground: isInBackground)
    )
    #expect(saver.newest == nil)
    for step in 1...20 {
      try saver.save(try RunExamples.checkpoint(step: step), report: unexpected)
      try saver.poll(report: unexpected)
      // The save before has ended, retention and all; only this one may be under way.
      let steps = Set(try RunExamples.steps(in: run.path)).subtracting([step])
      #expect(steps.isSubset(of: [step - 2, step - 1]) && steps.contains(step - 1) || step == 1)
    }
    let newest = try saver.finish()
    #expect(newest == run.path.appending("checkpoints/step-000000000020.h5"))
    #expect(saver.newest == newest)
    #expect(try RunExamples.steps(in: run.path) == [19, 20])
  }

  @Test("A saver that is dropped has ended its save, and only then the run is free")
  func dropping() throws {
    let temporary = try TemporaryDirectory()
    let path = temporary.path.appending("run")
    do {
      let saver = RunSaver(for: try newRun(temporary))
      let busy = #expect(throws: FlywheelError.self) { _ = try RunDirectory(opening: path) }
      #expect(busy?.code == .busy)
      try saver.save(try RunExamples.checkpoint(step: 7), report: unexpected)
    }
    #expect(try RunExamples.steps(in: path) == [7])
    _ = try RunDirectory(opening: path)
  }

  @Test("A failure behind training is told once, by the next call")
  func stopping() throws {
    let temporary = try TemporaryDirectory()
    let run = try newRun(temporary)
    let saver = RunSaver(for: run, policy: SavePolicy(onFailure: .stop))
    try saver.save(try RunExamples.checkpoint(step: 0), report: unexpected)
    try saver.finish()
    try hideCheckpoints(of: run.path)
    try saver.save(try RunExamples.checkpoint(step: 1), report: unexpected)
    let next = #expect(throws: FlywheelError.self) {
      try saver.save(try RunExamples.checkpoint(step: 2), report: unexpected)
    }
    #expect(next?.location.path == run.path.appending("checkpoints/step-000000000001.h5"))
    try saver.poll(report: unexpected)
    #expect(throws: FlywheelError.self) { try saver.finish() }
  }

  @Test("Training that goes on hears of each failure, and the next save tries again")
  func goingOn() throws {
    let temporary = try TemporaryDirectory()
    let run = try newRun(temporary)
    let saver = RunSaver(for: run, policy: SavePolicy(isInBackground: false, onFailure: .goOn))
    try saver.save(try RunExamples.checkpoint(step: 0), report: unexpected)
    try hideCheckpoints(of: run.path)
    var reported: [FlywheelError.Code] = []
    for step in 1...2 {
      try saver.save(try RunExamples.checkpoint(step: step)) { reported.append($0.code) }
    }
    #expect(reported == [.notFound, .notFound])
    // Nothing comes after the end that could try again.
    #expect(throws: FlywheelError.self) { try saver.finish() }
    try FileSystem.createDirectory(run.path.appending("checkpoints"))
    try saver.save(try RunExamples.checkpoint(step: 3), report: unexpected)
    try saver.finish()
    #expect(try RunExamples.steps(in: run.path) == [3])
  }

  @Test("What throws is saved first, and its error goes on as it is")
  func errorInTraining() throws {
    let temporary = try TemporaryDirectory()
    let run = try newRun(temporary)
    let saver = RunSaver(for: run)
    let state = try RunExamples.checkpoint(step: 5)
    #expect(throws: Stumble()) {
      try saver.savingOnError({ state }, report: unexpected, body: { throw Stumble() })
    }
    #expect(try RunExamples.steps(in: run.path) == [5])
    let value = saver.savingOnError({ nil }, report: unexpected, body: { 42 })
    #expect(value == 42)
  }

  @Test("A state that cannot be saved does not hide why training ended")
  func errorInSaving() throws {
    let temporary = try TemporaryDirectory()
    let run = try newRun(temporary)
    let saver = RunSaver(for: run)
    try saver.save(try RunExamples.checkpoint(step: 0), report: unexpected)
    try saver.finish()
    try hideCheckpoints(of: run.path)
    let state = try RunExamples.checkpoint(step: 1)
    let refusal = FlywheelError(.diverged, "no state")
    var reported: [FlywheelError.Code] = []
    #expect(throws: Stumble()) {
      try saver.savingOnError(
        { state },
        report: { reported.append($0.code) },
        body: { throw Stumble() }
      )
    }
    #expect(throws: Stumble()) {
      try saver.savingOnError(
        { () throws(FlywheelError) in throw refusal },
        report: { reported.append($0.code) },
        body: { throw Stumble() }
      )
    }
    #expect(reported == [.notFound, .diverged])
  }
}
