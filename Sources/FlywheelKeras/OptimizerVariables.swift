import FlywheelCore

/// What an optimizer keeps, in the order in which Keras numbers it.
///
/// Source: `build` in keras/src/optimizers/*.py of Keras 3.15.
struct OptimizerVariables {
  /// Slots that take turns at each variable.
  struct Block {
    /// Their names.
    let slots: [String]
    /// The member of the optimizer's configuration without which there are none; nil if there always are.
    let condition: String?

    init(_ slots: String..., if condition: String? = nil) {
      self.slots = slots
      self.condition = condition
    }
  }

  /// The blocks that come first, whatever the optimizer is.
  static let common = [
    Block("average", if: "use_ema"),
    Block("gradient_accumulator", if: "gradient_accumulation_steps"),
  ]

  private static let moments = Block("momentum", "velocity")
  private static let adam = [moments, Block("velocity_hat", if: "amsgrad")]

  /// The blocks that follow one another, by class.
  static let ofClass: [String: [Block]] = [
    "SGD": [Block("momentum", if: "momentum")],
    "Adam": adam, "AdamW": adam,
    "RMSprop": [
      Block("velocity"), Block("momentum", if: "momentum"),
      Block("average_gradient", if: "centered"),
    ],
    "Adagrad": [Block("accumulator")],
    "Adadelta": [Block("accumulated_grad", "accumulated_delta_var")],
    "Adamax": [Block("momentum", "norm")],
    "Nadam": [moments],
    "Ftrl": [Block("accumulator", "linear")],
    "Lion": [Block("momentum")],
    "Lamb": [moments],
    "ScheduleFreeAdamW": [moments],
  ]

  /// Numbers that follow all slots, by class.
  static let numbersAfter = ["Nadam": ["u_product"]]
}
