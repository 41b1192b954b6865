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
  /// The keys by the form in which they are compared.
  var keys: [String: String] = [:]
  /// The same without the numbers that stand for `{path}`.
  var pathlessKeys: [String: [String]] = [:]
  var reading: DialectReading
  var found: [Found] = []

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
    _ spelling: KeySpelling
  ) {
    self.dialect = dialect
    self.arrays = arrays.filter { $0.key != CheckpointKey.document }
    self.rule = rule
    self.slotNames = slotNames
    self.spelling = spelling
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
    try placeParameters()
    let explained = try findState()
    for key in arrays.keys where !explained.contains(key) {
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
    let others = arrays.compactMap { (key, array) -> Found? in
      var bare = spelling.of(key)
      if bare.utf8.starts(with: usedPrefix.utf8) {
        bare = String(decoding: bare.utf8.dropFirst(usedPrefix.utf8.count), as: UTF8.self)
      }
      guard let dtype = array.element.dtype, dtype.isFloatingPoint, !named.contains(key),
        !isState(bare), !isUntrained(bare)
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
    let all = withoutBuffers(found + others)
    reading.guessed = all.filter { $0.kind == .other }.map(\.key)
    found = all
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
        spelt.utf8.starts(with: prefix.utf8), !dialect.keepsNames || !isState(spelt)
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
    let orders = orders()
    var misfit: FlywheelError?
    if !dialect.isOwn, !found.contains(where: { $0.kind == .other }) {
      for order in orders {
        for arrangement in dialect.arrangements {
          do throws(FlywheelError) {
            try requireChain(order, arrangement)
            return try placeChain(order, arrangement)
          } catch {
            misfit = misfit ?? error
          }
        }
      }
    }
    guard dialect.keepsNames else {
      throw misfit ?? FlywheelError(.mismatch, "These are no dense layers.")
    }
    let ordered = orders[0].flatMap(\.parameters)
    for parameter in ordered { try placeByName(parameter) }
    found = ordered
  }

  private struct Layer {
    var parameters: [Found]

    var weight: Found? { parameters.first { $0.kind == .weight } }
    var bias: Found? { parameters.first { $0.kind == .bias } }
  }

  /// The layers in the orders that they may have: that of their numbers; or that of the file, unless it is
  /// that of the alphabet, and that of the numbers in their names.
  private func orders() -> [[Layer]] {
    var layers: OrderedDictionary<KeyTemplate.Layer, Layer> = [:]
    for parameter in found {
      layers[parameter.layer, default: Layer(parameters: [])].parameters.append(parameter)
    }
    for index in layers.values.indices {
      layers.values[index].parameters.sort { $0.kind.rawValue < $1.kind.rawValue }
    }
    let natural = layers.sorted { $0.key.precedes($1.key) }.map(\.value)
    let isNumbered =
      !dialect.numbersAreNames
      && layers.keys.allSatisfy { if case .numbered = $0 { true } else { false } }
    let keys = Array(arrays.keys)
    let isAlphabetical = zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }
    return isNumbered || isAlphabetical ? [natural] : [Array(layers.values), natural]
  }

  private func requireChain(
    _ layers: [Layer],
    _ arrangement: Dialect.DenseArrangement
  ) throws(FlywheelError) {
    var width: (count: Int, key: String)?
    for layer in layers {
      guard let weight = layer.weight else {
        let key = layer.parameters.first?.key ?? ""
        throw FlywheelError(
          .mismatch,
          "There are no weights beside this bias.",
          at: .init(tensor: key)
        )
      }
      let axes = arrangement.weight == .transposed ? "(in, out)" : "(out, in)"
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
      if let width, width.count != shape.extents[1] {
        throw FlywheelError(
          .mismatch,
          "As \(axes), '\(width.key)' gives \(width.count) values, and this takes \(shape.extents[1]): "
            + "not a chain of dense layers of '\(dialect.name)'.",
          at: .init(tensor: weight.key)
        )
      }
      width = (shape.extents[0], weight.key)
      guard let bias = layer.bias else { continue }
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
  }

  private mutating func placeChain(
    _ layers: [Layer],
    _ arrangement: Dialect.DenseArrangement
  ) throws(FlywheelError) {
    found = layers.flatMap(\.parameters)
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
      left.naturalOrder.lexicographicallyPrecedes(right.naturalOrder) {
        ($0.number, $0.text) < ($1.number, $1.text)
      }
    }
  }
}

extension String {
  /// The text in pieces: runs of digits as numbers, other characters one by one.
  fileprivate var naturalOrder: [(number: Int, text: String)] {
    var pieces: [(number: Int, text: String)] = []
    var digits = ""
    for scalar in unicodeScalars {
      if ("0"..."9").contains(scalar), digits.utf8.count < 9 {
        digits.unicodeScalars.append(scalar)
        continue
      }
      if let number = Int(digits) { pieces.append((number, "")) }
      digits = ""
      pieces.append((.max, String(scalar)))
    }
    if let number = Int(digits) { pieces.append((number, "")) }
    return pieces
  }
}
