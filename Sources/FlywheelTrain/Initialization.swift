import FlywheelCore

/// How weights and biases are drawn before the first step.
public enum Initialization: String, Sendable, Hashable, CaseIterable {
  /// network2.py's: weights normal with deviation 1/sqrt(fan-in), biases standard normal.
  case network2
  /// `torch.nn.Linear`'s: weights and biases uniform within ±1/sqrt(fan-in).
  case pytorch
  /// Glorot and Bengio's of 2010: weights uniform within ±sqrt(6/(fan-in + fan-out)), biases zero.
  case xavierUniform = "xavier_uniform"
  /// The same with a normal distribution: deviation sqrt(2/(fan-in + fan-out)), biases zero.
  case xavierNormal = "xavier_normal"
  /// He and others' of 2015, for ReLU: weights uniform within ±sqrt(6/fan-in), biases zero.
  case heUniform = "he_uniform"
  /// The same with a normal distribution: deviation sqrt(2/fan-in), biases zero.
  case heNormal = "he_normal"

  /// Draws one weight.
  func weight(fans: (inputs: Int, outputs: Int), from random: inout Philox) -> Double {
    let (inputs, both) = (Double(fans.inputs), Double(fans.inputs + fans.outputs))
    return switch self {
    case .network2: random.normal() / inputs.squareRoot()
    case .pytorch: Self.symmetric(&random) / inputs.squareRoot()
    case .xavierUniform: Self.symmetric(&random) * (6 / both).squareRoot()
    case .xavierNormal: random.normal() * (2 / both).squareRoot()
    case .heUniform: Self.symmetric(&random) * (6 / inputs).squareRoot()
    case .heNormal: random.normal() * (2 / inputs).squareRoot()
    }
  }

  /// Draws one bias; one that is zero takes nothing from the stream.
  func bias(fans: (inputs: Int, outputs: Int), from random: inout Philox) -> Double {
    switch self {
    case .network2: random.normal()
    case .pytorch: Self.symmetric(&random) / Double(fans.inputs).squareRoot()
    case .xavierUniform, .xavierNormal, .heUniform, .heNormal: 0
    }
  }

  /// Uniform from −1 to below 1.
  private static func symmetric(_ random: inout Philox) -> Double { 2 * random.uniform() - 1 }
}
