import FlywheelCore

extension TensorSeries {
  /// Whether a parameter is a weight: by what it is called, and by its rank where that says nothing.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - shape: Its shape.
  /// - Returns: Whether it is one rather than a bias.
  static func isWeight(_ name: String, _ shape: Shape?) -> Bool {
    let last = name.split { $0 == "/" || $0 == "." }.last.map { $0.lowercased() } ?? ""
    if last.contains("bias") || last.contains("intercept") { return false }
    let letters = last.prefix { !("0"..."9").contains($0) && $0 != "_" }
    switch letters {
    case "b": return false
    case "w", "coef": return true
    default: return (shape?.rank ?? 0) > 1
    }
  }
}
