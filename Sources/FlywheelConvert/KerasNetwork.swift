public import FlywheelCore
import OrderedCollections

/// The network that a Keras model's configuration describes: its layers in the order of their calls.
///
/// Source: `Functional.get_config` and `Sequential.get_config` of Keras 3.15 (keras/src/models/*.py) and 2.15.
public struct KerasNetwork: Sendable, Hashable {
  /// The layers, those in other models too.
  public private(set) var layers: [Layer] = []
  /// Why they are no chain, each fed by the one before it, as a sentence without its end; nil if they are one.
  public private(set) var branch: String?
  /// What is minimized; nil if the model was not compiled, or with what is not one loss.
  public let loss: Loss?

  /// A layer.
  public struct Layer: Sendable, Hashable {
    /// The name of its class, such as `Dense`.
    public let className: String
    /// What it is called.
    public let name: String
    /// The name of the function of its sums; nil if it says none.
    public let activation: String?
    /// All that the model's configuration says of it.
    package let configuration: JSONValue
  }

  /// A loss.
  public struct Loss: Sendable, Hashable {
    /// Its name, or that of its class.
    public let name: String
    /// Whether it takes sums, and not what a softmax has made of them.
    public let isOfSums: Bool
    /// Whether it is the mean over samples of the negative log-likelihood of the label.
    public let isCrossEntropy: Bool

    fileprivate init?(_ value: JSONValue?) {
      let config: JSONValue?
      switch value {
      case .string(let text): (name, config) = (text, nil)
      case .object(let members):
        guard case .string(let className)? = members["class_name"] else { return nil }
        (name, config) = (className, members["config"])
      default: return nil
      }
      isOfSums = config?["from_logits"] == .bool(true)
      let names = [
        "sparse_categorical_crossentropy", "categorical_crossentropy",
        "SparseCategoricalCrossentropy", "CategoricalCrossentropy",
      ]
      let isMean =
        [nil, .string("sum_over_batch_size"), .string("auto")].contains(config?["reduction"])
      let isPlain = [nil, .null, .integer(0), .double(0)].contains(config?["label_smoothing"])
      let countsAll = [nil, .null].contains(config?["ignore_class"])
      isCrossEntropy = names.contains(name) && isMean && isPlain && countsAll
    }
  }

  /// Reads the configuration; nil if none is there, or it is of a class of its own, whose code makes the calls.
  ///
  /// - Parameter metadata: What a file says besides its arrays.
  public init?(in metadata: ArchiveMetadata) {
    guard let model = Self.configuration(in: metadata), Self.isOfKeras(model) else { return nil }
    let training = metadata.attributes[""]?["training_config"].flatMap(JSONValue.init(text:))
    loss = Loss((model["compile_config"] ?? training)?["loss"])
    addLayers(of: model)
  }

  /// What a file says of a model of Keras, in either of its forms.
  ///
  /// - Parameter metadata: What the file says besides its arrays.
  /// - Returns: The configuration; nil if there is none.
  package static func configuration(in metadata: ArchiveMetadata) -> JSONValue? {
    let texts = metadata.attributes[""]
    return (texts?["config.json"] ?? texts?["model_config"]).flatMap(JSONValue.init(text:))
  }

  /// The layers that no training state tells of: all but dense ones, their functions, and what comes in.
  public var untold: [Layer] {
    let told = ["Dense", "Activation", "Softmax", "InputLayer", "Flatten"]
    return layers.filter { !told.contains($0.className) }
  }

  /// Checks that the layers are a chain, as all that is translated is.
  ///
  /// - Throws: `unsupported`, with the layer that is no link.
  public func requireChain() throws(FlywheelError) {
    guard let branch else { return }
    throw FlywheelError(
      .unsupported,
      "The model's configuration has no chain of layers: \(branch). Only chains of dense layers are translated; "
        + "'flywheel convert' without --to takes the arrays of any model as they are."
    )
  }

