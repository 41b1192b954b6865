import FlywheelPlot

/// The style sheet of a report: for light and dark, for wide and narrow, for paper.
enum ReportStyle {
  /// How many pixels a chart has where the page is wide.
  static let wideChart = 920.0
  /// How many pixels a chart has where the page is narrow.
  static let narrowChart = 340.0

  static let sheet: String = {
    let colors = { (page: String, text: String, muted: String, line: String, box: String) in
      "--page: \(page); --text: \(text); --muted: \(muted); --line: \(line); --box: \(box);"
    }
    let rules = [
      ":root { color-scheme: light dark; "
        + colors("#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa")
        + " --link: #0067a8; --good: #00765a; --bad: #b02a3f; }",
      "@media (prefers-color-scheme: dark) { :root { "
        + colors("#15181c", "#e8eaed", "#a3acb6", "#3a424a", "#1d2126")
        + " --link: #5cb3ea; --good: #3fc79d; --bad: #f5879a; } }",
      "* { box-sizing: border-box; }",
      "body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, "
        + "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; }",
      "header, nav, main, footer { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }",
      "h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .5rem; }",
      "h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-bottom: .25rem; "
        + "border-bottom: 1px solid var(--line); }",
      "h1, h2, p, li, dd, figcaption, summary { overflow-wrap: anywhere; }",
      "p, ul, dl { margin: .5rem 0; }",
      ".verdict { font-size: 1.15rem; padding: .6rem .9rem; border-left: .3rem solid; "
        + "background: var(--box); }",
      ".verdict.good { border-color: var(--good); }",
      ".verdict.bad { border-color: var(--bad); }",
      ".skip { position: absolute; left: -100rem; padding: .5rem 1rem; background: var(--page); }",
      ".skip:focus { left: .5rem; top: .5rem; }",
      "a { color: var(--link); }",
      ":focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }",
      "main:focus { outline: none; }",
      "nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }",
      "dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }",
      "dt { color: var(--muted); }",
      "dd { margin: 0; min-width: 0; }",
      "figure { margin: 1rem 0; }",
      "figcaption, caption { color: var(--muted); font-size: .9rem; text-align: left; }",
      "figcaption { margin-top: .4rem; }",
      "caption { padding-bottom: .4rem; }",
      "figure svg { display: block; max-width: 100%; height: auto; }",
      ".narrow { display: none; }",
      // Where there is more to scroll to, the edge is shaded: what scrolls with the table hides the shade.
      ".scroll { overflow-x: auto; max-width: 100%; margin: .75rem 0; background: "
        + "linear-gradient(to right, var(--page), transparent) left / 1.5rem 100% no-repeat local, "
        + "linear-gradient(to left, var(--page), transparent) right / 1.5rem 100% no-repeat local, "
        + "linear-gradient(to right, var(--line), transparent) left / .5rem 100% no-repeat scroll, "
        + "linear-gradient(to left, var(--line), transparent) right / .5rem 100% no-repeat scroll; }",
      "table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }",
      "th, td { padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top; "
        + "border-bottom: 1px solid var(--line); }",
      "thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; }",
      "tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 15rem; max-width: 24rem; }",
      "th.number, td.number { text-align: right; }",
      "td.number, td.good, td.bad { white-space: nowrap; }",
      "td.good { color: var(--good); }",
      "td.bad { color: var(--bad); font-weight: 600; }",
      "details { margin: .75rem 0; }",
      "summary { cursor: pointer; color: var(--link); }",
      "footer { color: var(--muted); font-size: .85rem; margin-top: 3rem; padding-bottom: 2rem; }",
      "@media (max-width: 48rem) {",
      "  dl { grid-template-columns: 1fr; gap: 0; }",
      "  dd { margin-bottom: .5rem; }",
      "  tbody th { min-width: 9rem; max-width: 10rem; }",
      "  .wide { display: none; }",
      "  .narrow { display: block; }",
      "}",
      "@media print { nav, .skip { display: none; } section { break-inside: avoid-page; } }",
    ]
    return (rules + ChartPlacement.styleSheet).joined(separator: "\n") + "\n"
  }()
}
