import FlywheelCheckpoint
import FlywheelCore
import OrderedCollections

/// Slots and counters: what the optimizer keeps beside the parameters.
extension Understanding {
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
  mutating func findState() throws(FlywheelError) -> Set<String> {
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
          guard isOrdered || !template.asks(for: .index) else {
            throw FlywheelError(
              .invalidArgument,
              "The buffer has a number, and the file does not keep the order of the model, which would tell "
                + "whose it is: save it by name, such as '\(parameter.key).\(slot.words[0])'.",
              at: .init(tensor: key)
            )
          }
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
