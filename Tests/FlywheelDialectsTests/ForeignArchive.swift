import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import SystemPackage

/// What a real framework saved of a network of 4, 5 and 3 after three steps: names, types and shapes.
///
/// `Tests/Python/test_dialects.py` asks the frameworks themselves whether they still save the same.
struct ForeignArchive: CustomStringConvertible {
  let dialect: String
  let rule: String
  /// Whether PyTorch's buffers have the names of parameters, not their numbers.
  let isByName: Bool
  let hyperparameters: Hyperparameters
  let arrays: OrderedDictionary<String, TensorDescription>

  var description: String { "\(dialect) \(rule) \(arrays.count)" }

  static let all = (try? read()) ?? []

  private static func read() throws -> [ForeignArchive] {
    let path = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
      .appending("Fixtures").appending("dialects").appending("archives.json")
    let value = try JSONValue(parsing: try OpenFile.contents(of: path))
    var root = try JSONObject(["archives": value])
    return try root.objects("archives").map { try ForeignArchive($0) }
  }

  private init(_ source: JSONObject) throws {
    var object = source
    dialect = try object.string("dialect")
    rule = try object.string("rule")
    isByName = try object.string("by") == "name"
    var numbers = try object.object("numbers")
    var values: [Hyperparameter: Hyperparameters.Value] = [:]
    for name in numbers.names {
      let value = try numbers.value(name)
      if case .bool(let flag) = value {
        values[.init(rawValue: name)] = .flag(flag)
      } else {
        values[.init(rawValue: name)] = .number(try numbers.double(name))
      }
    }
    hyperparameters = Hyperparameters(values)
    var arrays: OrderedDictionary<String, TensorDescription> = [:]
    guard case .object(let members) = try object.value("arrays") else { throw ExampleError() }
    for (key, value) in members {
      guard case .array(let list) = value, case .string(let name)? = list.first,
        let dtype = DType(rawValue: name)
      else { throw ExampleError() }
      let extents = list.dropFirst().map {
        if case .integer(let extent) = $0 { Int(extent) } else { 0 }
      }
      arrays[key] = try TensorDescription(element: .number(dtype), shape: try Shape(extents))
    }
    self.arrays = arrays
  }

  struct ExampleError: Error {}
}
