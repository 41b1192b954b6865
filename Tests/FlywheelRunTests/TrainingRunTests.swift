// What a stranger's trainer needs comes from `import FlywheelRun` alone; the rest here is for looking.
import FlywheelCheckpoint
import FlywheelCore
import FlywheelRun
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@Suite("Somebody else's trainer")
struct TrainingRunTests {
  /// A trainer with state of every kind, in containers of every kind.
  private struct Model: Equatable {
    var step = 0
    var epoch = 0
    var rate = 0.5
    var slowRate = 0.25
    var weight: [Float] = [1, 2, 3, 4, 5, 6]
    var bias: ContiguousArray<Double> = [0.5, -0.0]
    var table = Ring(elements: [7, 8, 9])
    var velocity: [Float] = [6, 5, 4, 3, 2, 1]
    var square: [Double]?
    var words: [UInt64] = [1, .max]
    var lossSum = 0.1 + 0.2
    var patience = 3
    var note = "über"

    mutating func describe(_ state: inout TrainingState) throws {
      try state.step(&step)
      try state.epoch(&epoch)
      try state.hyperparameter("learning_rate", &rate)
      try state.hyperparameter("learning_rate", &slowRate, group: 1)
      try state.parameter("a/b", &weight, shape: [2, 3], axes: ["out", "in"])
      try state.parameter("bias", &bias, group: 1)
      try state.parameter("table", &table)
      try state.slot("velocity", of: "a/b", &velocity)
      try state.slot("square", of: "bias", &square)
      try state.random("shuffle", &words, generator: "splitmix64")
      try state.value("loss_sum", &lossSum)
      try state.value("patience", &patience)
      try state.value("note", &note)
    }

    static let blank = Model(
      rate: 0,
      slowRate: 0,
      weight: .init(repeating: 0, count: 6),
      bias: [0, 0],
      table: Ring(elements: [0, 0, 0]),
      velocity: .init(repeating: 0, count: 6),
      square: [9, 9],
      words: [0, 0],
      lossSum: 0,
      patience: 0,
      note: ""
    )
  }

  /// Elements that do not lie in a row that could be copied at once.
  private struct Ring: MutableCollection, Equatable {
    var elements: [Int32]
    var startIndex: Int { 0 }
    var endIndex: Int { elements.count }
    func index(after index: Int) -> Int { index + 1 }
    subscript(index: Int) -> Int32 {
      get { elements[index] }
      set { elements[index] = newValue }
    }
  }

  private func newPath() throws -> (TemporaryDirectory, String) {
    let temporary = try TemporaryDirectory()
    return (temporary, temporary.path.appending("run").string)
  }

  private func error(_ body: () throws -> Void) -> FlywheelError? {
    #expect(throws: FlywheelError.self, performing: body)
  }

