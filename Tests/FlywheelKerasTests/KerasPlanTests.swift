import FlywheelCore
import OrderedCollections
import Testing

@testable import FlywheelKeras

@Suite("Where Keras looks for variables")
struct KerasPlanTests {
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
}
