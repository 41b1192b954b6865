import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// The state of a trainer of any kind, named part by part: the same calls save it and restore it.
///
/// A trainer says once what belongs to its state, and `TrainingRun` calls that both ways:
///
///     mutating func describe(_ state: inout TrainingState) throws {
///       try state.step(&step)
///       try state.hyperparameter("learning_rate", &learningRate)
///       try state.parameter("weights", &weights, shape: [10, 784], axes: ["out", "in"])
///       try state.slot("velocity", of: "weights", &velocity)
///     }
///
/// When saving, values are copied and left as they are. When restoring, they are overwritten by what the
/// checkpoint holds, after its dtype and shape have been compared with theirs; the first that does not
/// fit throws, and names itself.
public struct TrainingState {
  /// Whether the values are overwritten by those of a checkpoint, rather than copied into one.
  public let isRestoring: Bool

  /// What is filled in, or read.
  private(set) var checkpoint: Checkpoint
  private var hasStep = false

  /// Starts an empty state that is to be filled.
  init(filling checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    isRestoring = false
  }

  /// Gives the values of a checkpoint back.
  init(restoring checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    isRestoring = true
  }

  // MARK: Progress

  /// The number of steps taken; every state has one, and it names the file.
  ///
  /// - Parameter step: The number.
  /// - Throws: `invalidArgument` if it is negative or beyond 2⁵³.
  public mutating func step(_ step: inout Int) throws(FlywheelError) {
    hasStep = true
    if isRestoring {
      step = checkpoint.optimizer.step
    } else {
      checkpoint.optimizer.step = try Self.counter(step, "step")
    }
  }

  /// The number of whole epochs behind.
  ///
  /// - Parameter epoch: The number.
  /// - Throws: `invalidArgument` if it is negative or beyond 2⁵³.
  public mutating func epoch(_ epoch: inout Int) throws(FlywheelError) {
    if isRestoring {
      epoch = checkpoint.progress.epoch
    } else {
      checkpoint.progress.epoch = try Self.counter(epoch, "epoch")
    }
  }

  private static func counter(_ value: Int, _ name: String) throws(FlywheelError) -> Int {
    guard (0...1 << 53).contains(value) else {
      throw FlywheelError(
        .invalidArgument,
        "The \(name) is \(value); it must be from 0 to 2^53, which every JSON reader holds exactly."
      )
    }
    return value
  }

  // MARK: Tensors

