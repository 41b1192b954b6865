extension String {
  /// The text, cut to a number of characters with an ellipsis if it has more.
  func shortened(to count: Int) -> String {
    self.count <= count ? self : prefix(max(0, count - 1)) + "…"
  }
}
