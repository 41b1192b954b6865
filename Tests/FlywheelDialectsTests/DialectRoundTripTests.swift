import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Into a dialect and back")
struct DialectRoundTripTests {
  struct Case: CustomStringConvertible {
    let dialect: Dialect
    let rule: String

    var description: String { "\(rule) as \(dialect.name)" }
  }

  static let cases = Dialect.all.flatMap { dialect in
    (dialect.isOwn ? ["pytorch", "nielsen", "adam", "rmsprop", "adagrad"] : dialect.rules).map {
      Case(dialect: dialect, rule: $0)
    }
  }

  /// Numbers with which the rule keeps every slot that the dialect has a name for.
  static func checkpoint(_ given: Case) throws -> Checkpoint {
    let slots = Set(given.dialect.families.flatMap { $0.slots.map(\.name) })
    let isPlainRMSprop = given.rule.hasSuffix("rmsprop") && !slots.contains("momentum_buffer")
    return try Examples.checkpoint(
      given.rule,
      Hyperparameters([
        .learningRate: .number(0.1), .momentum: .number(isPlainRMSprop ? 0 : 0.9),
        .beta1: .number(0.9), .beta2: .number(0.999), .weightDecay: .number(0.01),
        .amsgrad: .flag(slots.contains("max_exp_avg_sq")),
        .centered: .flag(slots.contains("grad_avg")),
      ])
    )
  }

  @Test("Every array is found again where it was put, and every number", arguments: cases)
  func identity(_ given: Case) throws {
    let checkpoint = try Self.checkpoint(given)
    let layout = try given.dialect.express(checkpoint)
    if given.dialect.isOwn {
      #expect(layout.places.isEmpty && layout.counters.isEmpty)
      return
    }
    let tensors = try Examples.stored(checkpoint, layout)
    let reading = try given.dialect.understand(Examples.descriptions(tensors), rule: given.rule)
    #expect(reading.leftovers == [])
    #expect(reading.guessed == [])
    #expect(Set(reading.places.keys) == Set(layout.places.keys))
    for (key, place) in layout.places { #expect(reading.places[key] == place, "\(key)") }
    #expect(Array(reading.parameters.keys) == Array(checkpoint.parameters.keys))
    #expect(Set(reading.counters.keys) == Set(layout.counters.keys))
    for (name, parameter) in reading.parameters {
      let original = try #require(checkpoint.parameters[name])
      let stored = try #require(tensors[parameter.place.key])
      let restored = try parameter.place.arrangement.restore(stored)
      #expect(restored.shape == original.value.shape)
      #expect(try restored.elements(as: Double.self) == original.value.elements(as: Double.self))
      #expect(parameter.axes == original.axes)
    }
    let numbers = try reading.numbers(
      hyperparameters: checkpoint.optimizer.groups[0].hyperparameters
    ) {
      (key) throws(FlywheelError) in tensors[key]
    }
    let meanings: Set<DialectCounter.Meaning> = Set(
      layout.counters.keys.compactMap { reading.counters[$0] }
    )
    #expect(numbers.step == (meanings.contains(.steps) ? 3 : nil))
    #expect(numbers.samples == (meanings.contains(.samples) ? 18 : nil))
    if meanings.contains(.learningRate) {
      #expect(abs((numbers.learningRate ?? 0) - 0.1) < 1e-8)
    }
  }

  @Test("A dialect's own archive is recognised", arguments: cases)
  func recognised(_ given: Case) throws {
    let checkpoint = try Self.checkpoint(given)
    guard !checkpoint.optimizer.slots.isEmpty else { return }
    let layout = try given.dialect.express(checkpoint)
    let tensors =
      given.dialect.isOwn
      ? try checkpoint.archive().tensors : try Examples.stored(checkpoint, layout)
    let reading = try Dialect.recognise(
      Examples.descriptions(tensors),
      rule: given.dialect.isOwn ? nil : given.rule
    )
    #expect(reading.dialect.name == given.dialect.name)
  }
}
