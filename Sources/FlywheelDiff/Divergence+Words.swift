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
    return sentences + settingSentences + notes
  }

  /// In which settings that decide how training goes on the two differ, and since when.
  private var settingSentences: [String] {
    let steps = Dictionary(
      settings.map { ([$0.setting.section, $0.setting.name], $0.step) },
      uniquingKeysWith: min
    )
    return SettingComparison.merged(settings.map(\.setting)).map { setting in
      let (first, second, _) = setting.texts
      let step = steps[[setting.section, setting.name]]
      let owner = setting.parameters.isEmpty ? "" : " of \(Self.list(setting.parameters))"
      let since = step == self.steps.first ? "" : step.map { " from step \($0) on" } ?? ""
      return "\(setting.name)\(owner) differs\(since): \(first) in A, \(second) in B."
    }
  }

  private var partingSentence: String {
    guard !steps.isEmpty else { return "There is no step that both have." }
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
      .compactMap { divergence in divergence.growth.map { (divergence.role, $0) } }
    // One that would take long to double is as good as none.
    guard let (role, growth) = found.max(by: { $0.1.factor < $1.1.factor }), growth.factor > 1,
      growth.doubling <= Double(10 * growth.steps.count)
    else { return nil }
    let doubling = Self.round(growth.doubling)
    return
      "The difference grows fastest in \(role.words): it doubles every \(doubling) steps, from step "
      + "\(growth.steps.lowerBound) to \(growth.steps.upperBound)."
  }

  /// A number of steps to two digits.
  private static func round(_ steps: Double) -> String {
    steps < 10 ? "\((steps * 10).rounded() / 10)" : "\(Int(steps.rounded()))"
  }

  private static func list(_ roles: [DiffTensor.Role]) -> String { list(roles.map(\.words)) }

  /// A few names, and how many there are besides.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(3)
    let rest = names.count - shown.count
    if rest > 0 { return shown.joined(separator: ", ") + " and \(rest) more" }
    guard shown.count > 1, let last = shown.last else { return shown.joined() }
    return shown.dropLast().joined(separator: ", ") + " and " + last
  }
}

extension DiffTensor.Role {
  /// What it is in words, for example `the gradient of layers.0.weight`.
  public var words: String {
    switch self {
    case .parameter(let name): "the values of \(name)"
    case .master(let name): "the optimizer's own values of \(name)"
    case .slot(let slot, let name): "\(slot) of \(name)"
    case .gradient(let name): "the gradient of \(name)"
    case .history: "the history"
    case .array: "an array"
    }
  }
}
