import FlywheelCore

/// What an optimizer keeps, in the order in which Keras numbers it.
///
/// Source: `build` in keras/src/optimizers/*.py of Keras 3.15.
struct OptimizerVariables {
  /// Slots that take turns at each variable.
  private struct Block {
    /// Their names.
    let slots: [String]
    /// The member of the optimizer's configuration without which there are none; nil if there always are.
    let condition: String?

    init(_ slots: String..., if condition: String? = nil) {
      self.slots = slots
      self.condition = condition
    }
  }

  /// One variable.
  struct Variable {
    /// Its name, or that of its slot.
    let name: String
    /// The number of the trained variable that it is kept for; nil if it is a number of the optimizer itself.
    let trained: Int?

    /// Its name, with that of the variable that it is kept for.
    func key(of trained: [String]) -> String {
      self.trained.map { "\(name)/\(trained[$0])" } ?? name
    }
  }

  /// All variables of an optimizer, in order; of a class that is not known only the first ones.
  static func of(_ optimizer: KerasModel.Object, trained count: Int?) -> [Variable] {
    var variables = [Variable(name: "iteration", trained: nil)]
    switch optimizer["learning_rate"] {
    case .double, .integer: variables.append(Variable(name: "learning_rate", trained: nil))
    default: break  // a schedule, which is a function of the iteration
    }
    guard let count, let own = ofClass[optimizer.className] else { return variables }
    for block in common + own where block.condition.map(optimizer.has) ?? true {
      for trained in 0..<count {
        variables += block.slots.map { Variable(name: $0, trained: trained) }
      }
    }
    return variables
      + (numbersAfter[optimizer.className] ?? []).map { Variable(name: $0, trained: nil) }
  }

  /// The blocks that come first, whatever the optimizer is.
  private static let common = [
    Block("average", if: "use_ema"),
    Block("gradient_accumulator", if: "gradient_accumulation_steps"),
  ]

  private static let moments = Block("momentum", "velocity")
  private static let adam = [moments, Block("velocity_hat", if: "amsgrad")]

  /// The blocks that follow one another, by class.
  private static let ofClass: [String: [Block]] = [
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
