import FlywheelCore

/// The stack and the memo.
extension PickleReader {
  @_lifetime(self: copy self)
  mutating func push(_ content: PickleArena.Content) {
    stack.append(Reference(index: UInt32(arena.nodes.count)))
    arena.nodes.append(.init(content: content, offset: UInt32(opcodeOffset - start)))
  }

  @_lifetime(self: copy self)
  mutating func push(_ text: String) {
    push(.text(UInt32(arena.texts.count)))
    arena.texts.append(text)
  }

  @_lifetime(self: copy self)
  mutating func pop() throws(FlywheelError) -> Reference {
    _ = try room(for: 1)
    return stack.removeLast()
  }

  /// Takes away what lies on the stack from a place on; one by one, for it is nearly always one to three.
  @_lifetime(self: copy self)
  mutating func drop(from first: Int) {
    while stack.count > first { stack.removeLast() }
  }

  /// Where the last values on the stack begin, if there are so many above the mark.
  func room(for count: Int) throws(FlywheelError) -> Int {
    guard stack.count - floor >= count else { throw emptyStack }
    return stack.count - count
  }

  /// The value right below a place on the stack.
  func target(below place: Int) throws(FlywheelError) -> Reference {
    guard place > floor else { throw emptyStack }
    return stack[place - 1]
  }

  @_lifetime(self: copy self)
  mutating func popMark() throws(FlywheelError) -> Int {
    guard let mark = marks.popLast() else {
      throw malformed(found: "an operation that needs a mark", expected: "a mark before it")
    }
    floor = marks.last ?? 0
    return mark
  }

  /// Picklers number what they store, so that no place is beyond the bytes before it.
  @_lifetime(self: copy self)
  mutating func store(at place: UInt64) throws(FlywheelError) {
    let value = try target(below: stack.count)
    guard place <= UInt64(position - start) else {
      throw limitExceeded(
        "The pickle stores a value at place \(place) of its memo, but has too few bytes for so many."
      )
    }
    let index = Int(place)
    while memo.count <= index { memo.append(nil) }
    if memo[index] == nil { memoCount += 1 }
    memo[index] = value
  }

  @_lifetime(self: copy self)
  mutating func pushFromMemo(_ place: UInt64) throws(FlywheelError) {
    guard place < UInt64(memo.count), let value = memo[Int(place)] else {
      throw malformed(
        found: "a value from place \(place) of the memo, where there is none",
        expected: "one that was stored"
      )
    }
    stack.append(value)
  }
}
