import FlywheelCore
import OrderedCollections

/// What the layers of a Keras model do to its training steps, those in other layers too.
///
/// Source: keras/src/layers/**/*.py of Keras 3.15, whose `get_config` has these members.
struct KerasLayers {
  /// The regularizers of weights and of biases that there are, `null` where a layer has none, by the member.
  private(set) var penalties: [String: OrderedSet<JSONValue>] = [:]
  /// What no rule can express, as sentences.
  private(set) var obstacles: [String] = []
  /// What the keys of variables begin with that are not trained.
  private(set) var untrained: [String] = []

  private static let root = "layers/"
  /// Those that some rules have.
  private static let regularizers = ["kernel_regularizer", "bias_regularizer"]

  /// Reads a model's configuration; one that is none has no layers.
  init(of model: JSONValue) {
    let isTrained = model["config"]?["trainable"] != .bool(false)
    if !isTrained { untrained.append(Self.root) }
    addParts(of: model, at: Self.root, isTrained: isTrained)
  }

  /// Looks at the layers in a layer or a model: a list of them has names of its own, another part is the
  /// layer's.
  private mutating func addParts(of owner: JSONValue, at place: String, isTrained: Bool) {
    guard case .object(let members)? = owner["config"] else { return }
    for (word, member) in members {
      if case .array(let values) = member {
        for value in values { add(value, at: place, isListed: word == "layers", isTrained) }
      } else {
        add(member, at: place, isListed: false, isTrained)
      }
    }
  }

  /// Looks at what may be a layer.
  private mutating func add(
    _ layer: JSONValue,
    at place: String,
    isListed: Bool,
    _ isTrained: Bool
  ) {
    guard layer["class_name"] != nil, case .object(let members)? = layer["config"] else { return }
    var place = place
    if isListed, case .string(let name)? = members["name"] { place += "\(name)/" }
    let isFrozen = isTrained && members["trainable"] == .bool(false)
    if isFrozen { untrained.append(place) }
    for (word, value) in members {
      if Self.regularizers.contains(word) { penalties[word, default: []].append(value) }
      guard value != .null, !Self.regularizers.contains(word),
        word.hasSuffix("_constraint") || word.hasSuffix("_regularizer")
      else { continue }
      let name = if case .string(let name)? = value["class_name"] { " \(name)" } else { "" }
      obstacles.append("'\(place.dropLast())' has the \(word)\(name), which no rule takes")
    }
    addParts(of: layer, at: place, isTrained: isTrained && !isFrozen)
  }
}
