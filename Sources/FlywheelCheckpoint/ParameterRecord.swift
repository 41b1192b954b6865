import FlywheelCore

/// What the document says of one parameter; its tensors lie under their own keys.
struct ParameterRecord {
  /// Its name.
  var name: String
  /// Which of the optimizer's groups it belongs to.
  var group: Int
  /// What its axes mean, outermost first.
  var axes: [String]

  /// The record as the document holds it.
  var json: JSONValue {
    [
      "name": JSONValue(name),
      "group": JSONValue(group),
      "axes": .array(axes.map { JSONValue($0) }),
    ]
  }

  /// The records of a document's list of parameters.
  ///
  /// - Throws: `malformed` or `notFound` for a member that is not as it should be, a name that is empty or
  ///   comes twice, or a group that there is not.
  static func list(
    _ objects: [JSONObject],
    groupCount: Int
  ) throws(FlywheelError) -> [ParameterRecord] {
    var names: Set<String> = []
    return try objects.map { (source) throws(FlywheelError) in
      var object = source
      let name = try object.string("name")
      guard !name.isEmpty, names.insert(name).inserted else {
        throw FlywheelError.malformed(
          found: name.isEmpty ? "a parameter without a name" : "parameter '\(name)' twice",
          expected: "each name once"
        )
      }
      let record = ParameterRecord(
        name: name,
        group: try object.integer("group", in: 0..<groupCount),
        axes: try object.strings("axes")
      )
      try object.refuseOtherMembers()
      return record
    }
  }
}
