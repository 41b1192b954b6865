import FlywheelCore
import OrderedCollections

/// A form as JSON: the name of its kind, if there is no more to say, or an object with `kind`, and `entries` or
/// `integers`. Entries are the keys of a run, then the form of all of them, and so on; the keys of a list are
/// how many they are, integers that follow one another are the first and how many they are.
extension TorchForm {
  private static let (kind, entries, integers) = ("kind", "entries", "integers")
  private static let (first, count) = ("from", "count")
  /// Fewer integers in a row are written one by one.
  private static let shortRun = 3

  var json: JSONValue {
    if let entries {
      let runs = entries.flatMap { [keys(of: $0), $0.form.json] }
      return [Self.kind: .string(kind.rawValue), Self.entries: .array(runs)]
    }
    guard !integers.isEmpty else { return .string(kind.rawValue) }
    let places = integers.map { JSONValue($0) }
    return [Self.kind: .string(kind.rawValue), Self.integers: .array(places)]
  }

  private func keys(of run: Run) -> JSONValue {
    if kind.isSequence { return JSONValue(run.keys.count) }
    var keys: [JSONValue] = []
    var row: [Int64] = []
    func end(_ row: [Int64]) -> [JSONValue] {
      guard let first = row.first, row.count >= Self.shortRun else {
        return row.map { .integer($0) }
      }
      return [[Self.first: .integer(first), Self.count: JSONValue(row.count)]]
    }
    for key in run.keys {
      guard case .integer(let number) = key else {
        keys += end(row) + [key.json]
        row = []
        continue
      }
      if let last = row.last, last &+ 1 != number {
        keys += end(row)
        row = []
      }
      row.append(number)
    }
    return .array(keys + end(row))
  }

  /// The form that was written so; nil if none was.
  ///
  /// - Parameters:
  ///   - json: What was written.
  ///   - room: How many entries there may be, since a short text can say many; it is used up.
  init?(_ json: JSONValue, _ room: inout Int) {
    switch json {
    case .string(let name):
      guard let kind = Kind(rawValue: name) else { return nil }
      self.init(kind)
    case .object(let members):
      guard case .string(let name)? = members[Self.kind], let kind = Kind(rawValue: name) else {
        return nil
      }
      self.init(kind)
      if case .array(let places)? = members[Self.integers], kind.isSequence {
        for place in places {
          guard case .integer(let place) = place, let place = Int(exactly: place) else {
            return nil
          }
          integers.append(place)
        }
      }
      guard case .array(let runs)? = members[Self.entries] else { return }
      guard kind.isDictionary || kind.isSequence, runs.count.isMultiple(of: 2) else { return nil }
      var entries: [Run] = []
      var count = 0
      for index in stride(from: 0, to: runs.count, by: 2) {
        guard let keys = Self.keys(runs[index], from: count, of: kind, &room),
          let form = TorchForm(runs[index + 1], &room)
        else { return nil }
        entries.append(Run(keys: keys, form: form))
        count += keys.count
      }
      self.entries = entries
    default: return nil
    }
  }

  private static func keys(
    _ json: JSONValue,
    from place: Int,
    of kind: Kind,
    _ room: inout Int
  ) -> [TorchKey]? {
    var keys: [TorchKey] = []
    func add(_ count: Int64, from first: Int64) -> Bool {
      guard count >= 0, count <= room, !first.addingReportingOverflow(count).overflow else {
        return false
      }
      room -= Int(count)
      keys += (first..<first + count).map { .integer($0) }
      return true
    }
    if kind.isSequence {
      guard case .integer(let count) = json, add(count, from: Int64(place)) else { return nil }
      return keys
    }
    guard case .array(let values) = json else { return nil }
    for value in values {
      if case .object(let members) = value, case .integer(let first)? = members[Self.first],
        case .integer(let count)? = members[Self.count]
      {
        guard add(count, from: first) else { return nil }
      } else {
        guard room > 0, let key = TorchKey(value) else { return nil }
        room -= 1
        keys.append(key)
      }
    }
    return keys
  }
}
