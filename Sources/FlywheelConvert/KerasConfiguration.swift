public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelDialects
import FlywheelOptim
public import OrderedCollections

/// What Keras has to know of a training state besides its arrays: a model of dense layers, compiled with the
/// optimizer, as a .keras file's `config.json` has it.
///
/// Source: what `Model.save` of Keras 3.15 writes (keras/src/saving/serialization_lib.py).
public struct KerasConfiguration: Sendable {
  /// The documents, as attributes of the whole file.
  public let attributes: OrderedDictionary<String, AttributeValue>
  /// What a person should know.
  public private(set) var notes: [String] = []

  /// Describes a state.
  ///
  /// - Parameter checkpoint: The state, under a rule of Keras, and laid out in a dialect that names layers.
  /// - Throws: `unsupported` for what a configuration cannot say: a schedule, or several groups.
  public init(of checkpoint: Checkpoint) throws(FlywheelError) {
    let network = Network(checkpoint)
    let numbers = checkpoint.optimizer.groups.first?.hyperparameters ?? Hyperparameters()
    guard checkpoint.hasConstantRate else {
      throw FlywheelError(
        .unsupported,
        "The learning rate follows a schedule, which is not written into a model for Keras. "
          + "--next-learning-rate ends it; or write an .h5 file with --to keras, and load its weights into a model "
          + "that is compiled with a schedule."
      )
    }
    let layers = try Self.layers(of: checkpoint, network, numbers)
    var configuration = Self.object(
      "keras",
      "Sequential",
      ["name": "sequential", "trainable": true, "layers": .array(layers)]
    )
    var optimizer = try Self.optimizer(of: checkpoint, numbers)
    if let clipping = checkpoint.optimizer.clipping {
      optimizer["global_clipnorm"] = JSONValue(clipping.maximumNorm)
      notes.append(
        "Keras clips by the norm without the 1e-6 that is added to it here: steps that are clipped differ by as "
          + "much"
      )
    }
    if network.activation == nil {
      notes.append("the state does not say the activations: the layers are written as linear ones")
    }
    if network.loss == nil {
      notes.append(
        "no loss of Keras is "
          + (network.lossName.map { "'\($0)', which sums over the classes" }
            ?? "known to be the run's")
          + ": give one with model.compile(optimizer=model.optimizer, loss=…)"
      )
    }
    let rule = checkpoint.optimizer.rule
    configuration["compile_config"] = .object([
      "optimizer": .object(
        Self.object(
          "keras.optimizers",
          KerasOptimizer.className(ofRule: rule) ?? rule,
          .object(optimizer)
        )
      ),
      "loss": network.loss ?? .null, "loss_weights": .null, "metrics": .null,
      "weighted_metrics": .null, "run_eagerly": false, "steps_per_execution": 1,
      "jit_compile": false,
    ])
    // No clock but that of the state: equal states give equal files.
    let date = checkpoint.saved.time.prefix(19).map { $0 == "T" ? "@" : $0 }
    attributes = [
      "config.json": Self.text(.object(configuration)),
      "metadata.json": Self.text([
        "keras_version": "3.15.1", "date_saved": JSONValue(String(date)),
      ]),
    ]
  }

  /// Whether an archive says of a model what Keras has to know.
  ///
  /// - Parameter metadata: What it says besides its arrays.
  /// - Returns: Whether a model's configuration is among it, of a .keras file or a legacy one.
  public static func isDescribed(in metadata: ArchiveMetadata) -> Bool {
    ["config.json", "model_config"].contains { metadata.attributes[""]?[$0] != nil }
  }

  /// What a trainer says of its network.
  private struct Network {
    /// Keras's name of the hidden layers' function; nil if it is not known.
    var activation: String?
    /// Keras's name of the output layer's function.
    var output = "linear"
    /// The loss as Keras has it; nil if it is not known, or Keras has none that is the same.
    var loss: JSONValue?
    /// What the trainer calls the loss.
    var lossName: String?

    init(_ checkpoint: Checkpoint) {
      guard case .object(let trainer) = checkpoint.trainer,
        case .object(let network)? = trainer["network"]
      else { return }
      if case .string(let name)? = network["activation"],
        ["sigmoid", "tanh", "relu"].contains(name)
      {
        activation = name
      }
      guard case .string(let name)? = network["loss"] else { return }
      lossName = name
      if name.hasPrefix("sigmoid") { output = "sigmoid" }
      // The sums themselves, so that nothing is lost by way of probabilities.
      guard name == "softmax_cross_entropy" else { return }
      loss = .object(
        KerasConfiguration.object(
          "keras.losses",
          "SparseCategoricalCrossentropy",
          [
            "name": "sparse_categorical_crossentropy", "reduction": "sum_over_batch_size",
            "from_logits": true, "ignore_class": .null,
          ]
        )
      )
    }
  }

