/// Why a conversion cannot be, before it is a verdict.
struct Mismatch: Error {
  /// The reason, as `Verdict.impossible` says it.
  let reason: String
  /// Whether only the decay is to blame, so that another form of it may do.
  var isOfDecay = false
}

extension Mismatch {
  /// Numbers are insisted on that do not make the run, and others would.
  init(_ rule: UpdateRule, given: Hyperparameters, needed: Hyperparameters) {
    let texts = [given.ordered, needed.ordered.filter { !$0.value.isOff }].map { numbers in
      numbers.map { "\($0.name.rawValue) \($0.value.text)" }.joined(separator: ", ")
    }
    self.init(
      reason: "'\(rule.name)' with \(texts[0]), as given, never makes this run; "
        + "with \(texts[1]) it does"
    )
  }
}
