internal import FlywheelCore

extension FieldReader {
  /// Passes over the version of a structure of which there is only one.
  ///
  /// - Parameters:
  ///   - known: The version that is read.
  ///   - what: What structure it is, for the error.
  /// - Throws: As `version(_:of:)` for several versions.
  @_lifetime(self: copy self)
  mutating func version(
    _ known: UInt8,
    of what: StaticString
  ) throws(FlywheelError) {
    _ = try version(known...known, of: what)
  }

  /// Reads the version of a structure that is read in several.
  ///
  /// - Parameters:
  ///   - known: The versions that are read.
  ///   - what: The structure, for the error.
  /// - Throws: `truncated`; `unsupported` if it is another one.
  /// - Returns: The version.
  @_lifetime(self: copy self)
  mutating func version(
    _ known: ClosedRange<UInt8>,
    of what: StaticString
  ) throws(FlywheelError) -> UInt8 {
    let place = place
    let version = try uint8("a structure's version")
    guard known.contains(version) else { throw unknown(version, known, of: what, at: place) }
    return version
  }

  /// The error that a structure has a version that is not read.
  func unknown(
    _ version: UInt8,
    _ known: ClosedRange<UInt8>,
    of what: StaticString,
    at place: Int
  ) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "The version of \(what) is \(version), which this version of Flywheel does not read; "
        + "\(known.lowerBound) to \(known.upperBound) are known.",
      at: .init(byteOffset: UInt64(place))
    )
  }
}
