import FlywheelCore
import OrderedCollections

/// Where Keras looks for a model's variables: what goes under which path of an HDF5 file, and what it says besides.
///
/// The model's configuration says which layers there are; each variable that they have must be among the arrays,
/// and each that the optimizer keeps, or Keras would pass over all of them.
struct KerasPlan {
  /// The paths by the arrays' names.
  private(set) var paths: OrderedDictionary<String, String> = [:]
  /// The attributes, by the paths of what they belong to.
  private(set) var attributes:
    OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:]
  /// The JSON documents beside the HDF5 file, by their names.
  private(set) var documents: OrderedDictionary<String, String> = [:]

  private let arrays: OrderedDictionary<String, TensorDescription>
  /// The names of the layers that have variables, each with the names of its own.
  private var layers: OrderedDictionary<String, [String]> = [:]
  /// The names of the variables that are trained, without `layers/`.
  private var trained: [String] = []

  // MARK: .keras

  /// Plans a .keras file.
  init(
    archive arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    self.arrays = arrays
    let found = try KerasDocuments(in: metadata)
    let model = found.model
    documents = found.members
    for (group, layer) in KerasModel.numbered(model.layers) {
      try place(layer) { _, number in "layers/\(group)/vars/\(number)" }
      guard let name = layer.object.name, layers[name] != nil else { continue }
      attributes["layers/\(group)/vars"] = ["name": .string(name)]
    }
    try requireAllLayersPlaced(of: model)
    if let optimizer = model.optimizer {
      let count = try place(optimizer) { number, _, _ in "optimizer/vars/\(number)" }
      if count > 0 {
        attributes["optimizer/vars"] = ["name": .string(optimizer.name ?? optimizer.className)]
      }
    }
    finish(found.others)
  }

  // MARK: .weights.h5

  /// Plans a .weights.h5: what a .keras file has in it, without the model.
  init(
    weights arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    guard KerasDocuments.areIn(metadata) else {
      self.init(leaving: arrays, metadata)
      return
    }
    try self.init(archive: arrays, metadata)
    documents = [:]
  }

  /// Leaves everything where it is.
  private init(
    leaving arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) {
    self.arrays = arrays
    finish(metadata.attributes)
  }

  // MARK: Legacy

  /// Plans a legacy .h5.
  init(
    legacy arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    self.arrays = arrays
    let found = try KerasDocuments(in: metadata)
    let model = found.model
    let name = model.name ?? "sequential"
    for (_, layer) in KerasModel.numbered(model.layers) {
      try place(layer) { key, _ in
        "model_weights/\(key[..<(key.firstIndex(of: "/") ?? key.endIndex)])/\(name)/\(key)"
      }
    }
    try requireAllLayersPlaced(of: model)
    attributes[""] = found.attributes
    attributes["model_weights"] = KerasDocuments.origin.merging(
      KerasList.attributes("layer_names", Array(layers.keys))
    ) { own, _ in own }
    for (layer, variables) in layers {
      let weights = variables.map { "\(name)/\(layer)/\($0)" }
      attributes["model_weights/\(layer)"] = KerasList.attributes("weight_names", weights)
    }
    if let optimizer = model.optimizer {
      let word = optimizer.name ?? "optimizer"
      var weights: [String] = []
      try place(optimizer) { (_, slot, variable) in
        let key = variable.map { "\(name)_\($0.replacingSlashes)_\(slot)" } ?? slot
        weights.append("\(word)/\(key)")
        return "optimizer_weights/\(word)/\(key)"
      }
      if !weights.isEmpty {
        attributes["optimizer_weights"] = KerasList.attributes("weight_names", weights)
      }
    }
    finish(found.others)
  }

  // MARK: Both

  /// Places the variables of a layer.
  private mutating func place(
    _ layer: KerasModel.Layer,
    _ path: (_ key: String, _ number: Int) -> String
  ) throws(FlywheelError) {
    guard let name = layer.object.name, let variables = layer.object.variables else { return }
    for (number, variable) in variables.enumerated() {
      let key = "\(name)/\(variable.name)"
      guard arrays["layers/\(key)"] != nil else {
        throw FlywheelError(
          .mismatch,
          "The model's configuration has a layer '\(name)', and there is no array 'layers/\(key)'."
        )
      }
      paths["layers/\(key)"] = path(key, number)
      layers[name, default: []].append(variable.name)
      if variable.isTrained, layer.object["trainable"] != .bool(false) { trained.append(key) }
    }
  }

  private func requireAllLayersPlaced(of model: KerasModel) throws(FlywheelError) {
    guard let key = arrays.keys.first(where: { $0.hasPrefix("layers/") && paths[$0] == nil }) else {
      return
    }
    let name = key.dropFirst("layers/".count).prefix { $0 != "/" }
    let layer = KerasModel.numbered(model.layers).first { $0.layer.object.name == String(name) }
    let reason =
      switch layer?.layer.object {
      case nil: "belongs to no layer of the model's configuration."
      case let object? where object.variables == nil:
        "belongs to a layer of the class \(object.className). Flywheel writes the variables of layers such as Dense, "
          + "Conv2D, Embedding and BatchNormalization for Keras, and of none that hold others or learn by adapt()."
      case let object?:
        "is none of the variables that a layer of the class \(object.className) has by the model's configuration."
      }
    throw FlywheelError(.unsupported, "'\(key)' \(reason)", at: .init(tensor: key))
  }

  /// Places what an optimizer keeps: all of it, or, before it has taken a step, only its numbers.
  ///
  /// - Returns: How many arrays that were.
  @discardableResult
  private mutating func place(
    _ optimizer: KerasModel.Object,
    _ path: (_ number: Int, _ name: String, _ variable: String?) -> String
  ) throws(FlywheelError) -> Int {
    let variables = OptimizerVariables.of(optimizer, trained: trained.count)
    let keys = variables.map { "optimizer/\($0.key(of: trained))" }
    let missing = keys.first { arrays[$0] == nil }
    let kept = arrays.keys.filter { $0.hasPrefix("optimizer/") }
    let first = keys.prefix(variables.prefix { $0.trained == nil }.count)
    let isFresh = Set(kept).isSubset(of: first)
    if let missing, !isFresh {
      throw FlywheelError(
        .mismatch,
        "\(optimizer.className) keeps '\(missing)', and there is no such array; Keras would pass over all of the "
          + "optimizer's state. There is none of a parameter that was frozen while others were trained."
      )
    }
    if let key = kept.first(where: { !keys.contains($0) }) {
      throw FlywheelError(
        .mismatch,
        "\(optimizer.className), as the configuration has it, does not keep '\(key)'; Keras would pass over all "
          + "of the optimizer's state.",
        at: .init(tensor: key)
      )
    }
    var count = 0
    for (key, variable) in zip(keys, variables) where arrays[key] != nil {
      paths[key] = path(count, variable.name, variable.trained.map { trained[$0] })
      count += 1
    }
    return count
  }

  /// Leaves all other arrays and attributes where they are.
  private mutating func finish(
    _ facts: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>>
  ) {
    for key in arrays.keys where paths[key] == nil { paths[key] = key }
    for (owner, values) in facts where !values.isEmpty {
      attributes[paths[owner] ?? owner, default: [:]].merge(values) { own, _ in own }
    }
  }
}

extension String {
  /// The text as Keras has paths in the names of an optimizer's variables.
  var replacingSlashes: String { String(map { $0 == "/" ? "_" : $0 }) }
}
