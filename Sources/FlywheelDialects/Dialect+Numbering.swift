extension Dialect {
  /// The parameters in the order in which the dialect numbers them.
  func numbered(_ parameters: [String]) -> [String] {
    switch order {
    case .layers: parameters
    case .weightsFirst:
      parameters.filter { !$0.hasSuffix(".bias") } + parameters.filter { $0.hasSuffix(".bias") }
    }
  }

  /// The number of each parameter, by its name.
  func indices(of parameters: [String]) -> [String: Int] {
    Dictionary(numbered(parameters).enumerated().map { ($1, $0) }) { first, _ in first }
  }

  /// The buffers in the order of their own numbers.
  func turns(
    _ choice: [[SlotFamily.Slot]],
    _ parameters: [String]
  ) -> [(slot: SlotFamily.Slot, parameter: String)] {
    choice.flatMap { block in
      numbered(parameters).flatMap { parameter in block.map { (slot: $0, parameter: parameter) } }
    }
  }
}
