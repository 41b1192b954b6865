/// Points that belong together, and how their line looks.
public struct Series: Sendable, Hashable {
  /// The whole name, however long.
  public var name: String
  /// What stands at the end of the line; nil for nothing.
  public var label: String?
  /// How the line looks.
  public var style: Style
  /// The points, in the order in which the line goes through them; a coordinate that is not finite is
  /// a gap.
  public var points: [Point]

  /// A point, in the units of the axes.
  public struct Point: Sendable, Hashable {
    /// The place on the shared axis.
    public var x: Double
    /// The value.
    public var y: Double

    /// Creates a point.
    public init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// How a line looks; what differs in `index` differs in colour and, without colour, in its dashes.
  public struct Style: Sendable, Hashable {
    /// The place in the palette, from 0; it starts anew where the palette ends.
    public var index: Int
    /// Whether the line is thin and pale, as what is not looked at first.
    public var isFaint: Bool

    /// Creates a style.
    ///
    /// - Parameters:
    ///   - index: The place in the palette; at least 0.
    ///   - isFaint: Whether the line is thin and pale.
    public init(index: Int, isFaint: Bool = false) {
      self.index = max(0, index)
      self.isFaint = isFaint
    }
  }

  /// Creates a series.
  public init(name: String, label: String? = nil, style: Style, points: [Point]) {
    self.name = name
    self.label = label
    self.style = style
    self.points = points
  }

  /// The last point that has a value.
  var last: Point? { points.last { $0.x.isFinite && $0.y.isFinite } }
}
