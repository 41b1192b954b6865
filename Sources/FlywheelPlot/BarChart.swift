/// Amounts one below the other over a logarithmic axis, each with a mark to compare it with: a value, drawn
/// by `svg`.
public struct BarChart: Sendable, Hashable {
  /// What the chart shows; it names it for those who do not see it.
  public var title: String
  /// What the amounts are, with their unit if they have one.
  public var axisTitle: String
  /// What a full bar, an empty bar and the mark mean; nil for what there is none of.
  public var legend: Legend
  /// The bars, from the top.
  public var bars: [Bar]

  /// An amount.
  public struct Bar: Sendable, Hashable {
    /// The whole name, however long.
    public var name: String
    /// The amount; what is not above 0 has no bar, but its name and its note.
    public var value: Double
    /// The amount to compare it with; nil for none.
    public var mark: Double?
    /// Whether the bar is full.
    public var isFull: Bool
    /// What stands beside the bar.
    public var note: String

    /// Creates a bar.
    public init(name: String, value: Double, mark: Double? = nil, isFull: Bool, note: String) {
      self.name = name
      self.value = value
      self.mark = mark
      self.isFull = isFull
      self.note = note
    }
  }

  /// What the looks of bars mean.
  public struct Legend: Sendable, Hashable {
    /// What a full bar means.
    public var full: String
    /// What an empty bar means.
    public var empty: String
    /// What the mark means.
    public var mark: String

    /// Creates a legend.
    public init(full: String, empty: String, mark: String) {
      self.full = full
      self.empty = empty
      self.mark = mark
    }
  }

  /// Creates a chart.
  public init(title: String, axisTitle: String, legend: Legend, bars: [Bar]) {
    self.title = title
    self.axisTitle = axisTitle
    self.legend = legend
    self.bars = bars
  }

  /// The chart in words.
  var summary: String {
    bars.map { bar in
      bar.name + ": " + (bar.value > 0 ? Numeral.short(bar.value) + ", " : "") + bar.note
        + (bar.mark.flatMap { $0 > 0 ? ", \(legend.mark) \(Numeral.short($0))" : nil } ?? "")
    }
    .joined(separator: "; ") + "."
  }

  /// The axis, which ends at marks so that no bar is without length.
  func axis(tickCount: Int) -> Axis {
    let values = bars.flatMap { [$0.value, $0.mark ?? .nan] }
    return Axis(
      // Half of the smallest value still has a place: its bar is to be seen.
      spanning: values + values.map { $0 / 2 },
      scale: .logarithmic,
      tickCount: tickCount
    )
  }
}
