/// Where a link leads.
///
/// Format specification, section IV.A.2.g.
enum LinkTarget: Sendable, Hashable {
  /// To the object header at an address.
  case object(address: UInt64)
  /// To what has a path in this file, if there is something.
  case soft(String)
  /// To what has a path in another file.
  case external(file: String, path: String)
  /// To something that another program knows.
  case other(kind: UInt8)

  /// How many bytes its texts have.
  var textByteCount: Int {
    switch self {
    case .object, .other: 0
    case .soft(let path): path.utf8.count
    case .external(let file, let path): file.utf8.count + path.utf8.count
    }
  }
}