  // MARK: Layers

  private static func layers(
    of checkpoint: Checkpoint,
    _ network: Network,
    _ numbers: Hyperparameters
  ) throws(FlywheelError) -> [JSONValue] {
    let weights = checkpoint.parameters.filter { $0.key.hasSuffix(".weight") }
    var layers: [JSONValue] = []
    for (index, (name, parameter)) in weights.enumerated() {
      let extents = parameter.value.shape.extents
      guard extents.count == 2, let place = checkpoint.layout?.places[CheckpointKey.parameter(name)]
      else {
        throw FlywheelError(
          .unsupported,
          "These are no weights of a dense layer, and only such are written into a model for Keras.",
          at: .init(tensor: CheckpointKey.parameter(name))
        )
      }
      let dtype = JSONValue(parameter.value.dtype.rawValue)
      if index == 0 {
        layers.append(
          .object(
            object(
              "keras.layers",
              "InputLayer",
              [
                "batch_shape": [.null, JSONValue(extents[1])], "dtype": dtype,
                "name": "input_layer",
              ]
            )
          )
        )
      }
      let isLast = index + 1 == weights.count
      let bias = "\(name.dropLast("weight".utf8.count))bias"
      let layerName = place.key.split(separator: "/").dropLast().last.map(String.init) ?? name
      var layer = object(
        "keras.layers",
        "Dense",
        [
          "name": JSONValue(layerName), "trainable": true,
          "dtype": .object(object("keras", "DTypePolicy", ["name": dtype])),
          "units": JSONValue(extents[0]),
          "activation": JSONValue(isLast ? network.output : network.activation ?? "linear"),
          "use_bias": JSONValue(checkpoint.parameters[bias] != nil),
          "kernel_regularizer": penalty(numbers[.l2]),
          "bias_regularizer": penalty(numbers[.biasL2]),
        ]
      )
      layer["build_config"] = ["input_shape": [.null, JSONValue(extents[1])]]
      layers.append(.object(layer))
    }
    return layers
  }

  private static func penalty(_ value: Hyperparameters.Value?) -> JSONValue {
    guard let value, !value.isOff else { return .null }
    return .object(object("keras.regularizers", "L2", ["l2": JSONValue(value.number)]))
  }

  // MARK: The optimizer

  /// What optimizers are configured with; penalties are the layers' own.
  private static let words: Set<Hyperparameter> = [
    .learningRate, .momentum, .nesterov, .weightDecay, .beta1, .beta2, .epsilon, .amsgrad, .alpha,
    .centered, .initialAccumulator,
  ]

  private static func optimizer(
    of checkpoint: Checkpoint,
    _ numbers: Hyperparameters
  ) throws(FlywheelError) -> OrderedDictionary<String, JSONValue> {
    let rule = checkpoint.optimizer.rule
    guard let className = KerasOptimizer.className(ofRule: rule),
      checkpoint.optimizer.groups.count == 1
    else {
      throw FlywheelError(
        .unsupported,
        "A model for Keras has one optimizer of \(KerasOptimizer.rules.joined(separator: ", ")) for all "
          + "parameters; here are \(checkpoint.optimizer.groups.count) groups under '\(rule)'."
      )
    }
    var members: OrderedDictionary<String, JSONValue> = ["name": JSONValue(className.lowercased())]
    for (name, value) in numbers.ordered where words.contains(name) {
      members[Dialect.kerasNamed.word(for: name)] =
        switch value {
        case .flag(let flag): JSONValue(flag)
        // Without a decay Keras does not touch the weights.
        case .number(0) where name == .weightDecay: .null
        case .number(let number): JSONValue(number)
        }
    }
    return members
  }

  // MARK: JSON

  /// An object as Keras serializes it.
  private static func object(
    _ module: String,
    _ className: String,
    _ configuration: JSONValue
  ) -> OrderedDictionary<String, JSONValue> {
    [
      "module": JSONValue(module), "class_name": JSONValue(className), "config": configuration,
      "registered_name": .null,
    ]
  }

  private static func text(_ value: JSONValue) -> AttributeValue {
    .string(String(decoding: value.canonicalBytes, as: UTF8.self))
  }
}
