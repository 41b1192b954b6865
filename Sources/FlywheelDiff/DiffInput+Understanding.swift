import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections

extension DiffInput {
  /// The ways in which the side can be said in Flywheel's own names, as dialects explain them.
  ///
  /// - Parameter asked: Whose names they are, and what the state was trained with; what is not said is
  ///   recognised.
  /// - Throws: `invalidArgument` if no dialect fits, or for what is missing; `mismatch` for a checkpoint that
  ///   says another dialect.
  /// - Returns: The side understood, once for each dialect that explains all of it: as a state if its rule is
  ///   known, or else by names and shapes alone.
  func readings(
    _ asked: ComparisonOptions.Understanding
  ) throws(FlywheelError) -> [DiffInput] {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      guard let archive else {
        try requireOwnDialect(asked)
        return [self]
      }
      var side = self
      if asked.optimizer == nil, archive.tellsOptimizer {
        do throws(FlywheelError) {
          return [try state(in: asked.dialect, StatedOptimizer(), archive)]
        } catch {
          side.notes.append("\(path) is compared without its optimizer: \(error.message)")
        }
      }
      if asked.dialect == nil {
        let sides = Dialect.candidates(
          for: archive.descriptions,
          rule: asked.optimizer?.rule?.name,
          facts: archive.facts
        )
        .compactMap { try? side.reading(in: $0.dialect, asked, archive) }
        if !sides.isEmpty {
          return sides.map { side in
            var side = side
            side.isRecognised = true
            return side
          }
        }
      }
      return [try side.reading(in: asked.dialect, asked, archive)]
    }
  }

  private func reading(
    in dialect: Dialect?,
    _ asked: ComparisonOptions.Understanding,
    _ archive: Source
  ) throws(FlywheelError) -> DiffInput {
    if let stated = asked.optimizer { return try state(in: dialect, stated, archive) }
    let arrays = archive.descriptions
    let reading =
      if let dialect {
        try dialect.understand(arrays, facts: archive.facts)
      } else {
        try Dialect.recognise(arrays, facts: archive.facts)
      }
    return try named(by: reading, isRecognised: dialect == nil)
  }

  private func requireOwnDialect(
    _ asked: ComparisonOptions.Understanding
  ) throws(FlywheelError) {
    guard asked.isAsked, asked.optimizer != nil || asked.dialect != dialect else { return }
    throw FlywheelError(
      kind == .trace ? .unsupported : .mismatch,
      kind == .trace
        ? "The file is a trace, which says its names and its rule itself."
        : "The file is a checkpoint that says its dialect, '\(dialect?.name ?? "")', and its rule; leave out "
          + "what says it again."
    )
  }

  /// The side with the names that a reading gives.
  private func named(
    by reading: DialectReading,
    isRecognised: Bool
  ) throws(FlywheelError) -> DiffInput {
    var side = self
    side.dialect = reading.dialect
    side.isRecognised = isRecognised
    let byKey = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    side.tensors = []
    func add(
      _ name: String,
      _ role: DiffTensor.Role,
      _ place: CheckpointLayout.Place
    ) throws(FlywheelError) {
      guard let tensor = byKey[place.key] else { return }
      side.tensors.append(try tensor.restored(place.arrangement).named(name, as: role))
    }
    for (name, parameter) in reading.parameters {
      try add(CheckpointKey.parameter(name), .parameter(name), parameter.place)
    }
    for (slot, places) in reading.slots {
      for (name, place) in places {
        try add(CheckpointKey.slot(slot, of: name), .slot(slot, of: name), place)
      }
    }
    let counted = try reading.numbers { (key) throws(FlywheelError) in try byKey[key]?.tensor() }
    side.counted = counted
    side.knowsStep = counted.step != nil
    // What is not explained keeps its name: it may have a partner all the same.
    let known = Set(reading.places.values.map(\.key)).union(reading.counters.keys)
    side.tensors += tensors.filter { !known.contains($0.name) }
    return side
  }

  /// A whole training state.
  private func state(
    in dialect: Dialect?,
    _ stated: StatedOptimizer,
    _ archive: Source
  ) throws(FlywheelError) -> DiffInput {
    var naming = archive.naming
    naming.drops = true
    let understood = try UnderstoodArchive(
      archive.reader,
      in: dialect,
      stated,
      naming,
      saved: .init(run: String(repeating: "0", count: 32), time: "1970-01-01T00:00:00Z")
    )
    let reading = understood.reading
    var side = try named(by: reading, isRecognised: dialect == nil)
    side.checkpoint = understood.checkpoint
    if let matching = understood.matching { side.notes.append("\(path): \(matching)") }
    let counted = reading.counters.values.contains { meaning in
      switch meaning {
      case .steps, .power: true
      case .samples, .learningRate: false
      }
    }
    let tells = understood.found?.step != nil
    side.knowsStep = counted || tells || stated.step != nil || reading.slots.isEmpty
    return side
  }
}

extension DiffInput.Source {
  /// What is known of the arrays besides.
  fileprivate var facts: ArrayFacts {
    ArrayFacts(origin: reader.origin).renamed(
      Dictionary(arrays.map { ($0.source, $0.target) }, uniquingKeysWith: { first, _ in first })
    )
  }

  /// The arrays by the names that they have in the end.
  fileprivate var descriptions: OrderedDictionary<String, TensorDescription> {
    OrderedDictionary(
      arrays.map { ($0.target, $0.result) },
      uniquingKeysWith: { first, _ in first }
    )
  }
}

extension DiffTensor {
  /// The array as Flywheel holds it.
  fileprivate func restored(_ arrangement: TensorArrangement) throws(FlywheelError) -> DiffTensor {
    guard arrangement != .identity, let description, description.element.dtype != nil else {
      return self
    }
    return changed(
      to: try TensorDescription(
        element: description.element,
        shape: try arrangement.restored(description.shape)
      ),
      arrangement == .transposed ? "transposed" : "as a vector"
    ) { (tensor) throws(FlywheelError) in try arrangement.restore(tensor) }
  }
}
