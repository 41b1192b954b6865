import FlywheelCore
import FlywheelDiff
import FlywheelOptim
import OrderedCollections

extension ComparisonView {
  /// What is no array, side by side.
  var settings: [Line] {
    let shown = merged(comparison.settings.filter { showsAll || $0.verdict != .same })
    guard !shown.isEmpty else { return [] }
    let all = comparison.translations.reduce(0) { $0 + $1.parameters.count }
    let isConverted = shown.contains { $0.converted != nil }
    var rows = [["", "A", "B"] + (isConverted ? ["B as A says"] : []) + [""]]
    for setting in shown {
      let name =
        setting.section == "optimizer" || setting.section == "hyperparameters"
        ? setting.name : "\(setting.section)/\(setting.name)"
      let owner = setting.parameters.count < all ? Self.account(setting.parameters) : ""
      rows.append(
        [owner.isEmpty ? name : "\(name) of \(owner)"]
          + [setting.first, setting.second].map { Self.text($0, of: setting) }
          + (isConverted ? [setting.converted.map { Self.text($0, of: setting) } ?? ""] : [])
          + [Self.word(setting.verdict)]
      )
    }
    rows = rows.map { row in
      [Formatting.shortened(row[0], to: isConverted ? 22 : 28)]
        + row.dropFirst().dropLast()
        .map { Formatting.shortened($0, to: isConverted ? 12 : 16) } + row.suffix(1)
    }
    let starts = TextTable.lines(rows.map { $0.dropLast() + ["|"] })
    return rows.indices.map { index in
      let ending = rows[index].last ?? ""
      let isSame = index == 0 || shown[index - 1].isSame
      return Line(
        text: ending.isEmpty
          ? Formatting.trimmed(starts[index].dropLast()) : String(starts[index].dropLast()),
        ending: ending,
        tone: isSame ? .plain : .different
      )
    }
  }

  /// What is said of several kinds of parameters alike, once.
  private func merged(_ settings: [SettingComparison]) -> [SettingComparison] {
    var places: OrderedDictionary<SettingComparison, [String]> = [:]
    for setting in settings {
      var key = setting
      key.parameters = []
      places[key, default: []] += setting.parameters
    }
    return places.map { setting, parameters in
      var setting = setting
      setting.parameters = parameters
      return setting
    }
  }

  private static func word(_ verdict: SettingComparison.Verdict) -> String {
    switch verdict {
    case .same: ""
    case .convention: "in other words"
    case .different: "differs"
    }
  }

  private static func text(_ value: JSONValue?, of setting: SettingComparison) -> String {
    switch value {
    case nil, .null?: "-"
    case .string(let text)?: text
    case .double(let number)?:
      setting.isSame ? Formatting.short(number) : Formatting.significant(number, 9)
    case .array(let values)? where setting.section == "random":
      Formatting.count(values.count, "word")
    case .some(let value): String(decoding: value.canonicalBytes, as: UTF8.self)
    }
  }

  private static func account(_ names: [String]) -> String {
    names.count <= 1 ? names.joined() : "\(names[0]), … (\(names.count))"
  }

  // MARK: What was converted

  /// What was done to buffers before they were compared.
  var translations: [Line] {
    // Weights and biases are converted apart, and mostly alike.
    var names: OrderedDictionary<String, [String]> = [:]
    for translation in comparison.translations {
      guard let words = Self.words(translation) else { continue }
      names[words, default: []] += translation.parameters
    }
    return Self.plain(
      names.flatMap { words, names in
        Formatting.paragraph("\(Self.account(names)): \(words)", indent: 0, hanging: 2)
      }
    )
  }

  /// What was done to buffers; nil if nothing was.
  private static func words(_ translation: StateTranslation) -> String? {
    if let obstacle = translation.obstacle { return "buffers are not comparable: \(obstacle)" }
    guard let conversion = translation.conversion else { return nil }
    let maps = conversion.buffers.map { $0.equation(from: "B", to: "A") }
    return "\(maps.isEmpty ? "no buffers" : maps.joined(separator: ", ")); \(conversion.verdict)"
  }
}
