/// What an array of a dump is of its parameter.
enum DumpRole: Hashable {
  /// Its gradient.
  case gradient
  /// The buffer of an SGD-like rule.
  case velocity
  /// A buffer of an Adam-like rule, by its canonical name.
  case slot(String)

  /// The role in a sentence.
  var noun: String {
    switch self {
    case .gradient: "gradient"
    case .velocity: "velocity"
    case .slot(let name): name
    }
  }
}
