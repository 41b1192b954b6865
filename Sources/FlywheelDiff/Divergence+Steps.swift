import FlywheelCore

extension Divergence.StepComparison {
  /// Compares nothing, and says why.
  init(passedOver note: String) {
    notes = [note]
    isCompared = false
  }

  /// Compares two states of a training.
  ///
  /// The history grows with every step, and how far training has come is what the step says: neither is
  /// looked at.
  init(
    _ first: DiffInput,
    _ second: DiffInput,
    _ options: ComparisonOptions
  ) throws(FlywheelError) {
    var plan = try ComparisonPlan(first, second, options)
    try plan.select()
    settings = plan.settings().filter { setting in
      setting.section != "progress" && setting.section != "random"
        && (setting.section, setting.name) != ("optimizer", "step")
    }
    notes = plan.notes
    tensors =
      plan.pairing.onlyFirst.map { TensorComparison(first: $0, second: nil, verdict: .onlyFirst) }
      + plan.pairing.onlySecond.map {
        TensorComparison(first: nil, second: $0, verdict: .onlySecond)
      }
    tensors.removeAll { ($0.first ?? $0.second)?.role == .history }
    for pair in plan.pairing.pairs where pair.first.role != .history {
      tensors.append(try TensorComparison(pair.first, pair.second, options))
    }
  }
}
