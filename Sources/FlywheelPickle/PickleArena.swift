/// Where the values of a pickle lie: flat tables, so that reading hundreds of thousands of them asks for memory
/// a few times only.
struct PickleArena: Sendable {
  typealias Reference = PickleGraph.Reference

  /// A run of bytes of the pickle, or of `elements`.
  struct Run: Sendable {
    let start: UInt32
    let count: UInt32

    var range: Range<Int> { range(from: 0) }

    func range(from origin: Int) -> Range<Int> {
      origin + Int(start)..<origin + Int(start) + Int(count)
    }
  }

  /// A value, with numbers for places in the tables.
  enum Content: Sendable {
    case none
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case largeInteger(Run)
    /// Its place in `texts`.
    case text(UInt32)
    case bytes(Run)
    case list(UInt32)
    case tuple(Run)
    /// Its place, and that of the global that made it, if it is no plain `dict`.
    case dictionary(UInt32, type: UInt32)
    case emptySet
    case global(UInt32)
    /// The place of what is called, and a tuple.
    case call(UInt32, arguments: Reference)
    /// The place of the class, and a tuple.
    case object(UInt32, arguments: Reference)
    case persistent(Reference)
  }

  struct Node: Sendable {
    let content: Content
    /// Where the operation that made it stands, from the start of the pickle.
    let offset: UInt32
  }

  /// The place of the type of a plain `dict`, which no global made.
  static let noGlobal = UInt32.max

  var nodes: [Node] = []
  var elements: [Reference] = []
  /// Each text once, however often it is referred to.
  var texts: [String] = []
  var lists: [[Reference]] = []
  var dictionaries: [[PickleGraph.Entry]] = []
  var globals: [PickleGlobal] = []
  var states: [Reference: Reference] = [:]

  subscript(reference: Reference) -> Node { nodes[Int(reference.index)] }

  /// The elements of a tuple.
  func elements(of tuple: Reference) -> ArraySlice<Reference> {
    guard case .tuple(let run) = self[tuple].content else { return [] }
    return elements[run.range]
  }
}
