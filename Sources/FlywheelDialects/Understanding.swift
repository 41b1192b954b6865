import FlywheelCheckpoint
import FlywheelCore
import OrderedCollections

/// One attempt to understand a file's arrays in a dialect.
struct Understanding {
  let dialect: Dialect
  let arrays: OrderedDictionary<String, TensorDescription>
  let rule: String?
  let slotNames: Set<String>?
  let spelling: KeySpelling
  let facts: ArrayFacts
  /// The keys by the form in which they are compared.
  var keys: [String: String] = [:]
  /// The same without the numbers that stand for `{path}`.
  var pathlessKeys: [String: [String]] = [:]
  var reading: DialectReading
  var found: [Found] = []
  /// Whether the parameters are in the order in which an optimizer numbers them.
  var isOrdered = true

  /// An array that is named as a parameter.
  struct Found {
    var key: String
    /// The key without its prefix, as keys are compared.
    var bare: String
    var layer: KeyTemplate.Layer
    var kind: Kind
    var shape: Shape
    var dtype: DType
  }

  enum Kind: Int {
    case weight
    case bias
    /// What is neither, and has only a name.
    case other

    var name: String { self == .weight ? "weight" : "bias" }
  }

  init(
    _ dialect: Dialect,
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ rule: String?,
    _ slotNames: Set<String>?,
    _ spelling: KeySpelling,
    _ facts: ArrayFacts
  ) {
    self.dialect = dialect
    self.arrays = arrays.filter { $0.key != CheckpointKey.document }
    self.rule = rule
    self.slotNames = slotNames
    self.spelling = spelling
    self.facts = facts
    reading = DialectReading(dialect: dialect)
    let head = dialect.buffers.first { $0.asks(for: .path) }?.head
    for key in self.arrays.keys {
      keys[spelling.of(key)] = key
      if let head {
        pathlessKeys[spelling.of(key, withoutPathAfter: head), default: []].append(key)
      }
    }
  }

  mutating func understood() throws(FlywheelError) -> DialectReading {
    try findParameters()
    leaveOutTwins()
    try placeParameters()
    let explained = try findState()
    for key in arrays.keys where !explained.contains(key) && reading.twins[key] == nil {
      if dialect.untrained.contains(where: { spelling.of(key).hasSuffix(".\($0)") }) {
        reading.untrained.append(key)
      } else {
        reading.leftovers.append(key)
      }
    }
    return reading
  }

  // MARK: Parameters

  private mutating func findParameters() throws(FlywheelError) {
    // Behind a longer prefix a name is shorter: of two that find the same, that is meant.
    let prefixes = dialect.prefixes.map { spelling.of($0) }.sorted { $0.utf8.count > $1.utf8.count }
    var usedPrefix = ""
    for prefix in prefixes {
      let named = withoutBuffers(parameters(behind: prefix))
      if named.count > found.count { (found, usedPrefix) = (named, prefix) }
    }
    guard !found.isEmpty else {
      throw FlywheelError(
        .notFound,
        "No array is named as '\(dialect.name)' names weights, "
          + "such as '\(dialect.prefixes[0])\(dialect.weights[0])'."
      )
    }
    var places: [KeyTemplate.Layer: [Kind: String]] = [:]
    for parameter in found {
      if let other = places[parameter.layer]?[parameter.kind] {
        throw FlywheelError(
          .mismatch,
          "'\(other)' and '\(parameter.key)' would both be the \(parameter.kind.name) of one layer.",
          at: .init(tensor: parameter.key)
        )
      }
      places[parameter.layer, default: [:]][parameter.kind] = parameter.key
    }
    guard dialect.keepsNames else { return }
    let named = Set(found.map(\.key))
    var outside: Set<String> = []
    let others = arrays.compactMap { (key, array) -> Found? in
      var bare = spelling.of(key)
      let isInside = bare.utf8.starts(with: usedPrefix.utf8)
      defer { if !isInside { outside.insert(key) } }
      if bare.utf8.starts(with: usedPrefix.utf8) {
        bare = String(decoding: bare.utf8.dropFirst(usedPrefix.utf8.count), as: UTF8.self)
      }
      guard let dtype = array.element.dtype, dtype.isFloatingPoint, !named.contains(key),
        !isState(bare), !isUntrained(bare), !facts.strays.contains(key)
      else { return nil }
      return Found(
        key: key,
        bare: bare,
        layer: .named(bare),
        kind: .other,
        shape: array.shape,
        dtype: dtype
      )
    }
    // In the file's order, which is that of the numbers that an optimizer gives them.
    let unsorted = Dictionary((found + others).map { ($0.key, $0) }) { first, _ in first }
    let all = withoutBuffers(arrays.keys.compactMap { unsorted[$0] })
    reading.guessed = all.filter { $0.kind == .other }.map(\.key)
    reading.outside = reading.guessed.filter(outside.contains)
    found = all
  }

