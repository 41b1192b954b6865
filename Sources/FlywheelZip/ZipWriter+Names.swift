import FlywheelCore

extension ZipWriter {
  /// Why no member can have a name.
  ///
  /// - Parameter name: The name.
  /// - Returns: What it is, to follow "Found"; nil if a member can have it.
  package static func objection(to name: String) -> String? {
    let bytes = Array(name.utf8)
    guard bytes.count <= Int(UInt16.max) else {
      return "a name of \(bytes.count) bytes, where a zip archive has room for \(UInt16.max)"
    }
    if name.hasTooManyCombiningMarks { return "a name with too many combining marks in a row" }
    return ZipName.danger(in: bytes.rawBytes)
  }
}
