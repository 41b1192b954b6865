internal import FlywheelCore

/// How long paths may be together that are made of a file's names.
///
/// Groups in one another with long names, and many names in the last one, or of it, would else take memory of
/// the square of the file's size.
struct PathBudget {
  /// Paths have this many bytes for each of the file's at most: real ones repeat the names of a few groups for
  /// each object, whose header alone is longer than that.
  private static let pathExpansion = 16
  /// What a small file may have in any case.
  private static let leastPathLimit = 1 << 20

  private let limit: Int
  private var spent = 0

  /// Begins to count.
  ///
  /// - Parameter limit: The limit of the file.
  init(_ limit: ReadLimit) {
    let (product, overflow) = limit.fileByteCount
      .multipliedReportingOverflow(by: Self.pathExpansion)
    self.limit = max(Self.leastPathLimit, overflow ? .max : product)
  }

  /// Counts a path before it is made.
  ///
  /// - Parameters:
  ///   - place: The group, or the object.
  ///   - name: The name in it; empty for the object's own path.
  /// - Throws: `limitExceeded`.
  mutating func spend(_ place: HDF5Path, _ name: String = "") throws(FlywheelError) {
    spent += place.key.utf8.count + name.utf8.count + 1
    guard spent <= limit else {
      throw FlywheelError(
        .limitExceeded,
        "The paths in the file have more than \(limit) bytes together, which its size does not justify: "
          + "it is damaged, or made to fill memory.",
        at: .init(tensor: place.description)
      )
    }
  }
}
