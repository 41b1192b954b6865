import FlywheelOptim

// An optimizer's numbers in words, for checkpoints that are looked at and runs that begin.

extension Hyperparameters {
  /// What is set, each in two words or three; what is off but for the learning rate is left out.
  var phrases: [String] {
    Hyperparameters(values.filter { $0.key == .learningRate || !$0.value.isOff }).allPhrases
  }

  /// What is set, off or not.
  var allPhrases: [String] {
    ordered.map { name, value in
      let word =
        name == .learningRate
        ? "lr" : name.rawValue.split(separator: "_").joined(separator: " ")
      return switch value {
      case .flag(let flag): flag ? word : "no \(word)"
      case .number(let number): "\(word) \(number)"
      }
    }
  }
}

extension Schedule {
  /// The shape and its numbers.
  var phrases: [String] {
    var phrases: [String]
    switch shape {
    case .constant: phrases = ["constant"]
    case .step(let every, let factor):
      phrases = ["times \(factor) every \(Formatting.grouped(every)) \(unit.rawValue)s"]
    case .multiStep(let milestones, let factor):
      let places = milestones.map { Formatting.grouped($0) }
      phrases = ["times \(factor) at \(unit.rawValue) \(places.joined(separator: ", "))"]
    case .cosine(let over, let end), .linear(let over, let end):
      phrases = ["\(kind) to \(end) over \(Formatting.grouped(over)) \(unit.rawValue)s"]
    }
    if let warmup {
      phrases.append(
        "warm-up from \(warmup.start) over \(Formatting.grouped(warmup.over)) \(unit.rawValue)s"
      )
    }
    return phrases
  }
}
