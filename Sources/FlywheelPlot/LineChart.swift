/// Lines over one shared axis, in panels one below the other: a value, drawn by `svg` and `textLines`.
public struct LineChart: Sendable, Hashable {
  /// The heading; it also names the chart for those who do not see it.
  public var title: String
  /// A line below the heading; empty for none.
  public var subtitle: String
  /// What the shared axis shows, for example `epoch`.
  public var xTitle: String
  /// Whether only whole numbers are marked on the shared axis.
  public var isWholeX: Bool
  /// What the styles mean; empty if the labels of the lines say it.
  public var legend: [Key]
  /// The panels, from the top.
  public var panels: [Panel]

  /// Lines with values of one kind.
  public struct Panel: Sendable, Hashable {
    /// What the values are, with their unit if they have one.
    public var title: String
    /// How the values are spread.
    public var scale: Axis.Scale
    /// The lines; later ones are drawn over earlier ones.
    public var series: [Series]

    /// Creates a panel.
    public init(title: String, scale: Axis.Scale = .linear, series: [Series]) {
      self.title = title
      self.scale = scale
      self.series = series
    }
  }

  /// What a style means.
  public struct Key: Sendable, Hashable {
    /// The meaning.
    public var name: String
    /// The style.
    public var style: Series.Style

    /// Creates an entry of the legend.
    public init(name: String, style: Series.Style) {
      self.name = name
      self.style = style
    }
  }

  /// Creates a chart.
  public init(
    title: String,
    subtitle: String = "",
    xTitle: String,
    isWholeX: Bool = false,
    legend: [Key] = [],
    panels: [Panel]
  ) {
    self.title = title
    self.subtitle = subtitle
    self.xTitle = xTitle
    self.isWholeX = isWholeX
    self.legend = legend
    self.panels = panels
  }

  /// The shared axis; only points that have a value count.
  func xAxis(tickCount: Int) -> Axis {
    let all = panels.lazy.flatMap(\.series).flatMap(\.points)
    return Axis(
      spanning: all.lazy.filter(\.y.isFinite).map(\.x),
      extent: .data,
      tickCount: tickCount,
      isWhole: isWholeX
    )
  }
}

extension LineChart.Panel {
  /// The axis of the values.
  func yAxis(tickCount: Int) -> Axis {
    let all = series.lazy.flatMap(\.points)
    return Axis(
      spanning: all.lazy.filter(\.x.isFinite).map(\.y),
      scale: scale,
      tickCount: tickCount
    )
  }

  /// Whether there is only one value: such a panel needs little room.
  var isConstant: Bool {
    let values = series.lazy.flatMap(\.points).map(\.y).filter(\.isFinite)
    guard let first = values.first else { return false }
    return values.allSatisfy { $0 == first }
  }

  /// What is drawn of each line: places from 0 to 1, in pieces between gaps.
  func pieces(of series: Series, _ x: Axis, _ y: Axis) -> [[Series.Point]] {
    var pieces: [[Series.Point]] = [[]]
    for point in series.points {
      if let across = x.position(of: point.x), let up = y.position(of: point.y) {
        pieces[pieces.count - 1].append(.init(x: across, y: up))
      } else if pieces.last?.isEmpty == false {
        pieces.append([])
      }
    }
    return pieces.filter { !$0.isEmpty }
  }
}
