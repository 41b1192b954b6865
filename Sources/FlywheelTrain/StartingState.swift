public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
import FlywheelRun
import OrderedCollections
public import SystemPackage

/// A state that a new run starts from: its parameters, the optimizer's buffers, and its step count.
///
/// Bias corrections go on where they were; epochs, the order of the data and the metrics begin anew.
public struct StartingState: Sendable {
  /// The file that it is from.
  public let path: FilePath
  /// The state.
  public let checkpoint: Checkpoint

  /// Reads a state.
  ///
  /// - Parameter path: A checkpoint of any format.
  /// - Throws: What `CheckpointFile.read` throws.
  public init(reading path: FilePath) throws(FlywheelError) {
    self.init(try CheckpointFile.read(path), from: path)
  }

  /// Takes a state that is read already.
  ///
  /// - Parameters:
  ///   - checkpoint: The state.
  ///   - path: The file that it is from.
  public init(_ checkpoint: Checkpoint, from path: FilePath) {
    self.checkpoint = checkpoint
    self.path = path
  }

  /// What a run is that starts from it, as far as it says: the optimizer's rule, numbers, groups and
  /// clipping, the precision, and the widths if the parameters are those of a chain of layers.
  ///
  /// The learning rates are those of the step that would have come next; a schedule is not taken over.
  ///
  /// - Throws: `unsupported` for an optimizer that Flywheel's trainer does not run.
  /// - Returns: The configuration, the other settings at their defaults.
  public func configuration() throws(FlywheelError) -> TrainingConfiguration {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      let optimizer = checkpoint.optimizer
      var configuration = try TrainingConfiguration()
      configuration.start = .init(
        source: FileSystem.absolute(path).string,
        step: optimizer.step
      )
      try configuration.useOptimizer(of: checkpoint) { $0.hyperparameters }
      configuration.clipping = optimizer.clipping
      configuration.precision = try precision()
      if let layers { configuration.network.layers = layers }
      return configuration
    }
  }

  /// Fills in what a run that starts from it must know, and checks that the two go together.
  ///
  /// - Parameter configuration: The run's configuration.
  /// - Throws: `mismatch` if it is about another state, or its rule is another.
  func fill(_ configuration: inout TrainingConfiguration) throws(FlywheelError) {
    let step = checkpoint.optimizer.step
    if let named = configuration.start?.step, named != step {
      throw FlywheelError(
        .mismatch,
        "The state has \(step) steps behind it, the configuration's start says \(named).",
        at: .init(path: path)
      )
    }
    guard checkpoint.optimizer.rule == configuration.rule.name else {
      throw FlywheelError(
        .mismatch,
        "The state is of the rule '\(checkpoint.optimizer.rule)', the run's is "
          + "'\(configuration.rule.name)'; their buffers hold different things.",
        at: .init(path: path)
      )
    }
    configuration.start = .init(source: FileSystem.absolute(path).string, step: step)
  }

  /// What a trainer of a precision begins with.
  ///
  /// - Parameter precision: The precision; numbers of a wider one are rounded.
  /// - Throws: `limitExceeded` if there is no memory for it.
  /// - Returns: The state; a master weight has taken the place of its parameter.
  func origin(in precision: TrainingConfiguration.Precision) throws(FlywheelError) -> TrainerOrigin
  {
    .state(try converted(to: precision))
  }

  /// The state in a precision.
  ///
  /// - Parameter precision: The precision; numbers of a wider one are rounded.
  /// - Throws: `limitExceeded` if there is no memory for it.
  /// - Returns: The state; a master weight has taken the place of its parameter.
  func converted(
    to precision: TrainingConfiguration.Precision
  ) throws(FlywheelError) -> Checkpoint {
    let dtype: DType = precision == .float32 ? .float32 : .float64
    var result = checkpoint
    for (name, parameter) in checkpoint.parameters {
      let value = parameter.master ?? parameter.value
      result.parameters[name]?.value = try value.converted(to: dtype)
      result.parameters[name]?.master = nil
    }
    for (slot, buffers) in checkpoint.optimizer.slots {
      for (name, buffer) in buffers {
        result.optimizer.slots[slot]?[name] = try buffer.converted(to: dtype)
      }
    }
    return result
  }

  /// The narrowest precision that holds every number as it is.
  private func precision() throws(FlywheelError) -> TrainingConfiguration.Precision {
    var precision = TrainingConfiguration.Precision.float32
    var tensors = checkpoint.parameters.map { ($0, $1.master ?? $1.value) }
    for buffers in checkpoint.optimizer.slots.values { tensors += buffers.map { ($0, $1) } }
    for (name, tensor) in tensors {
      guard tensor.dtype.isFloatingPoint else {
        throw FlywheelError(
          .unsupported,
          "The parameter '\(name)' or a buffer of it holds \(tensor.dtype.rawValue); a run computes in "
            + "floating point."
        )
      }
      if tensor.dtype == .float64 { precision = .float64 }
    }
    return precision
  }

  /// The widths of the chain of layers that the parameters are, inputs first; nil if they are none.
  private var layers: [Int]? {
    var widths: [Int] = []
    for index in 0..<checkpoint.parameters.count / 2 {
      let shape = checkpoint.parameters["layers.\(index).weight"]?.value.shape.extents
      guard let shape, shape.count == 2, widths.isEmpty || widths.last == shape[1] else {
        return nil
      }
      if widths.isEmpty { widths.append(shape[1]) }
      widths.append(shape[0])
    }
    let isChain = try? NetworkShape(layers: widths, activation: .relu, loss: .softmaxCrossEntropy)
    return isChain == nil ? nil : widths
  }
}
