import FlywheelCore
import OrderedCollections

/// A key of a dictionary in Python.
enum TorchKey: Sendable, Hashable {
  case none
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case text(String)
  /// A class or a function, by module and name.
  case global(String)
  case tuple([TorchKey])

  /// The name that it gives what it leads to: as Python writes it, but texts as they are.
  var name: String {
    switch self {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let number): "\(number)"
    case .double(let number): "\(number)"
    case .text(let text), .global(let text): text
    case .tuple(let parts):
      "(" + parts.map(\.nameInTuple).joined(separator: ", ") + (parts.count == 1 ? ",)" : ")")
    }
  }

  private var nameInTuple: String {
    if case .text(let text) = self { "'\(text)'" } else { name }
  }
}

extension TorchKey {
  private static let global = "name"

  var json: JSONValue {
    switch self {
    case .none: .null
    case .bool(let value): .bool(value)
    case .integer(let number): .integer(number)
    case .double(let number): JSONValue(number)
    case .text(let text): .string(text)
    case .global(let name): .object([Self.global: .string(name)])
    case .tuple(let parts): .array(parts.map(\.json))
    }
  }

  /// The key that was written so; nil if none was.
  init?(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let number): self = .integer(number)
    case .double(let number): self = .double(number)
    case .string(let text): self = .text(text)
    case .unsigned: return nil
    case .array(let values):
      let parts = values.compactMap { TorchKey($0) }
      guard parts.count == values.count else { return nil }
      self = .tuple(parts)
    case .object(let members):
      if let number = json.bitPatternDouble {
        self = .double(number)
      } else if case .string(let name)? = members[Self.global] {
        self = .global(name)
      } else {
        return nil
      }
    }
  }
}
