import FlywheelCore
import OrderedCollections
import Testing

@testable import FlywheelKeras

@Suite("Where Keras looks for variables")
struct KerasPlanTests {
  private static func layer(_ className: String, _ name: String) -> JSONValue {
    [
      "class_name": JSONValue(className),
      "config": ["name": JSONValue(name), "use_bias": true, "trainable": true],
    ]
  }

  private static func metadata(_ model: String = "Sequential") -> ArchiveMetadata {
    let configuration: JSONValue = [
      "class_name": JSONValue(model),
      "config": ["name": "model", "layers": [layer("Dense", "first"), layer("Dense", "last")]],
      "compile_config": [
        "optimizer": [
          "class_name": "SGD",
          "config": ["name": "sgd", "learning_rate": 0.1, "momentum": 0.9],
        ]
      ],
    ]
    return ArchiveMetadata(attributes: ["": ["config.json": .string(configuration.prettyText())]])
  }

  private static func arrays(
    _ names: [String]
  ) throws -> OrderedDictionary<String, TensorDescription> {
    let description = try TensorDescription(element: .number(.float32), shape: try Shape([2]))
    return OrderedDictionary(
      names.map { ($0, description) },
      uniquingKeysWith: { first, _ in first }
    )
  }

  private static let variables = ["first/kernel", "first/bias", "last/kernel", "last/bias"]
  private static let names =
    variables.map { "layers/\($0)" } + ["optimizer/iteration", "optimizer/learning_rate"]
    + variables.map { "optimizer/momentum/\($0)" }

  @Test("A .weights.h5 has the numbers of a .keras file, and nothing of the model")
  func weights() throws {
    let arrays = try Self.arrays(Self.names)
    let weights = try KerasPlan(weights: arrays, Self.metadata())
    let archive = try KerasPlan(archive: arrays, Self.metadata())
    #expect(weights.paths == archive.paths && weights.attributes == archive.attributes)
    #expect(weights.documents.isEmpty && weights.attributes[""] == nil)
    #expect(weights.paths["layers/last/bias"] == "layers/dense_1/vars/1")
    #expect(weights.paths["optimizer/momentum/first/bias"] == "optimizer/vars/3")
  }

  @Test("Without a model a .weights.h5 has its arrays and attributes as they are")
  func undescribed() throws {
    let names = ["layers/dense/vars/0", "flywheel.metadata", "a"]
    let metadata = ArchiveMetadata(attributes: [
      "": ["text": .string("t")], "a": ["b": .integer(1)],
    ])
    let plan = try KerasPlan(weights: Self.arrays(names), metadata)
    #expect(Array(plan.paths.keys) == names && Array(plan.paths.values) == names)
    #expect(plan.attributes == metadata.attributes)
  }

  @Test(
    "A legacy file's model gets the module that Keras looks for its class in",
    arguments: [
      ("Sequential", "Sequential", "keras"),
      ("Functional", "Functional", "keras.src.models.functional"),
      ("Model", "Functional", "keras.src.models.functional"),
    ]
  )
  func modules(className: String, written: String, module: String) throws {
    let model: JSONValue = ["class_name": JSONValue(className), "config": ["layers": []]]
    let metadata = ArchiveMetadata(
      attributes: ["": ["model_config": .string(model.prettyText())]]
    )
    let text = try #require(try KerasDocuments(in: metadata).members["config.json"])
    guard case .object(let members) = try JSONValue(parsing: Array(text.utf8)) else {
      Issue.record("\(text)")
      return
    }
    #expect(members["class_name"] == JSONValue(written) && members["module"] == JSONValue(module))
  }

  @Test("The number that Keras lists last of Nadam has its name, and no other's")
  func lastNumber() throws {
    func names(_ className: String, _ last: String, _ extents: [Int]) throws -> [String] {
      let training: JSONValue = [
        "optimizer_config": ["class_name": JSONValue(className), "config": [:]]
      ]
      let listed = ["nadam/iteration", last]
      let metadata = ArchiveMetadata(attributes: [
        "": ["training_config": .string(training.prettyText())],
        "model_weights": ["layer_names": .strings([])],
        "optimizer_weights": ["weight_names": .strings(listed)],
      ])
      let members = try zip(listed, [[], extents]).map { name, extents in
        ArchiveMember(
          key: "optimizer_weights/\(name)",
          content: .array(
            try TensorDescription(element: .number(.float32), shape: try Shape(extents))
          )
        )
      }
      return Array(try LegacyNames(of: members, metadata).keys.values)
    }
    #expect(try names("Nadam", "variable_7", []).last == "optimizer/u_product")
    #expect(try names("Adam", "variable_7", []).last == "optimizer/variable_7")
    #expect(try names("Nadam", "variable_7", [2]).last == "optimizer/variable_7")
    #expect(try names("Nadam", "nadam/learning_rate", []).last == "optimizer/learning_rate")
  }
}
