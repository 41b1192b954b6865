import FlywheelCore

/// The variables of a layer in the order in which Keras numbers them, as its class has them.
///
/// Source: `add_weight` in keras/src/layers/**/*.py of Keras 3.15, and `Layer.save_own_variables`, which puts
/// those that are trained first.
struct LayerVariables {
  /// One variable.
  struct Variable {
    /// Its name.
    let name: String
    /// The member of the layer's configuration without which there is none; nil if there always is one.
    let condition: String?
    /// Whether an optimizer moves it.
    let isTrained: Bool

    init(_ name: String, if condition: String? = nil, isTrained: Bool = true) {
      self.name = name
      self.condition = condition
      self.isTrained = isTrained
    }
  }

  private static let kernelAndBias = [Variable("kernel"), Variable("bias", if: "use_bias")]
  private static let separable = [
    Variable("depthwise_kernel"), Variable("pointwise_kernel"), Variable("bias", if: "use_bias"),
  ]
  private static let scaled = [Variable("gamma", if: "scale"), Variable("beta", if: "center")]
  private static let recurrent = [
    Variable("kernel"), Variable("recurrent_kernel"), Variable("bias", if: "use_bias"),
  ]

  /// Those of the layer itself, not of layers in it, by class.
  static let ofClass: [String: [Variable]] = [
    "Dense": kernelAndBias,
    "EinsumDense": [Variable("kernel"), Variable("bias", if: "bias_axes")],
    "Conv1D": kernelAndBias, "Conv2D": kernelAndBias, "Conv3D": kernelAndBias,
    "Conv1DTranspose": kernelAndBias, "Conv2DTranspose": kernelAndBias,
    "Conv3DTranspose": kernelAndBias,
    "DepthwiseConv1D": kernelAndBias, "DepthwiseConv2D": kernelAndBias,
    "SeparableConv1D": separable, "SeparableConv2D": separable,
    "Embedding": [Variable("embeddings")],
    "PReLU": [Variable("alpha")],
    "BatchNormalization": scaled + [
      Variable("moving_mean", isTrained: false), Variable("moving_variance", isTrained: false),
    ],
    "LayerNormalization": scaled, "GroupNormalization": scaled,
    "LSTMCell": recurrent, "GRUCell": recurrent, "SimpleRNNCell": recurrent,
    "SeedGenerator": [Variable("seed_generator_state", isTrained: false)],
  ]

  /// The class of the layer that another one keeps under an attribute.
  static func part(_ attribute: String, of owner: String) -> String? {
    switch attribute {
    case "cell" where ["LSTM", "GRU", "SimpleRNN"].contains(owner): "\(owner)Cell"
    case "seed_generator": "SeedGenerator"
    default: nil
    }
  }

  /// The order in which an optimizer goes through the parts of a layer, where there are several that are trained.
  static let partsInOrder = ["Bidirectional": ["forward_layer", "backward_layer"]]
}
