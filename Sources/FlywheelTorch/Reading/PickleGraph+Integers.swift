import FlywheelPickle

extension PickleGraph {
  /// The integers of a tuple or a list, as extents are written; a `torch.Size` is a tuple too.
  ///
  /// - Parameter reference: The value.
  /// - Returns: The integers; nil if it is something else, or has more than a tensor has axes.
  func integers(of reference: Reference) -> [Int]? {
    var reference = reference
    if case .call(TorchGlobals.size, let arguments) = self[reference], arguments.count == 1,
      let only = arguments.first
    {
      reference = only
    }
    let items: ArraySlice<Reference>
    switch self[reference] {
    case .tuple(let elements): items = elements
    case .list(let elements): items = elements[...]
    default: return nil
    }
    guard items.count <= TorchTensor.rankLimit else { return nil }
    var integers: [Int] = []
    integers.reserveCapacity(items.count)
    for item in items {
      guard case .integer(let number) = self[item], let number = Int(exactly: number) else {
        return nil
      }
      integers.append(number)
    }
    return integers
  }
}
