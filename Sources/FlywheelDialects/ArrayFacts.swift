public import FlywheelCore

/// What is known of a file's arrays besides their names, shapes and types.
public struct ArrayFacts: Sendable {
  /// What the kind of file tells.
  public var origin: ArchiveOrigin
  /// The names of arrays that are others once more, with the first name of each.
  public var twins: [String: String]
  /// The names of arrays that are no parameters, whatever they look like.
  public var strays: Set<String>
  /// The names that arrays have in the file, by those that a person gave them.
  private var formerNames: [String: String] = [:]

  /// Says what is known.
  ///
  /// - Parameters:
  ///   - origin: What the kind of file tells.
  ///   - twins: The names of arrays that are others once more, with the first name of each.
  ///   - strays: The names of arrays that are no parameters.
  public init(
    origin: ArchiveOrigin = ArchiveOrigin(),
    twins: [String: String] = [:],
    strays: Set<String> = []
  ) {
    self.origin = origin
    self.twins = twins
    self.strays = strays
  }

  /// The same of arrays with other names, and of those alone.
  ///
  /// - Parameter names: The new names, by the old ones.
  /// - Returns: What is known of them.
  package func renamed(_ names: [String: String]) -> ArrayFacts {
    var result = ArrayFacts(origin: origin)
    for (key, first) in twins {
      guard let key = names[key] else { continue }
      // Without the first, the others are still one array.
      result.twins[key] = names[first] ?? first
    }
    result.strays = Set(strays.compactMap { names[$0] })
    for (key, name) in names where key != name {
      result.formerNames[name] = formerNames[key] ?? key
    }
    return result
  }

  /// Whether arrays are in the order of the model that they are of.
  ///
  /// Names in the order of the alphabet may have been sorted, and say nothing; one alone is in order. Names that
  /// a person gave were not there when the file was written.
  ///
  /// - Parameter keys: Their names, in the file's order.
  /// - Returns: Whether the order is that of the program that wrote them.
  package func keepsOrder(of keys: [String]) -> Bool {
    guard keys.count > 1 else { return true }
    switch origin.order {
    case .kept: return true
    case .lost: return false
    case .written: break
    }
    func ascend<Value>(_ values: [Value], _ precedes: (Value, Value) -> Bool) -> Bool {
      zip(values, values.dropFirst()).allSatisfy { !precedes($1, $0) }
    }
    let keys = keys.map { formerNames[$0] ?? $0 }
    let levels = keys.map { $0.split { $0 == "." || $0 == "/" }.map(String.init) }
    let numbered = keys.map(NumberedName.init)
    return !ascend(keys, <) && !ascend(levels) { $0.lexicographicallyPrecedes($1) }
      && !ascend(numbered) { $0.precedes($1) }
  }

  /// Why the order of arrays may not be that of their model, as a part of a sentence.
  package var reasonForNoOrder: String {
    origin.order == .lost
      ? "it does not keep the order of the model"
      : "the names are in alphabetical order, as of files that sort them"
  }
}
