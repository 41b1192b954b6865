internal import FlywheelCore

/// The path of an object in a file, in one spelling: names with `/` between them, none in front.
struct HDF5Path {
  /// The whole path; empty for the root.
  let key: String
  /// The path of the group that the object is in; empty for the root.
  let parent: String
  /// The object's name in that group; empty for the root itself.
  let name: String

  /// The path as messages show it.
  var description: String { "/" + key }

  /// The object's name in that group, as libhdf5 spells it.
  var nameOrDot: String { name.isEmpty ? "." : name }

  /// How many groups may lie in one another.
  static let depthLimit = 64

  static let root = HDF5Path(normalized: "")

  init(_ path: String) throws(FlywheelError) {
    // One pass over the bytes: this runs for each tensor that is loaded.
    var isNormalized = true
    var componentLength = 0
    var isDot = false
    for byte in path.utf8 {
      guard byte == UInt8(ascii: "/") else {
        guard byte != 0 else { throw Self.invalid(path) }
        isDot = componentLength == 0 && byte == UInt8(ascii: ".")
        componentLength += 1
        continue
      }
      guard !isDot else { throw Self.invalid(path) }
      if componentLength == 0 { isNormalized = false }
      componentLength = 0
    }
    guard !isDot else { throw Self.invalid(path) }
    if componentLength == 0 { isNormalized = false }
    self.init(normalized: isNormalized ? path : path.split(separator: "/").joined(separator: "/"))
  }

  private init(normalized key: String) {
    self.key = key
    if let slash = key.utf8.lastIndex(of: UInt8(ascii: "/")) {
      parent = String(key[..<slash])
      name = String(key[key.utf8.index(after: slash)...])
    } else {
      parent = ""
      name = key
    }
  }

  /// The path of the group that the object is in.
  var parentPath: HDF5Path { HDF5Path(normalized: parent) }

  /// The path of a member, whose name comes from a file or has been checked.
  func appending(_ name: String) -> HDF5Path {
    HDF5Path(key: key.isEmpty ? name : "\(key)/\(name)", parent: key, name: name)
  }

  private init(key: String, parent: String, name: String) {
    self.key = key
    self.parent = parent
    self.name = name
  }

  private static func invalid(_ path: String) -> FlywheelError {
    FlywheelError(
      .invalidArgument,
      "A name in an HDF5 file cannot be '.' or hold a NUL character; choose another.",
      at: .init(tensor: path.split(separator: "\0").joined(separator: "\\0"))
    )
  }
}
