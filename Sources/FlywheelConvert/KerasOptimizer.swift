/// Keras's optimizers that are rules: the one table by which their classes are read and written.
///
/// Source: keras/src/optimizers/*.py of Keras 3.15, and tf_keras/optimizers/{,legacy/}*.py of 2.15.
struct KerasOptimizer {
  /// The name of the class.
  let className: String
  /// The name of the rule that it is.
  let rule: String

  /// All of them; of several that are one rule the first is written.
  private static let all = [
    KerasOptimizer(className: "SGD", rule: "keras"),
    KerasOptimizer(className: "Adam", rule: "keras_adam"),
    // Keras's Adam decays weights as AdamW does, and differs in the default only.
    KerasOptimizer(className: "AdamW", rule: "keras_adam"),
    KerasOptimizer(className: "RMSprop", rule: "keras_rmsprop"),
    KerasOptimizer(className: "Adagrad", rule: "keras_adagrad"),
  ]

  /// The rule that a class is; nil if it is none.
  static func rule(ofClass name: String) -> String? { all.first { $0.className == name }?.rule }

  /// The class that is a rule; nil if there is none.
  static func className(ofRule name: String) -> String? { all.first { $0.rule == name }?.className }

  /// The rules, in the table's order, each once.
  static var rules: [String] {
    all.indices.filter { index in all.firstIndex { $0.rule == all[index].rule } == index }
      .map { all[$0].rule }
  }
}
