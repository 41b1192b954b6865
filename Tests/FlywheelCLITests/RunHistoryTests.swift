import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelPlot
import FlywheelRun
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelCLI

@Suite("Histories of runs")
struct RunHistoryTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func history(
    _ path: String,
    _ rows: [(Int, OrderedDictionary<String, Double>)]
  ) -> RunHistory {
    RunHistory(path: FilePath(path), rows: rows.map { .init(step: $0.0, values: $0.1) })
  }

  /// Saves a checkpoint whose history has a loss at each of the steps.
  private func save(_ steps: [Int], in run: borrowing RunDirectory) throws {
    var history = History()
    for step in steps { try history.append(step: step, ["loss": 1 / Double(step)]) }
    let checkpoint = Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: ["w": Parameter(value: try Tensor(vector: [Float(1)]), group: 0, axes: ["out"])],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [ParameterGroup(hyperparameters: .init(learningRate: 0.1))],
        step: steps.last ?? 0,
        sizes: .init(batch: 1, training: 1),
        slots: [:]
      ),
      progress: Progress(),
      history: history
    )
    _ = try run.save(checkpoint, retention: Retention(last: 3))
  }

  @Test("The checkpoint's rows come first, then the newer lines of the log, but not a half one")
  func merging() throws {
    let path = directory.path.appending("run")
    let run = try RunDirectory(creating: path, configuration: [:])
    try save([1, 2], in: run)
    let log = """
      {"step":2,"loss":99}
      {"step":3,"loss":0.25,"note":null}
      not JSON
      {"step":4,"loss":{"float64":"0x7ff0000000000000"},"extra":7}
      {"step":4,"loss":0.125}
      {"step":-1,"loss":1}
      {"loss":1}
      {"step":5,"lo
      """
    try directory.write(Array(log.utf8), to: "run/metrics.jsonl")
    let history = try RunHistory(reading: path)
    #expect(history.rows.map(\.step) == [1, 2, 3, 4])
    #expect(history.rows.map { $0.values["loss"] } == [1, 0.5, 0.25, 0.125])
    #expect(history.warnings.count == 1)
    #expect(history.saved?.step == 2)
  }

  @Test("A run that has saved nothing yet has the history of its log")
  func logOnly() throws {
    let path = directory.path.appending("run")
    _ = try RunDirectory(creating: path, configuration: [:])
    try directory.write(Array("{\"step\":1,\"loss\":2}\n".utf8), to: "run/metrics.jsonl")
    #expect(try RunHistory(reading: path).rows.map(\.step) == [1])
  }

  @Test("A damaged checkpoint is named, and its history is not lost")
  func damagedCheckpoint() throws {
    let path = directory.path.appending("run")
    let run = try RunDirectory(creating: path, configuration: [:])
    try directory.write(Array("{\"step\":1,\"loss\":2}\n".utf8), to: "run/metrics.jsonl")
    try directory.write([1, 2, 3], to: "run/checkpoints/step-000000000001.h5")
    let alone = try RunHistory(reading: path)
    #expect(alone.rows.map(\.step) == [1])
    #expect(alone.warnings.count == 1)
    try save([1, 2], in: run)
    try directory.write([1, 2, 3], to: "run/checkpoints/step-000000000009.h5")
    let older = try RunHistory(reading: path)
    #expect(older.rows.map(\.step) == [1, 2])
    #expect(older.warnings.count == 1)
  }

  @Test("What has no history says why")
  func nothing() throws {
    let path = directory.path.appending("run")
    let absent = #expect(throws: FlywheelError.self) { try RunHistory(reading: path) }
    #expect(absent?.message.contains("no such run") == true)
    _ = try RunDirectory(creating: path, configuration: [:])
    let early = #expect(throws: FlywheelError.self) { try RunHistory(reading: path) }
    #expect(early?.message.contains("has not finished an epoch") == true)
    let foreign = #expect(throws: FlywheelError.self) {
      try RunHistory(reading: path.appending("checkpoints"))
    }
    #expect(foreign?.message.contains("no run") == true)
    #expect([absent, early, foreign].allSatisfy { $0?.code == .notFound })
  }

  @Test(
    "A name says kind and part",
    arguments: [
      ("training_loss", "loss", "training", "loss/training"),
      ("test_top5_accuracy", "accuracy", "test_top5", "accuracy/test_top5"),
      ("loss", "loss", nil, "loss"), ("_loss", "_loss", nil, "_loss"),
      ("learning_rate", "learning_rate", nil, "learning_rate"), ("gloss", "gloss", nil, "gloss"),
    ] as [(String, String, String?, String)]
  )
  func metricNames(_ name: String, _ kind: String, _ part: String?, _ tag: String) {
    #expect(MetricName(name).kind == kind)
    #expect(MetricName(name).part == part)
    #expect(MetricName(name).tag == tag)
  }

  @Test(
    "Runs are told apart by as little of their paths as it takes",
    arguments: [
      (["/a/runs/1"], ["1"]), (["runs/1", "runs/2"], ["1", "2"]),
      (["/x/a/1", "/x/b/1"], ["a/1", "b/1"]), (["/x/1", "/x/1/2"], ["1", "1/2"]),
      (["/x/./1/", "/x/y/../2"], ["1", "2"]),
    ]
  )
  func names(_ paths: [String], _ expected: [String]) {
    #expect(HistorySet.names(of: paths.map { FilePath($0) }) == expected)
  }

  @Test("A selection takes metrics and kinds, and names what there is instead of what there is not")
  func selection() throws {
    let run = history(
      "1",
      [(1, ["epoch": 1, "training_loss": 2, "validation_loss": 3, "rate": 4])]
    )
    #expect(try HistorySet([run]).metrics == ["training_loss", "validation_loss", "rate"])
    #expect(try HistorySet([run], selection: ["loss"]).metrics.count == 2)
    #expect(try HistorySet([run], selection: ["rate"]).metrics == ["rate"])
    let error = #expect(throws: FlywheelError.self) {
      try HistorySet([run], selection: ["accuracy"])
    }
    #expect(error?.message.contains("training_loss, validation_loss, rate") == true)
  }

  @Test("A table quotes what needs it, and leaves empty what is missing")
  func table() throws {
    let set = try HistorySet([
      history("a,\"b\"", [(1, ["epoch": 1, "loss": 0.1]), (2, ["epoch": 2, "loss": .nan])]),
      history("c", [(10, ["x,y": 1e-7, "loss": 3])]),
    ])
    #expect(
      HistoryCSV.text(set) == """
        run,step,epoch,loss,"x,y"
        "a,""b\""",1,1,0.1,
        "a,""b\""",2,2,nan,
        c,10,,3,1e-07

        """
    )
  }

  @Test("Every kind has its panel, in order; of several runs the training is pale")
  func panels() throws {
    let values: OrderedDictionary = [
      "epoch": 1.0, "norm": 3, "learning_rate": 0.1, "training_loss": 1, "training_accuracy": 0.5,
      "validation_loss": 2, "validation_accuracy": 0.25,
    ]
    let one = HistoryChart(try HistorySet([history("runs/1", [(1, values)])]), .epoch).chart()
    #expect(one.panels.map(\.title) == ["loss", "accuracy", "learning rate", "norm"])
    #expect(one.panels[0].series.map(\.label) == ["training: 1", "validation: 2"])
    #expect(Set(one.panels[0].series.map(\.style)).count == 2)
    #expect(one.legend.isEmpty)
    let pair = try HistorySet([history("1", [(1, values)]), history("2", [(1, values)])])
    let two = HistoryChart(pair, .step).chart()
    #expect(two.panels[0].series.map(\.style.isFaint) == [true, true, false, false])
    #expect(two.legend.map(\.name) == ["1", "2"])
    #expect(HistoryChart(pair, .step).chart(isBrief: true).panels[0].series.count == 2)
  }

  @Test(
    "Losses over several powers of ten are shown by their ratios",
    arguments: [([1, 0.5], false), ([1, 0.001], true), ([1, 0], false), ([.nan, 1], false)]
      as [([Double], Bool)]
  )
  func logarithms(_ losses: [Double], _ isLogarithmic: Bool) throws {
    let rows = losses.enumerated()
      .map { ($0.offset, ["loss": $0.element] as OrderedDictionary<String, Double>) }
    let chart = HistoryChart(try HistorySet([history("1", rows)]), .step).chart()
    #expect((chart.panels[0].scale == .logarithmic) == isLogarithmic)
  }

  @Test("Rows count back and on from the checkpoint by the seconds of the epochs between")
  func rowTimes() {
    var run = history("1", [(10, [:]), (20, [:]), (30, [:])])
    run.seconds = [10: 4, 20: 2, 30: 1]
    run.saved = ("1970-01-01T00:01:40Z", 20)
    #expect(RunTimes(run).rows == [98, 100, 101])
    #expect(RunTimes(run).start == 94)
    run.saved = ("1970-01-01T00:01:40Z", 35)
    #expect(RunTimes(run).rows == [97, 99, 100])
    run.seconds = [:]
    #expect(RunTimes(run).rows == [100, 100, 100])
    run.saved = nil
    #expect(RunTimes(run).rows == [0, 0, 0])
  }
}
