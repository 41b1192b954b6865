import FlywheelCore
import FlywheelPickle

/// A pickle as the tests write it: texts for operations and lines, numbers for single bytes.
struct Pickle: ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
  var bytes: [UInt8]
  /// A place in it that a test has marked.
  var place: Int?

  init(_ bytes: [UInt8], place: Int? = nil) {
    self.bytes = bytes
    self.place = place
  }

  init(stringLiteral text: String) { self.init(Array(text.utf8)) }

  init(arrayLiteral pieces: Pickle...) { self = pieces.reduce(Pickle([]), +) }

  static func + (left: Pickle, right: Pickle) -> Pickle {
    Pickle(
      left.bytes + right.bytes,
      place: left.place ?? right.place.map { left.bytes.count + $0 }
    )
  }

  /// Where something is wrong.
  static let here = Pickle([], place: 0)

  /// The same again and again.
  static func * (piece: Pickle, count: Int) -> Pickle {
    Pickle(Array(repeatElement(piece.bytes, count: count).joined()))
  }

  /// Protocol 2.
  static let header: Pickle = Pickle([0x80, 2])

  /// A text as Python writes it.
  static func text(_ text: String) -> Pickle {
    Pickle([0x58] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8))
  }

  /// A global by name.
  static func global(_ module: String, _ name: String) -> Pickle {
    Pickle(Array("c\(module)\n\(name)\n".utf8))
  }

  static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// What the tests allow, unless they say otherwise.
  static let allowList = PickleAllowList(globals, hasPersistentIDs: true)

  /// The same, and what protocol 4 added.
  static let allowList4 = PickleAllowList(globals, hasProtocol4: true, hasPersistentIDs: true)

  private static let globals: [PickleGlobal: PickleAllowList.Uses] = [
    PickleGlobal(module: "collections", name: "OrderedDict"): [.mapping, .built],
    PickleGlobal(module: "collections", name: "Counter"): [.mapping, .called],
    PickleGlobal(module: "builtins", name: "complex"): .called,
    PickleGlobal(module: "builtins", name: "set"): .called,
    PickleGlobal(module: "builtins", name: "bytearray"): .called,
    PickleGlobal(module: "_codecs", name: "encode"): .called,
    PickleGlobal(module: "torch", name: "FloatStorage"): [],
    PickleGlobal(module: "torch._utils", name: "_rebuild_tensor_v2"): [.called, .built],
    PickleGlobal(module: "torch.nn.parameter", name: "Parameter"): [.instantiated, .built],
  ]

  func graph(allowing allowList: PickleAllowList = allowList) throws -> PickleGraph {
    try PickleGraph(reading: Tensor(vector: bytes).storage, allowing: allowList)
  }
}

extension PickleGraph {
  /// The root as Python would print it; `...` beyond a depth.
  func printed(depth: Int = 20) -> String { printed(root, depth) }

  private func printed(_ reference: Reference, _ depth: Int) -> String {
    guard depth > 0 else { return "..." }
    let value = printedValue(reference, depth - 1)
    guard let state = state(of: reference) else { return value }
    return "\(value)<\(printed(state, depth - 1))>"
  }

  private func printedValue(_ reference: Reference, _ depth: Int) -> String {
    switch self[reference] {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .largeInteger(let bytes): "0x" + bytes.reversed().map(Self.hex).joined()
    case .double(let value): "\(value)"
    case .text(let text): "'\(text)'"
    case .bytes(let bytes): "b'" + bytes.map(Self.hex).joined() + "'"
    case .list(let items): "[" + printed(items[...], depth) + "]"
    case .tuple(let items): "(" + printed(items, depth) + (items.count == 1 ? ",)" : ")")
    case .dictionary(let entries):
      "{"
        + entries.map { "\(printed($0.key, depth)): \(printed($0.value, depth))" }
        .joined(separator: ", ") + "}"
    case .emptySet: "set()"
    case .global(let global): "\(global)"
    case .call(let global, let arguments): "\(global)(\(printed(arguments, depth)))"
    case .object(let type, let arguments): "new \(type)(\(printed(arguments, depth)))"
    case .persistent(let identifier): "persistent \(printed(identifier, depth))"
    }
  }

  private func printed(_ items: ArraySlice<Reference>, _ depth: Int) -> String {
    items.map { printed($0, depth) }.joined(separator: ", ")
  }

  private static func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
