import FlywheelCheckpoint
import FlywheelCore
import FlywheelRun
import SystemPackage

/// A trainer in the precision that its configuration asks for.
enum PreciseTrainer {
  case float32(Trainer<Float>)
  case float64(Trainer<Double>)

  /// Starts from the beginning, or goes on from where it was.
  init(
    _ configuration: TrainingConfiguration,
    _ data: DataSet,
    run: String,
    from origin: TrainerOrigin = .initialization,
    trace: TraceRequest?
  ) throws(FlywheelError) {
    switch configuration.precision {
    case .float32:
      self = .float32(try .init(configuration, data, run: run, from: origin, trace: trace))
    case .float64:
      self = .float64(try .init(configuration, data, run: run, from: origin, trace: trace))
    }
  }

  /// How far training has come.
  var progress: Progress {
    switch self {
    case .float32(let trainer): trainer.progress
    case .float64(let trainer): trainer.progress
    }
  }

  /// Trains until all epochs are done or a signal asks to stop.
  func train(
    in directory: borrowing RunDirectory,
    newest: FilePath?,
    interruption: () -> CInt?,
    report: (TrainingEvent) -> Void
  ) throws(FlywheelError) -> TrainingResult {
    switch self {
    case .float32(var trainer):
      try trainer.train(in: directory, newest: newest, interruption: interruption, report: report)
    case .float64(var trainer):
      try trainer.train(in: directory, newest: newest, interruption: interruption, report: report)
    }
  }
}
