import OrderedCollections
import SystemPackage

/// Histories as a table: one line for each run and step, quoted as RFC 4180 has it.
enum HistoryCSV {
  /// The table; numbers are the shortest that read back to the same, what is missing is empty.
  static func text(_ set: HistorySet) -> String {
    let progress = OrderedSet(set.runs.flatMap(\.history.metrics)).filter(MetricName.isProgress)
    let columns = Array(progress) + Array(set.metrics)
    var text = line(["run", "step"] + columns)
    for run in set.runs {
      for row in run.history.rows {
        let values = columns.map { row.values[$0].map(number) ?? "" }
        text += line([run.history.path.string, String(row.step)] + values)
      }
    }
    return text
  }

  private static func line(_ fields: [String]) -> String {
    fields.map(quoted).joined(separator: ",") + "\n"
  }

  private static func quoted(_ field: String) -> String {
    let special: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
    guard field.unicodeScalars.contains(where: special.contains) else { return field }
    let parts = field.split(separator: "\"", omittingEmptySubsequences: false)
    return "\"" + parts.joined(separator: "\"\"") + "\""
  }

  private static func number(_ value: Double) -> String {
    let text = value.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
