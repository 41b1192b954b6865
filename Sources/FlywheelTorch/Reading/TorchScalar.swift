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
    case (TorchGlobals.encode, 2, .text(let text), .text("latin1")):
      try latin1(text).map { (bytes) throws(FlywheelError) in .tensor(try Tensor(vector: bytes)) }
    default: nil
    }
  }

  /// The bytes that Python writes as a text of as many characters, in protocol 2.
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
  /// - Throws: `limitExceeded` if there is no memory.
  /// - Returns: The attribute; nil if they are of several kinds, or none of truth values, numbers and texts.
  static func array(
    of items: ArraySlice<PickleGraph.Reference>,
    in graph: PickleGraph
  ) throws(FlywheelError) -> AttributeValue? {
    guard let first = items.first else { return nil }
    switch graph[first] {
    case .bool:
      return try collect(items, graph) { if case .bool(let value) = $0 { value } else { nil } }
        .map { (values) throws(FlywheelError) in .tensor(try Tensor(vector: values)) }
    case .text:
      return collect(items, graph) { if case .text(let text) = $0 { text } else { nil } }
        .map { .strings($0) }
    case .integer, .double:
      let integers = collect(items, graph) { value -> Int64? in
        if case .integer(let number) = value { number } else { nil }
      }
      if let integers { return .tensor(try Tensor(vector: integers)) }
      return try collect(items, graph, double)
        .map { (numbers) throws(FlywheelError) in .tensor(try Tensor(vector: numbers)) }
    default: return nil
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

  /// The name that a key of a dictionary gives what it leads to.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - graph: What it belongs to.
  /// - Returns: The name, as Python writes the key; nil if it is no text, number, truth value or name, nor a
  ///   tuple of them.
  static func name(of key: PickleGraph.Reference, in graph: PickleGraph) -> String? {
    if case .tuple(let items) = graph[key] {
      var names: [String] = []
      for item in items {
        guard let name = plainName(of: graph[item]) else { return nil }
        if case .text = graph[item] { names.append("'\(name)'") } else { names.append(name) }
      }
      return "(" + names.joined(separator: ", ") + (names.count == 1 ? ",)" : ")")
    }
    return plainName(of: graph[key])
  }

  private static func plainName(of value: PickleValue) -> String? {
    switch value {
    case .text(let text): text
    case .integer(let number): "\(number)"
    case .double(let number): "\(number)"
    case .bool(let value): value ? "True" : "False"
    case .none: "None"
    case .global(let global): "\(global)"
    default: nil
    }
  }

  private static func collect<Value>(
    _ items: ArraySlice<PickleGraph.Reference>,
    _ graph: PickleGraph,
    _ convert: (PickleValue) -> Value?
  ) -> [Value]? {
    var values: [Value] = []
    for item in items {
      guard let value = convert(graph[item]) else { return nil }
      values.append(value)
    }
    return values
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
