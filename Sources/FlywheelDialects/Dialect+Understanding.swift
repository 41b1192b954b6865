import FlywheelCheckpoint
public import FlywheelCore
public import OrderedCollections

extension Dialect {
  /// Understands the arrays of a file as a training state in this dialect, from their names and shapes.
  ///
  /// A network of dense layers only gets Flywheel's names, `layers.0.weight` and so on; any other keeps its
  /// own, where the dialect has names at all.
  ///
  /// - Parameters:
  ///   - arrays: What the file holds, in its order.
  ///   - rule: The name of the rule that wrote it; nil to find those that fit.
  ///   - slots: The slots that it keeps, if it keeps any yet; nil to find those that fit.
  /// - Throws: `notFound` if there are no parameters, `mismatch` if shapes are not as the dialect has them,
  ///   `unsupported` for an array whose axes it cannot tell.
  /// - Returns: What is what; arrays that are not explained are its leftovers.
  public func understand(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    rule: String? = nil,
    slots: Set<String>? = nil
  ) throws(FlywheelError) -> DialectReading {
    var attempt = Understanding(self, arrays, rule, slots, .exact)
    var otherAttempt = Understanding(self, arrays, rule, slots, .anySeparator)
    let exact: DialectReading
    do throws(FlywheelError) {
      exact = try attempt.understood()
      guard !exact.explainsAll else { return exact }
    } catch {
      guard error.code == .notFound else { throw error }
      var reading = try otherAttempt.understood()
      reading.hasOtherSeparators = true
      return reading
    }
    guard var other = try? otherAttempt.understood(),
      other.leftovers.count + other.guessed.count < exact.leftovers.count + exact.guessed.count
    else { return exact }
    other.hasOtherSeparators = true
    return other
  }
}

/// One attempt to understand a file's arrays in a dialect.
struct Understanding {
  private let dialect: Dialect
  private let arrays: OrderedDictionary<String, TensorDescription>
  private let rule: String?
  private let slotNames: Set<String>?
  private let spelling: KeySpelling
  /// The keys by the form in which they are compared.
  private var keys: [String: String] = [:]
  /// The same without the numbers that stand for `{path}`.
  private var pathlessKeys: [String: [String]] = [:]
  private var reading: DialectReading
  private var found: [Found] = []

  /// An array that is named as a parameter.
  private struct Found {
    var key: String
    /// The key without its prefix, as keys are compared.
    var bare: String
    var layer: KeyTemplate.Layer
    var kind: Kind
    var shape: Shape
    var dtype: DType
  }

  private enum Kind: Int {
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
    let isNumbered = layers.keys.allSatisfy { if case .numbered = $0 { true } else { false } }
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

  // MARK: Slots and counters

  /// A set of slots that may be what the file holds.
  private struct State {
    var family: SlotFamily
    var slots: OrderedDictionary<String, OrderedDictionary<String, CheckpointLayout.Place>>
    var counters: OrderedDictionary<String, DialectCounter.Meaning>
    var score: Int { slots.values.reduce(counters.count) { $0 + $1.count } }
  }

  /// Finds the slots that explain most, and the counters.
  ///
  /// - Returns: The keys of all arrays that are explained.
  private mutating func findState() throws(FlywheelError) -> Set<String> {
    let common = counters(dialect.counters)
    var best: [State] = []
    var misfit: FlywheelError?
    for family in dialect.families where accepts(family) {
      for choice in family.choices where !choice.isEmpty {
        if let slotNames, Set(choice.joined().map(\.name)) != slotNames { continue }
        let slots: OrderedDictionary<String, OrderedDictionary<String, CheckpointLayout.Place>>?
        do throws(FlywheelError) {
          slots = try self.slots(choice, besides: common)
        } catch {
          misfit = misfit ?? error
          continue
        }
        guard let slots else { continue }
        let own = counters(family.counters)
        let state = State(family: family, slots: slots, counters: own)
        if state.score > best.first?.score ?? 0 {
          best = [state]
        } else if state.score == best.first?.score {
          best.append(state)
        }
      }
    }
    if best.isEmpty, let misfit { throw misfit }
    reading.counters = common
    if let state = best.first {
      reading.slots = state.slots
      reading.counters.merge(state.counters) { first, _ in first }
      let rules = Set(best.flatMap(\.family.rules))
      reading.rules = dialect.rules.filter { rules.contains($0) && (rule == nil || rule == $0) }
    } else {
      for family in dialect.families where accepts(family) {
        reading.counters.merge(counters(family.counters)) { first, _ in first }
      }
      reading.rules = dialect.rules.filter { rule == nil || rule == $0 }
    }
    var explained = Set(found.map(\.key)).union(reading.counters.keys)
    for buffers in reading.slots.values { explained.formUnion(buffers.values.map(\.key)) }
    return explained
  }

  private func accepts(_ family: SlotFamily) -> Bool {
    guard let rule else { return true }
    return family.rules.isEmpty || family.rules.contains(rule)
  }

