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
      case .number(let number): "\(word) \(Formatting.short(number))"
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
      phrases = ["times \(Formatting.short(factor)) every \(counted(every))"]
    case .multiStep(let milestones, let factor):
      let places = milestones.prefix(8).map { Formatting.grouped($0) }
      let more = milestones.count > 8 ? ", …" : ""
      phrases = [
        "times \(Formatting.short(factor)) at \(unit.rawValue) \(places.joined(separator: ", "))\(more)"
      ]
    case .cosine(let over, let end), .linear(let over, let end):
      phrases = ["\(kind) to \(Formatting.short(end)) of the rate over \(counted(over))"]
    }
    if let warmup {
      let start = Formatting.short(warmup.start)
      phrases.insert("warm-up from \(start) of it over \(counted(warmup.over))", at: 0)
    }
    return phrases
  }

  /// So many steps or epochs.
  private func counted(_ count: Int) -> String {
    "\(Formatting.grouped(count)) \(unit.rawValue)\(count == 1 ? "" : "s")"
  }
}
