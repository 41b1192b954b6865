public import FlywheelCore
public import FlywheelOptim
import OrderedCollections

/// A schedule as files have it, in checkpoints and in configurations.
extension Schedule {
  /// The schedule's members, without the count that it has come to.
  public var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "kind": JSONValue(kind), "unit": JSONValue(unit.rawValue),
    ]
    switch shape {
    case .constant: break
    case .step(let every, let factor):
      members["every"] = JSONValue(every)
      members["factor"] = JSONValue(factor)
    case .multiStep(let milestones, let factor):
      members["at"] = .array(milestones.map { JSONValue($0) })
      members["factor"] = JSONValue(factor)
    case .cosine(let over, let end), .linear(let over, let end):
      members["over"] = JSONValue(over)
      members["end"] = JSONValue(end)
    }
    members["warmup"] =
      warmup.map { ["over": JSONValue($0.over), "start": JSONValue($0.start)] } ?? .null
    return .object(members)
  }

  /// Reads the members of a schedule; what may have a default may be absent.
  ///
  /// - Parameter object: The schedule; members that are not asked for here stay unasked.
  /// - Throws: `unsupported` for a kind that this Flywheel does not know, `malformed` for a member of
  ///   the wrong type, `invalidArgument` for a number out of range.
  public init(reading object: inout JSONObject) throws(FlywheelError) {
    let kind = try object.optionalString("kind") ?? "constant"
    let counts = 1...Counter.range.upperBound
    let shape: Shape
    switch kind {
    case "constant": shape = .constant
    case "step":
      shape = .step(
        every: try object.integer("every", in: counts),
        factor: try object.optionalDouble("factor") ?? 0.1
      )
    case "multi_step":
      shape = .multiStep(
        at: try object.integers("at", in: counts),
        factor: try object.optionalDouble("factor") ?? 0.1
      )
    case "cosine":
      shape = .cosine(
        over: try object.integer("over", in: counts),
        end: try object.optionalDouble("end") ?? 0
      )
    case "linear":
      shape = .linear(
        over: try object.integer("over", in: counts),
        end: try object.optionalDouble("end") ?? 0
      )
    default:
      throw FlywheelError(
        .unsupported,
        "The schedule is '\(kind)'; this Flywheel knows \(Self.kinds.joined(separator: ", "))."
      )
    }
    let word = try object.optionalString("unit") ?? Unit.epoch.rawValue
    guard let unit = Unit(rawValue: word) else {
      throw FlywheelError.malformed(found: "unit '\(word)'", expected: "'step' or 'epoch'")
    }
    var warmup: Warmup?
    if var section = try object.optionalObject("warmup") {
      warmup = Warmup(
        over: try section.integer("over", in: counts),
        start: try section.optionalDouble("start") ?? Warmup.defaultStart
      )
      try section.refuseOtherMembers()
    }
    self.init(shape: shape, unit: unit, warmup: warmup)
    try validate()
  }
}
