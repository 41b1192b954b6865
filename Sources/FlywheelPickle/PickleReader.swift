import FlywheelCore

/// The machine that reads a pickle: a stack, marks, a memo, and an arena that values go to.
///
/// It calls nothing and never recurses. Each value, each place on the stack and each place in the memo costs
/// at least one byte of the pickle, which bounds the memory.
struct PickleReader: ~Escapable {
  typealias Reference = PickleGraph.Reference

  /// Modules that Python 3 renamed, as far as pickles of tensors name them.
  private static let renamedModules = ["__builtin__": "builtins", "copy_reg": "copyreg"]

  /// Below this number of keys, comparing each with each is faster than hashing.
  private static let fewKeys = 8

  private let bytes: Span<UInt8>
  private let start: Int
  private let allowList: PickleAllowList
  /// Where the operation that is being read begins.
  private var opcodeOffset: Int
  /// Where the next byte to read lies.
  private(set) var position: Int
  /// Where the last frame ends.
  private var frameEnd: Int
  private(set) var arena = PickleArena()

  private var stack: [Reference] = []
  private var marks: [Int] = []
  /// How much of the stack lies below the last mark, where no operation reaches.
  private var floor = 0
  private var memo: [Reference?] = []
  private var memoCount = 0
  private var globalPlaces: [PickleGlobal: UInt32] = [:]

