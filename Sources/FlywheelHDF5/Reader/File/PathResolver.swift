internal import FlywheelCore

/// The way from the root of a file to what a path names.
struct PathResolver {
  /// How many links may lead on to each other on the way.
  private static let linkLimit = 16

  private let file: StructureFile
  private var linksLeft = linkLimit

  /// Begins at the root of a file.
  init(_ file: StructureFile) { self.file = file }

  /// Finds a group.
  ///
  /// - Parameter place: Its path.
  /// - Throws: `notFound` if it is not there, `mismatch` if the path leads through something that is no group,
  ///   `unsupported` behind an external link, `malformed`, `truncated` or `corrupted` if the file is damaged.
  /// - Returns: Where its header is, if it is a group.
  mutating func group(at place: HDF5Path) throws(FlywheelError) -> UInt64 {
    var group = try file.root().address
    var path = HDF5Path.root
    for name in Self.names(in: place.key) {
      path = path.appending(name)
      group = try step(to: path, from: group, .group)
    }
    return group
  }

  /// Follows the last name of a path.
  ///
  /// - Parameters:
  ///   - place: The path.
  ///   - group: Where the header is of what the name is in.
  ///   - what: What is looked for, for the error.
  /// - Throws: As `group(at:)`.
  /// - Returns: Where the header is of what has the name.
  mutating func step(
    to place: HDF5Path,
    from group: UInt64,
    _ what: SoughtObject
  ) throws(FlywheelError) -> UInt64 {
    guard let index = try file.groupIndex(at: group) else {
      throw Self.isNot(.group, place.parentPath)
    }
    switch index[place.name] {
    case .object(let address): return address
    case .soft(let target):
      if let address = try follow(target, from: group) { return address }
      throw Self.dangling(place, what)
    case .external:
      throw FlywheelError(
        .unsupported,
        "'\(place.name)' leads into another file and is not followed; open that file.",
        at: .init(tensor: place.description)
      )
    case .other(let kind):
      throw FlywheelError(
        .unsupported,
        "'\(place.name)' is a link of kind \(kind), which only the program that wrote it can follow.",
        at: .init(tensor: place.description)
      )
    case nil:
      throw FlywheelError(
        .notFound,
        "There is no '\(place.name)' in the group '\(place.parentPath.description)'; "
          + "'flywheel inspect' lists what there is.",
        at: .init(tensor: place.description)
      )
    }
  }

  /// Where a soft link leads; nil if there is nothing, or only behind another file or too many links.
  private mutating func follow(
    _ target: String,
    from group: UInt64
  ) throws(FlywheelError) -> UInt64? {
    guard linksLeft > 0 else { return nil }
    linksLeft -= 1
    var address = target.utf8.first == UInt8(ascii: "/") ? try file.root().address : group
    for name in Self.names(in: target) where !name.utf8.elementsEqual(".".utf8) {
      switch try file.groupIndex(at: address)?[name] {
      case .object(let next): address = next
      case .soft(let target):
        // At most as deep as links are left.
        guard let next = try follow(target, from: address) else { return nil }
        address = next
      case .external, .other, nil: return nil
      }
    }
    return address
  }

  /// The names in a path; a slash is one even if a combining mark follows it.
  private static func names(in path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
  }

  /// The error that something is not what was looked for.
  ///
  /// - Parameters:
  ///   - what: What was looked for.
  ///   - place: What is something else.
  /// - Returns: The error.
  static func isNot(_ what: SoughtObject, _ place: HDF5Path) -> FlywheelError {
    FlywheelError(
      .mismatch,
      "'\(place.description)' is not \(what.rawValue); 'flywheel inspect' shows what it is.",
      at: .init(tensor: place.description)
    )
  }

  private static func dangling(_ place: HDF5Path, _ what: SoughtObject) -> FlywheelError {
    FlywheelError(
      .notFound,
      "'\(place.name)' is a link to something that is not \(what.rawValue) in this file, or links lead on from there "
        + "more than \(linkLimit) times.",
      at: .init(tensor: place.description)
    )
  }
}
