internal import FlywheelCore

/// What the size of a file justifies to say of attributes.
struct AttributeBudget {
  private var attributesLeft: Int
  /// Each attribute that is left out says the path of its object again.
  private var paths: PathBudget

  /// Begins to count.
  ///
  /// - Parameter limit: The limit of the file.
  init(_ limit: ReadLimit) {
    attributesLeft = limit.attributeLimit
    paths = PathBudget(limit)
  }

  /// Counts the attributes of an object.
  ///
  /// - Parameters:
  ///   - count: How many it has.
  ///   - place: The object.
  /// - Throws: `malformed`.
  mutating func spend(_ count: Int, of place: HDF5Path) throws(FlywheelError) {
    attributesLeft -= count
    guard attributesLeft >= 0 else {
      throw FlywheelError.malformed(
        found: "more attributes than the file has room for",
        expected: "attributes of one object each",
        at: .init(tensor: place.description)
      )
    }
  }

  /// Counts what is said of an attribute that is left out.
  ///
  /// - Parameters:
  ///   - name: The attribute.
  ///   - place: Its object.
  ///   - reason: Why it is left out.
  /// - Throws: `limitExceeded`.
  /// - Returns: What is said.
  mutating func obstacle(
    _ name: String,
    of place: HDF5Path,
    _ reason: String
  ) throws(FlywheelError) -> ArchiveMetadata.Obstacle {
    try paths.spend(place, name)
    return .init(
      name: "the attribute '\(name)' of \(place.description)",
      reason: reason,
      key: place.key
    )
  }
}
