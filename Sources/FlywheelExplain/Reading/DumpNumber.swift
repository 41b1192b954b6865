import FlywheelCore
import FlywheelOptim

/// What a single number in a dump says, by its name.
enum DumpNumber: Hashable {
  /// A number of the rule.
  case hyperparameter(Hyperparameter)
  /// The number of steps taken.
  case step
  /// The size of the mini-batch.
  case batchSize
  /// The size of the training set.
  case trainingSize

  /// What a name says; nil if it says nothing of the kind.
  init?(_ name: String) {
    let word = name.split { $0 == "/" || $0 == "." }.last.map { $0.lowercased() } ?? ""
    if let hyperparameter = DumpWords.numbers[word] {
      self = .hyperparameter(hyperparameter)
    } else if DumpWords.counters.contains(word) {
      self = .step
    } else if DumpWords.batchSizes.contains(word) {
      self = .batchSize
    } else if DumpWords.trainingSizes.contains(word) {
      self = .trainingSize
    } else {
      return nil
    }
  }

  /// Whether an array may be such a number: one element, or one for each step of what changes.
  func fits(_ shape: Shape) -> Bool {
    switch self {
    case .step, .hyperparameter(.learningRate): shape.rank <= 1
    default: shape.rank <= 1 && shape.elementCount == 1
    }
  }
}
