extension String {
  /// The text, cut to a number of characters with an ellipsis if it has more.
  func shortened(to count: Int) -> String {
    self.count <= count ? self : prefix(max(0, count - 1)) + "…"
  }

  /// The text, cut to a number of characters with an ellipsis in its middle: names that belong together often
  /// begin alike, and differ at their ends.
  func shortenedInTheMiddle(to count: Int) -> String {
    guard self.count > count else { return self }
    let end = max(0, count - 1) / 2
    return prefix(max(0, count - 1 - end)) + "…" + suffix(end)
  }
}
