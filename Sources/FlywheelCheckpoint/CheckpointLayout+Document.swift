import FlywheelCore
import OrderedCollections

extension CheckpointLayout {
  /// The layout as the document has it; the counters' values are tensors of the index.
  var json: JSONValue {
    [
      "dialect": JSONValue(dialect),
      "tensors": .object(
        places.mapValues { place in
          [
            "tensor": JSONValue(place.key),
            "arrangement": JSONValue(place.arrangement.rawValue),
          ]
        }
      ),
      "counters": .array(counters.keys.map { JSONValue($0) }),
    ]
  }

  /// The layout of those arrays that there are.
  ///
  /// - Throws: `invalidArgument` for a key that could not be read back, or that two arrays would have;
  ///   `mismatch` if the optimizer follows another dialect.
  func of(_ keys: [String], dialect: String) throws(FlywheelError) -> CheckpointLayout {
    guard dialect == self.dialect else {
      throw FlywheelError(
        .mismatch,
        "The arrays are to lie as '\(self.dialect)' has them, and the optimizer's state is of the dialect "
          + "'\(dialect)'."
      )
    }
    var layout = CheckpointLayout(dialect: dialect, places: [:], counters: counters)
    var taken = Set(counters.keys)
    for key in keys {
      let place = places[key] ?? Place(key: key)
      if place != Place(key: key) {
        guard Self.canMove(key) else {
          throw FlywheelError(
            .invalidArgument,
            "Only parameters and what the optimizer keeps for them can lie elsewhere.",
            at: .init(tensor: key)
          )
        }
        layout.places[key] = place
      }
      guard taken.insert(place.key).inserted else {
        throw FlywheelError(
          .invalidArgument,
          "Two arrays would lie under '\(place.key)'.",
          at: .init(tensor: key)
        )
      }
    }
    for key in taken where !TensorIndex.isReadable(key) {
      throw FlywheelError(
        .invalidArgument,
        "'\(key)' is no name for an array of a checkpoint: up to eight components, none of them empty, and "
          + "not '\(CheckpointKey.document)'."
      )
    }
    return layout
  }

  /// Tensors under the keys and in the arrangements of the file, the counters behind them.
  func stored(
    _ tensors: OrderedDictionary<String, Tensor>
  ) throws(FlywheelError) -> OrderedDictionary<String, Tensor> {
    var stored: OrderedDictionary<String, Tensor> = [:]
    for (key, tensor) in tensors {
      let place = places[key] ?? Place(key: key)
      stored[place.key] = try FlywheelError.locating(tensor: key) { () throws(FlywheelError) in
        try place.arrangement.store(tensor)
      }
    }
    for (key, counter) in counters { stored[key] = counter }
    return stored
  }

  /// Reads a layout, and gives the tensors of the file Flywheel's keys, shapes and axes.
  ///
  /// - Parameters:
  ///   - source: The document's member.
  ///   - tensors: The tensors of the index; those of the file become those of the checkpoint.
  ///   - dialect: The optimizer's.
  /// - Throws: `malformed`, `notFound` or `mismatch`, with the key, for a layout that is not one of them.
  init(
    _ source: JSONObject,
    restoring tensors: inout OrderedDictionary<String, Tensor>,
    dialect: String
  ) throws(FlywheelError) {
    var object = source
    self.init(dialect: try object.string("dialect"), places: [:])
    guard self.dialect == dialect else {
      throw FlywheelError.malformed(
        found: "the dialect '\(self.dialect)' in \(object.path)",
        expected: "'\(dialect)', the optimizer's"
      )
    }
    var owners: [String: String] = [:]
    var list = try object.object("tensors")
    for key in list.names {
      var entry = try list.object(key)
      let place = Place(
        key: try entry.string("tensor"),
        arrangement: try Self.arrangement(try entry.string("arrangement"), of: key)
      )
      try entry.refuseOtherMembers()
      guard Self.canMove(key) else {
        throw FlywheelError.malformed(
          found: "a layout of '\(key)'",
          expected: "the key of a parameter, a master weight or a slot",
          at: .init(tensor: key)
        )
      }
      guard tensors[place.key] != nil else { throw Self.missing(place.key) }
      guard owners.updateValue(key, forKey: place.key) == nil else {
        throw Self.repeated(place.key)
      }
      places[key] = place
    }
    for key in try object.strings("counters") {
      guard let counter = tensors[key] else { throw Self.missing(key) }
      guard owners[key] == nil, counters.updateValue(counter, forKey: key) == nil else {
        throw Self.repeated(key)
      }
    }
    try object.refuseOtherMembers()
    tensors = try restored(tensors, owners)
  }

  private func restored(
    _ tensors: OrderedDictionary<String, Tensor>,
    _ owners: [String: String]
  ) throws(FlywheelError) -> OrderedDictionary<String, Tensor> {
    var restored: OrderedDictionary<String, Tensor> = [:]
    for (stored, tensor) in tensors where counters[stored] == nil {
      let key = owners[stored] ?? stored
      let arrangement = places[key]?.arrangement ?? .identity
      guard owners[stored] != nil || places[key] == nil else { throw Self.repeated(key) }
      restored[key] = try FlywheelError.locating(tensor: stored) { () throws(FlywheelError) in
        try arrangement.restore(tensor)
      }
    }
    return restored
  }

  /// Whether arrays under a key of Flywheel's may lie elsewhere: those that other programs have too.
  private static func canMove(_ key: String) -> Bool {
    let components = key.pathComponents
    let count =
      switch components.first {
      case CheckpointKey.model, CheckpointKey.master: 2
      case CheckpointKey.optimizer: 3
      default: 0
      }
    return components.count == count
      && components.dropFirst().allSatisfy { name in
        CheckpointKey.name(fromComponent: name).map { !$0.isEmpty } ?? false
      }
  }

  private static func arrangement(
    _ name: String,
    of key: String
  ) throws(FlywheelError) -> TensorArrangement {
    guard let arrangement = TensorArrangement(rawValue: name) else {
      throw FlywheelError(
        .unsupported,
        "The layout names the arrangement '\(name)', which this Flywheel does not know.",
        at: .init(tensor: key)
      )
    }
    return arrangement
  }

  private static func missing(_ key: String) -> FlywheelError {
    FlywheelError(
      .notFound,
      "The layout names a tensor that the index does not list.",
      at: .init(tensor: key)
    )
  }

  private static func repeated(_ key: String) -> FlywheelError {
    FlywheelError.malformed(
      found: "a tensor that the layout gives two meanings",
      expected: "one",
      at: .init(tensor: key)
    )
  }
}
