extension Divergence {
  /// Where the two part and why, in sentences, the most important first.
  public var sentences: [String] {
    var sentences = [partingSentence]
    if let parting, parting.cause == nil, let first = firstDifference, first != parting {
      sentences.append(
        "The first difference at all is in \(Self.list(first.tensors)), \(place(first.step))"
          + Self.reason(first.cause) + "."
      )
    }
    if let sentence = growthSentence { sentences.append(sentence) }
    return sentences + notes
  }

  private var partingSentence: String {
    guard let parting else {
      let all = "the \(steps.count) \(noun)\(steps.count == 1 ? "" : "s") that both have"
      guard let first = firstDifference else { return "They are equal in \(all)." }
      return
        "They never leave the tolerance in \(all); they differ from \(Self.list(first.tensors)) on, "
        + "\(place(first.step))" + Self.reason(first.cause) + "."
    }
    return "They part \(place(parting.step)), first in \(Self.list(parting.tensors))"
      + Self.reason(parting.cause) + "."
  }

  private var noun: String { source == .rows ? "step" : "checkpoint" }

  private func place(_ step: Int) -> String {
    let steps = step == 1 ? "1 step" : "\(step) steps"
    return step == self.steps.first
      ? "from the first \(noun) that both have, after \(steps)" : "after \(steps)"
  }

  private static func reason(_ cause: Cause?) -> String {
    switch cause {
    case nil: ""
    case .start: ": they start from different states"
    case .gradient:
      ": the same weights have another gradient, so the data, their order, the loss or the model "
        + "differ, or sums are in another order"
    case .buffers:
      ": the same gradients become another buffer, so the update rule or its numbers differ"
    case .weights:
      ": the same gradients and buffers move the same weights elsewhere, so the update rule or its "
        + "numbers differ"
    }
  }

  /// What grows fastest of what leaves the tolerance.
  private var growthSentence: String? {
    let found = tensors.filter { $0.departure != nil }
      .compactMap { divergence in divergence.growth.map { (divergence.tensor, $0) } }
    guard let (tensor, growth) = found.max(by: { $0.1.factor < $1.1.factor }), growth.factor > 1,
      growth.doubling <= Double(10 * growth.steps.count)
    else { return nil }
    let doubling = Self.round(growth.doubling)
    return
      "The difference grows fastest in \(tensor.words): it doubles every \(doubling) steps, from step "
      + "\(growth.steps.lowerBound) to \(growth.steps.upperBound)."
  }

  /// A number of steps to two digits.
  private static func round(_ steps: Double) -> String {
    steps < 10 ? "\((steps * 10).rounded() / 10)" : "\(Int(steps.rounded()))"
  }

  /// A few tensors by name, and how many there are besides.
  private static func list(_ tensors: [TrainingTensor]) -> String {
    let shown = tensors.prefix(3).map(\.words)
    let rest = tensors.count - shown.count
    if rest > 0 { return shown.joined(separator: ", ") + " and \(rest) more" }
    guard shown.count > 1, let last = shown.last else { return shown.joined() }
    return shown.dropLast().joined(separator: ", ") + " and " + last
  }
}
