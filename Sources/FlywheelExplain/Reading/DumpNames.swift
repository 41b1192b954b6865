import FlywheelConvert
import FlywheelCore
import OrderedCollections

/// Which arrays of a dump are parameters, and which belong to them.
struct DumpNames {
  /// The parameters, in the order of the dump.
  var parameters: [Found] = []
  /// The arrays that belong to no parameter, and parameters to which none does though others have some.
  var leftOver: [String] = []

  /// A parameter.
  struct Found {
    /// Its name.
    var name: String
    /// The array that holds it.
    var key: String
    /// The arrays that belong to it.
    var partners: OrderedDictionary<DumpRole, String> = [:]
  }

  /// What a name may mean: a word's meaning, and the parameter that it would belong to.
  fileprivate struct Reading: Hashable {
    var meaning: String
    var name: String
    /// How the word is spelt: two names in which it is spelt alike mean the same.
    var spelling: String
    /// The name from where the word was taken off.
    var rest: String
  }

  /// Finds them.
  ///
  /// - Parameters:
  ///   - keys: The names of all arrays of numbers.
  ///   - options: Patterns that say more than the usual names.
  /// - Throws: `notFound` if there are no parameters, or a gradient or a buffer of one that is not there;
  ///   `mismatch` if two arrays would be the same.
  init(_ keys: [String], _ options: DumpOptions) throws(FlywheelError) {
    let patterned = Set(
      keys.filter { key in
        [options.gradients, options.velocities].contains { $0?.matches(key) ?? false }
      }
    )
    var places = findParameters(keys.filter { !patterned.contains($0) }, options)
    guard !parameters.isEmpty else { throw Self.noParameters(keys, options) }
    var meanings: [String: [String: Int]] = [:]
    for (key, place, meaning) in partners(keys, patterned, places) {
      if meaning == DumpWords.gradient {
        try add(key, as: .gradient, to: place)
      } else {
        meanings[meaning, default: [:]][key] = place
      }
    }
    try addBuffers(meanings, keys)
    for (pattern, role) in [
      (options.gradients, DumpRole.gradient), (options.velocities, .velocity),
    ] {
      guard let pattern else { continue }
      try add(pattern, as: role, keys, options, &places)
    }
    if options.weights == nil { try refuseOrphans(keys) }
    leaveOut(keys)
  }

  // MARK: Parameters

  /// Finds the parameters, and says where each is by its names.
  private mutating func findParameters(
    _ keys: [String],
    _ options: DumpOptions
  ) -> [String: Int] {
    var places: [String: Int] = [:]
    if let pattern = options.weights {
      parameters = keys.filter { pattern.matches($0) }.map { Found(name: $0, key: $0) }
    } else {
      findParameters(keys.filter { !Self.isWord($0) })
      // The arrays of a single parameter may be named by words alone.
      if parameters.count == 1 { places[""] = 0 } else { findParameters(keys) }
    }
    for (place, parameter) in parameters.enumerated() {
      for name in [Self.bareName(parameter.key), parameter.key] { places[name] = place }
    }
    return places
  }

  /// Finds the parameters by the usual names; one that means an array of another found before is none.
  private mutating func findParameters(_ keys: [String]) {
    var names: Set<String> = []
    var found: Set<String> = []
    let ordered = keys.enumerated().sorted { left, right in
      let lengths = [left, right].map { Self.bareName($0.element).utf8.count }
      return (lengths[0], left.offset) < (lengths[1], right.offset)
    }
    for (_, key) in ordered {
      guard !Self.readings(of: key).contains(where: { names.contains($0.name) }) else { continue }
      names.formUnion([key, Self.bareName(key)])
      found.insert(key)
    }
    parameters = keys.filter(found.contains).map { Found(name: Self.bareName($0), key: $0) }
    if Set(parameters.map(\.name)).count < parameters.count {
      for place in parameters.indices { parameters[place].name = parameters[place].key }
    }
  }

  /// The name of a parameter without what it stands behind.
  private static func bareName(_ key: String) -> String {
    guard let rest = withoutPrefix(key, DumpWords.parameterPrefixes),
      // `weight.grad` belongs to `weight`.
      !isWord(rest)
    else { return key }
    return rest
  }

  /// Whether a name is a word of the table and nothing else.
  private static func isWord(_ key: String) -> Bool {
    DumpWords.entries.contains { $0.words.contains(key) }
  }

