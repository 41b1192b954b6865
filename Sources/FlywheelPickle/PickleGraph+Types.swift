extension PickleGraph {
  /// The class that made a dictionary, such as `collections.OrderedDict`.
  ///
  /// - Parameter reference: The value.
  /// - Returns: The class; nil for a plain `dict`, and for what is no dictionary.
  public func type(of reference: Reference) -> PickleGlobal? {
    guard case .dictionary(_, let type) = arena[reference].content, type != PickleArena.noGlobal
    else { return nil }
    return arena.globals[Int(type)]
  }
}
