/// Writes a pickle of protocol 2 step by step, straight to its bytes.
///
/// Containers are begun, filled and ended; a dictionary takes its keys and values in turn. Texts and globals that
/// were written before are taken from the memo, as Python's pickler does.
///
///     var pickle = PickleWriter()
///     pickle.beginDictionary()
///     pickle.write("lr")
///     pickle.write(0.1)
///     pickle.end()
///     let bytes = pickle.finish()
public struct PickleWriter: Sendable {
  private var bytes: [UInt8] = []
  /// How each container that was begun, and not ended yet, ends.
  private var endings: [[PickleOpcode]] = []
  private var texts: [String: UInt32] = [:]
  private var globals: [PickleGlobal: UInt32] = [:]
  private var memoCount: UInt32 = 0

  /// Begins a pickle.
  public init() {
    append(.protocolVersion)
    bytes.append(2)
  }

  /// Ends the pickle.
  ///
  /// - Precondition: One value was written, and every container has ended.
  /// - Returns: Its bytes.
  public consuming func finish() -> [UInt8] {
    precondition(endings.isEmpty, "a container has not ended")
    append(.stop)
    return bytes
  }

  // MARK: Values

  /// Writes `None`.
  public mutating func writeNone() { append(.none) }

  /// Writes a truth value.
  public mutating func write(_ value: Bool) { append(value ? .newTrue : .newFalse) }

  /// Writes an integer, in as few bytes as it takes.
  public mutating func write(_ value: Int64) {
    if let small = UInt8(exactly: value) {
      append(.uint8)
      bytes.append(small)
    } else if let small = UInt16(exactly: value) {
      append(.uint16)
      appendLittleEndian(UInt64(small), count: 2)
    } else if let small = Int32(exactly: value) {
      append(.int32)
      appendLittleEndian(UInt64(UInt32(bitPattern: small)), count: 4)
    } else {
      let sign: Int64 = value < 0 ? -1 : 0
      // In two's complement the highest bit is the sign.
      let count = (64 - (value ^ sign).leadingZeroBitCount) / 8 + 1
      append(.long1)
      bytes.append(UInt8(count))
      appendLittleEndian(UInt64(bitPattern: value), count: count)
    }
  }

  /// Writes a floating-point number.
  public mutating func write(_ value: Double) {
    append(.float)
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(shift)))
    }
  }

  /// Writes a text.
  public mutating func write(_ text: String) {
    if let place = texts[text] { return recall(place) }
    append(.unicode)
    appendLittleEndian(UInt64(text.utf8.count), count: 4)
    bytes += text.utf8
    texts[text] = memorize()
  }

  /// Writes the name of a class or a function.
  public mutating func write(_ global: PickleGlobal) {
    if let place = globals[global] { return recall(place) }
    append(.global)
    bytes += "\(global.module)\n\(global.name)\n".utf8
    globals[global] = memorize()
  }

  /// Writes a tuple of integers, such as a shape.
  public mutating func write(tuple elements: [Int]) {
    beginTuple()
    for element in elements { write(Int64(element)) }
    end()
  }

  // MARK: Containers

  /// Begins a `dict`, whose keys and values follow in turn.
  public mutating func beginDictionary() {
    append(.emptyDictionary)
    begin(ending: [.setItems])
  }

  /// Begins a dictionary of a class, `collections.OrderedDict` say, whose keys and values follow in turn.
  ///
  /// - Parameter type: The class, which is called without arguments.
  public mutating func beginDictionary(of type: PickleGlobal) {
    write(type)
    append(.emptyTuple)
    append(.reduce)
    begin(ending: [.setItems])
  }

  /// Begins a list, whose items follow.
  public mutating func beginList() {
    append(.emptyList)
    begin(ending: [.appends])
  }

  /// Begins a tuple, whose elements follow.
  public mutating func beginTuple() { begin(ending: [.tuple]) }

  /// Begins a call, whose arguments follow.
  ///
  /// - Parameter callable: What is called when the pickle is read.
  public mutating func beginCall(of callable: PickleGlobal) {
    write(callable)
    begin(ending: [.tuple, .reduce])
  }

  /// Begins the identifier of what lies outside of the pickle: a tuple, whose elements follow.
  public mutating func beginPersistentID() { begin(ending: [.tuple, .persistentID]) }

  /// Ends what was begun last.
  ///
  /// - Precondition: Something was begun.
  public mutating func end() {
    guard let ending = endings.popLast() else { preconditionFailure("nothing was begun") }
    for opcode in ending { append(opcode) }
  }

  // MARK: Bytes

  private mutating func begin(ending: [PickleOpcode]) {
    append(.mark)
    endings.append(ending)
  }

  private mutating func append(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  private mutating func appendLittleEndian(_ value: UInt64, count: Int) {
    for place in 0..<count {
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place)))
    }
  }

  /// Stores the value that was written last in the memo.
  private mutating func memorize() -> UInt32 {
    let place = memoCount
    if place < 256 {
      append(.put)
      appendLittleEndian(UInt64(place), count: 1)
    } else {
      append(.longPut)
      appendLittleEndian(UInt64(place), count: 4)
    }
    memoCount += 1
    return place
  }

  private mutating func recall(_ place: UInt32) {
    append(place < 256 ? .get : .longGet)
    appendLittleEndian(UInt64(place), count: place < 256 ? 1 : 4)
  }
}
