import FlywheelCore
import OrderedCollections

/// Documents of older schemas as the newest one has them, so that only one is ever read.
enum CheckpointUpgrade {
  typealias Members = OrderedDictionary<String, JSONValue>

  /// The members of a document in the newest schema.
  ///
  /// - Throws: `malformed` if the document has members that its own schema has not.
  static func toNewest(_ members: Members) throws(FlywheelError) -> Members {
    switch members["schema"] {
    case 1: try fromSecond(try fromFirst(members))
    case 2: try fromSecond(members)
    default: members
    }
  }

  /// Schema 3 says where arrays lie that have another program's names; there were none.
  private static func fromSecond(_ document: Members) throws(FlywheelError) -> Members {
    var document = document
    document["schema"] = 3
    try add(&document, ["layout": .null])
    return document
  }

  /// Schema 2 says more about groups, clipping and data; what schema 1 left out was always the same.
  private static func fromFirst(_ document: Members) throws(FlywheelError) -> Members {
    var document = document
    document["schema"] = 2
    var epoch = JSONValue.null
    if case .object(let progress)? = document["progress"] { epoch = progress["epoch"] ?? .null }
    try change(&document, "optimizer") { (optimizer) throws(FlywheelError) in
      try add(&optimizer, ["clipping": .null])
      guard case .array(let groups)? = optimizer["groups"] else { return }
      let isNielsen = optimizer["rule"] == "nielsen"
      var upgraded: [JSONValue] = []
      for case .object(var group) in groups {
        // Without a schedule the rate of the next step is that of all steps.
        try add(&group, ["initial_learning_rate": group["learning_rate"] ?? .null])
        if isNielsen {
          // Every group had them; the rule takes none of the two.
          if group["dampening"] == 0.0 { group["dampening"] = nil }
          if group["nesterov"] == false { group["nesterov"] = nil }
        }
        upgraded.append(.object(group))
      }
      guard upgraded.count == groups.count else { return }
      optimizer["groups"] = .array(upgraded)
    }
    try change(&document, "schedule") { (schedule) throws(FlywheelError) in
      try add(&schedule, ["unit": "epoch", "warmup": .null, "position": epoch])
    }
    try change(&document, "data") { (data) throws(FlywheelError) in
      try add(&data, ["dtype": "uint8", "mean": 0.0, "deviation": 1.0])
    }
    return document
  }

  /// Changes an object within the document; what is no object is left for the reader to refuse.
  private static func change(
    _ document: inout Members,
    _ name: String,
    _ body: (inout Members) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard case .object(var members)? = document[name] else { return }
    try body(&members)
    document[name] = .object(members)
  }

  private static func add(_ members: inout Members, _ new: Members) throws(FlywheelError) {
    for (name, value) in new {
      guard members[name] == nil else {
        throw FlywheelError(
          .malformed,
          "Found an unknown member '\(name)' in a document of an older schema: damaged, or written by hand.",
          at: .init(tensor: CheckpointKey.document)
        )
      }
      members[name] = value
    }
  }
}
