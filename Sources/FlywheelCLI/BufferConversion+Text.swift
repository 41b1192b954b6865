import FlywheelOptim

extension BufferConversion {
  /// Where the buffer comes from, as an equation: `velocity = -0.01 velocity + 0.1 w`.
  ///
  /// - Parameters:
  ///   - source: Which side the right-hand side is of, if that has to be said.
  ///   - target: Which side the buffer is of, if that has to be said.
  /// - Returns: The equation.
  func equation(from source: String? = nil, to target: String? = nil) -> String {
    let (from, to) = (source.map { "_\($0)" } ?? "", target.map { "_\($0)" } ?? "")
    var terms: [String] = []
    if let slot = self.source {
      let scale = map.scale
      terms.append(scale == 1 ? "\(slot)\(from)" : "\(Formatting.short(scale)) \(slot)\(from)")
    }
    if map.weightShare != 0 { terms.append("\(Formatting.short(map.weightShare)) w\(from)") }
    if constant != 0 || terms.isEmpty { terms.append(Formatting.short(constant)) }
    return "\(slot)\(to) = \(terms.joined(separator: " + "))"
  }
}
