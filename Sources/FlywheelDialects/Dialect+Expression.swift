public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
import OrderedCollections

extension Dialect {
  /// How a checkpoint lies in a file under this dialect's names.
  ///
  /// Its rule must already be one that is written in the dialect: rules are converted elsewhere. A buffer
  /// lies as its parameter does. What a dialect has no names for, random streams for example, keeps Flywheel's.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint; where its layout is already of this dialect, names stay as they are there.
  ///   - isOwnFile: Whether the file is one of the framework's own, where the model's names are behind what its
  ///     `statement` says.
  /// - Throws: `unsupported`, naming the parameter that has no name in the dialect or axes whose order in it
  ///   is not known, the buffer that is missing among numbered ones, the groups that it cannot have, the rule
  ///   or the slot that is not written in it; `invalidArgument` for a count that does not fit its type.
  /// - Returns: The layout, with the counters' values.
  public func express(
    _ checkpoint: Checkpoint,
    inOwnFile isOwnFile: Bool = false
  ) throws(FlywheelError) -> CheckpointLayout {
    var layout = CheckpointLayout(dialect: name, places: [:])
    guard !isOwn else { return layout }
    let odd = numbersThatCannotDiffer(in: checkpoint.optimizer.groups.map(\.hyperparameters))
    guard odd.isEmpty else {
      throw FlywheelError(
        .unsupported,
        "The groups of parameters differ in \(odd.map(\.rawValue).joined(separator: ", ")), of which "
          + "'\(name)' has one for all."
      )
    }
    let places = try places(of: checkpoint, isOwnFile ? statement : nil)
    for (name, place) in places { layout.places[CheckpointKey.parameter(name)] = place.place }
    try addState(checkpoint, places, to: &layout)
    return layout
  }

  /// Where a parameter lies.
  private struct ParameterPlace {
    var place: CheckpointLayout.Place
    /// The key without its prefix, which the names of its buffers contain.
    var bare: String
    var layer: Int?
    var kind: String
  }

  private typealias ParameterPlaces = OrderedDictionary<String, ParameterPlace>

  // MARK: Parameters

  private func places(
    of checkpoint: Checkpoint,
    _ statement: GroupStatement?
  ) throws(FlywheelError) -> ParameterPlaces {
    let layers = Self.layers(of: checkpoint)
    if numbersLayers { try requireChain(layers, checkpoint) }
    let known = checkpoint.layout?.dialect == name ? checkpoint.layout?.places ?? [:] : [:]
    var places: ParameterPlaces = [:]
    for (name, parameter) in checkpoint.parameters {
      let role = layers.role(of: name)
      let place: ParameterPlace
      if var kept = known[CheckpointKey.parameter(name)] {
        if let statement { kept.key = statement.key(of: statement.name(of: kept.key)) }
        place = ParameterPlace(
          place: kept,
          bare: bare(kept.key),
          layer: role?.index,
          kind: role?.kind ?? ""
        )
      } else {
        place = try FlywheelError.locating(tensor: CheckpointKey.parameter(name)) {
          () throws(FlywheelError) in
          try self.place(of: name, parameter, role, behind: statement?.key(of: "") ?? prefixes[0])
        }
      }
      places[name] = place
    }
    return places
  }

  private func place(
    of name: String,
    _ parameter: Parameter,
    _ role: DenseLayers.Role?,
    behind prefix: String
  ) throws(FlywheelError) -> ParameterPlace {
    let shape = parameter.value.shape
    guard shape.rank <= 2 || keepsConvolutions else {
      throw FlywheelError(
        .unsupported,
        "The parameter has shape \(shape). How '\(self.name)' orders its axes is not known; only those of "
          + "matrices are."
      )
    }
    guard let role else {
      guard keepsNames else {
        throw FlywheelError(
          .unsupported,
          "'\(self.name)' has no name for this parameter: it is neither the weights nor the bias of a dense "
            + "layer."
        )
      }
      return ParameterPlace(place: .init(key: prefix + name), bare: name, layer: nil, kind: "")
    }
    let isWeight = role.kind == "weight"
    let template = (isWeight ? weights : biases)[0]
    guard let bare = template.key(.init(name: role.layer, layer: role.index)) else {
      throw FlywheelError(.unsupported, "'\(self.name)' has no name for this parameter.")
    }
    let isDense = shape.rank == (isWeight ? 2 : 1)
    let arrangement = isWeight ? arrangement.weight : arrangement.bias
    return ParameterPlace(
      place: .init(key: prefix + bare, arrangement: isDense ? arrangement : .identity),
      bare: bare,
      layer: role.index,
      kind: role.kind
    )
  }

