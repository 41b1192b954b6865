import FlywheelConvert
import FlywheelCore
import OrderedCollections

extension SettingComparison {
  /// Where the configurations of two models of Keras contradict one another.
  ///
  /// What only one says is the default of the other, or of another version. Layers are called what they are
  /// called only for one another, and how first weights are drawn has been decided.
  ///
  /// - Parameters:
  ///   - first: What the first file says.
  ///   - second: What the second file says.
  /// - Returns: The contradictions; none if one of the files describes no model.
  static func models(_ first: ArchiveMetadata, _ second: ArchiveMetadata) -> [SettingComparison] {
    guard let one = KerasNetwork.configuration(in: first),
      let other = KerasNetwork.configuration(in: second), one != other
    else { return [] }
    var comparison = ModelComparison(one, other)
    if let layers = chain(in: first), let others = chain(in: second) {
      comparison.compare(.array(layers), .array(others), at: "layers")
    } else {
      comparison.compare(one, other, at: "model")
    }
    return comparison.settings
  }

  /// The layers of a chain, which may be said in several ways; nil if they are none.
  private static func chain(in metadata: ArchiveMetadata) -> [JSONValue]? {
    guard let network = KerasNetwork(in: metadata), network.branch == nil else { return nil }
    return network.layers.filter { $0.className != "InputLayer" }.map(\.configuration)
  }
}

/// Two configurations on their way to the settings in which they differ.
private struct ModelComparison {
  private(set) var settings: [SettingComparison] = []
  /// The places of layers by their names, of each side.
  private let places: (first: [String: Int], second: [String: Int])

  init(_ first: JSONValue, _ second: JSONValue) {
    places = (Self.places(in: first), Self.places(in: second))
  }

  mutating func compare(_ first: JSONValue, _ second: JSONValue, at place: String) {
    switch (first, second) {
    case (.object(let ones), .object(let others)):
      if let one = ones["class_name"], let other = others["class_name"], one != other {
        add(one, other, at: place)
        return
      }
      for (name, one) in ones where !Self.isLeftOut(name) {
        guard let other = others[name] else { continue }
        compare(member: name, one, other, at: name == "config" ? place : "\(place)/\(name)")
      }
    case (.array(let ones), .array(let others)):
      guard ones.count == others.count else {
        add(Self.outline(ones), Self.outline(others), at: place)
        return
      }
      for (index, (one, other)) in zip(ones, others).enumerated() {
        compare(one, other, at: Self.name(of: one) ?? "\(place)/\(index)")
      }
    default:
      if !isSame(first, second) { add(first, second, at: place) }
    }
  }

  private mutating func compare(
    member name: String,
    _ one: JSONValue,
    _ other: JSONValue,
    at place: String
  ) {
    switch name {
    case "inbound_nodes", "input_layers", "output_layers":
      let (names, others) = (KerasNetwork.sources(one), KerasNetwork.sources(other))
      let areSame = names.map { places.first[$0] } == others.map { places.second[$0] }
      if !areSame { add(Self.list(names), Self.list(others), at: place) }
    case "dtype": compare(Self.policy(one), Self.policy(other), at: place)
    default: compare(one, other, at: place)
    }
  }

  private mutating func add(_ first: JSONValue, _ second: JSONValue, at place: String) {
    settings.append(
      SettingComparison(
        section: "attributes",
        name: "config.json/\(place)",
        first: first,
        second: second,
        verdict: .different
      )
    )
  }

  /// Whether two values without members are the same: a number is one however it is written, a name is that of
  /// the layer at its place.
  private func isSame(_ first: JSONValue, _ second: JSONValue) -> Bool {
    switch (first, second) {
    case (.integer(let one), .double(let other)), (.double(let other), .integer(let one)):
      return Double(one) == other
    case (.string(let one), .string(let other)):
      guard one != other else { return true }
      return places.first[one].map { $0 == places.second[other] } ?? false
    default: return first == second
    }
  }

  private static func isLeftOut(_ member: String) -> Bool {
    let names: Set = [
      "name", "module", "registered_name", "shared_object_id", "build_config", "compile_config",
      "seed",
    ]
    return names.contains(member) || member.hasSuffix("_initializer")
  }

  /// A type's name, of which Keras 3 makes an object.
  private static func policy(_ value: JSONValue) -> JSONValue {
    guard case .object(let members) = value, case .object(let config)? = members["config"],
      let name = config["name"]
    else { return value }
    return name
  }

  private static func name(of value: JSONValue) -> String? {
    guard case .object(let members) = value, case .object(let config)? = members["config"],
      case .string(let name)? = config["name"]
    else { return nil }
    return name
  }

  /// The classes of layers, or the values as they are.
  private static func outline(_ values: [JSONValue]) -> JSONValue {
    let names = values.compactMap { value -> String? in
      guard case .object(let members) = value, case .string(let name)? = members["class_name"]
      else { return nil }
      return name
    }
    return names.count == values.count ? list(names) : .array(values)
  }

  private static func list(_ names: [String]) -> JSONValue {
    .string(names.joined(separator: ", "))
  }

  /// Numbers layers in the order in which they are listed, those in others behind them.
  private static func places(in model: JSONValue) -> [String: Int] {
    var places: [String: Int] = [:]
    var waiting = [model]
    var next = 0
    while next < waiting.count {
      defer { next += 1 }
      guard case .object(let members) = waiting[next],
        case .object(let config)? = members["config"],
        case .array(let layers)? = config["layers"]
      else { continue }
      for layer in layers {
        if let name = name(of: layer), places[name] == nil { places[name] = places.count }
        waiting.append(layer)
      }
    }
    return places
  }
}
