public import FlywheelOptim

/// Hyperparameters that some of a network's parameters have for themselves.
public struct ParameterGroupOverride: Sendable, Hashable {
  /// Which parameters: names such as `layers.0.weight`, in which `*` stands for any characters.
  public var parameters: [String]
  /// What differs from the hyperparameters of all others.
  public var hyperparameters: Hyperparameters

  /// Creates an override.
  ///
  /// - Parameters:
  ///   - parameters: Names, in which `*` stands for any characters.
  ///   - hyperparameters: What differs from the hyperparameters of all others.
  public init(parameters: [String], hyperparameters: Hyperparameters) {
    self.parameters = parameters
    self.hyperparameters = hyperparameters
  }

  /// Whether a name is one that a pattern stands for.
  ///
  /// - Parameters:
  ///   - name: The name of a parameter.
  ///   - pattern: A name, in which `*` stands for any characters.
  /// - Returns: Whether it is.
  static func matches(_ name: String, _ pattern: String) -> Bool {
    let (name, pattern) = (Array(name.utf8), Array(pattern.utf8))
    var (at, next) = (0, 0)
    // Where to try again: one more character for the last star is all that ever has to be tried.
    var star: (at: Int, next: Int)?
    while at < name.count {
      if next < pattern.count, pattern[next] == UInt8(ascii: "*") {
        star = (at, next + 1)
        next += 1
      } else if next < pattern.count, pattern[next] == name[at] {
        at += 1
        next += 1
      } else if let last = star {
        star = (last.at + 1, last.next)
        (at, next) = (last.at + 1, last.next)
      } else {
        return false
      }
    }
    return pattern[next...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
