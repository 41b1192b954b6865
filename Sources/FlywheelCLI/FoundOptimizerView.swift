import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections

/// The optimizer that another program's file tells of, for people and for scripts.
struct FoundOptimizerView {
  private let found: FoundOptimizer
  /// The steps that its state counts; nil if it does not say.
  private let step: Int?
  /// How its state was matched to parameters; nil if names in keys tell.
  private let matching: String?
  /// Why the state cannot be taken over as it is; nil if it can.
  private let obstacle: String?

  /// Looks for an optimizer; of arrays only counters and numbers are read.
  ///
  /// - Throws: What reading the metadata throws.
  init?(_ reader: any ArchiveReader) throws(FlywheelError) {
    var source = try ConversionSource(reader)
    try source.takeNumbersOfGroups(reader)
    do throws(FlywheelError) {
      guard let found = try FoundOptimizer.find(in: source.metadata) else { return nil }
      self.found = found
    } catch {
      found = FoundOptimizer(name: "unknown", rules: [], groups: [], place: "the file's metadata")
      (step, matching, obstacle) = (nil, nil, error.message)
      return
    }
    let arrays = OrderedDictionary(
      source.tensors.map { ($0.source, $0.original) },
      uniquingKeysWith: { first, _ in first }
    )
    do throws(FlywheelError) {
      let names = try UnderstoodNames(arrays, source.metadata, facts: source.facts)
      let numbers = try names.reading.numbers(
        hyperparameters: found.groups.first?.hyperparameters,
        reading: reader.tensor
      )
      (step, matching, obstacle) = (numbers.step ?? found.step, names.matching, nil)
    } catch {
      (step, matching, obstacle) = (found.step, nil, error.message)
    }
  }

  /// The optimizer as text.
  var lines: [String] {
    let rules = found.rules.isEmpty ? "" : ", rule \(found.rules.joined(separator: " or "))"
    let steps = step.map { ", step \(Formatting.grouped($0))" } ?? ""
    var lines = ["optimizer  \(found.name)\(rules)\(steps), by \(found.place)"]
    for (index, group) in found.groups.enumerated() {
      var phrases = group.hyperparameters.phrases
      if let count = group.members.count {
        phrases.append(count == 1 ? "1 parameter" : "\(count) parameters")
      }
      lines += Formatting.wrapped(phrases, after: "  group \(index)  ")
    }
    if !found.unknownWords.isEmpty {
      let words = found.unknownWords.joined(separator: ", ")
      lines += Formatting.paragraph(
        "not known here: \(words), and what it changes of a step",
        indent: 2,
        hanging: 4
      )
    }
    if let matching { lines += Formatting.paragraph(matching, indent: 2, hanging: 4) }
    if let obstacle {
      lines += Formatting.paragraph("not understood: \(obstacle)", indent: 2, hanging: 4)
    }
    return lines
  }

  /// The optimizer for scripts.
  var json: JSONValue {
    let groups = found.groups.map { group -> JSONValue in
      var numbers: OrderedDictionary<String, JSONValue> = [:]
      for (name, value) in group.hyperparameters.ordered {
        numbers[name.rawValue] =
          switch value {
          case .number(let number): JSONValue(number)
          case .flag(let flag): JSONValue(flag)
          }
      }
      return [
        "hyperparameters": .object(numbers),
        "parameters": group.members.count.map { JSONValue($0) } ?? .null,
      ]
    }
    return [
      "name": JSONValue(found.name),
      "rules": .array(found.rules.map { JSONValue($0) }),
      "step": step.map { JSONValue($0) } ?? .null,
      "groups": .array(groups),
      "place": JSONValue(found.place),
      "unknown_words": .array(found.unknownWords.map { JSONValue($0) }),
      "matching": matching.map { JSONValue($0) } ?? .null,
      "obstacle": obstacle.map { JSONValue($0) } ?? .null,
    ]
  }
}

extension FoundOptimizer.Members {
  /// How many parameters they are; nil for all that are left.
  fileprivate var count: Int? {
    switch self {
    case .all: nil
    case .named(let names): names.count
    case .numbered(let numbers, _): numbers.count
    }
  }
}
