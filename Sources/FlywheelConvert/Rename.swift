public import FlywheelCore

/// A new name for one tensor, or for all whose names begin alike.
public struct Rename: Sendable, Hashable {
  /// The name, or how names begin if it ends in `/` or `.`.
  public let old: String
  /// The new name, or the new beginning.
  public let new: String

  /// Takes a renaming as it is typed: `FROM=TO`, with the first `=` between the two.
  ///
  /// - Parameter text: The name of a tensor and its new one; or two beginnings of names that end in `/` or
  ///   `.`, of which the new one may be empty.
  /// - Throws: `invalidArgument` for anything else.
  public init(parsing text: String) throws(FlywheelError) {
    let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map(String.init)
    guard sides.count == 2, !sides[0].isEmpty else {
      throw FlywheelError(
        .invalidArgument,
        "Found '\(text)' where FROM=TO is expected, for example model/layers.0.weight=W0, or "
          + "model/=net/ for all names below model/, or module.= for all that begin with module."
      )
    }
    (old, new) = (sides[0], sides[1])
    guard
      Self.isBeginning(old)
        ? new.isEmpty || Self.isBeginning(new) : !new.isEmpty && !Self.isBeginning(new)
    else {
      throw FlywheelError(
        .invalidArgument,
        "'\(old)' cannot become '\(new)': either both end in '/' or '.' (or the second is empty), to rename "
          + "all that begins so, or neither, to rename one tensor."
      )
    }
  }

  private static func isBeginning(_ name: String) -> Bool {
    name.hasSuffix("/") || name.hasSuffix(".")
  }

  /// Whether it renames all names that begin alike.
  public var isPrefix: Bool { Self.isBeginning(old) }

  /// The new name of a tensor.
  ///
  /// - Parameter name: Its name.
  /// - Returns: The new one; nil if this renaming is not about it.
  public func newName(of name: String) -> String? {
    guard isPrefix else { return name == old ? new : nil }
    guard name.utf8.starts(with: old.utf8) else { return nil }
    return new + String(decoding: name.utf8.dropFirst(old.utf8.count), as: UTF8.self)
  }
}
