import FlywheelExplain
import FlywheelOptim

/// How a trainer differs from a rule that was meant, as text that fits 80 columns.
enum AgainstView {
  static func lines(_ against: RuleDifference) -> [String] {
    let call = against.rule.call(against.hyperparameters)
    var lines = Formatting.paragraph("\(word(against.relation)) \(call)", indent: 0, hanging: 2)
    lines += against.differences.flatMap {
      Formatting.paragraph("- \($0.text)", indent: 0, hanging: 2)
    }
    if !against.changes.isEmpty {
      lines += ["", "To make it that, change"]
      for change in against.changes { lines += self.lines(of: change) }
    }
    if !against.equivalents.isEmpty {
      lines += ["", "What it does now, as a call of '\(against.rule.name)'"]
      for equivalent in against.equivalents {
        let label = equivalent.parameters == "all" ? "" : "\(equivalent.parameters): "
        lines += Formatting.paragraph(label + equivalent.call, indent: 2, hanging: 2)
      }
    }
    return lines
      + against.remarks.flatMap { Formatting.paragraph("- \($0)", indent: 0, hanging: 2) }
  }

  private static func word(_ relation: RuleDifference.Relation) -> String {
    switch relation {
    case .same: "The same as"
    case .sameRun: "The same weights, with the velocity kept another way, as"
    case .compatible: "As far as these dumps show, the same as"
    case .other: "Not the same as"
    }
  }

  private static func lines(of change: RuleDifference.Change) -> [String] {
    let label = change.parameters == "all" ? "" : change.parameters
    return TextTable.lines([[label, change.before], ["to", change.after]], indent: 2)
      .flatMap { Formatting.paragraph($0, indent: 0, hanging: 12) }
  }
}