  /// A name without a word set off in front; nil if none of the words is there.
  private static func withoutPrefix(_ key: String, _ words: [String]) -> String? {
    for word in words where key.utf8.starts(with: word.utf8) {
      let rest = key.utf8.dropFirst(word.utf8.count)
      guard let separator = rest.first, separators.contains(separator), rest.count > 1 else {
        continue
      }
      return String(decoding: rest.dropFirst(), as: UTF8.self)
    }
    return nil
  }

  private static let separators = Array("/._".utf8)

  // MARK: What belongs to them

  /// All that a name may mean besides a parameter.
  private static func readings(of key: String) -> [Reading] {
    var readings = DumpWords.entries.filter { $0.words.contains(key) }.map { entry in
      Reading(meaning: entry.meaning, name: "", spelling: key, rest: "")
    }
    for bare in [key] + [withoutPrefix(key, DumpWords.bufferPrefixes)].compactMap(\.self) {
      let start = bare.utf8.lastIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ".") }
      var heads = [""]
      if let start { heads.append(String(bare[...start])) }
      for head in heads {
        let rest = String(decoding: bare.utf8.dropFirst(head.utf8.count), as: UTF8.self)
        for entry in DumpWords.entries {
          for word in entry.words {
            if let name = withoutPrefix(rest, [word]) {
              readings.append(
                Reading(
                  meaning: entry.meaning,
                  name: head + name,
                  spelling: "\(word)-",
                  rest: name
                )
              )
            }
          }
          for word in entry.glued where rest.utf8.starts(with: word.utf8) {
            let name = String(decoding: rest.utf8.dropFirst(word.utf8.count), as: UTF8.self)
            guard !name.isEmpty else { continue }
            readings.append(
              Reading(meaning: entry.meaning, name: head + name, spelling: word, rest: name)
            )
          }
        }
      }
      for entry in DumpWords.entries {
        for word in entry.words where bare.utf8.count > word.utf8.count + 1 {
          let name = bare.utf8.dropLast(word.utf8.count + 1)
          guard
            bare.utf8.elementsEqual(Array(name) + [bare.utf8[name.endIndex]] + Array(word.utf8)),
            separators.contains(bare.utf8[name.endIndex])
          else { continue }
          let text = String(decoding: name, as: UTF8.self)
          readings.append(
            Reading(meaning: entry.meaning, name: text, spelling: "-\(word)", rest: text)
          )
        }
      }
    }
    return readings
  }

  /// Each array that belongs to a parameter, the parameter's place, and what it means.
  private func partners(
    _ keys: [String],
    _ patterned: Set<String>,
    _ places: [String: Int]
  ) -> [(key: String, place: Int, meaning: String)] {
    let own = Set(parameters.map(\.key)).union(patterned)
    return keys.filter { !own.contains($0) }.compactMap { key in
      for reading in Self.readings(of: key) {
        guard let place = places[reading.name] else { continue }
        return (key, place, reading.meaning)
      }
      return nil
    }
  }

  private mutating func add(
    _ key: String,
    as role: DumpRole,
    to place: Int
  ) throws(FlywheelError) {
    guard let other = parameters[place].partners.updateValue(key, forKey: role) else { return }
    throw FlywheelError(
      .mismatch,
      "'\(other)' and '\(key)' would both be the \(role.noun) of '\(parameters[place].name)'. Say with "
        + "--gradient or --velocity which it is.",
      at: .init(tensor: key)
    )
  }

  /// Places buffers as what all their words together mean.
  private mutating func addBuffers(
    _ meanings: [String: [String: Int]],
    _ keys: [String]
  ) throws(FlywheelError) {
    let words = Set(meanings.keys)
    let family = DumpWords.families.first { Set($0.keys) == words }
    for key in keys {
      for (meaning, places) in meanings {
        guard let place = places[key] else { continue }
        try add(key, as: family?[meaning] ?? .slot(meaning), to: place)
      }
    }
  }

  /// Places the arrays that match a pattern.
  private mutating func add(
    _ pattern: NamePattern,
    as role: DumpRole,
    _ keys: [String],
    _ options: DumpOptions,
    _ places: inout [String: Int]
  ) throws(FlywheelError) {
    if let weights = options.weights {
      places = [:]
      for (place, parameter) in parameters.enumerated() {
        guard let captures = weights.captures(of: parameter.key) else { continue }
        places[captures.joined(separator: "\n")] = place
      }
    }
    for index in parameters.indices { parameters[index].partners[role] = nil }
    for key in keys {
      guard let captures = pattern.captures(of: key) else { continue }
      let isSingle = captures.isEmpty && parameters.count == 1
      guard let place = isSingle ? 0 : places[captures.joined(separator: "\n")] else {
        throw FlywheelError(
          .notFound,
          "'\(pattern.text)' matches it with '\(captures.joined(separator: "', '"))', which is no "
            + "parameter's: there are \(Self.list(parameters.map(\.name))). The wildcards of --weights "
            + "and of this pattern must stand for the same.",
          at: .init(tensor: key)
        )
      }
      try add(key, as: role, to: place)
    }
    guard parameters.contains(where: { $0.partners[role] != nil }) else {
      throw FlywheelError(
        .notFound,
        "No array matches '\(pattern.text)'; there are \(Self.list(keys))."
      )
    }
  }

  // MARK: What does not fit

  /// Refuses what is named as others' gradients or buffers are, of a parameter that is not there.
  private func refuseOrphans(_ keys: [String]) throws(FlywheelError) {
    let used = Set(
      parameters.flatMap { parameter in
        parameter.partners.values.flatMap(Self.readings).filter {
          $0.name == parameter.name || $0.name == parameter.key
        }
      }
      .map(\.spelling)
    )
    for parameter in parameters where parameter.partners.isEmpty {
      let readings = Self.readings(of: parameter.key)
      guard let reading = readings.first(where: { used.contains($0.spelling) && $0.isParameter })
      else { continue }
      throw FlywheelError(
        .notFound,
        "It is named as the \(reading.meaning == DumpWords.gradient ? "gradient" : "buffer") of "
          + "'\(reading.name)', which is not there: dump that too, or rename this. There are "
          + "\(Self.list(keys)).",
        at: .init(tensor: parameter.key)
      )
    }
    let areAllNamedOtherwise = parameters.allSatisfy { parameter in
      Self.readings(of: parameter.key).contains(where: \.isParameter)
    }
    if areAllNamedOtherwise { throw Self.noParameters(keys, DumpOptions()) }
  }

  /// Leaves out the parameters to which nothing belongs, if something belongs to others.
  private mutating func leaveOut(_ keys: [String]) {
    var known = Set(parameters.map(\.key))
    for parameter in parameters { known.formUnion(parameter.partners.values) }
    leftOver = keys.filter { !known.contains($0) }
    guard parameters.contains(where: { !$0.partners.isEmpty }) else { return }
    leftOver += parameters.filter(\.partners.isEmpty).map(\.key)
    parameters.removeAll(where: \.partners.isEmpty)
  }

  /// Whether a name is one that only parameters have, such as `W1`, `b` or `fc1.weight`.
  static func isPlain(_ name: String) -> Bool {
    let last = name.split { $0 == "/" || $0 == "." }.last.map(String.init) ?? ""
    guard !["weight", "bias"].contains(last) else { return true }
    return last.unicodeScalars.first.map("WwBb".unicodeScalars.contains) ?? false
      && last.unicodeScalars.dropFirst().allSatisfy { ("0"..."9").contains($0) || $0 == "_" }
  }

  private static func noParameters(_ keys: [String], _ options: DumpOptions) -> FlywheelError {
    if let pattern = options.weights {
      return FlywheelError(
        .notFound,
        "No array matches '\(pattern.text)'; there are \(list(keys))."
      )
    }
    return FlywheelError(
      .notFound,
      "There are no weights. Found \(keys.isEmpty ? "no arrays of numbers" : list(keys)); expected names "
        + "such as W1, dW1 and vW1, or fc1.weight, fc1.weight.grad and fc1.weight.momentum_buffer. Say "
        + "with --weights, --gradient and --velocity which arrays are what, for example --weights 'W*'."
    )
  }

  /// The first of some names, for a sentence.
  static func list(_ names: [String]) -> String {
    let shown = names.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
    return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
  }
}

extension DumpNames.Reading {
  /// Whether the name that is left is plainly a parameter's: what stands before it is then no part of it.
  fileprivate var isParameter: Bool {
    // A word of some length that is set off is no beginning of another.
    if spelling.contains("-") { return spelling.utf8.count > 3 || DumpNames.isPlain(rest) }
    return !rest.contains("/") && !rest.contains(".") && DumpNames.isPlain(rest)
  }
}