  private func bare(_ key: String) -> String {
    let prefix = prefixes.filter { key.utf8.starts(with: $0.utf8) }.max {
      $0.utf8.count < $1.utf8.count
    }
    return String(decoding: key.utf8.dropFirst(prefix?.utf8.count ?? 0), as: UTF8.self)
  }

  private static func layers(of checkpoint: Checkpoint) -> DenseLayers {
    var layers = DenseLayers()
    for name in checkpoint.parameters.keys {
      for kind in ["weight", "bias"] where name.hasSuffix(".\(kind)") {
        layers.names.append(String(name.dropLast(kind.count + 1)))
      }
    }
    return layers
  }

  /// The layers of a checkpoint by the names of its parameters.
  private struct DenseLayers {
    var names: OrderedSet<String> = []

    struct Role {
      var layer: String
      var index: Int
      var kind: String
    }

    func role(of parameter: String) -> Role? {
      for kind in ["weight", "bias"] where parameter.hasSuffix(".\(kind)") {
        let layer = String(parameter.dropLast(kind.count + 1))
        return names.firstIndex(of: layer).map { Role(layer: layer, index: $0, kind: kind) }
      }
      return nil
    }
  }

  /// Layers that have numbers for names must follow one another, or nothing would tell how they belong
  /// together.
  private func requireChain(_ layers: DenseLayers, _ checkpoint: Checkpoint) throws(FlywheelError) {
    var width: Int?
    for layer in layers.names {
      let name = "\(layer).weight"
      let extents = checkpoint.parameters[name]?.value.shape.extents ?? []
      guard extents.count == 2, width == nil || width == extents[1] else {
        throw FlywheelError(
          .unsupported,
          "'\(self.name)' numbers dense layers, each of which takes what the one before gives; "
            + (extents.isEmpty
              ? "'\(layer)' has no weights."
              : "here are weights of extents \(extents) after \(width ?? 0) values."),
          at: .init(tensor: CheckpointKey.parameter(name))
        )
      }
      width = extents[0]
      guard let bias = checkpoint.parameters["\(layer).bias"]?.value.shape else { continue }
      guard bias.extents == [extents[0]] else {
        throw FlywheelError(
          .unsupported,
          "'\(self.name)' has a bias of \(extents[0]) values here, not of shape \(bias).",
          at: .init(tensor: CheckpointKey.parameter("\(layer).bias"))
        )
      }
    }
  }

  // MARK: Slots and counters

  private func addState(
    _ checkpoint: Checkpoint,
    _ places: ParameterPlaces,
    to layout: inout CheckpointLayout
  ) throws(FlywheelError) {
    let state = checkpoint.optimizer
    let present = state.slots.filter { !$0.value.isEmpty }
    let family = try family(of: checkpoint, Array(present.keys))
    // Groups come one after the other where parameters have numbers.
    let names = checkpoint.parameters.keys.enumerated().sorted { left, right in
      let groups = [left, right].map { checkpoint.parameters[$0.element]?.group ?? 0 }
      return (groups[0], left.offset) < (groups[1], right.offset)
    }.map(\.element)
    let isScheduled =
      checkpoint.schedule.map { $0.shape != .constant || $0.warmup != nil } ?? false
    let counters = (self.counters + (family?.counters ?? [])).filter { counter in
      switch counter.presence {
      case .always: true
      case .withSchedule: isScheduled
      case .withoutSchedule: !isScheduled
      }
    }
    for counter in counters { try add(counter, checkpoint, names, places, to: &layout) }
    guard let family else { return }
    let choice = family.blocks.map { block in block.filter { present[$0.name] != nil } }
      .filter { !$0.isEmpty }
    let indices = indices(of: names)
    var running = 0
    for turn in turns(choice, names) {
      let key = CheckpointKey.slot(turn.slot.name, of: turn.parameter)
      guard present[turn.slot.name]?[turn.parameter] != nil else {
        guard numbersBuffers else { continue }
        throw FlywheelError(
          .unsupported,
          "This buffer does not exist yet, and '\(name)' numbers its buffers: none may be missing. "
            + "Take a step first.",
          at: .init(tensor: key)
        )
      }
      guard let place = places[turn.parameter] else { continue }
      var stored = try buffer(turn.slot, place, index: indices[turn.parameter], running: running)
      while layout.counters[stored] != nil, numbersBuffers {
        running += 1
        stored = try buffer(turn.slot, place, index: indices[turn.parameter], running: running)
      }
      running += 1
      layout.places[key] = .init(key: stored, arrangement: place.place.arrangement)
    }
    try requireDifferent(layout)
  }

