import FlywheelCore
import FlywheelOptim

/// A schedule as it is typed: `cosine:over=20,end=0.1,unit=epoch,warmup=2`.
enum ScheduleArgument {
  /// The schedule that a text stands for.
  ///
  /// - Throws: `invalidArgument`, listing the shapes there are, or what the shape takes.
  static func schedule(_ text: String) throws(FlywheelError) -> Schedule {
    let numbers = try TypedMembers(text, such: "over=20,end=0.1")
    let kind = numbers.subject
    guard Schedule.kinds.contains(kind) else {
      throw FlywheelError(
        .invalidArgument,
        "There is no schedule '\(kind)'; choose one of \(Schedule.kinds.joined(separator: ", "))."
      )
    }
    try numbers.refuseOthers(than: members(of: kind), of: "A schedule '\(kind)'")
    let shape: Schedule.Shape =
      switch kind {
      case "step":
        .step(
          every: try required(numbers.integer("every"), kind, "every=10"),
          factor: try numbers.number("factor") ?? 0.1
        )
      case "multi_step":
        .multiStep(
          at: try required(numbers.integers("at"), kind, "at=10-15"),
          factor: try numbers.number("factor") ?? 0.1
        )
      case "cosine":
        .cosine(
          over: try required(numbers.integer("over"), kind, "over=20"),
          end: try numbers.number("end") ?? 0
        )
      case "linear":
        .linear(
          over: try required(numbers.integer("over"), kind, "over=20"),
          end: try numbers.number("end") ?? 0
        )
      default: .constant
      }
    let unit: Schedule.Unit = try numbers.choice("unit") ?? .epoch
    let start = try numbers.number("warmup_start")
    let warmup = try numbers.integer("warmup").map {
      Schedule.Warmup(over: $0, start: start ?? Schedule.Warmup.defaultStart)
    }
    guard warmup != nil || start == nil else {
      throw FlywheelError(
        .invalidArgument,
        "warmup_start goes with warmup, the number of units that it takes, for example warmup=3."
      )
    }
    let schedule = Schedule(shape: shape, unit: unit, warmup: warmup)
    try schedule.validate()
    return schedule
  }

  private static func members(of kind: String) -> [String] {
    let own =
      switch kind {
      case "step": ["every", "factor"]
      case "multi_step": ["at", "factor"]
      case "cosine", "linear": ["over", "end"]
      default: [String]()
      }
    return own + ["unit", "warmup", "warmup_start"]
  }

  private static func required<Value>(
    _ value: Value?,
    _ kind: String,
    _ example: String
  ) throws(FlywheelError) -> Value {
    guard let value else {
      throw FlywheelError(
        .invalidArgument,
        "A schedule '\(kind)' needs a number, for example \(kind):\(example)."
      )
    }
    return value
  }
}
