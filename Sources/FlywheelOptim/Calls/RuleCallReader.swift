import FlywheelCore

/// Takes a call apart, left to right.
struct RuleCallReader {
  private let text: String
  private let characters: [Character]
  private var position = 0
  private var argumentCount = 0

  init(_ text: String) {
    self.text = text
    characters = Array(text)
  }

  /// An argument: a word, and what it is set to.
  struct Argument {
    /// The word before the equals sign.
    let word: String
    /// What is after it; none for `None`.
    let values: [Hyperparameters.Value]
    /// Where the word begins.
    let place: Int
  }

  /// An error that says where.
  func error(at place: Int, _ reason: String) -> FlywheelError {
    FlywheelError(.invalidArgument, "At character \(place + 1) of '\(text)': \(reason).")
  }

  /// The name that the call begins with.
  mutating func name() throws(FlywheelError) -> String {
    skipSpaces()
    let start = position
    let name = word(with: "_.")
    guard !name.isEmpty else {
      throw expected("a rule's name, for example pytorch or torch.optim.SGD", at: start)
    }
    return name
  }

  /// Whether a bracket opens after the name; if none does, the text has to end.
  mutating func hasArguments() throws(FlywheelError) -> Bool {
    skipSpaces()
    guard position < characters.count else { return false }
    guard take("(") else { throw expected("'(' with numbers in it, or the end", at: position) }
    return true
  }

  /// The next argument; nil at the bracket that closes, after which the text has to end.
  ///
  /// What is optimised may come first, as in `SGD(model.parameters(), lr=0.1)`, and is skipped. A number that
  /// comes first without a name is the learning rate, as in `keras.optimizers.SGD(0.1)`.
  mutating func argument() throws(FlywheelError) -> Argument? {
    skipSpaces()
    if argumentCount == 0 { try skipParameters() }
    argumentCount += 1
    if take(")") {
      skipSpaces()
      guard position == characters.count else { throw expected("the end", at: position) }
      return nil
    }
    let place = position
    if argumentCount == 1, let first = next, first.isNumber || ".+-".contains(first) {
      return try argument(Hyperparameter.learningRate.rawValue, at: place)
    }
    let word = word(with: "_")
    skipSpaces()
    guard !word.isEmpty, take("=") else {
      throw expected("name=value, such as lr=0.01", at: place)
    }
    return try argument(word, at: place)
  }

  /// The argument of a name, whose value comes next.
  private mutating func argument(_ word: String, at place: Int) throws(FlywheelError) -> Argument {
    let values = try values(of: word)
    skipSpaces()
    guard take(",") || next == ")" else { throw expected("',' or ')'", at: position) }
    return Argument(word: word, values: values, place: place)
  }

  private mutating func values(of word: String) throws(FlywheelError) -> [Hyperparameters.Value] {
    skipSpaces()
    guard let close = take("(") ? ")" : take("[") ? "]" : nil as Character? else {
      return try value(of: word).map { [$0] } ?? []
    }
    var values: [Hyperparameters.Value] = []
    while true {
      if let value = try value(of: word) { values.append(value) }
      skipSpaces()
      if take(close) { return values }
      guard take(",") else { throw expected("',' or '\(close)'", at: position) }
    }
  }

  /// A number or a switch; nil for `None`.
  private mutating func value(of name: String) throws(FlywheelError) -> Hyperparameters.Value? {
    skipSpaces()
    let place = position
    let text = word(with: "_.+-")
    switch text {
    case "True", "true": return .flag(true)
    case "False", "false": return .flag(false)
    case "None", "nil": return nil
    default:
      guard let first = text.first, first.isNumber || ".+-".contains(first),
        let number = Double(text)
      else {
        throw expected("a number, True or False, as in \(name)=0.01", at: place)
      }
      return .number(number)
    }
  }

  private mutating func skipParameters() throws(FlywheelError) {
    let start = position
    let isName = next.map { $0.isLetter || $0 == "_" || $0 == "[" } ?? false
    var depth = 0
    while isName, position < characters.count {
      let character = characters[position]
      if depth == 0, character == "=" || character == ")" { break }
      if depth == 0, character == "," {
        position += 1
        skipSpaces()
        return
      }
      depth += "([".contains(character) ? 1 : ")]".contains(character) ? -1 : 0
      position += 1
    }
    // A lone name without brackets is no list of parameters, but a number that lacks its value.
    let isAlone = next == ")" && characters[start..<position].contains { "(.[".contains($0) }
    if !isAlone { position = start }
  }

  private var next: Character? { position < characters.count ? characters[position] : nil }

  private mutating func take(_ character: Character) -> Bool {
    guard next == character else { return false }
    position += 1
    return true
  }

  private mutating func skipSpaces() {
    while let character = next, character.isWhitespace { position += 1 }
  }

  private mutating func word(with others: String) -> String {
    let start = position
    while let character = next,
      character.isLetter || character.isNumber || others.contains(character)
    {
      position += 1
    }
    return String(characters[start..<position])
  }

  private func expected(_ what: String, at place: Int) -> FlywheelError {
    let rest = characters[min(place, characters.count)...]
    let found = rest.prefix { !$0.isWhitespace && $0 != "," }
    let shown = found.isEmpty ? rest.prefix(1) : found.prefix(20)
    return error(
      at: place,
      "found \(rest.isEmpty ? "the end" : "'\(String(shown))'"), expected \(what)"
    )
  }
}

extension RuleCallReader.Argument {
  /// The hyperparameters that the argument sets.
  ///
  /// - Parameters:
  ///   - rule: The rule, which decides what a word means.
  ///   - reader: For the place in messages.
  /// - Throws: `invalidArgument` if the rule takes no such number.
  /// - Returns: The names and values; none for `None`.
  func hyperparameters(
    of rule: UpdateRule,
    in reader: RuleCallReader
  ) throws(FlywheelError) -> [(Hyperparameter, Hyperparameters.Value)] {
    if values.isEmpty { return [] }
    guard let names = rule.meaning(of: word) else {
      let taken = rule.hyperparameters.map(\.name.rawValue).joined(separator: ", ")
      throw reader.error(at: place, "'\(rule.name)' takes no \(word); it takes \(taken)")
    }
    guard names.count == values.count else {
      throw reader.error(
        at: place,
        "\(word) has \(values.count) value\(values.count == 1 ? "" : "s"), expected \(names.count)"
      )
    }
    for (name, value) in zip(names, values) {
      do throws(FlywheelError) {
        try rule.hyperparameters.first { $0.name == name }?.validate(value)
      } catch {
        throw reader.error(at: place, String(error.message.dropLast()))
      }
    }
    return Array(zip(names, values))
  }
}
