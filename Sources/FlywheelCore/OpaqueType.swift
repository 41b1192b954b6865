/// A type of elements that Flywheel carries from file to file without looking inside.
public struct OpaqueType: Sendable, Hashable {
  /// What numpy calls it, as the `descr` of a .npy file has it: `|S5`, `<U3`, `<M8[ns]`, `|V16`, or a list
  /// of fields.
  public let name: String
  /// The number of bytes of one element; 0 for empty texts.
  public let byteCount: Int

  /// Names a type.
  ///
  /// - Parameters:
  ///   - name: What numpy calls it.
  ///   - byteCount: The number of bytes of one element.
  /// - Precondition: `byteCount` is not negative.
  public init(name: String, byteCount: Int) {
    precondition(byteCount >= 0, "an element has no negative size")
    self.name = name
    self.byteCount = byteCount
  }
}
