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
  /// - Returns: What it is in each; where names fit one to the letter, not those that take dots for slashes.
  public static func candidates(
    for arrays: OrderedDictionary<String, TensorDescription>,
    rule: String? = nil,
    slots: Set<String>? = nil
  ) -> [DialectReading] {
    let readings = all.compactMap { dialect in
      try? dialect.understand(arrays, rule: rule, slots: slots)
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
  /// - Parameters:
  ///   - arrays: What the file holds, in its order.
  ///   - rule: The name of the rule that wrote it; nil if it is not known.
  ///   - slots: The slots that it keeps, if it keeps any yet; nil if they are not known.
  /// - Throws: `invalidArgument` if several dialects fit, with what tells them apart, or none, with what came
  ///   closest and why it does not.
  /// - Returns: What the file is in the only dialect that fits.
  public static func recognise(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    rule: String? = nil,
    slots: Set<String>? = nil
  ) throws(FlywheelError) -> DialectReading {
    let readings = candidates(for: arrays, rule: rule, slots: slots)
    guard readings.count != 1 else { return readings[0] }
    guard readings.isEmpty else {
      let list = readings.map { "'\($0.dialect.name)' (\($0.account))" }.joined(separator: ", ")
      throw FlywheelError(
        .invalidArgument,
        "The arrays may be those of \(readings.count) dialects: \(list). Say which it is."
      )
    }
    throw FlywheelError(
      .invalidArgument,
      "No dialect explains every array. \(closest(to: arrays, rule, slots)) "
        + "Say which it is: \(all.map(\.name).joined(separator: ", ")); or rename arrays first."
    )
  }

  /// What came closest, and why it is not it.
  private static func closest(
    to arrays: OrderedDictionary<String, TensorDescription>,
    _ rule: String?,
    _ slots: Set<String>?
  ) -> String {
    var best: (dialect: Dialect, odd: [String])?
    var refusals: [(dialect: Dialect, error: FlywheelError)] = []
    for dialect in all {
      do throws(FlywheelError) {
        let reading = try dialect.understand(arrays, rule: rule, slots: slots)
        let odd = reading.guessed + reading.leftovers
        if odd.count < best?.odd.count ?? .max { best = (dialect, odd) }
      } catch {
        if error.code != .notFound { refusals.append((dialect, error)) }
      }
    }
    if let best {
      let shown = best.odd.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
      let rest = best.odd.count > 3 ? " and \(best.odd.count - 3) more" : ""
      return "'\(best.dialect.name)' came closest, without \(shown)\(rest)."
    }
    if let refusal = refusals.first {
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
