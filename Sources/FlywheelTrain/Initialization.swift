import FlywheelCore

/// How weights and biases are drawn before the first step.
public enum Initialization: String, Sendable, Hashable, CaseIterable {
  /// network2.py's: weights normal with deviation 1/sqrt(fan-in), biases standard normal.
  case network2
  /// `torch.nn.Linear`'s: weights and biases uniform within ±1/sqrt(fan-in).
  case pytorch

  /// Draws one weight.
  func weight(fanIn: Int, from random: inout Philox) -> Double {
    switch self {
    case .network2: random.normal() / Double(fanIn).squareRoot()
    case .pytorch: uniform(fanIn: fanIn, from: &random)
    }
  }

  /// Draws one bias.
  func bias(fanIn: Int, from random: inout Philox) -> Double {
    switch self {
    case .network2: random.normal()
    case .pytorch: uniform(fanIn: fanIn, from: &random)
    }
  }

  private func uniform(fanIn: Int, from random: inout Philox) -> Double {
    (2 * random.uniform() - 1) / Double(fanIn).squareRoot()
  }
}
