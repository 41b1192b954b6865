extension PickleGraph {
  /// The values that stand for what lies outside of the pickle, in the order in which it has them.
  public var persistentReferences: [Reference] {
    arena.nodes.indices.compactMap { index in
      guard case .persistent = arena.nodes[index].content else { return nil }
      return Reference(index: UInt32(index))
    }
  }
}
