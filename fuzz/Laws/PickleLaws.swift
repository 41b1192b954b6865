import FlywheelCore
import FlywheelPickle

/// What holds for any bytes that are read as a pickle.
public enum PickleLaws {
  /// Reads bytes as a pickle, and does with it all that a user can.
  ///
  /// - Parameter bytes: Any bytes.
  /// - Throws: `BrokenLaw`.
  public static func check(_ bytes: [UInt8]) throws(BrokenLaw) {
    let attempt = Attempt(byteCount: bytes.count)
    let storage = try bytes.storage()
    let graph = try attempt { () throws(FlywheelError) in
      try PickleGraph(reading: storage, allowing: allowing(protocol4: false))
    }
    let newer = try attempt { () throws(FlywheelError) in
      try PickleGraph(reading: storage, allowing: allowing(protocol4: true))
    }
    try BrokenLaw.unless(graph == nil || newer != nil, "protocol 4 has less than protocol 2")
    guard let newer else { return }
    try check(newer, of: bytes)
    try checkEnd(of: newer, bytes)
    if let graph {
      try BrokenLaw.unless(printed(graph) == printed(newer), "protocol 4 reads something else")
    }
    try checkWriting(newer)
  }

  private static func allowing(protocol4: Bool) -> PickleAllowList {
    PickleAllowList(
      [
        PickleGlobal(module: "collections", name: "OrderedDict"): [.mapping, .called, .built],
        PickleGlobal(module: "builtins", name: "set"): .called,
        PickleGlobal(module: "torch", name: "FloatStorage"): [],
        PickleGlobal(module: "torch._utils", name: "_rebuild_tensor_v2"): [.called, .built],
        PickleGlobal(module: "torch.nn.parameter", name: "Parameter"): [.instantiated, .built],
      ],
      hasProtocol4: protocol4,
      hasPersistentIDs: true
    )
  }

  /// Every value that can be reached begins within the pickle, and there are no more than its bytes make.
  private static func check(_ graph: PickleGraph, of bytes: [UInt8]) throws(BrokenLaw) {
    var seen: Set<PickleGraph.Reference> = [graph.root]
    var rest = [graph.root]
    while let reference = rest.popLast() {
      try BrokenLaw.unless(
        (0..<graph.end).contains(graph.offset(of: reference)),
        "a value begins outside of the pickle"
      )
      for child in children(of: reference, in: graph) where seen.insert(child).inserted {
        rest.append(child)
      }
    }
    try BrokenLaw.unless(seen.count < bytes.count, "\(bytes.count) bytes make \(seen.count) values")
  }

  private static func children(
    of reference: PickleGraph.Reference,
    in graph: PickleGraph
  ) -> [PickleGraph.Reference] {
    let state = graph.state(of: reference).map { [$0] } ?? []
    return switch graph[reference] {
    case .list(let items): state + items
    case .tuple(let items), .call(_, let items), .object(_, let items): state + items
    case .dictionary(let entries): state + entries.flatMap { [$0.key, $0.value] }
    case .persistent(let identifier): state + [identifier]
    default: state
    }
  }

  /// The end is where it says, and what follows does not matter.
  private static func checkEnd(of graph: PickleGraph, _ bytes: [UInt8]) throws(BrokenLaw) {
    let stop = UInt8(ascii: ".")
    try BrokenLaw.unless(bytes[..<graph.end].last == stop, "a pickle ends with no end")
    for other in [Array(bytes[..<graph.end]), bytes[..<graph.end] + [0x80, 2, stop]] {
      let again = try read(other)
      try BrokenLaw.unless(again?.end == graph.end, "a pickle ends elsewhere if others follow")
      try BrokenLaw.unless(again.map(printed) == printed(graph), "what follows a pickle matters")
    }
    let cut = try read(Array(bytes[..<(graph.end - 1)]))
    try BrokenLaw.unless(cut == nil, "a pickle that is cut is read")
  }

  private static func read(_ bytes: [UInt8]) throws(BrokenLaw) -> PickleGraph? {
    let storage = try bytes.storage()
    return try? PickleGraph(reading: storage, allowing: allowing(protocol4: true))
  }

  /// What is written again is the same.
  private static func checkWriting(_ graph: PickleGraph) throws(BrokenLaw) {
    var copy = PickleCopy(graph)
    copy.write(graph.root, depth: 0)
    guard copy.isExact else { return }
    let written = try read(copy.writer.finish())
    try BrokenLaw.unless(written.map(printed) == printed(graph), "what is written reads otherwise")
  }

  /// The value as text, as deep and as far as is decent.
  private static func printed(_ graph: PickleGraph) -> String {
    var text = ""
    var rest: [(reference: PickleGraph.Reference, depth: Int)] = [(graph.root, 0)]
    var count = 0
    while let (reference, depth) = rest.popLast(), count < PickleCopy.valueLimit {
      count += 1
      let next = children(of: reference, in: graph)
      text += "\(depth) \(next.count) \(name(of: graph[reference])) "
      guard depth < PickleCopy.depthLimit else { continue }
      // What is shared may be enormous as a tree.
      let room = max(0, PickleCopy.valueLimit - rest.count)
      rest += next.prefix(room).reversed().map { ($0, depth + 1) }
    }
    return text
  }

  private static func name(of value: PickleValue) -> String {
    switch value {
    case .none: "None"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .largeInteger(let bytes), .bytes(let bytes): "\(bytes)"
    case .double(let value): "\(value.bitPattern)"
    case .text(let text): "\(text.utf8.count) \(Array(text.utf8.prefix(100)))"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dictionary"
    case .emptySet: "set"
    case .global(let global): "\(global)"
    case .call(let global, _): "call \(global)"
    case .object(let type, _): "object \(type)"
    case .persistent: "persistent"
    }
  }
}

/// Writes a graph again.
private struct PickleCopy {
  static let depthLimit = 30
  static let valueLimit = 1_000

  let graph: PickleGraph
  var writer = PickleWriter()
  /// Whether all of it could be written.
  var isExact = true
  private var count = 0

  init(_ graph: PickleGraph) {
    self.graph = graph
  }

  mutating func write(_ reference: PickleGraph.Reference, depth: Int) {
    count += 1
    guard isExact, depth < Self.depthLimit, count < Self.valueLimit else {
      isExact = false
      return
    }
    // No state can be written.
    guard graph.state(of: reference) == nil else {
      isExact = false
      return
    }
    switch graph[reference] {
    case .none: writer.writeNone()
    case .bool(let value): writer.write(value)
    case .integer(let value): writer.write(value)
    case .double(let value): writer.write(value)
    case .text(let text): writer.write(text)
    case .global(let global): writer.write(global)
    case .list(let items):
      writer.beginList()
      write(items[...], depth)
    case .tuple(let items):
      writer.beginTuple()
      write(items, depth)
    case .dictionary(let entries):
      writer.beginDictionary()
      write(entries.flatMap { [$0.key, $0.value] }[...], depth)
    case .call(let global, let arguments):
      writer.beginCall(of: global)
      write(arguments, depth)
    case .persistent(let identifier):
      guard case .tuple(let elements) = graph[identifier] else {
        isExact = false
        return
      }
      writer.beginPersistentID()
      write(elements, depth)
    case .largeInteger, .bytes, .emptySet, .object: isExact = false
    }
  }

  private mutating func write(_ items: ArraySlice<PickleGraph.Reference>, _ depth: Int) {
    for item in items { write(item, depth: depth + 1) }
    writer.end()
  }
}
