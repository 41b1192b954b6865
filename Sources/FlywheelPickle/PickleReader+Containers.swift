import FlywheelCore

/// Tuples, lists and dictionaries, which are made of what lies on the stack.
extension PickleReader {
  @_lifetime(self: copy self)
  mutating func pushTuple(takingLast count: Int) {
    let run = PickleArena.Run(start: UInt32(arena.elements.count), count: UInt32(count))
    for index in stack.count - count..<stack.count { arena.elements.append(stack[index]) }
    drop(from: stack.count - count)
    push(.tuple(run))
  }

  @_lifetime(self: copy self)
  mutating func wrap(_ count: Int) throws(FlywheelError) {
    _ = try room(for: count)
    pushTuple(takingLast: count)
  }

  @_lifetime(self: copy self)
  mutating func pushDictionary(type: UInt32) {
    push(.dictionary(UInt32(arena.dictionaries.count), type: type))
    arena.dictionaries.append([])
  }

  /// Takes what lies on the stack from a place on, and appends it to the list below.
  @_lifetime(self: copy self)
  mutating func append(takingFrom first: Int) throws(FlywheelError) {
    let target = try target(below: first)
    guard case .list(let place) = arena[target].content else {
      throw malformed(found: "an item appended to \(name(of: target))", expected: "a list")
    }
    arena.lists[Int(place)] += stack[first...]
    drop(from: first)
  }

  /// Takes keys and values from a place on, and puts them into the dictionary below.
  @_lifetime(self: copy self)
  mutating func setItems(takingFrom first: Int) throws(FlywheelError) {
    let target = try target(below: first)
    guard case .dictionary(let place, _) = arena[target].content else {
      throw malformed(found: "an item set in \(name(of: target))", expected: "a dictionary")
    }
    guard (stack.count - first).isMultiple(of: 2) else {
      throw malformed(found: "a key without a value", expected: "both")
    }
    for index in stride(from: first, to: stack.count, by: 2) {
      let entry = PickleGraph.Entry(key: stack[index], value: stack[index + 1])
      switch arena[entry.key].content {
      case .list, .dictionary, .emptySet:
        throw malformed(found: "\(name(of: entry.key)) as a key", expected: "what cannot change")
      default: arena.dictionaries[Int(place)].append(entry)
      }
    }
    drop(from: first)
  }
}
