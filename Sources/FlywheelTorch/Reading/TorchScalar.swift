import FlywheelCore
import FlywheelPickle

/// Values of a pickle that are no tensors, as attributes can hold them.
enum TorchScalar {
  /// A value by itself.
  ///
  /// - Parameter value: The value.
  /// - Throws: `limitExceeded` if there is no memory.
  /// - Returns: The attribute; nil if the value is none of a number, a text, bytes or a name.
  static func attribute(of value: PickleValue) throws(FlywheelError) -> AttributeValue? {
    switch value {
    case .bool(let value): .tensor(try Tensor([value], shape: .scalar))
    case .integer(let number): .integer(number)
    case .largeInteger(let bytes):
      try unsigned(bytes).map { (number) throws(FlywheelError) in
        .tensor(try Tensor([number], shape: .scalar))
      }
    case .double(let number): .double(number)
    case .text(let text): .string(text)
    case .bytes(let bytes): .tensor(try Tensor(vector: bytes))
    case .global(let global): .string("\(global)")
    default: nil
    }
  }

  /// What a call would return.
  ///
  /// - Parameters:
  ///   - function: What is called.
  ///   - arguments: What it is given.
  /// - Throws: `limitExceeded` if there is no memory.
  /// - Returns: The attribute; nil if it would not be a number, a text or bytes.
  static func attribute(
    of function: PickleGlobal,
    _ arguments: [PickleValue]
  ) throws(FlywheelError) -> AttributeValue? {
    switch (function, arguments.count, arguments.first, arguments.last) {
    case (TorchGlobals.layout, 1, .text(let name), _): .string(name)
    case (TorchGlobals.device, 1, .text(let name), _): .string(name)
    case (TorchGlobals.device, 2, .text(let name), .integer(let index)):
      .string("\(name):\(index)")
    case (TorchGlobals.complex, 2, .double(let real), .double(let imaginary)):
      .tensor(
        try Tensor([Complex128(real: real, imaginary: imaginary)], shape: .scalar)
      )
    default: nil
    }
  }

  /// Bytes, which protocol 2 has no operation for.
  ///
  /// - Parameters:
  ///   - reference: The value.
  ///   - graph: What it belongs to.
  /// - Returns: The bytes; nil if it is none of the ways in which Python writes them.
  static func bytes(of reference: PickleGraph.Reference, in graph: PickleGraph) -> [UInt8]? {
    switch graph[reference] {
    case .bytes(let bytes): return bytes
    case .call(TorchGlobals.bytes, let arguments) where arguments.isEmpty: return []
    case .call(TorchGlobals.byteArray, let arguments) where arguments.isEmpty: return []
    case .call(TorchGlobals.byteArray, let arguments) where arguments.count == 1:
      return arguments.first.flatMap { encoded($0, in: graph) }
    default: return encoded(reference, in: graph)
    }
  }

  /// Bytes that are a text with as many characters.
  private static func encoded(
    _ reference: PickleGraph.Reference,
    in graph: PickleGraph
  ) -> [UInt8]? {
    guard case .call(TorchGlobals.encode, let arguments) = graph[reference], arguments.count == 2,
      let first = arguments.first, let last = arguments.last,
      case (.text(let text), .text("latin1")) = (graph[first], graph[last])
    else { return nil }
    return latin1(text)
  }

