import FlywheelCore
import FlywheelOptim
import FlywheelTrain

/// A group of parameters as it is typed: `*.bias:weight_decay=0,learning_rate=0.1`.
enum GroupArgument {
  /// The group that a text stands for.
  ///
  /// - Throws: `invalidArgument`, with an example.
  static func group(_ text: String) throws(FlywheelError) -> ParameterGroupOverride {
    let typed = try TypedMembers(text, such: "weight_decay=0,learning_rate=0.1")
    let patterns = typed.subject.split(separator: ",").map(String.init)
    guard !patterns.isEmpty, !typed.members.isEmpty else {
      throw FlywheelError(
        .invalidArgument,
        "Found '\(text)' where names and numbers are expected, for example "
          + "'*.bias:weight_decay=0'."
      )
    }
    var hyperparameters = Hyperparameters()
    for (name, word) in typed.members {
      guard let value = value(word) else {
        throw FlywheelError(
          .invalidArgument,
          "\(name) is '\(word)'; it must be a number, true or false."
        )
      }
      // As the flag may be typed, too.
      let name = name == "lr" ? .learningRate : Hyperparameter(rawValue: name)
      hyperparameters[name] = value
    }
    return ParameterGroupOverride(parameters: patterns, hyperparameters: hyperparameters)
  }

  private static func value(_ word: String) -> Hyperparameters.Value? {
    Bool(word).map { .flag($0) } ?? Double(word).map { .number($0) }
  }
}