  @Test("What one call names is saved, and restored by a new process")
  func roundTrip() throws {
    let (temporary, path) = try newPath()
    _ = temporary
    var model = Model()
    model.step = 12
    model.epoch = 2
    do {
      let run = try TrainingRun(at: path, rule: "mine")
      #expect(try !run.restore { try model.describe(&$0) })
      try run.save { try model.describe(&$0) }
      // A buffer that is made at the first step is there from then on.
      model.step = 13
      model.square = [0.25, 4]
      try run.save { try model.describe(&$0) }
      try run.finish()
    }
    var copy = Model.blank
    let run = try TrainingRun(at: path, rule: "mine")
    #expect(try run.restore { try copy.describe(&$0) })
    #expect(copy == model)
    #expect(copy.bias[1].sign == .minus)
    let files = try RunDirectory.checkpoints(in: FilePath(path))
    let first = try CheckpointFile.verify(try #require(files.first))
    #expect(first.optimizer.slots["square"] == nil)
    #expect(first.parameters["a/b"]?.axes == ["out", "in"])
    #expect(first.parameters["bias"]?.group == 1)
    #expect(first.generator == "splitmix64")
    #expect(first.saved.run == run.restored?.saved.run)
  }

  @Test("Memory that the trainer owns is read and written in place")
  func pointers() throws {
    let (temporary, path) = try newPath()
    _ = temporary
    let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
    defer { unsafe memory.deallocate() }
    unsafe memory.initialize(repeating: 2)
    func describe(_ state: inout TrainingState) throws {
      var step = 1
      var rate = 0.1
      var values = unsafe memory
      try state.step(&step)
      try state.hyperparameter("learning_rate", &rate)
      try unsafe state.parameter("w", &values, shape: [2, 2])
    }
    do {
      let run = try TrainingRun(at: path, rule: "mine")
      try run.save(describe)
      // The copy has been taken: what comes after is not saved.
      unsafe memory.update(repeating: 3)
      try run.finish()
    }
    try TrainingRun(at: path, rule: "mine").restore(describe)
    #expect(unsafe Array(memory) == [2, 2, 2, 2])
  }

  @Test("A state that does not fit says which part")
  func misfit() throws {
    let (temporary, path) = try newPath()
    _ = temporary
    var model = Model()
    do {
      let run = try TrainingRun(at: path, rule: "mine")
      try run.save { try model.describe(&$0) }
      try run.finish()
    }
    let run = try TrainingRun(at: path, rule: "mine")
    var doubles: [Double] = .init(repeating: 0, count: 6)
    var short: [Float] = [1, 2]
    var words: [UInt64] = [1]
    let cases: [(FlywheelError.Code, String?, (inout TrainingState) throws -> Void)] = [
      (.mismatch, "model/a%2Fb", { try $0.parameter("a/b", &doubles, shape: [2, 3]) }),
      (.mismatch, "model/a%2Fb", { try $0.parameter("a/b", &model.weight, shape: [3, 2]) }),
      (.mismatch, "model/a%2Fb", { try $0.parameter("a/b", &short, shape: [2, 3]) }),
      (.notFound, "model/c", { try $0.parameter("c", &short) }),
      (.notFound, "optimizer/m/bias", { try $0.slot("m", of: "bias", &short) }),
      (.notFound, "optimizer/velocity/c", { try $0.slot("velocity", of: "c", &short) }),
      (.mismatch, "random/shuffle", { try $0.random("shuffle", &words, generator: "splitmix64") }),
      (.notFound, "random/dropout", { try $0.random("dropout", &words, generator: "splitmix64") }),
      (.notFound, nil, { try $0.hyperparameter("momentum", &model.rate) }),
      (.notFound, nil, { try $0.hyperparameter("learning_rate", &model.rate, group: 2) }),
      (.notFound, nil, { try $0.value("note", &model.lossSum) }),
      (.notFound, nil, { try $0.value("loss_sum", &model.patience) }),
      (.notFound, nil, { try $0.value("nothing", &model.note) }),
    ]
    for (code, tensor, describe) in cases {
      let found = error { try run.restore(describe) }
      #expect(found?.code == code)
      #expect(found?.location.tensor == tensor)
      #expect(found?.location.path == FilePath(path))
    }
    _ = consume run
    let other = try TrainingRun(at: path, rule: "other")
    #expect(error { try other.restore { try model.describe(&$0) } }?.code == .mismatch)
  }

  @Test("A state that could not be restored is refused before anything is written")
  func incomplete() throws {
    let (temporary, path) = try newPath()
    let run = try TrainingRun(at: path, rule: "mine")
    var (step, rate, values) = (1, 0.1, [1, 2] as [Float])
    var (negative, nan) = (-1, Double.nan)
    var none: [Float] = []
    let cases: [(inout TrainingState) throws -> Void] = [
      { try $0.hyperparameter("learning_rate", &rate) },
      { try $0.step(&negative) },
      {
        try $0.step(&step)
        try $0.parameter("w", &values)
      },
      {
        try $0.step(&step)
        try $0.hyperparameter("learning_rate", &nan)
      },
      { try $0.parameter("w", &values, shape: [3]) },
      { try $0.parameter("w", &values, axes: []) },
      { try $0.parameter("w", &values, group: -1) },
      { try $0.parameter("", &values) },
      { try $0.parameter("w", &none, shape: [-1, 0]) },
      {
        try $0.parameter("w", &values)
        try $0.parameter("w", &values)
      },
      { try $0.slot("m", of: "w", &values) },
      { try $0.step(&step) },
      {
        try $0.hyperparameter("learning_rate", &rate)
        try $0.hyperparameter("learning_rate", &rate)
      },
      { try $0.hyperparameter("initial_learning_rate", &rate) },
      { try $0.hyperparameter("last_learning_rate", &rate) },
      {
        try $0.value("count", &step)
        try $0.value("count", &rate)
      },
    ]
    for describe in cases {
      #expect(error { try run.save(describe) } != nil)
    }
    try run.finish()
    #expect(try temporary.names() == ["run"])
    #expect(try RunDirectory.checkpoints(in: FilePath(path)).isEmpty)
    _ = consume run
    // The names of Flywheel's own rules are promises.
    let known = try TrainingRun(at: path, rule: "adam")
    let promise = error {
      try known.save {
        try $0.step(&step)
        try $0.hyperparameter("learning_rate", &rate)
      }
    }
    #expect(promise?.code == .invalidArgument)
  }

  @Test("A number that goes wrong later is refused, too, before it pushes out what is whole")
  func laterMisfit() throws {
    let (temporary, path) = try newPath()
    let run = try TrainingRun(at: path, rule: "mine")
    var rate = 0.1
    func save(_ step: Int) throws {
      var step = step
      try run.save {
        try $0.step(&step)
        try $0.hyperparameter("learning_rate", &rate)
      }
    }
    try save(1)
    rate = .nan
    for step in 2...4 { #expect(error { try save(step) }?.code == .invalidArgument) }
    try run.finish()
    #expect(try temporary.names() == ["run"])
    #expect(try RunDirectory.newest(in: FilePath(path)).checkpoint.optimizer.step == 1)
  }

  @Test("A trainer that forgot to restore cannot save over what it was to go on from")
  func forgotten() throws {
    let (temporary, path) = try newPath()
    var (step, rate) = (5, 0.1)
    func save(in run: TrainingRun) throws {
      try run.save {
        try $0.step(&step)
        try $0.hyperparameter("learning_rate", &rate)
      }
      try run.finish()
    }
    try save(in: try TrainingRun(at: path, rule: "mine"))
    step = 1
    let again = try TrainingRun(at: path, rule: "mine")
    #expect(error { try save(in: again) }?.code == .alreadyExists)
    #expect(try temporary.names() == ["run"])
    #expect(try RunExamples.steps(in: FilePath(path)) == [5])
  }

  @Test("Metrics are logged, kept by, and cut back to what a resume goes on from")
  func metrics() throws {
    let (temporary, path) = try newPath()
    var model = Model()
    let policy = SavePolicy(retention: .init(last: 1, best: .init(1, by: "loss", .min)))
    func steps() throws -> [Int] { try RunExamples.steps(in: FilePath(path)) }
    do {
      let run = try TrainingRun(
        at: path,
        rule: "mine",
        configuration: ["epochs": 5],
        policy: policy
      )
      for (step, loss) in [(10, 0.5), (20, 0.25), (30, .nan)] {
        model.step = step
        try run.log(step: step, ["loss": loss, "rate": 1])
        try run.save { try model.describe(&$0) }
      }
      try run.log(step: 40, ["loss": 0.125, "rate": 1])
      try run.finish()
      #expect(try steps() == [20, 30])
      #expect(error { try run.log(step: 40, ["loss": 0, "rate": 1]) }?.code == .mismatch)
      #expect(error { try run.log(step: 50, ["loss": 0]) }?.code == .mismatch)
      #expect(error { try run.log(step: 50, ["step": 0]) }?.code == .invalidArgument)
      #expect(error { try run.log(step: 50, ["a": 0, "a": 1]) }?.code == .invalidArgument)
      try run.log(step: 50, [:])
    }
    let run = try TrainingRun(at: path, rule: "mine", configuration: ["epochs": 9], policy: policy)
    let text = String(decoding: try temporary.read("run/metrics.jsonl"), as: UTF8.self)
    #expect(text.split(separator: "\n").count == 3)
    #expect(run.restored?.progress.best == .init(metric: "loss", value: 0.25, step: 20))
    #expect(RunSummary(of: FilePath(path)).epochs == 9)
    model.step = 40
    try run.log(step: 40, ["rate": 1, "loss": 0.0625])
    try run.save { try model.describe(&$0) }
    try run.finish()
    #expect(try steps() == [40])
  }

  @Test("Metrics that could not be written can be logged again")
  func logging() throws {
    let (temporary, path) = try newPath()
    var model = Model()
    let run = try TrainingRun(at: path, rule: "mine")
    try run.log(step: 10, ["loss": 0.5, "rate": 1])
    let log = FilePath(path).appending("metrics.jsonl")
    try FileSystem.removeFile(log)
    try FileSystem.createDirectory(log)
    #expect(error { try run.log(step: 20, ["rate": 1, "loss": 0.25]) }?.code == .inputOutput)
    FileSystem.removeEmptyDirectory(log)
    try run.log(step: 20, ["rate": 1, "loss": 0.25])
    #expect(
      String(decoding: try temporary.read("run/metrics.jsonl"), as: UTF8.self)
        == "{\"step\":20,\"rate\":1.0,\"loss\":0.25}\n"
    )
    model.step = 20
    try run.save { try model.describe(&$0) }
    try run.finish()
    let checkpoint = try RunDirectory.newest(in: FilePath(path)).checkpoint
    #expect(checkpoint.history.steps == [10, 20])
    #expect(checkpoint.history.metrics == ["rate": [1, 1], "loss": [0.5, 0.25]])
  }

  @Test("Training that throws is saved first")
  func errors() throws {
    struct Stumble: Error, Equatable {}
    let (temporary, path) = try newPath()
    _ = temporary
    var model = Model()
    var reported = 0
    let run = try TrainingRun(at: path, rule: "mine", report: { _ in reported += 1 })
    #expect(throws: Stumble()) {
      try run.savingOnError(
        { try model.describe(&$0) },
        body: {
          model.step = 77
          throw Stumble()
        }
      )
    }
    #expect(run.newest?.lastComponent?.string == "step-000000000077.h5")
    #expect(throws: Stumble()) {
      try run.savingOnError({ _ in throw Stumble() }, body: { throw Stumble() })
    }
    #expect(reported == 1)
  }
}