  /// Counts an array that has several names as one parameter, under the first of them.
  private mutating func leaveOutTwins() {
    guard !facts.twins.isEmpty else { return }
    var first: [String: String] = [:]
    found = found.filter { parameter in
      let array = facts.twins[parameter.key] ?? parameter.key
      guard let other = first[array] else {
        first[array] = parameter.key
        return true
      }
      reading.twins[parameter.key] = other
      return false
    }
    reading.guessed.removeAll { reading.twins[$0] != nil }
    reading.outside.removeAll { reading.twins[$0] != nil }
  }

  /// Whether a name begins as only those of buffers do.
  private func isState(_ key: String) -> Bool {
    dialect.buffers.contains { template in
      let head = spelling.of(template.head)
      return !head.isEmpty && key.utf8.starts(with: head.utf8)
    }
  }

  private func isUntrained(_ key: String) -> Bool {
    dialect.untrained.contains { key.hasSuffix(".\($0)") }
  }

  private func parameters(behind prefix: String) -> [Found] {
    arrays.compactMap { key, array in
      let spelt = spelling.of(key)
      guard let dtype = array.element.dtype, dtype.isFloatingPoint,
        spelt.utf8.starts(with: prefix.utf8), !dialect.keepsNames || !isState(spelt),
        !facts.strays.contains(key)
      else { return nil }
      let bare = String(decoding: spelt.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
      for (templates, kind) in [(dialect.weights, Kind.weight), (dialect.biases, .bias)] {
        for template in templates {
          guard let layer = template.layer(in: bare, spelling) else { continue }
          return Found(
            key: key,
            bare: bare,
            layer: layer,
            kind: kind,
            shape: array.shape,
            dtype: dtype
          )
        }
      }
      return nil
    }
  }

  /// Those that are not named as buffers or counters of others.
  private func withoutBuffers(_ parameters: [Found]) -> [Found] {
    let templates = dialect.buffers.filter { $0.asks(for: .key) && !$0.asks(for: .path) }
    guard !templates.isEmpty else { return parameters }
    let words = Set(dialect.families.flatMap { $0.slots.flatMap(\.words) })
    let counters = (dialect.counters + dialect.families.flatMap(\.counters)).flatMap(\.keys)
      .filter { $0.asks(for: .key) }
    var buffers: Set<String> = []
    for parameter in parameters {
      for key in [parameter.bare, spelling.of(parameter.key)] {
        for template in templates {
          for word in words {
            if let name = template.key(.init(key: key, slot: word)) {
              buffers.insert(spelling.of(name))
            }
          }
        }
        for template in counters {
          if let name = template.key(.init(key: key)) { buffers.insert(spelling.of(name)) }
        }
      }
    }
    return parameters.filter { !buffers.contains(spelling.of($0.key)) }
  }

  // MARK: Their order, names and axes

  private mutating func placeParameters() throws(FlywheelError) {
    let layers = layers()
    let natural = layers.sorted { $0.key.precedes($1.key) }
    let isNumbered =
      !dialect.numbersAreNames
      && layers.keys.allSatisfy { if case .numbered = $0 { true } else { false } }
    let keepsOrder = !isNumbered && facts.keepsOrder(of: found.map(\.key))
    let known = keepsOrder ? Array(layers.values) : natural.map(\.value)
    var misfit: FlywheelError?
    // A layer that is there twice is no link of a chain.
    if !dialect.isOwn, reading.twins.isEmpty, !found.contains(where: { $0.kind == .other }) {
      for arrangement in dialect.arrangements where isNumbered || keepsOrder {
        do throws(FlywheelError) {
          try requireChain(known, arrangement)
          return try placeChain(known, arrangement)
        } catch {
          misfit = misfit ?? error
        }
      }
      for arrangement in dialect.arrangements where !isNumbered {
        do throws(FlywheelError) {
          let links = try natural.map { (layer) throws(FlywheelError) in
            try widths(of: layer.value, arrangement)
          }
          switch ChainOrder(of: links, inTurn: patterns(of: natural.map(\.key))) {
          case .only(let order):
            return try placeChain(order.map { natural[$0].value }, arrangement)
          case .several where !keepsOrder: throw severalOrders(natural.map(\.value))
          case .several, .none: try requireChain(known, arrangement)
          }
        } catch {
          guard error.code != .invalidArgument else { throw error }
          misfit = misfit ?? error
        }
      }
    }
    guard dialect.keepsNames else {
      var error = misfit ?? FlywheelError(.mismatch, "An array is there under two names.")
      error.message +=
        " Only chains of dense layers are translated from these names (schemas/dialects.md); 'flywheel convert' "
        + "without --to takes the arrays of any model as they are."
      throw error
    }
    isOrdered = isNumbered || keepsOrder || Set(patterns(of: natural.map(\.key))).count == 1
    let ordered = keepsOrder ? found : known.flatMap(\.parameters)
    for parameter in ordered { try placeByName(parameter) }
    found = ordered
  }

  private struct Layer {
    var parameters: [Found]

    var weight: Found? { parameters.first { $0.kind == .weight } }
    var bias: Found? { parameters.first { $0.kind == .bias } }
  }

  /// The layers in the order of the file.
  private func layers() -> OrderedDictionary<KeyTemplate.Layer, Layer> {
    var layers: OrderedDictionary<KeyTemplate.Layer, Layer> = [:]
    for parameter in found {
      layers[parameter.layer, default: Layer(parameters: [])].parameters.append(parameter)
    }
    for index in layers.values.indices {
      layers.values[index].parameters.sort { $0.kind.rawValue < $1.kind.rawValue }
    }
    return layers
  }

  /// What is alike in the names of layers whose numbers are an order.
  private func patterns(of layers: [KeyTemplate.Layer]) -> [String] {
    layers.map { layer in
      switch layer {
      // A class of its own calls the layers that Keras numbers in any order.
      case .numbered(let number): dialect.numbersAreNames ? "\(number)" : ""
      case .named(let name): dialect.numbersAreNames ? name : NumberedName(name).pattern
      }
    }
  }

  private func severalOrders(_ layers: [Layer]) -> FlywheelError {
    let names = layers.prefix(3).compactMap { $0.parameters.first.map { "'\($0.key)'" } }
    return FlywheelError(
      .invalidArgument,
      "Layers of these shapes can follow one another in several orders, and the file does not say which: "
        + "\(facts.reasonForNoOrder), and \(names.joined(separator: ", ")) have no numbers that tell. Give layers "
        + "numbers with --rename or --map, or take the model's own file of its framework, if that says how the "
        + "layers are called."
    )
  }

  /// Checks that each layer takes what the one before it gives.
  private func requireChain(
    _ layers: [Layer],
    _ arrangement: Dialect.DenseArrangement
  ) throws(FlywheelError) {
    let axes = weightAxes(arrangement)
    var last: (width: Int, key: String)?
    for layer in layers {
      let widths = try widths(of: layer, arrangement)
      let key = layer.weight?.key ?? ""
      if let last, last.width != widths.taken {
        throw FlywheelError(
          .mismatch,
          "As \(axes), '\(last.key)' gives \(last.width) values, and this takes \(widths.taken): "
            + "not a chain of dense layers of '\(dialect.name)'.",
          at: .init(tensor: key)
        )
      }
      last = (widths.given, key)
    }
  }

  /// How many values a dense layer takes, and how many it gives.
  private func widths(
    of layer: Layer,
    _ arrangement: Dialect.DenseArrangement
  ) throws(FlywheelError) -> ChainOrder.Widths {
    guard let weight = layer.weight else {
      throw FlywheelError(
        .mismatch,
        "There are no weights beside this bias.",
        at: .init(tensor: layer.parameters.first?.key ?? "")
      )
    }
    let axes = weightAxes(arrangement)
    guard weight.shape.rank == 2 else {
      throw FlywheelError(
        .unsupported,
        "The array has shape \(weight.shape). How '\(dialect.name)' orders the axes of anything but dense "
          + "weights, \(axes), is not known.",
        at: .init(tensor: weight.key)
      )
    }
    let shape = try FlywheelError.locating(tensor: weight.key) { () throws(FlywheelError) in
      try arrangement.weight.restored(weight.shape)
    }
    if let bias = layer.bias {
      let expected = try arrangement.bias.stored(Shape(vector: shape.extents[0]))
      guard bias.shape == expected else {
        throw FlywheelError(
          .mismatch,
          "The bias has shape \(bias.shape); beside '\(weight.key)', \(weight.shape) as \(axes), "
            + "'\(dialect.name)' has one of \(expected).",
          at: .init(tensor: bias.key)
        )
      }
    }
    return .init(taken: shape.extents[1], given: shape.extents[0])
  }

  private func weightAxes(_ arrangement: Dialect.DenseArrangement) -> String {
    arrangement.weight == .transposed ? "(in, out)" : "(out, in)"
  }

  private mutating func placeChain(
    _ layers: [Layer],
    _ arrangement: Dialect.DenseArrangement
  ) throws(FlywheelError) {
    found = layers.flatMap(\.parameters)
    reading.isChain = true
    for (index, layer) in layers.enumerated() {
      for parameter in layer.parameters {
        let isWeight = parameter.kind == .weight
        try place(
          parameter,
          name: "layers.\(index).\(parameter.kind.name)",
          isWeight ? arrangement.weight : arrangement.bias,
          axes: isWeight ? ["out", "in"] : ["out"]
        )
      }
    }
  }

  private mutating func placeByName(_ parameter: Found) throws(FlywheelError) {
    let rank = parameter.shape.rank
    guard rank <= 2 || dialect.keepsConvolutions else {
      throw FlywheelError(
        .unsupported,
        "The array has shape \(parameter.shape). How '\(dialect.name)' orders its axes is not known; only "
          + "those of matrices are.",
        at: .init(tensor: parameter.key)
      )
    }
    let usual = ["out", "in"]
    let axes =
      switch (parameter.kind, rank) {
      case (.weight, 2): usual
      case (.bias, 1): ["out"]
      default: (0..<rank).map { "\($0)" }
      }
    let name =
      dialect.isOwn
      ? CheckpointKey.name(fromComponent: parameter.bare) ?? parameter.bare : parameter.bare
    try place(parameter, name: name, .identity, axes: axes)
  }

  private mutating func place(
    _ parameter: Found,
    name: String,
    _ arrangement: TensorArrangement,
    axes: [String]
  ) throws(FlywheelError) {
    reading.parameters[name] = .init(
      place: .init(key: parameter.key, arrangement: arrangement),
      axes: axes,
      shape: try arrangement.restored(parameter.shape),
      dtype: parameter.dtype
    )
  }
}

extension KeyTemplate.Layer {
  /// Whether it comes first: by number, or by name with the numbers in it counted and not spelt.
  fileprivate func precedes(_ other: Self) -> Bool {
    switch (self, other) {
    case (.numbered(let left), .numbered(let right)): left < right
    case (.numbered, .named): true
    case (.named, .numbered): false
    case (.named(let left), .named(let right)):
      NumberedName(left).precedes(NumberedName(right))
    }
  }
}
