/// What a kind of file tells of all its members, whatever is in it.
public struct ArchiveOrigin: Sendable, Hashable {
  /// What the order of the members says.
  public var order: Order
  /// The name of the dialect of the framework whose own files these are; nil for those of none.
  public var dialect: String?

  /// What the order of a file's members says of the program that wrote it.
  public enum Order: Sendable, Hashable {
    /// They are in the program's own order, such as that of a module's parameters.
    case kept
    /// They are in the order in which they were handed to the container, sorted by name or not.
    case written
    /// Libraries sort them, or have none of their own.
    case lost
  }

  /// Describes a kind of file.
  ///
  /// - Parameters:
  ///   - order: What the order of the members says.
  ///   - dialect: The name of the dialect of the framework whose own files these are.
  public init(order: Order = .written, dialect: String? = nil) {
    self.order = order
    self.dialect = dialect
  }
}
