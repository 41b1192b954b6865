/// The looks of charts: colours that colour-blind people can tell apart, dashes for those who see or
/// print none, for light and for dark pages.
enum Palette {
  /// Colours of lines on a light and on a dark page; each has a contrast of at least 4.5 to 1.
  static let lines: [(light: String, dark: String)] = [
    ("#0067a8", "#5cb3ea"), ("#b84300", "#f2935c"), ("#00765a", "#3fc79d"), ("#93398a", "#e294d6"),
    ("#755b00", "#dcbc4a"), ("#007489", "#4cc9dd"), ("#b02a3f", "#f5879a"), ("#4d5763", "#b4bfca"),
  ]

  /// The ground of a light and of a dark page.
  static let page = (light: "#ffffff", dark: "#15181c")

  /// Dashes in user units; empty for a line without gaps.
  ///
  /// Their number has no factor in common with that of the colours, so that a pair comes again as late
  /// as possible.
  static let dashes = [
    "", "7 3", "2 3", "10 3 2 3", "4 3", "10 3 2 3 2 3", "14 4", "5 2 1 2", "1 2",
  ]

  /// The place in the palette as a class of the style sheet.
  static func colorClass(_ index: Int) -> String { "c\(index % lines.count)" }

  /// The style sheet; its rules reach no further than the chart.
  static let rules: [String] = {
    let light = rules(
      page: page.light,
      text: "#1f2328",
      muted: "#59636e",
      grid: "#e4e8ec",
      axis: "#8c959f",
      lines: lines.map(\.light)
    )
    let dark = rules(
      page: page.dark,
      text: "#e8eaed",
      muted: "#a3acb6",
      grid: "#2b3036",
      axis: "#6e7781",
      lines: lines.map(\.dark)
    )
    return [
      ".flywheel-chart { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', "
        + "sans-serif; font-variant-numeric: tabular-nums; }",
      ".flywheel-chart .heading { font-size: 15px; font-weight: 600; }",
      ".flywheel-chart .panel-heading { font-weight: 600; }",
      ".flywheel-chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; "
        + "stroke-linecap: butt; }",
      ".flywheel-chart .faint { stroke-width: 1.25; opacity: 0.6; }",
      ".flywheel-chart .hair { stroke-width: 1; shape-rendering: crispEdges; }",
    ] + light + ["@media (prefers-color-scheme: dark) {"] + dark.map { "  " + $0 } + ["}"]
  }()

  /// What bars look like besides; an empty one has only its edge.
  static let barRules: [String] = {
    let themed = { (colors: [String], page: String) in
      colors.enumerated().map { ".flywheel-chart .bar.c\($0) { fill: \($1); }" }
        + [".flywheel-chart .halo { stroke: \(page); }"]
    }
    return themed(lines.map(\.light), page.light) + ["@media (prefers-color-scheme: dark) {"]
      + themed(lines.map(\.dark), page.dark).map { "  " + $0 } + ["}"]
      + [
        ".flywheel-chart .bar.empty { fill: none; stroke-width: 1.5; }",
        ".flywheel-chart .halo { fill: none; stroke-width: 5; }",
        ".flywheel-chart .mark { fill: none; stroke-width: 2; }",
      ]
  }()

  private static func rules(
    page: String,
    text: String,
    muted: String,
    grid: String,
    axis: String,
    lines: [String]
  ) -> [String] {
    [
      ".flywheel-chart .page { fill: \(page); }",
      ".flywheel-chart text { fill: \(text); }",
      ".flywheel-chart text.muted { fill: \(muted); }",
      ".flywheel-chart .grid { stroke: \(grid); }",
      ".flywheel-chart .axis { stroke: \(axis); }",
    ]
      + lines.enumerated().flatMap { index, color in
        [
          ".flywheel-chart .c\(index) { stroke: \(color); }",
          ".flywheel-chart .dot.c\(index) { fill: \(color); stroke: none; }",
          ".flywheel-chart text.c\(index) { fill: \(color); stroke: none; }",
        ]
      }
  }
}
