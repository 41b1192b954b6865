public import FlywheelCore

/// The architecture of a multi-layer perceptron.
public struct NetworkShape: Sendable, Hashable {
  /// The widths, inputs first and classes last, for example `[784, 100, 10]`.
  public var layers: [Int]
  /// What hidden layers do to their sums.
  public var activation: Activation
  /// The output layer's function and loss.
  public var loss: Loss

  /// Creates an architecture.
  ///
  /// - Parameters:
  ///   - layers: The widths, inputs first and classes last.
  ///   - activation: What hidden layers do to their sums.
  ///   - loss: The output layer's function and loss.
  /// - Throws: `invalidArgument` for fewer than two widths or one that is not positive.
  public init(layers: [Int], activation: Activation, loss: Loss) throws(FlywheelError) {
    guard layers.count >= 2, layers.allSatisfy({ $0 > 0 && $0 <= 1 << 24 }) else {
      throw FlywheelError(
        .invalidArgument,
        "The layers are \(layers.map(String.init).joined(separator: "-")); at least two widths "
          + "from 1 to \(1 << 24) are needed, for example 784-30-10."
      )
    }
    self.layers = layers
    self.activation = activation
    self.loss = loss
  }

  /// The names of all parameters, in the order of `parameters`.
  public var parameterNames: [String] {
    fans.indices.flatMap { ["layers.\($0).weight", "layers.\($0).bias"] }
  }

  /// All parameters in order, weights before biases, layer by layer.
  func parameters() throws(FlywheelError) -> [ParameterShape] {
    var parameters: [ParameterShape] = []
    let names = parameterNames
    for (index, fan) in fans.enumerated() {
      let weight = try Shape([fan.outputs, fan.inputs])
      parameters.append(.init(name: names[2 * index], shape: weight, axes: ["out", "in"]))
      let bias = Shape(vector: fan.outputs)
      parameters.append(.init(name: names[2 * index + 1], shape: bias, axes: ["out"]))
    }
    return parameters
  }

  /// Inputs and outputs of each layer of weights.
  var fans: [(inputs: Int, outputs: Int)] {
    zip(layers, layers.dropFirst()).map { ($0, $1) }
  }
}
