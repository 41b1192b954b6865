public import FlywheelCore
public import FlywheelOptim
public import OrderedCollections

/// A training state: all that a run needs to go on as if it had never stopped.
public struct Checkpoint: Sendable {
  /// Which program wrote it.
  public var writer: String
  /// Which run wrote it, and when: the only part that two equal runs differ in.
  public var saved: Saved
  /// The parameters of the model, in order.
  public var parameters: OrderedDictionary<String, Parameter>
  /// The optimizer.
  public var optimizer: OptimizerState
  /// How the learning rate changes; nil if the trainer did not say.
  public var schedule: Schedule?
  /// How far training has come.
  public var progress: Progress
  /// The name of the random generator whose states follow.
  public var generator: String
  /// The states of the random streams: of Flywheel's own generator seven words each, as
  /// `Philox.words` has them.
  public var random: OrderedDictionary<String, [UInt64]>
  /// The data; nil if the trainer did not say.
  public var data: DataDescription?
  /// What computed it; nil if the trainer did not say.
  public var backend: Backend?
  /// The metrics so far.
  public var history: History
  /// What the trainer itself needs to go on, in its own words; `null` if nothing.
  public var trainer: JSONValue
  /// Where its arrays lie in a file of another program's names; nil for Flywheel's own.
  ///
  /// `optimizer.dialect` names the same dialect.
  public var layout: CheckpointLayout?

  /// The version of the layout that this Flywheel writes, and the newest that it reads.
  public static let schema = 3

  /// The name of the generator that Flywheel's own trainer uses: `Philox`.
  public static let philox = "philox4x64-10"

  /// Who saved a checkpoint, and when.
  public struct Saved: Sendable, Hashable {
    /// The identity of the run: 32 hexadecimal digits.
    public var run: String
    /// The time, as RFC 3339 has it, in UTC.
    public var time: String

    /// Creates a record.
    public init(run: String, time: String) {
      self.run = run
      self.time = time
    }

    init(_ source: JSONObject) throws(FlywheelError) {
      var object = source
      run = try object.string("run")
      time = try object.string("time")
      try object.refuseOtherMembers()
      let digits = "0123456789abcdef"
      guard run.utf8.count == 32, run.allSatisfy({ digits.contains($0) }) else {
        throw FlywheelError.malformed(
          found: "the run '\(run)'",
          expected: "32 lower-case hexadecimal digits"
        )
      }
      guard Self.isTimestamp(time) else {
        throw FlywheelError.malformed(
          found: "the time '\(time)'",
          expected: "one like 2026-01-02T03:04:05Z"
        )
      }
    }

    private static func isTimestamp(_ text: String) -> Bool {
      let pattern = "0000-00-00T00:00:00Z".utf8
      return text.utf8.count == pattern.count
        && zip(text.utf8, pattern).allSatisfy { byte, expected in
          expected == UInt8(ascii: "0")
            ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == expected
        }
    }
  }

  /// Creates a checkpoint.
  public init(
    writer: String = Flywheel.writer,
    saved: Saved,
    parameters: OrderedDictionary<String, Parameter>,
    optimizer: OptimizerState,
    schedule: Schedule? = nil,
    progress: Progress,
    generator: String = Checkpoint.philox,
    random: OrderedDictionary<String, [UInt64]> = [:],
    data: DataDescription? = nil,
    backend: Backend? = nil,
    history: History = History(),
    trainer: JSONValue = .null,
    layout: CheckpointLayout? = nil
  ) {
    self.writer = writer
    self.saved = saved
    self.parameters = parameters
    self.optimizer = optimizer
    self.schedule = schedule
    self.progress = progress
    self.generator = generator
    self.random = random
    self.data = data
    self.backend = backend
    self.history = history
    self.trainer = trainer
    self.layout = layout
  }
}