  private func buffer(
    _ slot: SlotFamily.Slot,
    _ place: ParameterPlace,
    index: Int?,
    running: Int
  ) throws(FlywheelError) -> String {
    let values = KeyTemplate.Values(
      layer: place.layer,
      kind: place.kind,
      key: place.bare,
      index: index,
      running: running,
      slot: slot.words[0],
      path: slot.path
    )
    guard let key = buffers[0].key(values) else {
      throw FlywheelError(
        .unsupported,
        "'\(name)' has no name for a buffer '\(slot.name)' of '\(place.place.key)'."
      )
    }
    return key
  }

  /// The family of slots that a checkpoint's rule keeps here; nil if there is nothing to keep.
  private func family(
    of checkpoint: Checkpoint,
    _ slots: [String]
  ) throws(FlywheelError) -> SlotFamily? {
    let rule = checkpoint.optimizer.rule
    let numbers = checkpoint.optimizer.groups.map(\.hyperparameters)
    let families = families.filter { family in
      (family.rules.isEmpty || family.rules.contains(rule))
        && (family.condition.map { name in numbers.contains { $0.number(name) != 0 } } ?? true)
    }
    if let family = families.first(where: { Set(slots).isSubset(of: $0.slots.map(\.name)) }) {
      return family
    }
    guard !slots.isEmpty || !rules.contains(rule) else { return nil }
    guard rules.contains(rule) else {
      throw FlywheelError(
        .unsupported,
        "The rule '\(rule)' is not written in '\(name)'; convert it first to one of "
          + "\(rules.joined(separator: ", "))."
      )
    }
    let odd = slots.filter { slot in !families.contains { $0.slots.map(\.name).contains(slot) } }
    throw FlywheelError(
      .unsupported,
      "'\(name)' has no name for the slot '\((odd.first ?? slots.first) ?? "")' of the rule '\(rule)'."
    )
  }

  private func add(
    _ counter: DialectCounter,
    _ checkpoint: Checkpoint,
    _ names: [String],
    _ places: ParameterPlaces,
    to layout: inout CheckpointLayout
  ) throws(FlywheelError) {
    guard let number = number(counter.meaning, checkpoint) else { return }
    let dtype = counter.dtype ?? checkpoint.parameters.values.first?.value.dtype ?? .float32
    let template = counter.keys[0]
    guard counter.isPerParameter else {
      guard let key = template.key(.init(path: counter.path)) else { return }
      layout.counters[key] = try Self.scalar(number, dtype, key)
      return
    }
    let indices = indices(of: names)
    // A parameter that has no buffers yet has no counter either.
    for name in names where checkpoint.optimizer.slots.values.contains(where: { $0[name] != nil }) {
      guard let key = template.key(.init(key: places[name]?.bare, index: indices[name])) else {
        continue
      }
      layout.counters[key] = try Self.scalar(number, dtype, key)
    }
  }

  private func number(_ meaning: DialectCounter.Meaning, _ checkpoint: Checkpoint) -> Double? {
    let optimizer = checkpoint.optimizer
    switch meaning {
    case .steps: return Double(optimizer.step)
    case .samples:
      guard let batch = optimizer.sizes?.batch else { return nil }
      let (samples, overflow) = optimizer.step.multipliedReportingOverflow(by: batch)
      return overflow ? nil : Double(samples)
    case .learningRate: return optimizer.groups.first?.hyperparameters.learningRate
    case .power(let name):
      guard let base = optimizer.groups.first?.hyperparameters[name]?.number else { return nil }
      return power(base, optimizer.step + 1)
    }
  }

  private static func scalar(
    _ number: Double,
    _ dtype: DType,
    _ key: String
  ) throws(FlywheelError) -> Tensor {
    try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
      try Tensor([number], shape: .scalar).converted(to: dtype)
    }
  }

  private func requireDifferent(_ layout: CheckpointLayout) throws(FlywheelError) {
    var keys = Set(layout.counters.keys)
    for (key, place) in layout.places where !keys.insert(place.key).inserted {
      throw FlywheelError(
        .unsupported,
        "In '\(name)' its name would be '\(place.key)', which is also another array's.",
        at: .init(tensor: key)
      )
    }
  }
}
