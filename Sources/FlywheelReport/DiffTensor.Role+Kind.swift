import FlywheelDiff

extension DiffTensor.Role {
  /// What tensors are called together whose numbers have one meaning.
  var kind: String {
    switch self {
    case .parameter: "values"
    case .master: "optimizer's own values"
    case .slot(let slot, _): slot
    case .gradient: "gradients"
    case .history, .array: "arrays"
    }
  }
}
