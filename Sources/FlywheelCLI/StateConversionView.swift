import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// What is said of a converted training state: in lines for people, in a document for scripts.
struct StateConversionView {
  private let state: StateConversion

  init(_ state: StateConversion) {
    self.state = state
  }

  /// The lines, none wider than a terminal of 80 columns where words can be broken.
  var lines: [String] {
    let rule = state.checkpoint.optimizer.rule
    let from = "\(state.source.name)" + (state.isRecognised ? " (recognised)" : "")
    var lines = ["from \(from), rule \(state.sourceRule), to \(state.target.name), rule \(rule)"]
    for (index, group) in state.checkpoint.optimizer.groups.enumerated() {
      let names = state.checkpoint.parameters.filter { $0.value.group == index }.keys
      let words = group.hyperparameters.ordered
        .filter { $0.name == .learningRate || !$0.value.isOff }
        .map { "\(state.target.word(for: $0.name)) \($0.value.text)" }
      lines += Formatting.wrapped(
        words,
        after: "  \(Self.account(of: Array(names))): ",
        columns: 80
      )
    }
    guard let conversion = state.conversion else { return lines }
    // Weights and biases are converted apart, and mostly alike.
    var names: OrderedDictionary<[String], [String]> = [:]
    for part in conversion.parts { names[Self.lines(of: part), default: []] += part.parameters }
    for (said, names) in names {
      lines.append("  \(Self.account(of: names)): \(said[0])")
      lines += said.dropFirst()
    }
    return lines
  }

  /// What is said of a part: its buffers, and the lines of its verdict.
  private static func lines(of part: OptimizerConversion.Part) -> [String] {
    let maps = part.conversion.buffers.map { $0.equation() }
    var verdict = "\(part.conversion.verdict)"
    if let error = part.largestError { verdict += "; here at most \(Formatting.short(error))" }
    return [maps.isEmpty ? "no buffers" : maps.joined(separator: ", ")]
      + Formatting.paragraph(verdict, indent: 4)
  }

  private static func account(of names: [String]) -> String {
    names.count <= 2 ? names.joined(separator: ", ") : "\(names[0]), … (\(names.count))"
  }

  /// The members that a document for scripts has besides files and tensors.
  var json: JSONValue {
    let optimizer = state.checkpoint.optimizer
    return [
      "from": [
        "dialect": JSONValue(state.source.name),
        "recognised": JSONValue(state.isRecognised),
        "rule": JSONValue(state.sourceRule),
      ],
      "to": ["dialect": JSONValue(state.target.name), "rule": JSONValue(optimizer.rule)],
      "step": JSONValue(optimizer.step),
      "groups": .array(
        optimizer.groups.enumerated().map { index, group in
          [
            "parameters": .array(
              state.checkpoint.parameters.filter { $0.value.group == index }.keys
                .map { JSONValue($0) }
            ),
            "hyperparameters": Self.json(group.hyperparameters) { $0.rawValue },
            "in_the_words_of_the_dialect": Self.json(group.hyperparameters) {
              state.target.word(for: $0)
            },
          ]
        }
      ),
      "conversion": state.conversion.map { .array($0.parts.map(Self.json)) } ?? .null,
    ]
  }

  private static func json(
    _ numbers: Hyperparameters,
    _ word: (Hyperparameter) -> String
  ) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [:]
    for (name, value) in numbers.ordered {
      members[word(name)] =
        switch value {
        case .number(let number): JSONValue(number)
        case .flag(let flag): JSONValue(flag)
        }
    }
    return .object(members)
  }

  private static func json(_ part: OptimizerConversion.Part) -> JSONValue {
    [
      "parameters": .array(part.parameters.map { JSONValue($0) }),
      "verdict": JSONValue(part.conversion.verdict.kind),
      "explanation": JSONValue("\(part.conversion.verdict)"),
      "largest_error": part.largestError.map { JSONValue($0) } ?? .null,
      "buffers": .array(
        part.conversion.buffers.map { buffer in
          [
            "slot": JSONValue(buffer.slot),
            "source": buffer.source.map { JSONValue($0) } ?? .null,
            "scale": JSONValue(buffer.map.scale),
            "weight_share": JSONValue(buffer.map.weightShare),
            "constant": JSONValue(buffer.constant),
          ]
        }
      ),
    ]
  }
}
