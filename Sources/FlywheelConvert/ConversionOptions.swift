/// What a conversion does besides changing the container.
public struct ConversionOptions: Sendable {
  /// Which tensors to convert, by their names in the source; all if there is no pattern.
  public var selection: [NamePattern]
  /// What to do with tensors by their names in the source; the first rule that matches one counts.
  public var map: [MapRule]
  /// New names for what the rules do not rename; the first that is about a tensor counts.
  public var renames: [Rename]
  /// Whether what the target cannot hold is left out; it is refused otherwise.
  public var drops: Bool

  /// Creates options; nothing changes but the container if none is given.
  ///
  /// - Parameters:
  ///   - selection: Which tensors to convert.
  ///   - map: What to do with tensors.
  ///   - renames: New names for what the rules do not rename.
  ///   - drops: Whether what the target cannot hold is left out.
  public init(
    selection: [NamePattern] = [],
    map: [MapRule] = [],
    renames: [Rename] = [],
    drops: Bool = false
  ) {
    self.selection = selection
    self.map = map
    self.renames = renames
    self.drops = drops
  }
}
