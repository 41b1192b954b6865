import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// What is held against what, before any element is looked at.
struct ComparisonPlan {
  private(set) var first: DiffInput
  private(set) var second: DiffInput
  private(set) var pairing: Pairing
  private(set) var translations: [StateTranslation] = []
  private(set) var notes: [String] = []
  private let options: ComparisonOptions

  init(
    _ first: DiffInput,
    _ second: DiffInput,
    _ options: ComparisonOptions
  ) throws(FlywheelError) {
    self.options = options
    (self.first, self.second) = (first, second)
    pairing = Pairing(byName: first.tensors, second.tensors, .name)
    switch options.pairing {
    case .name?: break
    case .dialect?: try understand()
    case .shape?:
      if options.first.isAsked || options.second.isAsked { try understand() }
      pairing = try Pairing(byShape: self.first.independent, self.second.independent)
      try pairing.addDependents(of: self.first, self.second)
    case nil: try findBetterNames()
    }
    try translate()
    addNotes()
  }

  // MARK: Understanding

  /// Understands both sides in the dialects in which most arrays find a partner of their shape.
  private mutating func understand() throws(FlywheelError) {
    var best: (first: DiffInput, second: DiffInput, pairing: Pairing)?
    let others = try second.readings(options.second)
    for one in try first.readings(options.first) {
      for other in others {
        let pairing = Pairing(byName: one.tensors, other.tensors, .dialect)
        guard pairing.fittingCount > best?.pairing.fittingCount ?? -1 else { continue }
        best = (one, other, pairing)
      }
    }
    if let best { (first, second, pairing) = best }
  }

  /// Understands the files' dialects where that was asked for, or where names alone leave arrays without
  /// partners and their meaning finds some.
  private mutating func findBetterNames() throws(FlywheelError) {
    if options.first.isAsked || options.second.isAsked { return try understand() }
    if first.checkpoint != nil, second.checkpoint != nil {
      if first.dialect != second.dialect { pairing.method = .dialect }
      return
    }
    let tells = [first, second].contains { $0.archive?.tellsOptimizer ?? false }
    var understood = self
    guard pairing.loneCount > 0 || tells, (try? understood.understand()) != nil else { return }
    // Two states are worth more than their arrays, which counters may have been among.
    let areStates = understood.first.checkpoint != nil && understood.second.checkpoint != nil
    guard
      understood.pairing.pairs.count > pairing.pairs.count
        || areStates && understood.pairing.loneCount <= pairing.loneCount
    else { return }
    self = understood
  }

  // MARK: Selection

  /// Leaves only the arrays that were asked for.
  ///
  /// - Throws: `invalidArgument` for a pattern that none matches: it is misspelt.
  mutating func select() throws(FlywheelError) {
    guard !options.selection.isEmpty else { return }
    var used: Set<Int> = []
    func isSelected(_ tensors: [DiffTensor?]) -> Bool {
      var isSelected = false
      for (index, pattern) in options.selection.enumerated()
      where tensors.contains(where: { $0.map { pattern.matches($0.name) } ?? false }) {
        used.insert(index)
        isSelected = true
      }
      return isSelected
    }
    pairing.pairs = pairing.pairs.filter { isSelected([$0.first, $0.second]) }
    pairing.onlyFirst = pairing.onlyFirst.filter { isSelected([$0]) }
    pairing.onlySecond = pairing.onlySecond.filter { isSelected([$0]) }
    guard let unused = options.selection.indices.first(where: { !used.contains($0) }) else {
      return
    }
    throw FlywheelError(
      .invalidArgument,
      "No tensor on either side matches '\(options.selection[unused].text)'; --all lists those there are."
    )
  }

  // MARK: The optimizer

  /// Brings the second side's buffers into the first's convention.
  private mutating func translate() throws(FlywheelError) {
    guard let one = first.checkpoint, let other = second.checkpoint else { return }
    let partners = OrderedDictionary(
      pairing.pairs.compactMap { pair -> (String, String)? in
        guard case .parameter(let name) = pair.first.role,
          case .parameter(let partner) = pair.second.role
        else { return nil }
        return (name, partner)
      },
      uniquingKeysWith: { first, _ in first }
    )
    var places: OrderedDictionary<StateTranslation.Subject, Int> = [:]
    var translated: [String: Int] = [:]
    for (name, partner) in partners {
      guard let parameter = one.parameters[name], let twin = other.parameters[partner] else {
        continue
      }
      let subject = StateTranslation.Subject(
        firstGroup: parameter.group,
        secondGroup: twin.group,
        isWeight: parameter.value.shape.rank > 1,
        hasBuffer: other.optimizer.slots.values.contains { $0[partner] != nil }
      )
      if places[subject] == nil {
        places[subject] = translations.count
        translations.append(try StateTranslation(subject, one, other, options.tolerances))
      }
      guard let place = places[subject] else { continue }
      translations[place].parameters.append(name)
      translated[name] = place
    }
    try replaceBuffers(partners, translated, other)
  }

