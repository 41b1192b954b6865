import FlywheelCheckpoint
public import FlywheelCore
public import OrderedCollections

extension Dialect {
  /// The dialects in which every array of a file is explained.
  ///
  /// - Parameters:
  ///   - arrays: What the file holds, in its order.
  ///   - rule: The name of the rule that wrote it; nil if it is not known.
  ///   - slots: The slots that it keeps, if it keeps any yet; nil if they are not known.
  ///   - facts: What is known of the arrays besides.
  /// - Returns: What it is in each; where names fit one to the letter, not those that take dots for slashes.
  public static func candidates(
    for arrays: OrderedDictionary<String, TensorDescription>,
    rule: String? = nil,
    slots: Set<String>? = nil,
    facts: ArrayFacts = ArrayFacts()
  ) -> [DialectReading] {
    let readings = all.compactMap { dialect in
      try? dialect.understand(arrays, rule: rule, slots: slots, facts: facts)
    }
    .filter(\.explainsAll)
    let exact = readings.filter { !$0.hasOtherSeparators }
    let close = exact.isEmpty ? readings : exact
    // Where one knows the name of a buffer, another may take it for a layer that is called so.
    let keys = close.map { Set($0.parameters.values.map(\.place.key)) }
    return zip(close, keys).filter { _, found in !keys.contains { $0.isStrictSubset(of: found) } }
      .map(\.0)
  }

  /// Recognises the dialect of a file.
  ///
  /// Where names and shapes do not tell, it is that of the framework whose own file it is.
  ///
  /// - Parameters:
  ///   - arrays: What the file holds, in its order.
  ///   - rule: The name of the rule that wrote it; nil if it is not known.
  ///   - slots: The slots that it keeps, if it keeps any yet; nil if they are not known.
  ///   - facts: What is known of the arrays besides.
  /// - Throws: `invalidArgument` if several dialects fit, with what tells them apart, or none, with what came
  ///   closest and why it does not.
  /// - Returns: What the file is in the only dialect that fits.
  public static func recognise(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    rule: String? = nil,
    slots: Set<String>? = nil,
    facts: ArrayFacts = ArrayFacts()
  ) throws(FlywheelError) -> DialectReading {
    let readings = candidates(for: arrays, rule: rule, slots: slots, facts: facts)
    guard readings.count != 1 else { return readings[0] }
    if let name = facts.origin.dialect {
      if let own = readings.first(where: { $0.dialect.name == name }) { return own }
      if readings.isEmpty {
        return try Dialect.named(name).understand(arrays, rule: rule, slots: slots, facts: facts)
      }
    }
    guard readings.isEmpty else {
      let list = readings.map { "'\($0.dialect.name)' (\($0.account))" }.joined(separator: ", ")
      throw FlywheelError(
        .invalidArgument,
        "The arrays may be those of \(readings.count) dialects: \(list). Say which it is with "
          + "--from."
      )
    }
    throw FlywheelError(
      .invalidArgument,
      "No dialect explains every array. \(closest(to: arrays, rule, slots, facts)) "
        + "Say which it is with --from: \(all.map(\.name).joined(separator: ", ")); or rename arrays first. "
        + "Most dialects are understood only as a chain of dense layers (schemas/dialects.md)."
    )
  }

  /// What came closest, and why it is not it.
  private static func closest(
    to arrays: OrderedDictionary<String, TensorDescription>,
    _ rule: String?,
    _ slots: Set<String>?,
    _ facts: ArrayFacts
  ) -> String {
    var best: (dialect: Dialect, odd: [String])?
    var refusals: [(dialect: Dialect, error: FlywheelError)] = []
    for dialect in all {
      do throws(FlywheelError) {
        let reading = try dialect.understand(arrays, rule: rule, slots: slots, facts: facts)
        let odd = reading.guessed + reading.leftovers
        if odd.count < best?.odd.count ?? .max { best = (dialect, odd) }
      } catch {
        if error.code != .notFound { refusals.append((dialect, error)) }
      }
    }
    if let best, refusals.allSatisfy({ $0.error.code != .invalidArgument }) {
      let shown = best.odd.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
      let rest = best.odd.count > 3 ? " and \(best.odd.count - 3) more" : ""
      return "'\(best.dialect.name)' came closest, without \(shown)\(rest)."
    }
    // That an order is missing is said of names that fit.
    let ambiguous = refusals.first { $0.error.code == .invalidArgument }
    if let refusal = ambiguous ?? refusals.first {
      let place = refusal.error.location.tensor.map { " ('\($0)')" } ?? ""
      return "'\(refusal.dialect.name)' came closest, but: \(refusal.error.message)\(place)"
    }
    return "None finds weights by their names."
  }
}

extension DialectReading {
  /// What tells it from other readings of the same arrays.
  fileprivate var account: String {
    let axes = "weights (\(dialect.weightAxes.joined(separator: ", ")))"
    guard !slots.isEmpty else { return axes }
    let account = "\(axes), slots \(slots.keys.joined(separator: " and "))"
    return rules.isEmpty ? account : "\(account) of \(rules.joined(separator: ", "))"
  }
}
