internal import FlywheelCore

/// The path of an object in a file, in one spelling: names with `/` between them, none in front.
struct HDF5Path {
  /// The whole path; empty for the root.
  let key: String
  /// Where in the bytes of the path the object's name begins.
  private let nameStart: Int

  /// The path of the group that the object is in; empty for the root.
  var parent: String { nameStart == 0 ? "" : String(key[..<index(nameStart - 1)]) }

  /// The object's name in that group; empty for the root itself.
  var name: String { nameStart == 0 ? key : String(key[index(nameStart)...]) }

  private func index(_ offset: Int) -> String.Index {
    key.utf8.index(key.startIndex, offsetBy: offset)
  }

  /// The path as messages show it.
  var description: String { "/" + key }

  /// The object's name in that group, as libhdf5 spells it.
  var nameOrDot: String { name.isEmpty ? "." : name }

  /// How many groups may lie in one another.
  static let depthLimit = 64

  static let root = HDF5Path(key: "", nameStart: 0)

  init(_ path: String) throws(FlywheelError) {
    // One pass over the bytes: this runs for each object that is looked for.
    var isNormalized = true
    var componentLength = 0
    var isDot = false
    var byteCount = 0
    for byte in path.utf8 {
      byteCount += 1
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
    if isNormalized {
      self.init(key: path, nameStart: byteCount - componentLength)
    } else {
      // Byte by byte: a slash is one even if a combining mark follows it.
      let names = path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
      self.init(normalized: names.joined(separator: "/"))
    }
  }

  private init(normalized key: String) {
    let name = key.utf8.reversed().prefix { $0 != UInt8(ascii: "/") }
    self.init(key: key, nameStart: key.utf8.count - name.count)
  }

  private init(key: String, nameStart: Int) {
    self.key = key
    self.nameStart = nameStart
  }

  /// The path of the group that the object is in.
  var parentPath: HDF5Path { HDF5Path(normalized: parent) }

  /// The path of a member, whose name comes from a file or has been checked.
  func appending(_ name: String) -> HDF5Path {
    guard !key.isEmpty else { return HDF5Path(key: name, nameStart: 0) }
    let nameStart = key.utf8.count + 1
    // At once, as each object of a file gets a path; there is room for both texts and the slash.
    let path = unsafe String(unsafeUninitializedCapacity: nameStart + name.utf8.count) { path in
      _ = unsafe path.initialize(from: key.utf8)
      unsafe path[nameStart - 1] = UInt8(ascii: "/")
      return unsafe path[nameStart...].initialize(from: name.utf8).index
    }
    return HDF5Path(key: path, nameStart: nameStart)
  }

  private static func invalid(_ path: String) -> FlywheelError {
    FlywheelError(
      .invalidArgument,
      "A name in an HDF5 file cannot be '.' or hold a NUL character; choose another.",
      at: .init(tensor: path.split(separator: "\0").joined(separator: "\\0"))
    )
  }
}
