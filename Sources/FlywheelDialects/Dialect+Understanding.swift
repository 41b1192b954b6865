import FlywheelCheckpoint
public import FlywheelCore
public import OrderedCollections

extension Dialect {
  /// Understands the arrays of a file as a training state in this dialect, from their names and shapes.
  ///
  /// A network of dense layers only gets Flywheel's names, `layers.0.weight` and so on; any other keeps its
  /// own, where the dialect has names at all.
  ///
  /// - Parameters:
  ///   - arrays: What the file holds, in its order.
  ///   - rule: The name of the rule that wrote it; nil to find those that fit.
  ///   - slots: The slots that it keeps, if it keeps any yet; nil to find those that fit.
  ///   - facts: What is known of the arrays besides.
  /// - Throws: `notFound` if there are no parameters, `mismatch` if shapes are not as the dialect has them,
  ///   `unsupported` for an array whose axes it cannot tell, `invalidArgument` if the layers can follow one
  ///   another in several orders.
  /// - Returns: What is what; arrays that are not explained are its leftovers.
  public func understand(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    rule: String? = nil,
    slots: Set<String>? = nil,
    facts: ArrayFacts = ArrayFacts()
  ) throws(FlywheelError) -> DialectReading {
    var attempt = Understanding(self, arrays, rule, slots, .exact, facts)
    var otherAttempt = Understanding(self, arrays, rule, slots, .anySeparator, facts)
    let exact: DialectReading
    do throws(FlywheelError) {
      exact = try attempt.understood()
      guard !exact.explainsAll else { return exact }
    } catch {
      guard error.code == .notFound else { throw error }
      var reading = try otherAttempt.understood()
      reading.hasOtherSeparators = true
      return reading
    }
    guard var other = try? otherAttempt.understood(),
      other.leftovers.count + other.guessed.count < exact.leftovers.count + exact.guessed.count
    else { return exact }
    other.hasOtherSeparators = true
    return other
  }
}
