import FlywheelCheckpoint

/// What a trainer begins with.
enum TrainerOrigin {
  /// Parameters that are drawn anew.
  case initialization
  /// The parameters, buffers and step count of a state; all else begins anew.
  case state(Checkpoint)
  /// The state of a run that another program has trained so far, between two epochs: it goes on from there.
  case elsewhere(Checkpoint)
  /// A checkpoint of the same run, which goes on.
  case checkpoint(Checkpoint)

  /// Where tensors come from; nil if they are drawn.
  var checkpoint: Checkpoint? {
    switch self {
    case .initialization: nil
    case .state(let checkpoint), .elsewhere(let checkpoint), .checkpoint(let checkpoint):
      checkpoint
    }
  }
}
