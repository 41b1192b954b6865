/// A piece of a line of text in one colour.
public struct TextSpan: Sendable, Hashable {
  /// The characters, each one column wide as far as names allow.
  public var text: String
  /// The place in the palette; nil for the colour of other text.
  public var index: Int?

  /// Creates a piece.
  public init(_ text: String, index: Int? = nil) {
    self.text = text
    self.index = index
  }
}
