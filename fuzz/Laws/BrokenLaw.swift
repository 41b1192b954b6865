/// What a reader did with some bytes that it must not do with any.
public struct BrokenLaw: Error, CustomStringConvertible {
  /// The law, and how it was broken.
  public let description: String

  init(_ description: String) {
    self.description = description
  }

  /// Throws unless a law holds.
  static func unless(
    _ holds: Bool,
    _ description: @autoclosure () -> String
  ) throws(BrokenLaw) {
    guard holds else { throw BrokenLaw(description()) }
  }
}