  /// A parameter of the model: what training learns.
  ///
  /// - Parameters:
  ///   - name: Its name, for example `layers.0.weight`; any text.
  ///   - values: Its elements in row-major order: an array or anything else that holds them in a row.
  ///   - shape: Its extents, outermost first; nil for a vector.
  ///   - axes: What its axes mean, for example `["out", "in"]`; nil if there is nothing to say.
  ///   - group: Which group of hyperparameters it belongs to.
  /// - Throws: `mismatch` if elements, shape and axes do not agree, or the checkpoint holds another dtype
  ///   or shape; `notFound` if it holds no such parameter.
  public mutating func parameter<Values: MutableCollection>(
    _ name: String,
    _ values: inout Values,
    shape: [Int]? = nil,
    axes: [String]? = nil,
    group: Int = 0
  ) throws(FlywheelError) where Values.Element: TensorElement {
    let key = CheckpointKey.parameter(name)
    let shape = try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
      try Shape(shape ?? [values.count])
    }
    if isRestoring {
      guard let parameter = checkpoint.parameters[name] else { throw missing("parameter", key) }
      try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
        try parameter.value.copy(to: &values, shape: shape)
      }
      return
    }
    guard checkpoint.parameters[name] == nil, !name.isEmpty else { throw repeated(key) }
    let axes = axes ?? (0..<shape.rank).map { "axis \($0)" }
    guard axes.count == shape.rank else {
      throw FlywheelError(
        .mismatch,
        "\(axes.count) axes are named for shape \(shape), which has \(shape.rank).",
        at: .init(tensor: key)
      )
    }
    try makeGroups(upTo: group)
    checkpoint.parameters[name] = Parameter(
      value: try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
        try Tensor(copying: values, shape: shape)
      },
      group: group,
      axes: axes
    )
  }

  /// A buffer that the optimizer keeps for a parameter, of the parameter's shape.
  ///
  /// - Parameters:
  ///   - slot: What it is, for example `velocity`, `exp_avg` or `exp_avg_sq`.
  ///   - name: The parameter, which has been described before.
  ///   - values: Its elements in row-major order.
  /// - Throws: As `parameter`.
  public mutating func slot<Values: MutableCollection>(
    _ slot: String,
    of name: String,
    _ values: inout Values
  ) throws(FlywheelError) where Values.Element: TensorElement {
    let key = CheckpointKey.slot(slot, of: name)
    let shape = try shape(ofParameter: name, for: key)
    if isRestoring {
      guard let buffer = checkpoint.optimizer.slots[slot]?[name] else {
        throw missing("buffer", key)
      }
      try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
        try buffer.copy(to: &values, shape: shape)
      }
    } else {
      guard checkpoint.optimizer.slots[slot]?[name] == nil, !slot.isEmpty else {
        throw repeated(key)
      }
      checkpoint.optimizer.slots[slot, default: [:]][name] =
        try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
          try Tensor(copying: values, shape: shape)
        }
    }
  }

  /// A buffer that the optimizer makes at its first step: nil until then, and absent in the checkpoint.
  ///
  /// - Parameters:
  ///   - slot: What it is.
  ///   - name: The parameter, which has been described before.
  ///   - values: Its elements in row-major order; nil if there is no buffer yet.
  /// - Throws: As `parameter`.
  public mutating func slot<Element: TensorElement>(
    _ slot: String,
    of name: String,
    _ values: inout [Element]?
  ) throws(FlywheelError) {
    if isRestoring {
      let key = CheckpointKey.slot(slot, of: name)
      values = try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
        try checkpoint.optimizer.slots[slot]?[name]?.elements()
      }
    } else if var present = values {
      try self.slot(slot, of: name, &present)
    }
  }

  private func shape(ofParameter name: String, for key: String) throws(FlywheelError) -> Shape {
    guard let parameter = checkpoint.parameters[name] else {
      throw FlywheelError(
        .notFound,
        "There is no parameter '\(name)' that the buffer could belong to; describe it first.",
        at: .init(tensor: key)
      )
    }
    return parameter.value.shape
  }

  // MARK: Numbers

  /// A hyperparameter of the optimizer; each group needs at least its `learning_rate`.
  ///
  /// - Parameters:
  ///   - name: Its name, as other frameworks spell it where they have it, for example `weight_decay`.
  ///   - value: Its value.
  ///   - group: Which group of parameters it is for.
  /// - Throws: `notFound` if the checkpoint has no such number, `invalidArgument` for a name that is given
  ///   twice or that checkpoints use themselves.
  public mutating func hyperparameter(
    _ name: String,
    _ value: inout Double,
    group: Int = 0
  ) throws(FlywheelError) {
    let name = Hyperparameter(rawValue: name)
    if isRestoring {
      let groups = checkpoint.optimizer.groups
      guard groups.indices.contains(group),
        case .number(let number)? = groups[group].hyperparameters[name]
      else {
        throw FlywheelError(
          .notFound,
          "The checkpoint has no hyperparameter '\(name.rawValue)' in its group \(group)."
        )
      }
      value = number
    } else {
      try makeGroups(upTo: group)
      guard checkpoint.optimizer.groups[group].hyperparameters[name] == nil,
        !ParameterGroup.reservedNames.contains(name.rawValue)
      else { throw taken(name.rawValue) }
      checkpoint.optimizer.groups[group].hyperparameters[name] = .number(value)
      // There is no schedule that Flywheel would know of: the rate at hand is the first.
      if name == .learningRate { checkpoint.optimizer.groups[group].initialLearningRate = value }
    }
  }

  /// A number of the trainer's own, such as a count or a sum that goes on over epochs.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - value: Its value; every bit is kept.
  /// - Throws: `notFound` if the checkpoint has no such number, `invalidArgument` for a name given twice.
  public mutating func value(_ name: String, _ value: inout Double) throws(FlywheelError) {
    guard isRestoring else { return try note(name, JSONValue(value)) }
    switch noted(name) {
    case .double(let number)?: value = number
    case .integer(let number)?: value = Double(number)
    default: throw missingValue(name, "number")
    }
  }

  /// A whole number of the trainer's own.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - value: Its value.
  /// - Throws: As `value` of a `Double`.
  public mutating func value(_ name: String, _ value: inout Int) throws(FlywheelError) {
    guard isRestoring else { return try note(name, JSONValue(value)) }
    guard case .integer(let number)? = noted(name), let whole = Int(exactly: number) else {
      throw missingValue(name, "whole number")
    }
    value = whole
  }

  /// A text of the trainer's own.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - value: Its value.
  /// - Throws: As `value` of a `Double`.
  public mutating func value(_ name: String, _ value: inout String) throws(FlywheelError) {
    guard isRestoring else { return try note(name, JSONValue(value)) }
    guard case .string(let text)? = noted(name) else { throw missingValue(name, "text") }
    value = text
  }

  /// The state of a random generator, so that what is drawn after a resume is what would have been.
  ///
  /// - Parameters:
  ///   - stream: What it is drawn for, for example `shuffle`.
  ///   - words: All of its state.
  ///   - generator: Which generator it is; all streams of a checkpoint are of one kind.
  /// - Throws: `notFound` if the checkpoint has no such stream, `mismatch` if it is of another kind or
  ///   size.
  public mutating func random(
    _ stream: String,
    _ words: inout [UInt64],
    generator: String
  ) throws(FlywheelError) {
    let key = CheckpointKey.randomStream(stream)
    guard isRestoring else {
      guard checkpoint.random[stream] == nil, !stream.isEmpty else { throw repeated(key) }
      guard checkpoint.random.isEmpty || checkpoint.generator == generator else {
        throw FlywheelError(
          .mismatch,
          "One stream is of '\(checkpoint.generator)', another of '\(generator)'; use one generator.",
          at: .init(tensor: key)
        )
      }
      checkpoint.generator = generator
      checkpoint.random[stream] = words
      return
    }
    guard let saved = checkpoint.random[stream] else { throw missing("random stream", key) }
    guard checkpoint.generator == generator, saved.count == words.count else {
      throw FlywheelError(
        .mismatch,
        "The checkpoint has \(saved.count) words of '\(checkpoint.generator)', the trainer "
          + "\(words.count) of '\(generator)'.",
        at: .init(tensor: key)
      )
    }
    words = saved
  }

  // MARK: Parts

  /// Checks that a state that was described is one that can be read back.
  func requireComplete() throws(FlywheelError) {
    guard hasStep else {
      throw FlywheelError(
        .invalidArgument,
        "The state has no step; describe it with 'step', which every checkpoint is named after."
      )
    }
    let groups = checkpoint.optimizer.groups
    guard !groups.isEmpty else {
      throw FlywheelError(
        .invalidArgument,
        "The state has no hyperparameter 'learning_rate'; describe it."
      )
    }
    for (index, group) in groups.enumerated()
    where group.hyperparameters[.learningRate] == nil {
      throw FlywheelError(
        .invalidArgument,
        "Group \(index) of \(groups.count) has no hyperparameter 'learning_rate'; describe it."
      )
    }
  }

  private mutating func makeGroups(upTo group: Int) throws(FlywheelError) {
    guard (0..<4096).contains(group) else {
      throw FlywheelError(.invalidArgument, "The group is \(group); groups are counted from 0.")
    }
    while checkpoint.optimizer.groups.count <= group {
      checkpoint.optimizer.groups.append(ParameterGroup(hyperparameters: .init()))
    }
  }

  private mutating func note(_ name: String, _ value: JSONValue) throws(FlywheelError) {
    var members: OrderedDictionary<String, JSONValue> = [:]
    if case .object(let present) = checkpoint.trainer { members = present }
    guard members.updateValue(value, forKey: name) == nil else { throw taken(name) }
    checkpoint.trainer = .object(members)
  }

  private func noted(_ name: String) -> JSONValue? {
    guard case .object(let members) = checkpoint.trainer else { return nil }
    return members[name]
  }

  private func taken(_ name: String) -> FlywheelError {
    FlywheelError(
      .invalidArgument,
      "The number '\(name)' is there already, or is one that every checkpoint has; choose another name."
    )
  }

  private func missingValue(_ name: String, _ kind: String) -> FlywheelError {
    FlywheelError(
      .notFound,
      "The checkpoint has no \(kind) '\(name)'; it was saved by another version of the trainer."
    )
  }

  private func missing(_ what: String, _ key: String) -> FlywheelError {
    FlywheelError(
      .notFound,
      "The checkpoint has no such \(what); it was saved by another version of the trainer.",
      at: .init(tensor: key)
    )
  }

  private func repeated(_ key: String) -> FlywheelError {
    FlywheelError(
      .invalidArgument,
      "Each part of the state needs a name, and a name of its own.",
      at: .init(tensor: key)
    )
  }
}