  /// The bytes that a text has as many characters of.
  private static func latin1(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// A list of values of one kind.
  ///
  /// - Parameters:
  ///   - items: The values; at least one.
  ///   - graph: What they belong to.
  ///   - charge: Takes the number of bytes that the next value needs, and throws if there are too many.
  /// - Throws: `limitExceeded` if there is no memory, and what `charge` throws.
  /// - Returns: The attribute, and which of its floats are integers; nil if the values are of several kinds, or
  ///   none of truth values, numbers and texts.
  static func array(
    of items: ArraySlice<PickleGraph.Reference>,
    in graph: PickleGraph,
    _ charge: (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) -> (attribute: AttributeValue, integers: [Int])? {
    guard let first = items.first else { return nil }
    switch graph[first] {
    case .bool:
      let values = try collect(items, graph, charge) {
        if case .bool(let value) = $0 { value } else { nil }
      }
      return try values.map { (values) throws(FlywheelError) in
        (.tensor(try Tensor(vector: values)), [])
      }
    case .text:
      let texts = try collect(items, graph, charge) {
        if case .text(let text) = $0 { text } else { nil }
      }
      return texts.map { (.strings($0), []) }
    case .integer, .double:
      guard let numbers = try collect(items, graph, charge, double) else {
        // Integers of more than 53 bits are no floats.
        let integers = try collect(items, graph, charge, integer)
        return try integers.map { (integers) throws(FlywheelError) in
          (.tensor(try Tensor(vector: integers)), [])
        }
      }
      let integers = items.indices.filter { integer(graph[items[$0]]) != nil }
      guard integers.count < items.count else {
        return (.tensor(try Tensor(vector: items.compactMap { integer(graph[$0]) })), [])
      }
      return (.tensor(try Tensor(vector: numbers)), integers.map { $0 - items.startIndex })
    default: return nil
    }
  }

  /// A number of numpy: as one of Python, if that holds it.
  ///
  /// - Parameter scalar: A tensor of no axes.
  /// - Throws: Nothing, for numbers.
  /// - Returns: The attribute.
  static func attribute(of scalar: Tensor) throws(FlywheelError) -> AttributeValue {
    switch scalar.dtype {
    case .float64: .double(try scalar.elements(as: Double.self)[0])
    case .int64: .integer(try scalar.elements(as: Int64.self)[0])
    default: .tensor(scalar)
    }
  }

  /// A number as a tensor of no axes.
  ///
  /// - Parameter value: The value.
  /// - Throws: `limitExceeded` if there is no memory.
  /// - Returns: The tensor; nil if it is no number.
  static func tensor(of value: PickleValue) throws(FlywheelError) -> Tensor? {
    switch value {
    case .integer(let number): try Tensor([number], shape: .scalar)
    case .double(let number): try Tensor([number], shape: .scalar)
    default: nil
    }
  }

  /// A key of a dictionary.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - graph: What it belongs to.
  ///   - charge: Takes the number of bytes that the key needs, and throws if there are too many.
  /// - Throws: What `charge` throws.
  /// - Returns: The key; nil if it is no text, number, truth value or name, nor a tuple of them.
  static func key(
    of key: PickleGraph.Reference,
    in graph: PickleGraph,
    _ charge: (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) -> TorchKey? {
    guard case .tuple(let items) = graph[key] else {
      return try plainKey(of: graph[key], charge)
    }
    var parts: [TorchKey] = []
    for item in items {
      guard let part = try plainKey(of: graph[item], charge) else { return nil }
      parts.append(part)
    }
    return .tuple(parts)
  }

  private static func plainKey(
    of value: PickleValue,
    _ charge: (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) -> TorchKey? {
    let key: TorchKey
    switch value {
    case .text(let text): key = .text(text)
    case .integer(let number): key = .integer(number)
    case .double(let number): key = .double(number)
    case .bool(let value): key = .bool(value)
    case .none: key = .none
    case .global(let global): key = .global("\(global)")
    default: return nil
    }
    if case .text(let text) = value { try charge(text.utf8.count) }
    try charge(entryByteCount)
    return key
  }

  /// About how much memory an entry of a dictionary or a list takes besides its text.
  static let entryByteCount = 32

  private static func collect<Value>(
    _ items: ArraySlice<PickleGraph.Reference>,
    _ graph: PickleGraph,
    _ charge: (Int) throws(FlywheelError) -> Void,
    _ convert: (PickleValue) -> Value?
  ) throws(FlywheelError) -> [Value]? {
    var values: [Value] = []
    for item in items {
      let found = graph[item]
      guard let value = convert(found) else { return nil }
      if case .text(let text) = found { try charge(text.utf8.count + 16) }
      values.append(value)
    }
    return values
  }

  private static func integer(_ value: PickleValue) -> Int64? {
    if case .integer(let number) = value { number } else { nil }
  }

  /// A number as 64 bits of a float, if they hold it.
  private static func double(_ value: PickleValue) -> Double? {
    switch value {
    case .double(let number): number
    case .integer(let number): Double(exactly: number)
    default: nil
    }
  }

  /// The number that bytes in two's complement are, if it is not negative and has no more than 64 bits.
  private static func unsigned(_ bytes: [UInt8]) -> UInt64? {
    guard let last = bytes.last, last < 0x80, bytes.count < 9 || bytes.count == 9 && last == 0
    else { return nil }
    return bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
