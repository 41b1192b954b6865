import FlywheelCore
import FlywheelRun
import FlywheelTrain

/// Early stopping as it is typed: `validation_loss:patience=5,min_delta=0.001,direction=min`.
enum EarlyStoppingArgument {
  /// The rule that a text stands for.
  ///
  /// - Throws: `invalidArgument`, naming what does not fit.
  static func rule(_ text: String) throws(FlywheelError) -> EarlyStopping {
    let members = try TypedMembers(text, such: "patience=5,min_delta=0.001")
    let direction: Retention.Best.Direction? = try members.choice("direction")
    let rule = try EarlyStopping(
      metric: members.subject,
      direction: direction,
      patience: try members.integer("patience") ?? 5,
      minimumDelta: try members.number("min_delta") ?? 0
    )
    try members.refuseOthers(than: ["patience", "min_delta", "direction"], of: "Early stopping")
    return rule
  }
}
