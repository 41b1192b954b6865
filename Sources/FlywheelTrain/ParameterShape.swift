import FlywheelCore

/// A parameter as a network's architecture has it.
struct ParameterShape: Hashable {
  let name: String
  let shape: Shape
  let axes: [String]

  /// Whether it is a weight rather than a bias: some rules decay only those.
  var isWeight: Bool { shape.rank == 2 }
}