  /// Arrays in the order of the layers that they are of; nil if none are, or some of
  /// the model's are of several.
  func ordered<Value>(
    _ arrays: OrderedDictionary<String, Value>
  ) -> OrderedDictionary<String, Value>? {
    let places = Dictionary(layers.enumerated().map { ($1.name, [$0]) }, uniquingKeysWith: +)
    var ranked: [(place: Int, index: Int, key: String, value: Value)] = []
    for (index, (key, value)) in arrays.enumerated() {
      let parts = key.split(separator: "/").map(String.init)
      guard parts.first == "layers" else {
        ranked.append((layers.count, index, key, value))
        continue
      }
      let found = parts.dropFirst().dropLast().last { places[$0] != nil }.flatMap { places[$0] }
      guard let found, found.count == 1 else { return nil }
      ranked.append((found[0], index, key, value))
    }
    guard ranked.contains(where: { $0.place < layers.count }) else { return nil }
    ranked.sort { ($0.place, $0.index) < ($1.place, $1.index) }
    return OrderedDictionary(
      ranked.map { ($0.key, $0.value) },
      uniquingKeysWith: { first, _ in first }
    )
  }

  private static func isOfKeras(_ model: JSONValue) -> Bool {
    guard case .string(let className)? = model["class_name"],
      case .array? = model["config"]?["layers"]
    else { return false }
    return ["Functional", "Sequential", "Model"].contains(className)
  }

  private mutating func addLayers(of model: JSONValue) {
    guard case .array(let values)? = model["config"]?["layers"] else { return }
    let isGraph = values.contains { $0["inbound_nodes"] != nil }
    var last: String?
    for value in values {
      guard case .string(let className)? = value["class_name"] else { continue }
      let ownName: JSONValue? = value["config"]?["name"] ?? value["name"]
      let name = if case .string(let name)? = ownName { name } else { className }
      if isGraph {
        let sources = value["inbound_nodes"].map(Self.sources) ?? []
        if sources != (last.map { [$0] } ?? []) {
          let all = sources.map { "'\($0)'" }.joined(separator: ", ")
          let alone = last.map { ", and not '\($0)' once" } ?? ""
          branch = branch ?? "'\(name)' takes \(all.isEmpty ? "no other" : all)\(alone)"
        }
        last = name
      }
      if Self.isOfKeras(value) {
        addLayers(of: value)
      } else {
        if value["config"]?["layers"] != nil {
          branch = branch ?? "'\(name)' is a \(className), whose code calls its layers"
        }
        layers.append(
          Layer(
            className: className,
            name: name,
            activation: Self.activation(of: value),
            configuration: value
          )
        )
      }
    }
    guard isGraph, let last, let outputs = model["config"]?["output_layers"].map(Self.sources),
      outputs != [last]
    else { return }
    let all = outputs.map { "'\($0)'" }.joined(separator: ", ")
    branch = branch ?? "it gives \(all), and not '\(last)' alone"
  }

  private static func activation(of layer: JSONValue) -> String? {
    switch layer["config"]?["activation"] {
    case .string(let name)?: return name
    case .null?: return "linear"
    case .object(let members)?:
      guard case .string(let name)? = members["config"] ?? members["class_name"] else {
        if case .string(let name)? = members["class_name"] { return name }
        return "a function of its own"
      }
      return name
    default: return nil
    }
  }

  /// The layers of which calls take outputs, each as often as that is.
  ///
  /// An output is a layer's name with two numbers, of Keras 3 within an object, of Keras 2 as it is.
  ///
  /// - Parameter value: What a configuration says of them.
  /// - Returns: The names of the layers.
  package static func sources(_ value: JSONValue) -> [String] {
    switch value {
    case .array(let values):
      if values.count >= 3, case .string(let name) = values[0], case .integer = values[1],
        case .integer = values[2]
      {
        return [name]
      }
      return values.flatMap(sources)
    case .object(let members): return members.values.flatMap(sources)
    default: return []
    }
  }
}
