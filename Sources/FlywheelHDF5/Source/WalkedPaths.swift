internal import FlywheelCore

/// What a walk through a file keeps: the objects that it came by, and how long their paths are together.
struct WalkedPaths {
  /// Paths have this many bytes for each of the file's at most: real ones repeat the names of a few groups for
  /// each object, whose header alone is longer than that.
  private static let pathExpansion = 16
  /// What a small file may have in any case.
  private static let leastPathLimit = 1 << 20

  private var firstPaths: [UInt64: HDF5Path] = [:]
  private var pathByteCount = 0
  private let pathLimit: Int

  /// Begins a walk.
  ///
  /// - Parameter limit: The limit of the file.
  init(limit: ReadLimit) {
    let (product, overflow) = limit.fileByteCount
      .multipliedReportingOverflow(by: Self.pathExpansion)
    pathLimit = max(Self.leastPathLimit, overflow ? .max : product)
  }

  /// Counts a path before it is made.
  ///
  /// Groups in one another with long names, and many names in the last one, would else take memory of the
  /// square of the file's size.
  ///
  /// - Parameters:
  ///   - place: The group.
  ///   - name: The name in it.
  /// - Throws: `limitExceeded`.
  mutating func count(_ place: HDF5Path, _ name: String) throws(FlywheelError) {
    pathByteCount += place.key.utf8.count + name.utf8.count + 1
    guard pathByteCount <= pathLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The paths in the file have more than \(pathLimit) bytes together, which its size does not "
          + "justify: it is damaged, or made to fill memory.",
        at: .init(tensor: place.description)
      )
    }
  }

  /// The path that an object was first seen at; nil if that is now.
  ///
  /// - Parameters:
  ///   - object: Where the object is.
  ///   - place: Its path now.
  /// - Returns: The other path.
  mutating func firstPath(of object: UInt64, now place: HDF5Path) -> String? {
    guard let first = firstPaths.updateValue(place, forKey: object) else { return nil }
    firstPaths[object] = first
    return first.description
  }

  /// Takes an object for one that was not seen yet.
  mutating func forget(_ object: UInt64) { firstPaths[object] = nil }
}
