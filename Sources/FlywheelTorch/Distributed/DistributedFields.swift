import FlywheelCore
import FlywheelPickle

/// The fields of a dataclass in the metadata of a distributed checkpoint, asked for by name and kind.
struct DistributedFields {
  private let graph: PickleGraph
  private let type: String
  private let entries: [PickleGraph.Entry]
  private let offset: Int

  /// The classes have at most five; more would make one short pickle say a great deal.
  private static let fieldLimit = 16

  /// Takes a value that must be an object of a class.
  ///
  /// - Parameters:
  ///   - reference: The value.
  ///   - type: The name of the class; the allow-list knows its module.
  ///   - graph: What the value belongs to.
  /// - Throws: `malformed` if it is something else.
  init(
    _ reference: PickleGraph.Reference,
    _ type: String,
    in graph: PickleGraph
  ) throws(FlywheelError) {
    self.graph = graph
    self.type = type
    offset = graph.offset(of: reference)
    guard case .object(let found, _) = graph[reference], found.name == type,
      let state = graph.state(of: reference), case .dictionary(let entries) = graph[state],
      entries.count <= Self.fieldLimit
    else {
      throw FlywheelError.malformed(
        found: graph[reference].kind,
        expected: "an object of the class \(type) with its fields",
        at: .init(byteOffset: UInt64(offset))
      )
    }
    self.entries = entries
  }

  /// A field that may be missing, or `None`.
  func optional(_ name: String) -> PickleGraph.Reference? {
    for entry in entries {
      guard case .text(name) = graph[entry.key] else { continue }
      if case .none = graph[entry.value] { return nil }
      return entry.value
    }
    return nil
  }

  /// A field that must be there.
  func reference(_ name: String) throws(FlywheelError) -> PickleGraph.Reference {
    guard let reference = optional(name) else {
      throw malformed("an object of the class \(type)", "a field '\(name)' in it", at: offset)
    }
    return reference
  }

  func text(_ name: String) throws(FlywheelError) -> String {
    let reference = try reference(name)
    guard case .text(let text) = graph[reference] else {
      throw malformed(reference, name, "a text")
    }
    return text
  }

  /// A number that counts, and is not negative.
  func count(_ name: String) throws(FlywheelError) -> Int {
    let reference = try reference(name)
    guard case .integer(let number) = graph[reference], number >= 0 else {
      throw malformed(reference, name, "an integer that is not negative")
    }
    return Int(number)
  }

  /// A `torch.Size`, or a tuple or list of numbers that count.
  func extents(_ name: String) throws(FlywheelError) -> [Int] {
    let reference = try reference(name)
    guard let extents = graph.integers(of: reference), extents.allSatisfy({ $0 >= 0 }) else {
      throw malformed(reference, name, "a tuple of at most \(TorchTensor.rankLimit) sizes")
    }
    return extents
  }

  func list(_ name: String) throws(FlywheelError) -> [PickleGraph.Reference] {
    let reference = try reference(name)
    guard case .list(let items) = graph[reference] else {
      throw malformed(reference, name, "a list")
    }
    return items
  }

  func dictionary(_ name: String) throws(FlywheelError) -> [PickleGraph.Entry] {
    let reference = try reference(name)
    guard case .dictionary(let entries) = graph[reference] else {
      throw malformed(reference, name, "a dictionary")
    }
    return entries
  }

  private func malformed(
    _ reference: PickleGraph.Reference,
    _ name: String,
    _ expected: String
  ) -> FlywheelError {
    malformed("\(graph[reference].kind) as \(name)", expected, at: graph.offset(of: reference))
  }

  private func malformed(_ found: String, _ expected: String, at offset: Int) -> FlywheelError {
    .malformed(found: found, expected: expected, at: .init(byteOffset: UInt64(offset)))
  }
}
