import FlywheelCore

/// The machine that reads a pickle: a stack, marks, a memo, and an arena that values go to.
///
/// It calls nothing and never recurses. Each value, each place on the stack and each place in the memo costs
/// at least one byte of the pickle, which bounds the memory. Each kind of work has a file of its own.
struct PickleReader: ~Escapable {
  typealias Reference = PickleGraph.Reference

  let bytes: Span<UInt8>
  let start: Int
  let allowList: PickleAllowList
  /// Where the operation that is being read begins.
  var opcodeOffset: Int
  /// Where the next byte to read lies.
  var position: Int
  /// Where the last frame ends.
  private var frameEnd: Int
  var arena = PickleArena()

  var stack: [Reference] = []
  var marks: [Int] = []
  /// How much of the stack lies below the last mark, where no operation reaches.
  var floor = 0
  var memo: [Reference?] = []
  var memoCount = 0
  var globalPlaces: [PickleGlobal: UInt32] = [:]

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
}
