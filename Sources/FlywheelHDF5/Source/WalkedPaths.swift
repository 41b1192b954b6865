internal import FlywheelCore

/// What a walk through a file keeps: the objects that it came by, and how long their paths are together.
struct WalkedPaths {
  private var firstPaths: [UInt64: HDF5Path] = [:]
  private var budget: PathBudget

  /// Begins a walk.
  ///
  /// - Parameter limit: The limit of the file.
  init(limit: ReadLimit) { budget = PathBudget(limit) }

  /// Counts a path before it is made.
  ///
  /// - Parameters:
  ///   - place: The group.
  ///   - name: The name in it.
  /// - Throws: `limitExceeded`.
  mutating func count(_ place: HDF5Path, _ name: String) throws(FlywheelError) {
    try budget.spend(place, name)
  }

  /// The path that an object was first seen at; nil if that is now.
  ///
  /// - Parameters:
  ///   - object: Where the object is.
  ///   - place: Its path now.
  /// - Throws: `limitExceeded`: each further name of an object says the first path again.
  /// - Returns: The other path.
  mutating func firstPath(
    of object: UInt64,
    now place: HDF5Path
  ) throws(FlywheelError) -> String? {
    guard let first = firstPaths.updateValue(place, forKey: object) else { return nil }
    firstPaths[object] = first
    try budget.spend(first)
    return first.description
  }

  /// Takes an object for one that was not seen yet.
  mutating func forget(_ object: UInt64) { firstPaths[object] = nil }
}
