public import FlywheelCore

/// How hard to compress: what `--compress 0…9|fast` says.
public enum Compression: Sendable, Hashable {
  /// Not at all.
  case none
  /// Flywheel's own way, made for tensors: of trained weights it leaves about what zlib's level 6 leaves, some
  /// twenty times as fast.
  case fast
  /// zlib at a level of `levels`.
  case level(Int)

  /// zlib's levels, from fast to small.
  public static let levels = 1...9

  /// Reads the words of the command line.
  ///
  /// - Parameter text: `0`, `1` … `9`, or `fast`.
  /// - Throws: `invalidArgument`.
  public init(parsing text: String) throws(FlywheelError) {
    switch text {
    case "0": self = .none
    case "fast": self = .fast
    default:
      guard text.utf8.count == 1, let level = Int(text), Self.levels.contains(level) else {
        throw FlywheelError(
          .invalidArgument,
          "'\(text)' is no compression; use fast, or a level from 0 (none) to 9 (smallest)."
        )
      }
      self = .level(level)
    }
  }
}

extension Compression: CustomStringConvertible {
  /// The word that `init(parsing:)` reads.
  public var description: String {
    switch self {
    case .none: "0"
    case .fast: "fast"
    case .level(let level): String(level)
    }
  }
}
