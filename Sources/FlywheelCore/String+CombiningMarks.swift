extension String {
  /// The most combining marks that may follow each other in a text of a file; real ones have a few.
  package static let combiningMarkLimit = 256

  /// Whether more combining marks follow each other than that.
  ///
  /// Swift normalises strings when it hashes and compares them, in time quadratic in the number of
  /// combining marks that follow each other: 160 KB of accents take seconds. What a file says is checked before
  /// anything looks it up.
  package var hasTooManyCombiningMarks: Bool {
    if utf8.count <= Self.combiningMarkLimit { return false }
    var run = 0
    for scalar in unicodeScalars {
      let combines = !scalar.isASCII && scalar.properties.canonicalCombiningClass != .notReordered
      run = combines ? run + 1 : 0
      if run > Self.combiningMarkLimit { return true }
    }
    return false
  }
}

extension FlywheelError {
  /// A text of a file has more combining marks in a row than are read.
  ///
  /// - Parameter location: Where it begins.
  /// - Returns: The error.
  package static func tooManyCombiningMarks(at location: Location) -> FlywheelError {
    FlywheelError(
      .limitExceeded,
      "More than \(String.combiningMarkLimit) combining marks follow each other in a text; none that people "
        + "write has so many.",
      at: location
    )
  }
}
