import FlywheelConvert
import FlywheelCore
import FlywheelTrain

/// What a Keras model's configuration says of a network that Flywheel's trainer goes on with: dense layers in a
/// chain, all hidden ones with one function.
struct TrainedNetwork {
  /// The names of the layers' functions, that of the output last.
  private let functions: [String]
  private let found: KerasNetwork.Loss?

  /// Layers that only say what comes in, or its shape: the trainer takes a sample's values in a row.
  private static let inputs = ["InputLayer", "Flatten"]

  /// Looks for what the trainer does not have.
  ///
  /// - Throws: `unsupported`, with the layers.
  init(_ network: KerasNetwork) throws(FlywheelError) {
    var functions: [String] = []
    var odd: [String] = []
    for layer in network.layers where !Self.inputs.contains(layer.className) {
      if layer.className == "Dense" {
        functions.append(layer.activation ?? "linear")
      } else if let function = Self.function(of: layer), functions.last == "linear" {
        functions[functions.count - 1] = function
      } else {
        odd.append("\(layer.className) '\(layer.name)'")
      }
    }
    guard odd.isEmpty else {
      throw FlywheelError(
        .unsupported,
        "The model has \(odd.joined(separator: ", ")), which this trainer does not have: it would "
          + "train another network."
      )
    }
    (self.functions, found) = (functions, network.loss)
  }

  /// The function that a layer is, applied to the sums of the one before it.
  private static func function(of layer: KerasNetwork.Layer) -> String? {
    switch layer.className {
    case "Activation": layer.activation
    case "Softmax": "softmax"
    default: nil
    }
  }

  /// What hidden layers do.
  ///
  /// - Parameter asked: What a person says; nil for nothing.
  /// - Throws: `unsupported` for what the trainer does not have, `mismatch` if the person says another.
  /// - Returns: The function; nil if there are no hidden layers and nobody says it.
  func activation(agreeingWith asked: Activation?) throws(FlywheelError) -> Activation? {
    let hidden = functions.dropLast()
    guard let first = hidden.first else { return asked }
    guard let known = Activation(rawValue: first), hidden.allSatisfy({ $0 == first }) else {
      throw FlywheelError(
        .unsupported,
        "The model's hidden layers are \(hidden.joined(separator: ", ")); this trainer has one of "
          + "\(Activation.allCases.map(\.rawValue).joined(separator: ", ")) for all of them."
      )
    }
    guard asked == nil || asked == known else {
      throw FlywheelError(
        .mismatch,
        "The model's hidden layers are '\(first)', --activation says '\(asked?.rawValue ?? "")'; leave it out."
      )
    }
    return known
  }

  /// The output layer's function, and the loss.
  ///
  /// - Parameter asked: What a person says; nil for nothing.
  /// - Throws: `mismatch` if the model's output layer or its loss is another.
  /// - Returns: The loss; nil if neither the model nor the person tells.
  func loss(agreeingWith asked: Loss?) throws(FlywheelError) -> Loss? {
    let output = functions.last ?? "linear"
    var known: Loss?
    if let found, found.isCrossEntropy, output == (found.isOfSums ? "linear" : "softmax") {
      known = .softmaxCrossEntropy
    }
    guard let asked else { return known }
    let isOutput =
      switch asked {
      case .softmaxCrossEntropy: ["softmax", "linear"].contains(output)
      case .sigmoidCrossEntropy: ["sigmoid", "linear"].contains(output)
      case .sigmoidSquaredError: output == "sigmoid"
      case .squaredError: output == "linear"
      }
    guard known ?? asked == asked, isOutput else {
      let loss = found.map { " and its loss '\($0.name)'" } ?? ""
      throw FlywheelError(
        .mismatch,
        "The model's output layer is '\(output)'\(loss), which is not --loss '\(asked.rawValue)'."
      )
    }
    if known == nil, let found {
      Terminal.error.print(
        "note: the model was compiled with the loss '\(found.name)'; from here on it is '\(asked.rawValue)'"
      )
    }
    return asked
  }
}
