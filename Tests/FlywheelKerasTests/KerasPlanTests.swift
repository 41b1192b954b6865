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
}