  private mutating func replaceBuffers(
    _ partners: OrderedDictionary<String, String>,
    _ translated: [String: Int],
    _ other: Checkpoint
  ) throws(FlywheelError) {
    let changed = partners.filter { name, _ in
      translated[name].map {
        translations[$0].conversion != nil || translations[$0].obstacle != nil
      }
        ?? false
    }
    guard !changed.isEmpty else { return }
    let twins = Set(changed.values)
    func isOfFirst(_ tensor: DiffTensor) -> Bool {
      if case .slot(_, let name) = tensor.role { changed[name] != nil } else { false }
    }
    func isOfSecond(_ tensor: DiffTensor) -> Bool {
      if case .slot(_, let name) = tensor.role { twins.contains(name) } else { false }
    }
    let slots = first.tensors.filter(isOfFirst)
    pairing.pairs.removeAll { isOfFirst($0.first) || isOfSecond($0.second) }
    pairing.onlyFirst.removeAll(where: isOfFirst)
    pairing.onlySecond.removeAll(where: isOfSecond)
    var buffers: [DiffTensor] = []
    for (name, partner) in changed {
      guard let place = translated[name], let parameter = other.parameters[partner] else {
        continue
      }
      let translation = translations[place]
      if let conversion = translation.conversion {
        buffers += try self.buffers(conversion, of: name, parameter, partner, other)
      } else {
        // What cannot be said in the first side's words keeps its own.
        buffers += second.tensors.filter { tensor in
          if case .slot(_, partner) = tensor.role { true } else { false }
        }.map { tensor in
          guard case .slot(let slot, _) = tensor.role else { return tensor }
          return DiffTensor(
            name: CheckpointKey.slot(slot, of: name),
            key: tensor.key,
            role: .slot(slot, of: name),
            obstacle: translation.obstacle ?? ""
          )
        }
      }
    }
    let others = Pairing(byName: slots, buffers, pairing.method)
    pairing.pairs += others.pairs
    pairing.onlyFirst += others.onlyFirst
    pairing.onlySecond += others.onlySecond
  }

  /// The second side's buffers of one parameter as the first side would hold them.
  private func buffers(
    _ conversion: RuleConversion,
    of name: String,
    _ parameter: Parameter,
    _ partner: String,
    _ checkpoint: Checkpoint
  ) throws(FlywheelError) -> [DiffTensor] {
    try conversion.buffers.map { (buffer) throws(FlywheelError) in
      let own = buffer.source.flatMap { source in
        second.tensors.first { $0.role == .slot(source, of: partner) }
      }
      let like = buffer.source.flatMap { checkpoint.optimizer.slots[$0]?[partner] }
      let isSame = buffer.map == .identity && buffer.constant == 0
      return DiffTensor(
        name: CheckpointKey.slot(buffer.slot, of: name),
        key: own?.key,
        role: .slot(buffer.slot, of: name),
        description: TensorDescription(of: like ?? parameter.master ?? parameter.value),
        changes: isSame ? [] : ["converted"]
      ) { () throws(FlywheelError) in
        try OptimizerConversion.buffer(buffer, of: partner, parameter, in: checkpoint)
      }
    }
  }

  // MARK: Numbers

  /// The numbers of both sides; none with a selection of arrays.
  func settings() -> [SettingComparison] {
    guard options.selection.isEmpty else { return [] }
    return SettingsPlan(first, second, translations, options.tolerances).settings
  }

  private mutating func addNotes() {
    for side in [first, second] where side.archive != nil && side.dialect != nil {
      if side.checkpoint == nil, side.tensors.contains(where: \.isSlot) {
        notes.append(
          "nobody says which rule's the buffers in \(side.path) are; they are compared as they are"
        )
      }
    }
    if first.kind == .checkpoint, second.kind == .checkpoint {
      let histories = [first, second].map { $0.checkpoint?.history.metrics.isEmpty ?? true }
      if histories[0] != histories[1] {
        let side = histories[0] ? second : first
        notes.append("only \(side.path) has a history of metrics; it is not compared")
        pairing.onlyFirst.removeAll { $0.role == .history }
        pairing.onlySecond.removeAll { $0.role == .history }
      }
    } else if first.checkpoint != nil || second.checkpoint != nil {
      // Another program's file has no place for the metrics.
      pairing.onlyFirst.removeAll { $0.role == .history }
      pairing.onlySecond.removeAll { $0.role == .history }
      if first.kind == .checkpoint || second.kind == .checkpoint {
        let side = first.kind == .checkpoint ? first : second
        notes.append(
          "only \(side.path) says its schedule, progress, data and random streams; they are not compared"
        )
      }
    }
  }
}

extension DiffTensor {
  fileprivate var isSlot: Bool { if case .slot = role { true } else { false } }
}

extension DiffInput {
  /// The arrays that find partners by themselves: buffers follow their parameters.
  fileprivate var independent: [DiffTensor] {
    tensors.filter { tensor in
      switch tensor.role {
      case .parameter, .array: true
      case .master, .slot, .gradient, .history: false
      }
    }
  }

  fileprivate var dependent: [DiffTensor] {
    tensors.filter { tensor in
      switch tensor.role {
      case .parameter, .array: false
      case .master, .slot, .gradient, .history: true
      }
    }
  }
}

extension Pairing {
  /// Adds buffers, whose partners are those of the parameters' partners.
  fileprivate mutating func addDependents(
    of first: DiffInput,
    _ second: DiffInput
  ) throws(FlywheelError) {
    var names: [String: String] = [:]
    for (one, other) in pairs {
      if case .parameter(let name) = one.role, case .parameter(let partner) = other.role {
        names[partner] = name
      }
    }
    let renamed = second.dependent.map { tensor in
      switch tensor.role {
      case .slot(let slot, let owner):
        names[owner].map {
          tensor.named(CheckpointKey.slot(slot, of: $0), as: .slot(slot, of: owner))
        } ?? tensor
      case .master(let owner):
        names[owner].map { tensor.named(CheckpointKey.master($0), as: .master(of: owner)) }
          ?? tensor
      default: tensor
      }
    }
    let others = Pairing(byName: first.dependent, renamed, method)
    pairs += others.pairs
    onlyFirst += others.onlyFirst
    onlySecond += others.onlySecond
  }
}
