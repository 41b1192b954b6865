import FlywheelCore
import FlywheelPickle

/// What a call in a pickle was given, asked for by place and kind.
struct TorchArguments {
  let graph: PickleGraph
  /// What is called.
  let function: PickleGlobal
  let references: ArraySlice<PickleGraph.Reference>
  /// Where the call stands.
  let offset: Int

  /// Makes sure that there are as many as the function takes.
  ///
  /// - Throws: `malformed` if there are more or fewer.
  func requireCount(_ counts: ClosedRange<Int>) throws(FlywheelError) {
    guard counts.contains(references.count) else {
      let expected = counts.count == 1 ? "\(counts.lowerBound)" : "\(counts)"
      throw FlywheelError.malformed(
        found: "\(function) with \(references.count) arguments",
        expected: "one with \(expected)",
        at: .init(byteOffset: UInt64(offset))
      )
    }
  }

  /// One of them; the caller has counted them.
  subscript(place: Int) -> PickleGraph.Reference { references[references.startIndex + place] }

  /// A number that counts.
  func integer(_ place: Int, _ what: String) throws(FlywheelError) -> Int {
    guard case .integer(let number) = graph[self[place]], let number = Int(exactly: number) else {
      throw malformed(place, what, "an integer")
    }
    return number
  }

  /// A truth value.
  func bool(_ place: Int, _ what: String) throws(FlywheelError) -> Bool {
    guard case .bool(let value) = graph[self[place]] else { throw malformed(place, what, "a bool") }
    return value
  }

  /// A text.
  func text(_ place: Int, _ what: String) throws(FlywheelError) -> String {
    guard case .text(let text) = graph[self[place]] else { throw malformed(place, what, "a text") }
    return text
  }

  /// What is only named.
  func global(_ place: Int, _ what: String) throws(FlywheelError) -> PickleGlobal {
    guard case .global(let global) = graph[self[place]] else {
      throw malformed(place, what, "a class")
    }
    return global
  }

  /// A tuple or a list of numbers that count, one for each axis; a `torch.Size` is one too.
  func integers(_ place: Int, _ what: String) throws(FlywheelError) -> [Int] {
    guard let integers = graph.integers(of: self[place]) else {
      throw malformed(place, what, "a tuple of at most \(TorchTensor.rankLimit) integers")
    }
    return integers
  }

  /// A dictionary of nothing, or nothing: where old files could have had functions to call.
  func requireNoHooks(_ place: Int) throws(FlywheelError) {
    switch graph[self[place]] {
    case .none: return
    case .dictionary(let entries) where entries.isEmpty: return
    default: throw malformed(place, "the hooks", "an empty dictionary")
    }
  }

  /// What is wrong with one of them.
  func malformed(_ place: Int, _ what: String, _ expected: String) -> FlywheelError {
    .malformed(
      found: "\(graph[self[place]].kind) as \(what) of a tensor",
      expected: expected,
      at: .init(byteOffset: UInt64(graph.offset(of: self[place])))
    )
  }
}

extension PickleValue {
  /// What it is, for people.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer: "an integer"
    case .largeInteger: "an integer of more than 64 bits"
    case .double: "a float"
    case .text: "a text"
    case .bytes: "bytes"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .emptySet: "a set"
    case .global(let global): "the name \(global)"
    case .call(let global, _): "a call of \(global)"
    case .object(let global, _): "an object of \(global)"
    case .persistent: "a storage"
    }
  }
}
