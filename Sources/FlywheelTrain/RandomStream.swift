import FlywheelCore

/// The streams of a run's seed; what each number is used for must never change.
enum RandomStream: UInt64 {
  /// Weights and biases before the first step.
  case initialization = 0
  /// The order of the samples; the epoch is the high word of the counter.
  case order = 1

  /// The name under which a checkpoint keeps the stream's state.
  var name: String {
    switch self {
    case .initialization: "initialization"
    case .order: "order"
    }
  }

  /// The stream from the start of an epoch.
  func generator(seed: UInt64, epoch: Int = 0) -> Philox {
    Philox(seed: seed, stream: rawValue, epoch: UInt64(epoch))
  }
}
