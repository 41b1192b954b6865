/// What a chart is drawn for.
public enum ChartPlacement: Sendable, Hashable {
  /// A file of its own, with its style sheet and its heading.
  case file
  /// A page that has `styleSheet` once and says around the chart what it shows; so many pixels are free
  /// for it.
  case page(width: Double)

  /// The rules that charts in a page need, for light and dark; they reach no further than charts.
  public static var styleSheet: [String] { Palette.rules + Palette.barRules }

  /// How wide the drawing is, in pixels.
  var width: Double {
    switch self {
    case .file: 760
    case .page(let width): max(240, width)
    }
  }

  /// Whether the heading is drawn; in a page it stands outside.
  var hasHeading: Bool { self == .file }

  /// Whether there is room beside the drawing for names.
  var isWide: Bool { width >= 560 }
}
