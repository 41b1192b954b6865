import FlywheelCore
import OrderedCollections

/// A model as its configuration describes it: its layers in order, and its optimizer.
struct KerasModel {
  /// What the model is called; nil if the configuration does not say it.
  let name: String?
  /// The layers of the model itself.
  let layers: [Layer]
  /// The optimizer; nil if the model was not compiled.
  let optimizer: Object?
  /// Whether the layers are in the order in which they are called: a class of its own calls them in its code.
  let tellsOrder: Bool

  /// An object of a configuration.
  struct Object {
    /// The name of its class.
    let className: String
    private let members: OrderedDictionary<String, JSONValue>

    private init(_ className: String, _ members: OrderedDictionary<String, JSONValue>) {
      self.className = className
      self.members = members
    }

    init?(_ value: JSONValue?) {
      guard case .object(let object)? = value, case .string(let name)? = object["class_name"],
        case .object(let members)? = object["config"]
      else { return nil }
      self.init(name, members)
    }

    /// Its own name; nil if it has none.
    var name: String? {
      guard case .string(let name)? = members["name"] else { return nil }
      return name
    }

    /// What it says of itself under a name.
    subscript(member: String) -> JSONValue? { members[member] }

    /// The object that it keeps under an attribute; nil if the configuration does not say what it is.
    func part(_ attribute: String) -> Object? {
      if let name = LayerVariables.part(attribute, of: className) { return Object(name, members) }
      if let object = Object(members[attribute]) { return object }
      let isCopy = LayerVariables.partsInOrder[className]?.contains(attribute) == true
      return isCopy ? Object(members["layer"]) : nil
    }

    /// Its own variables, if it is a layer of a class that is known and holds what the class says.
    var variables: [LayerVariables.Variable]? {
      guard !has("quantization_config"), !has("lora_rank") else { return nil }
      return LayerVariables.ofClass[className]?.filter { $0.condition.map(allows) ?? true }
    }

    /// Whether a member is not there, or neither false nor nothing.
    func allows(_ member: String) -> Bool {
      ![.bool(false), .null].contains(members[member])
    }

    /// Whether a member is there and neither false, nor zero, nor nothing.
    func has(_ member: String) -> Bool {
      switch members[member] {
      case nil, .null, .bool(false), .integer(0): false
      case .double(let number): number != 0
      default: true
      }
    }
  }

  /// A layer, with the layers that are in it as in a model.
  struct Layer {
    let object: Object
    let layers: [Layer]

    /// Whether the layer is one whose layers are in a list.
    let isModel: Bool

    fileprivate init?(_ value: JSONValue, depth: Int) {
      guard depth < 32, let object = Object(value) else { return nil }
      self.object = object
      let parts = object["layers"]
      isModel = parts != nil
      layers = KerasModel.layers(parts, depth: depth + 1)
    }

    /// The name of its class as Keras spells it in paths: `BatchNormalization` is `batch_normalization`.
    var word: String {
      let letters = Array(object.className.utf8)
      let (upper, lower) = (
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z")
      )
      var word: [UInt8] = []
      for (index, letter) in letters.enumerated() {
        guard upper.contains(letter) else {
          word.append(letter)
          continue
        }
        let isBeforeLower = index + 1 < letters.count && lower.contains(letters[index + 1])
        if index > 0, isBeforeLower || lower.contains(letters[index - 1]) {
          word.append(UInt8(ascii: "_"))
        }
        word.append(letter | 0x20)
      }
      return String(decoding: word, as: UTF8.self)
    }
  }

  /// Reads a model's `config.json`, or a legacy file's `model_config` and `training_config`.
  init(configuration: JSONValue, training: JSONValue? = nil) {
    let model = Object(configuration)
    name = model?.name
    let isOfKeras = ["Functional", "Sequential", "Model"].contains(model?.className)
    tellsOrder = isOfKeras && model?["layers"] != nil
    layers = Self.layers(model?["layers"], depth: 0)
    if case .object(let members)? = training {
      optimizer = Object(members["optimizer_config"])
    } else if case .object(let members) = configuration,
      case .object(let compilation)? = members["compile_config"]
    {
      optimizer = Object(compilation["optimizer"])
    } else {
      optimizer = nil
    }
  }

  /// The layers of a list with the words for them in paths: those of a class are numbered.
  static func numbered(_ layers: [Layer]) -> [(word: String, layer: Layer)] {
    var counts: [String: Int] = [:]
    return layers.map { layer in
      let word = layer.word
      let number = counts[word, default: 0]
      counts[word] = number + 1
      return (number == 0 ? word : "\(word)_\(number)", layer)
    }
  }

  private static func layers(_ value: JSONValue?, depth: Int) -> [Layer] {
    guard case .array(let values)? = value else { return [] }
    return values.compactMap { Layer($0, depth: depth) }
  }
}