  /// The slots if the file has them: of numbered buffers all, of named ones any.
  ///
  /// - Throws: `mismatch` if buffers that are numbered like parameters do not fit them.
  private func slots(
    _ choice: [[SlotFamily.Slot]],
    besides counters: OrderedDictionary<String, DialectCounter.Meaning>
  ) throws(FlywheelError)
    -> OrderedDictionary<String, OrderedDictionary<String, CheckpointLayout.Place>>?
  {
    if dialect.numbersBuffers { return numberedSlots(choice, besides: counters) }
    let indices = dialect.indices(of: Array(reading.parameters.keys))
    var slots: OrderedDictionary<String, OrderedDictionary<String, CheckpointLayout.Place>> = [:]
    var used: Set<String> = []
    for slot in choice.flatMap(\.self) {
      for ((name, parameter), found) in zip(reading.parameters, found) {
        guard let key = try buffer(of: found, name, slot, index: indices[name]),
          used.insert(key).inserted
        else { continue }
        slots[slot.name, default: [:]][name] = .init(
          key: key,
          arrangement: parameter.place.arrangement
        )
      }
      guard slots[slot.name] != nil else { return nil }
    }
    return slots
  }

  private func buffer(
    of parameter: Found,
    _ name: String,
    _ slot: SlotFamily.Slot,
    index: Int?
  ) throws(FlywheelError) -> String? {
    var layer: Int?
    if case .numbered(let number) = parameter.layer { layer = number }
    for template in dialect.buffers {
      for word in slot.words {
        for bare in [parameter.bare, spelling.of(parameter.key)] {
          let text = template.key(
            .init(
              layer: layer,
              kind: parameter.kind.name,
              key: bare,
              index: index,
              slot: word,
              path: ""
            )
          )
          guard let text, let key = key(spelt: text, template), let array = arrays[key],
            array.element.dtype?.isFloatingPoint == true
          else { continue }
          guard array.shape == parameter.shape else {
            throw FlywheelError(
              .mismatch,
              "The buffer has shape \(array.shape), and '\(parameter.key)', its parameter by "
                + "\(template.asks(for: .index) ? "number" : "name"), \(parameter.shape)."
                + (template.asks(for: .index)
                  ? " With several groups numbers do not tell whose it is: save it by name, such as "
                    + "'\(parameter.key).\(slot.words[0])'." : ""),
              at: .init(tensor: key)
            )
          }
          return key
        }
      }
    }
    return nil
  }

  private func key(spelt text: String, _ template: KeyTemplate) -> String? {
    guard template.asks(for: .path) else { return keys[spelling.of(text)] }
    let found = pathlessKeys[spelling.of(text)] ?? []
    return found.count == 1 ? found[0] : nil
  }

  /// Buffers that have numbers of their own must all be there, in order.
  private func numberedSlots(
    _ choice: [[SlotFamily.Slot]],
    besides counters: OrderedDictionary<String, DialectCounter.Meaning>
  ) -> OrderedDictionary<String, OrderedDictionary<String, CheckpointLayout.Place>>? {
    let template = dialect.buffers[0]
    let keys = arrays.keys.compactMap { (key) -> (number: Int, key: String)? in
      guard counters[key] == nil, let text = template.capture(in: spelling.of(key), spelling),
        let number = KeyTemplate.number(text, from: 0)
      else { return nil }
      return (number, key)
    }.sorted { $0.number < $1.number }.map(\.key)
    let expected = dialect.turns(choice, Array(reading.parameters.keys))
    guard keys.count == expected.count else { return nil }
    let shapes = Dictionary(zip(reading.parameters.keys, found.map(\.shape))) { first, _ in first }
    var slots: OrderedDictionary<String, OrderedDictionary<String, CheckpointLayout.Place>> = [:]
    for (key, turn) in zip(keys, expected) {
      guard let array = arrays[key], array.shape == shapes[turn.parameter],
        array.element.dtype?.isFloatingPoint == true,
        let parameter = reading.parameters[turn.parameter]
      else { return nil }
      slots[turn.slot.name, default: [:]][turn.parameter] = .init(
        key: key,
        arrangement: parameter.place.arrangement
      )
    }
    return slots
  }

  private func counters(
    _ counters: [DialectCounter]
  ) -> OrderedDictionary<String, DialectCounter.Meaning> {
    let indices = dialect.indices(of: Array(reading.parameters.keys))
    var meanings: OrderedDictionary<String, DialectCounter.Meaning> = [:]
    for counter in counters {
      for template in counter.keys {
        var candidates: [String] = []
        if counter.isPerParameter {
          for (name, parameter) in zip(reading.parameters.keys, found) {
            for bare in [parameter.bare, spelling.of(parameter.key)] {
              let text = template.key(.init(key: bare, index: indices[name]))
              if let text, let key = keys[spelling.of(text)] { candidates.append(key) }
            }
          }
        } else if let text = template.key(.init(path: "")) {
          candidates =
            template.asks(for: .path)
            ? pathlessKeys[spelling.of(text)] ?? [] : keys[spelling.of(text)].map { [$0] } ?? []
        }
        for key in candidates where meanings[key] == nil {
          if let array = arrays[key], counter.fits(array) { meanings[key] = counter.meaning }
        }
      }
    }
    return meanings
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
