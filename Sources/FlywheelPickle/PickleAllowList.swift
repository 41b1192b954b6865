/// What a pickle may contain: the globals that it may name, and what it may say of each.
///
/// Everything else is refused where it stands. An allow-list is data of the format that is being read;
/// nothing that it names is ever looked up or called.
public struct PickleAllowList: Sendable {
  /// What a pickle may do with a global, besides naming it.
  public struct Uses: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Makes uses of bits.
    ///
    /// - Parameter rawValue: The bits.
    public init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    /// It may be called with arguments (`REDUCE`).
    public static let called = Uses(rawValue: 1)
    /// An object of it may be made (`NEWOBJ`).
    public static let instantiated = Uses(rawValue: 2)
    /// What it made may be given a state (`BUILD`).
    public static let built = Uses(rawValue: 4)
    /// Called without arguments it makes a dictionary, whose items may be set.
    public static let mapping = Uses(rawValue: 8)
  }

  /// The globals that may be named, with what else may be done with them.
  public let globals: [PickleGlobal: Uses]
  /// Whether the operations that protocol 4 added may be used.
  public let hasProtocol4: Bool
  /// Whether values may stand for what lies outside of the pickle.
  public let hasPersistentIDs: Bool

  /// Allows a pickle to name globals.
  ///
  /// - Parameters:
  ///   - globals: The globals under their names in Python 3, with what may be done with them.
  ///   - hasProtocol4: Whether the operations that protocol 4 added may be used.
  ///   - hasPersistentIDs: Whether values may stand for what lies outside of the pickle.
  public init(
    _ globals: [PickleGlobal: Uses] = [:],
    hasProtocol4: Bool = false,
    hasPersistentIDs: Bool = false
  ) {
    self.globals = globals
    self.hasProtocol4 = hasProtocol4
    self.hasPersistentIDs = hasPersistentIDs
  }
}
