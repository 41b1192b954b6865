import FlywheelDiff

extension DifferenceReport {
  /// Hyperparameters and all else that is no tensor: what differs, and folded what does not.
  func writeSettings(_ writer: inout HTMLWriter) {
    let settings = SettingComparison.merged(comparison.settings)
    let different = settings.filter { $0.verdict != .same }
    let same = settings.filter { $0.verdict == .same }
    if different.isEmpty {
      writer.leaf("p", [], "All settings are the same.")
    } else {
      writer.table(table(of: different, "Settings that differ or are said in another way"))
    }
    guard !same.isEmpty else { return }
    writer.details("Show \(Self.count(same.count, "setting")) that both have alike") { writer in
      writer.table(table(of: same, "Settings that are the same"))
    }
  }

  private func table(of settings: [SettingComparison], _ caption: String) -> HTMLTable {
    let isConverted = settings.contains { $0.converted != nil }
    let all = comparison.translations.reduce(0) { $0 + $1.parameters.count }
    let titles =
      ["setting", "in A", "in B"] + (isConverted ? ["B, in A's convention"] : []) + ["verdict"]
    return HTMLTable(
      caption: caption,
      columns: titles.map { .init(title: $0) },
      rows: settings.map { setting in
        let texts = setting.texts
        let owner =
          (1..<max(1, all)).contains(setting.parameters.count)
          ? " of \(Self.list(setting.parameters))" : ""
        return [.init("\(setting.section): \(setting.name)\(owner)")]
          + [.init(texts.first), .init(texts.second)]
          + (isConverted ? [.init(texts.converted ?? "–")] : [])
          + [.init(Self.word(setting.verdict), setting.isSame ? .good : .bad)]
      }
    )
  }

  private static func word(_ verdict: SettingComparison.Verdict) -> String {
    switch verdict {
    case .same: "same"
    case .convention: "means the same"
    case .different: "differs"
    }
  }
}
