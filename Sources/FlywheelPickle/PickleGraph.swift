public import FlywheelCore

/// The values of one pickle, and how they refer to each other.
///
/// Reading executes nothing: a call is recorded as the name of what would be called, with its arguments. The
/// graph takes memory in proportion to the pickle's bytes, whatever they say. Each text is made once: what refers
/// to it shares it.
public struct PickleGraph: Sendable {
  /// One value of a graph.
  public struct Reference: Sendable, Hashable {
    let index: UInt32
  }

  /// A key of a dictionary, and what it leads to.
  public struct Entry: Sendable {
    /// The key: no list, dictionary or set.
    public let key: Reference
    /// The value.
    public let value: Reference
  }

  /// What the pickle contains as a whole.
  public let root: Reference
  /// Where in the bytes the pickle ended; another may follow.
  public let end: Int

  private let bytes: TensorStorage
  private let start: Int
  let arena: PickleArena

  /// Reads the pickle at the front of some bytes.
  ///
  /// - Parameters:
  ///   - bytes: The bytes, which the graph keeps.
  ///   - range: The part of them that may be read; errors have offsets in the whole.
  ///   - allowList: What the pickle may contain.
  /// - Throws: `unsupported` for a global or an operation that is not allowed, or text with half of a
  ///   surrogate pair; `malformed` for what no pickle has; `truncated` if it ends early; `limitExceeded` for a
  ///   place in the memo that its bytes cannot fill, or a pickle of 4 GiB. All have the offset.
  /// - Precondition: The range lies within the bytes.
  public init(
    reading bytes: TensorStorage,
    in range: Range<Int>,
    allowing allowList: PickleAllowList
  ) throws(FlywheelError) {
    var reader = PickleReader(bytes.bytes, in: range, allowing: allowList)
    root = try reader.readPickle()
    end = reader.position
    arena = reader.arena
    start = range.lowerBound
    self.bytes = bytes
  }

  /// Reads the pickle at the front of some bytes; see the initializer that takes a range.
  ///
  /// - Parameters:
  ///   - bytes: The bytes, which the graph keeps.
  ///   - allowList: What the pickle may contain.
  /// - Throws: As the other.
  public init(
    reading bytes: TensorStorage,
    allowing allowList: PickleAllowList
  ) throws(FlywheelError) {
    try self.init(reading: bytes, in: 0..<bytes.byteCount, allowing: allowList)
  }

  /// The value that a reference of this graph stands for.
  public subscript(reference: Reference) -> PickleValue {
    switch arena[reference].content {
    case .none: .none
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .double(let value): .double(value)
    case .largeInteger(let run): .largeInteger(contents(run))
    case .text(let place): .text(arena.texts[Int(place)])
    case .bytes(let run): .bytes(contents(run))
    case .list(let place): .list(arena.lists[Int(place)])
    case .tuple(let run): .tuple(arena.elements[run.range])
    case .dictionary(let place, _): .dictionary(arena.dictionaries[Int(place)])
    case .emptySet: .emptySet
    case .global(let place): .global(arena.globals[Int(place)])
    case .call(let callable, let arguments):
      .call(arena.globals[Int(callable)], arguments: arena.elements(of: arguments))
    case .object(let type, let arguments):
      .object(arena.globals[Int(type)], arguments: arena.elements(of: arguments))
    case .persistent(let identifier): .persistent(identifier)
    }
  }

  /// The state that the pickle gives an object, a mapping or what a call returns.
  ///
  /// - Parameter reference: The value.
  /// - Returns: The state; nil if there is none.
  public func state(of reference: Reference) -> Reference? { arena.states[reference] }

  /// Where in the bytes a value begins.
  ///
  /// - Parameter reference: The value.
  /// - Returns: The offset of the operation that made it.
  public func offset(of reference: Reference) -> Int { start + Int(arena[reference].offset) }

  private func contents(_ run: PickleArena.Run) -> [UInt8] {
    let taken = bytes.bytes.extracting(run.range(from: start))
    return unsafe taken.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}
