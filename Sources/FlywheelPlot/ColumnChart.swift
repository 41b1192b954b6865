/// How many there are of each size, side by side: a value, drawn by `svg`.
public struct ColumnChart: Sendable, Hashable {
  /// What the chart shows; it names it for those who do not see it.
  public var title: String
  /// What the columns are sorted by, with its unit if it has one.
  public var xTitle: String
  /// What is counted.
  public var yTitle: String
  /// The columns, from the left.
  public var columns: [Column]

  /// How many there are of one size.
  public struct Column: Sendable, Hashable {
    /// Which size, in full.
    public var name: String
    /// What stands below the column; empty for nothing.
    public var label: String
    /// How many there are.
    public var count: Int
    /// Whether the column is full; one that is not has only its edge.
    public var isFull: Bool

    /// Creates a column.
    public init(name: String, label: String, count: Int, isFull: Bool = true) {
      self.name = name
      self.label = label
      self.count = count
      self.isFull = isFull
    }
  }

  /// Creates a chart.
  public init(title: String, xTitle: String, yTitle: String, columns: [Column]) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.columns = columns
  }

  /// The chart in words.
  var summary: String {
    let shown = columns.filter { $0.count > 0 }
    guard !shown.isEmpty else { return "There is nothing to show." }
    return "\(yTitle): "
      + shown.map { "\($0.name): \(Numeral.plain($0.count, exponent: 0))" }.joined(separator: "; ")
      + "."
  }
}
