import FlywheelCore
import OrderedCollections

/// The JSON documents of a model.
///
/// In a .keras file there is one of the model with its compilation and one of versions, in a legacy file one of
/// the model and one of its training, as attributes. Each form is made from the other.
struct KerasDocuments {
  /// What attributes are called in a legacy file.
  enum Attribute {
    static let model = "model_config"
    static let training = "training_config"
  }

  /// The model, its layers and optimizer.
  let model: KerasModel
  /// What the archive says besides.
  let others: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>>

  private let configuration: String
  private let versions: String?
  private let legacyModel: String
  private let training: String?

  /// Takes the documents out of what an archive says.
  ///
  /// - Throws: `unsupported` if there are none, and what reading JSON throws.
  init(in metadata: ArchiveMetadata) throws(FlywheelError) {
    var others = metadata.attributes
    func take(_ name: String) -> String? {
      guard case .string(let text)? = others[""]?[name] else { return nil }
      others[""]?[name] = nil
      return text
    }
    let (configuration, model) = (take(KerasContents.Name.configuration), take(Attribute.model))
    let training = take(Attribute.training)
    versions = take(KerasContents.Name.versions)
    if let configuration {
      let value = try Self.value(of: configuration, named: KerasContents.Name.configuration)
      self.configuration = configuration
      legacyModel = model ?? Self.text(Self.members(["class_name", "config"], of: value))
      let compilation = Self.member("compile_config", of: value)
      self.training =
        training
        ?? compilation.map { Self.text(Self.renamed("optimizer", "optimizer_config", in: $0)) }
      self.model = KerasModel(configuration: value)
    } else if let model {
      let value = try Self.value(of: model, named: Attribute.model)
      let trained = try training.map { (text) throws(FlywheelError) in
        try Self.value(of: text, named: Attribute.training)
      }
      self.configuration = Self.text(Self.configuration(value, trained))
      legacyModel = model
      self.training = training
      self.model = KerasModel(configuration: value, training: trained)
    } else {
      throw FlywheelError(
        .unsupported,
        "Keras needs to know the model: there is no '\(KerasContents.Name.configuration)', which a training state "
          + "of dense layers gets by itself: --to keras makes one of another framework's. Arrays alone can go into an "
          + ".h5 file."
      )
    }
    if others[""]?.isEmpty == true { others[""] = nil }
    self.others = others
  }

  /// Whether an archive says what its model is.
  static func areIn(_ metadata: ArchiveMetadata) -> Bool {
    [KerasContents.Name.configuration, Attribute.model].contains { name in
      if case .string? = metadata.attributes[""]?[name] { true } else { false }
    }
  }

  /// Reads one of a legacy file's; nil if there is none.
  ///
  /// - Throws: `malformed` or `truncated` if it is no JSON object, with the attribute's name and the offset.
  static func object(
    _ name: String,
    in metadata: ArchiveMetadata
  ) throws(FlywheelError) -> JSONValue? {
    switch metadata.attributes[""]?[name] {
    case nil: return nil
    case .string(let text)?:
      return try KerasText.object(Array(text.utf8), at: .init(tensor: name))
    default:
      throw FlywheelError.malformed(
        found: "an attribute '\(name)' that holds something else",
        expected: "the text of a JSON object",
        at: .init(tensor: name)
      )
    }
  }

  /// The members of a .keras archive.
  var members: OrderedDictionary<String, String> {
    [
      KerasContents.Name.versions: versions ?? #"{"keras_version": "\#(Self.version)"}"#,
      KerasContents.Name.configuration: configuration,
    ]
  }

  /// The attributes of a legacy file's root.
  var attributes: OrderedDictionary<String, AttributeValue> {
    var attributes = Self.origin
    attributes[Attribute.model] = .string(legacyModel)
    attributes[Attribute.training] = training.map { .string($0) }
    return attributes
  }

  /// Whose conventions a legacy file says that it follows: kernels lie as TensorFlow has them.
  static let origin: OrderedDictionary<String, AttributeValue> = [
    "keras_version": .string(version), "backend": .string("tensorflow"),
  ]

  private static let version = "3.15.1"

  /// Reads a document of which another is made: strictly, since nothing of it may be lost.
  private static func value(
    of text: String,
    named name: String
  ) throws(FlywheelError) -> JSONValue {
    try FlywheelError.locating(tensor: name) { () throws(FlywheelError) in
      try JSONValue(parsing: Array(text.utf8))
    }
  }

  // MARK: From one form to the other

  private static func configuration(_ model: JSONValue, _ training: JSONValue?) -> JSONValue {
    guard case .object(var members) = model else { return model }
    if members["module"] == nil {
      // Keras has no public name for the class of a graph of layers, which it once called Model.
      let isGraph = ["Functional", "Model"].contains(members["class_name"])
      if isGraph { members["class_name"] = "Functional" }
      members["module"] = isGraph ? "keras.src.models.functional" : "keras"
      members["registered_name"] = isGraph ? "Functional" : .null
    }
    guard let training else { return .object(members) }
    var compilation = renamed("optimizer_config", "optimizer", in: training)
    if case .object(var compiled) = compilation {
      compiled["optimizer"] = compiled["optimizer"].map { serialized($0, in: "keras.optimizers") }
      compiled["loss"] = compiled["loss"].map { serialized($0, in: "keras.losses") }
      compilation = .object(compiled)
    }
    members["compile_config"] = compilation
    return .object(members)
  }

  /// An object with the module that its class is in, which legacy files do not say.
  private static func serialized(_ value: JSONValue, in module: String) -> JSONValue {
    guard case .object(var members) = value, members["class_name"] != nil, members["module"] == nil
    else { return value }
    members["module"] = JSONValue(module)
    members["registered_name"] = .null
    return .object(members)
  }

  private static func member(_ name: String, of value: JSONValue) -> JSONValue? {
    guard case .object(let members) = value, members[name] != .null else { return nil }
    return members[name]
  }

  private static func members(_ names: [String], of value: JSONValue) -> JSONValue {
    guard case .object(let members) = value else { return value }
    return .object(members.filter { names.contains($0.key) })
  }

  private static func renamed(_ name: String, _ newName: String, in value: JSONValue) -> JSONValue {
    guard case .object(var members) = value, let member = members.removeValue(forKey: name) else {
      return value
    }
    members[newName] = member
    return .object(members)
  }

  private static func text(_ value: JSONValue) -> String {
    String(decoding: value.canonicalBytes, as: UTF8.self)
  }
}
