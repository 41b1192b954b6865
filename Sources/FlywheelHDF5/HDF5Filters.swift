internal import FlywheelCore

/// What the chunks of a dataset go through on their way into a file.
///
/// All of these are in every HDF5 library, in this order: bytes are shuffled, compressed, and checked.
public struct HDF5Filters: Sendable, Hashable {
  /// Whether the bytes of elements are sorted by their place, which makes numbers compress better.
  public var shuffles: Bool
  /// The level of compression with gzip's method, from 1 (fast) to 9 (small); nil for none.
  public var gzipLevel: Int?
  /// Whether each chunk gets a checksum (Fletcher's, of 32 bits), which every reader verifies.
  public var hasChecksums: Bool

  /// Chunks as they are.
  public static let none = HDF5Filters()

  /// Chooses filters.
  ///
  /// - Parameters:
  ///   - shuffles: Whether bytes are sorted by their place in the element.
  ///   - gzipLevel: From 1 to 9; nil for no compression.
  ///   - hasChecksums: Whether each chunk gets a checksum.
  public init(shuffles: Bool = false, gzipLevel: Int? = nil, hasChecksums: Bool = false) {
    self.shuffles = shuffles
    self.gzipLevel = gzipLevel
    self.hasChecksums = hasChecksums
  }

  /// Shuffled, then compressed: what numbers compress best with.
  ///
  /// - Parameter level: From 1 (fast) to 9 (small).
  /// - Returns: The filters.
  public static func compressed(level: Int) -> HDF5Filters {
    HDF5Filters(shuffles: true, gzipLevel: level)
  }

  /// Throws unless the level is one that there is.
  func check() throws(FlywheelError) {
    guard gzipLevel.map((1...9).contains) ?? true else {
      throw FlywheelError(
        .invalidArgument,
        "There is no gzip level \(gzipLevel ?? 0); choose one from 1 (fast) to 9 (small)."
      )
    }
  }
}
