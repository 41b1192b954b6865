import FlywheelCore
import OrderedCollections
import SystemPackage

/// Histories that are shown together: at least one, under names that tell them apart.
struct HistorySet {
  /// The histories, with their names.
  let runs: [(name: String, history: RunHistory)]
  /// The metrics that are shown, in the order in which they turn up; progress is not among them.
  let metrics: OrderedSet<String>

  /// Puts histories together.
  ///
  /// - Parameters:
  ///   - histories: The histories.
  ///   - selection: Names of metrics or of their kinds; empty for all.
  /// - Throws: `notFound` for a name that none of the histories has.
  init(_ histories: [RunHistory], selection: [String] = []) throws(FlywheelError) {
    runs = Array(zip(Self.names(of: histories.map(\.path)), histories))
    let all = OrderedSet(histories.flatMap(\.metrics)).filter { !MetricName.isProgress($0) }
    for name in selection where !all.contains(where: { Self.matches($0, name) }) {
      throw FlywheelError(
        .notFound,
        "There is no metric '\(name)'; there are \(all.joined(separator: ", "))."
      )
    }
    metrics = all.filter { metric in
      selection.isEmpty || selection.contains { Self.matches(metric, $0) }
    }
  }

  private static func matches(_ metric: String, _ name: String) -> Bool {
    metric == name || MetricName(metric).kind == name
  }

  /// The last parts of paths, as many as it takes to tell them apart.
  static func names(of paths: [FilePath]) -> [String] {
    let absolute = paths.map { path in
      FileSystem.absolute(path).lexicallyNormalized().components.map(\.string)
    }
    let shortest = absolute.map(\.count).min() ?? 0
    let shared = (0..<max(0, shortest - 1)).first { index in
      Set(absolute.map { $0[index] }).count > 1
    }
    return absolute.map { parts in
      parts.dropFirst(shared ?? max(0, shortest - 1)).joined(separator: "/")
    }
  }
}