  /// - Precondition: The range lies within the bytes.
  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, in range: Range<Int>, allowing allowList: PickleAllowList) {
    self.bytes = Span(_bytes: bytes.extracting(0..<range.upperBound))
    self.allowList = allowList
    start = range.lowerBound
    position = start
    frameEnd = start
    opcodeOffset = start
  }

  /// Reads up to the end of a pickle.
  ///
  /// - Returns: What it contains.
  @_lifetime(self: copy self)
  mutating func readPickle() throws(FlywheelError) -> Reference {
    while true {
      opcodeOffset = position
      let byte = try readByte("an operation")
      // What refers to places in the pickle has 32 bits for them.
      guard position - start < Int(UInt32.max) else {
        throw limitExceeded("The pickle has 4 GiB or more; no list of tensors needs so much.")
      }
      guard let opcode = PickleOpcode(rawValue: byte),
        allowList.hasProtocol4 || !opcode.isOfProtocol4
      else { throw unknown(byte) }
      if opcode == .stop { return try finish() }
      try carryOut(opcode)
    }
  }

  @_lifetime(self: copy self)
  private mutating func finish() throws(FlywheelError) -> Reference {
    let root = try pop()
    guard position >= frameEnd else {
      throw malformed(found: "the end of the pickle within a frame", expected: "the frame's end")
    }
    guard stack.isEmpty, marks.isEmpty else {
      throw malformed(found: "the end of the pickle with values left over", expected: "one value")
    }
    var texts = EqualTexts(arena.texts)
    for entries in arena.dictionaries where entries.count > 1 {
      try checkKeys(of: entries, &texts)
    }
    return root
  }

  @_lifetime(self: copy self)
  private mutating func carryOut(_ opcode: PickleOpcode) throws(FlywheelError) {
    switch opcode {
    case .stop: break
    case .protocolVersion: try readProtocol()
    case .frame: try readFrame()

    case .mark:
      marks.append(stack.count)
      floor = stack.count
    case .emptyTuple: pushTuple(takingLast: 0)
    case .tuple: pushTuple(takingLast: stack.count - (try popMark()))
    case .tuple1: try wrap(1)
    case .tuple2: try wrap(2)
    case .tuple3: try wrap(3)
    case .emptyList:
      push(.list(UInt32(arena.lists.count)))
      arena.lists.append([])
    case .emptyDictionary: pushDictionary(type: PickleArena.noGlobal)
    case .emptySet: push(.emptySet)
    case .append: try append(takingFrom: try room(for: 1))
    case .appends: try append(takingFrom: try popMark())
    case .setItem: try setItems(takingFrom: try room(for: 2))
    case .setItems: try setItems(takingFrom: try popMark())

    case .none: push(.none)
    case .newTrue: push(.bool(true))
    case .newFalse: push(.bool(false))
    case .int32:
      let number = Int32(truncatingIfNeeded: try readLittleEndian(4))
      push(.integer(Int64(number)))
    case .uint8: push(.integer(Int64(try readByte("an integer"))))
    case .uint16: push(.integer(Int64(try readLittleEndian(2))))
    case .long1: try readLong()
    case .float:
      var bits: UInt64 = 0
      for place in try take(8, "a number") { bits = bits << 8 | UInt64(bytes[place]) }
      push(.double(Double(bitPattern: bits)))
    case .unicode: try readText(count: Int(try readLittleEndian(4)))
    case .shortUnicode: try readText(count: Int(try readByte("the length of a text")))
    case .shortBinaryString: try readString()

    case .global:
      let module = try readLine("the module of a global")
      try pushGlobal(module: module, name: try readLine("the name of a global"))
    case .stackGlobal: try readStackGlobal()
    case .reduce: try call()
    case .newObject: try makeObject()
    case .build: try build()
    case .persistentID:
      guard allowList.hasPersistentIDs else { throw unknown(opcode.rawValue) }
      push(.persistent(try pop()))

    case .get: try pushFromMemo(UInt64(try readByte("a place in the memo")))
    case .longGet: try pushFromMemo(try readLittleEndian(4))
    case .put: try store(at: UInt64(try readByte("a place in the memo")))
    case .longPut: try store(at: try readLittleEndian(4))
    case .memoize: try store(at: UInt64(memoCount))
    }
  }

  // MARK: The stream

  @_lifetime(self: copy self)
  private mutating func readProtocol() throws(FlywheelError) {
    let version = try readByte("the protocol")
    guard opcodeOffset == start else {
      throw malformed(found: "a protocol within the pickle", expected: "it at the beginning")
    }
    // Protocol 5 only adds ways to pass large buffers, which are refused where they stand.
    let newest = allowList.hasProtocol4 ? 5 : 2
    guard version <= newest else {
      throw FlywheelError(
        .unsupported,
        "The pickle has protocol \(version); such files have protocol \(newest) or less. Save it with that.",
        at: location(opcodeOffset)
      )
    }
  }

  /// A frame says how many of the next bytes belong together, none of which lies behind the pickle.
  @_lifetime(self: copy self)
  private mutating func readFrame() throws(FlywheelError) {
    let count = try readLittleEndian(8)
    guard opcodeOffset >= frameEnd else {
      throw malformed(found: "a frame within a frame", expected: "one after the other")
    }
    guard count <= UInt64(bytes.count - position) else {
      throw truncated("a frame", needed: count)
    }
    frameEnd = position + Int(count)
  }

  // MARK: Numbers and texts

  @_lifetime(self: copy self)
  private mutating func readLong() throws(FlywheelError) {
    let count = Int(try readByte("the length of an integer"))
    let range = try take(count, "an integer")
    let isNegative = count > 0 && bytes[range.upperBound - 1] >= 0x80
    let filler: UInt8 = isNegative ? 0xFF : 0
    var value: Int64 = isNegative ? -1 : 0
    for place in range.prefix(8).reversed() { value = value << 8 | Int64(bytes[place]) }
    var isSmall = (value < 0) == isNegative
    for place in range.dropFirst(8) where bytes[place] != filler { isSmall = false }
    push(isSmall ? .integer(value) : .largeInteger(run(range)))
  }

  @_lifetime(self: copy self)
  private mutating func readText(count: Int) throws(FlywheelError) {
    let range = try take(count, "a text")
    let text: String
    do throws(UTF8.ValidationError) {
      text = String(copying: try UTF8Span(validating: bytes.extracting(range)))
    } catch {
      let place = location(range.lowerBound + error.byteOffsets.lowerBound)
      guard error.kind == .surrogateCodePointByte else {
        throw FlywheelError.malformed(
          found: "bytes that are no UTF-8 (\(error.kind))",
          expected: "a text",
          at: place
        )
      }
      throw FlywheelError(
        .unsupported,
        "The text contains half of a surrogate pair, which only Python can hold; rename it there.",
        at: place
      )
    }
    // They would make comparing texts slow.
    guard !text.hasTooManyCombiningMarks else {
      throw FlywheelError.tooManyCombiningMarks(at: location(range.lowerBound))
    }
    push(text)
  }

  /// A string of Python 2, which people wrote texts as.
  @_lifetime(self: copy self)
  private mutating func readString() throws(FlywheelError) {
    let range = try take(Int(try readByte("the length of a string")), "a string")
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else {
      return push(.bytes(run(range)))
    }
    push(String(copying: text))
  }

  // MARK: Containers

  @_lifetime(self: copy self)
  private mutating func pushTuple(takingLast count: Int) {
    let run = PickleArena.Run(start: UInt32(arena.elements.count), count: UInt32(count))
    for index in stack.count - count..<stack.count { arena.elements.append(stack[index]) }
    drop(from: stack.count - count)
    push(.tuple(run))
  }

  @_lifetime(self: copy self)
  private mutating func wrap(_ count: Int) throws(FlywheelError) {
    _ = try room(for: count)
    pushTuple(takingLast: count)
  }

  @_lifetime(self: copy self)
  private mutating func pushDictionary(type: UInt32) {
    push(.dictionary(UInt32(arena.dictionaries.count), type: type))
    arena.dictionaries.append([])
  }

  /// Takes what lies on the stack from a place on, and appends it to the list below.
  @_lifetime(self: copy self)
  private mutating func append(takingFrom first: Int) throws(FlywheelError) {
    let target = try target(below: first)
    guard case .list(let place) = arena[target].content else {
      throw malformed(found: "an item appended to \(name(of: target))", expected: "a list")
    }
    arena.lists[Int(place)] += stack[first...]
    drop(from: first)
  }

  /// Takes keys and values from a place on, and puts them into the dictionary below.
  @_lifetime(self: copy self)
  private mutating func setItems(takingFrom first: Int) throws(FlywheelError) {
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

  /// What a key is to Python, which compares numbers of all types by what they are worth.
  private enum Key: Hashable {
    case none
    case integer(Int64)
    case largeInteger([UInt8])
    case double(UInt64)
    /// The first text that is equal to it.
    case text(UInt32)
    case bytes([UInt8])
    case global(UInt32)
    case other(Reference)
  }

  /// Refuses a key that occurs twice.
  ///
  /// Python would let the last win; but it never writes two, and files whose meaning depends on who reads them
  /// are none to train from.
  private func checkKeys(
    of entries: [PickleGraph.Entry],
    _ texts: inout EqualTexts
  ) throws(FlywheelError) {
    var keys: [Key] = []
    keys.reserveCapacity(entries.count)
    for entry in entries { keys.append(key(entry.key, &texts)) }
    guard let place = Self.firstRepeated(in: keys) else { return }
    let key = entries[place].key
    let location = location(start + Int(arena[key].offset))
    let first = keys.firstIndex(of: keys[place]).map { entries[$0].key }
    if case .text(let text) = arena[key].content, let first,
      case .text(let other) = arena[first].content,
      !arena.texts[Int(text)].utf8.elementsEqual(arena.texts[Int(other)].utf8)
    {
      throw FlywheelError(
        .unsupported,
        "Two keys look the same, \(quoted(arena.texts[Int(text)])), and differ only in how their accents are "
          + "composed; rename one of them.",
        at: location
      )
    }
    throw FlywheelError.malformed(
      found: "\(name(of: key)) as a key for the second time",
      expected: "each key once",
      at: location
    )
  }

  private static func firstRepeated(in keys: [Key]) -> Int? {
    if keys.count <= fewKeys {
      return keys.indices.first { keys[..<$0].contains(keys[$0]) }
    }
    var seen = Set<Key>(minimumCapacity: keys.count)
    return keys.indices.first { !seen.insert(keys[$0]).inserted }
  }

  private func key(_ reference: Reference, _ texts: inout EqualTexts) -> Key {
    switch arena[reference].content {
    case .none: .none
    case .bool(let value): .integer(value ? 1 : 0)
    case .integer(let value): .integer(value)
    case .double(let value): Int64(exactly: value).map { .integer($0) } ?? .double(value.bitPattern)
    case .largeInteger(let run): .largeInteger(contents(run.range(from: start)))
    case .text(let place): .text(texts.first(equalTo: place))
    case .bytes(let run): .bytes(contents(run.range(from: start)))
    case .global(let place): .global(place)
    default: .other(reference)
    }
  }

  // MARK: Globals

  @_lifetime(self: copy self)
  private mutating func pushGlobal(module: String, name: String) throws(FlywheelError) {
    let global = PickleGlobal(module: Self.renamedModules[module] ?? module, name: name)
    guard allowList.globals[global] != nil else {
      throw FlywheelError(
        .unsupported,
        "The pickle names \(printable(global.description)), which is not among what Flywheel knows of such "
          + "files. Nothing was executed. If it is harmless, save the file without it.",
        at: location(opcodeOffset)
      )
    }
    let place = globalPlaces[global] ?? UInt32(arena.globals.count)
    if Int(place) == arena.globals.count {
      arena.globals.append(global)
      globalPlaces[global] = place
    }
    push(.global(place))
  }

  @_lifetime(self: copy self)
  private mutating func readStackGlobal() throws(FlywheelError) {
    let name = try pop()
    let module = try pop()
    guard case .text(let namePlace) = arena[name].content,
      case .text(let modulePlace) = arena[module].content
    else {
      throw malformed(
        found: "a global named by \(self.name(of: module)) and \(self.name(of: name))",
        expected: "two texts"
      )
    }
    let moduleText = arena.texts[Int(modulePlace)]
    try pushGlobal(module: moduleText, name: arena.texts[Int(namePlace)])
  }

  @_lifetime(self: copy self)
  private mutating func call() throws(FlywheelError) {
    let (place, uses, arguments) = try takeCallable("called")
    guard case .tuple(let run) = arena[arguments].content else {
      throw malformed(found: "\(name(of: arguments)) as arguments", expected: "a tuple")
    }
    if uses.contains(.mapping), run.count == 0 { return pushDictionary(type: place) }
    guard uses.contains(.called) else { throw notAllowed(place, to: "be called") }
    push(.call(place, arguments: arguments))
  }

  @_lifetime(self: copy self)
  private mutating func makeObject() throws(FlywheelError) {
    let (place, uses, arguments) = try takeCallable("instantiated")
    guard case .tuple = arena[arguments].content else {
      throw malformed(found: "\(name(of: arguments)) as arguments", expected: "a tuple")
    }
    guard uses.contains(.instantiated) else { throw notAllowed(place, to: "be instantiated") }
    push(.object(place, arguments: arguments))
  }

  /// Takes arguments and the global below them.
  @_lifetime(self: copy self)
  private mutating func takeCallable(
    _ deed: String
  ) throws(FlywheelError) -> (place: UInt32, uses: PickleAllowList.Uses, arguments: Reference) {
    let arguments = try pop()
    let callable = try pop()
    guard case .global(let place) = arena[callable].content else {
      throw FlywheelError(
        .unsupported,
        "The pickle has \(name(of: callable)) \(deed); Flywheel knows only what is named. Nothing was executed.",
        at: location(opcodeOffset)
      )
    }
    return (place, uses(of: place), arguments)
  }

  @_lifetime(self: copy self)
  private mutating func build() throws(FlywheelError) {
    let state = try pop()
    let target = try target(below: stack.count)
    let place: UInt32
    switch arena[target].content {
    case .call(let callable, _): place = callable
    case .object(let type, _): place = type
    case .dictionary(_, let type) where type != PickleArena.noGlobal: place = type
    default:
      throw FlywheelError(
        .unsupported,
        "The pickle gives a state to \(name(of: target)), which has none. Nothing was executed.",
        at: location(opcodeOffset)
      )
    }
    guard uses(of: place).contains(.built) else { throw notAllowed(place, to: "be given a state") }
    guard arena.states.updateValue(state, forKey: target) == nil else {
      throw malformed(found: "a second state of one object", expected: "one")
    }
  }

  private func uses(of place: UInt32) -> PickleAllowList.Uses {
    allowList.globals[arena.globals[Int(place)]] ?? []
  }

  // MARK: Stack and memo

  @_lifetime(self: copy self)
  private mutating func push(_ content: PickleArena.Content) {
    stack.append(Reference(index: UInt32(arena.nodes.count)))
    arena.nodes.append(.init(content: content, offset: UInt32(opcodeOffset - start)))
  }

  @_lifetime(self: copy self)
  private mutating func push(_ text: String) {
    push(.text(UInt32(arena.texts.count)))
    arena.texts.append(text)
  }

  @_lifetime(self: copy self)
  private mutating func pop() throws(FlywheelError) -> Reference {
    _ = try room(for: 1)
    return stack.removeLast()
  }

  /// Takes away what lies on the stack from a place on; one by one, for it is nearly always one to three.
  @_lifetime(self: copy self)
  private mutating func drop(from first: Int) {
    while stack.count > first { stack.removeLast() }
  }

  /// Where the last values on the stack begin, if there are so many above the mark.
  private func room(for count: Int) throws(FlywheelError) -> Int {
    guard stack.count - floor >= count else { throw emptyStack }
    return stack.count - count
  }

  /// The value right below a place on the stack.
  private func target(below place: Int) throws(FlywheelError) -> Reference {
    guard place > floor else { throw emptyStack }
    return stack[place - 1]
  }

  @_lifetime(self: copy self)
  private mutating func popMark() throws(FlywheelError) -> Int {
    guard let mark = marks.popLast() else {
      throw malformed(found: "an operation that needs a mark", expected: "a mark before it")
    }
    floor = marks.last ?? 0
    return mark
  }

  /// Picklers number what they store, so that no place is beyond the bytes before it.
  @_lifetime(self: copy self)
  private mutating func store(at place: UInt64) throws(FlywheelError) {
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
  private mutating func pushFromMemo(_ place: UInt64) throws(FlywheelError) {
    guard place < UInt64(memo.count), let value = memo[Int(place)] else {
      throw malformed(
        found: "a value from place \(place) of the memo, where there is none",
        expected: "one that was stored"
      )
    }
    stack.append(value)
  }

  // MARK: Bytes

  @_lifetime(self: copy self)
  private mutating func readByte(_ what: String) throws(FlywheelError) -> UInt8 {
    guard position < bytes.count else { throw truncated(what, needed: 1) }
    defer { position += 1 }
    return bytes[position]
  }

  /// An unsigned integer of up to eight bytes.
  @_lifetime(self: copy self)
  private mutating func readLittleEndian(_ count: Int) throws(FlywheelError) -> UInt64 {
    var value: UInt64 = 0
    for place in try take(count, "an integer").reversed() {
      value = value << 8 | UInt64(bytes[place])
    }
    return value
  }

  /// Passes over the next bytes.
  @_lifetime(self: copy self)
  private mutating func take(_ count: Int, _ what: String) throws(FlywheelError) -> Range<Int> {
    guard count <= bytes.count - position else { throw truncated(what, needed: UInt64(count)) }
    defer { position += count }
    return position..<position + count
  }

  /// The text up to the end of a line.
  @_lifetime(self: copy self)
  private mutating func readLine(_ what: String) throws(FlywheelError) -> String {
    let first = position
    while try readByte(what) != UInt8(ascii: "\n") {}
    let line = bytes.extracting(first..<position - 1)
    guard let text = try? UTF8Span(validating: line) else {
      throw FlywheelError.malformed(
        found: "bytes that are no UTF-8",
        expected: what,
        at: location(first)
      )
    }
    return String(copying: text)
  }

  private func run(_ range: Range<Int>) -> PickleArena.Run {
    PickleArena.Run(start: UInt32(range.lowerBound - start), count: UInt32(range.count))
  }

  private func contents(_ range: Range<Int>) -> [UInt8] {
    var contents: [UInt8] = []
    for place in range { contents.append(bytes[place]) }
    return contents
  }

  // MARK: Errors

  private func location(_ offset: Int) -> FlywheelError.Location {
    .init(byteOffset: UInt64(offset))
  }

  private func malformed(found: String, expected: String) -> FlywheelError {
    .malformed(found: found, expected: expected, at: location(opcodeOffset))
  }

  private func truncated(_ what: String, needed: UInt64) -> FlywheelError {
    .truncated(
      "\(what) of the pickle",
      needed: needed,
      available: UInt64(bytes.count - position),
      at: location(position)
    )
  }

  private func limitExceeded(_ message: String) -> FlywheelError {
    FlywheelError(.limitExceeded, message, at: location(opcodeOffset))
  }

  private var emptyStack: FlywheelError {
    malformed(found: "an operation that needs more values", expected: "them on the stack")
  }

  private func notAllowed(_ place: UInt32, to deed: String) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "The pickle wants \(arena.globals[Int(place)]) to \(deed), which no such file needs. Nothing was "
        + "executed.",
      at: location(opcodeOffset)
    )
  }

  private func unknown(_ byte: UInt8) -> FlywheelError {
    guard let name = PickleOpcode.names[byte] else {
      return malformed(
        found: "byte 0x\(String(byte, radix: 16))",
        expected: "an operation of a pickle"
      )
    }
    return FlywheelError(
      .unsupported,
      "The pickle has the operation \(name), which no such file needs and Flywheel does not carry out.",
      at: location(opcodeOffset)
    )
  }

  /// What a value is, for errors.
  private func name(of reference: Reference) -> String {
    switch arena[reference].content {
    case .none: "None"
    case .bool, .integer, .double, .largeInteger: "a number"
    case .text(let place): "the text \(quoted(arena.texts[Int(place)]))"
    case .bytes: "bytes"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .emptySet: "a set"
    case .global(let place): arena.globals[Int(place)].description
    case .call(let place, _): "what \(arena.globals[Int(place)]) returns"
    case .object(let place, _): "an object of \(arena.globals[Int(place)])"
    case .persistent: "what lies outside of it"
    }
  }
}
