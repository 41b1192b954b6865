extension UpdateRule {
  /// The switches that the rule takes.
  public var switches: [Hyperparameter] {
    hyperparameters.filter { $0.range == .flag }.map(\.name)
  }

  /// The lines of an ordinary step, as the literature writes them.
  ///
  /// - Parameter switches: The switches that are on; all others are off.
  /// - Returns: One line for each buffer, and the last one for the weight.
  public func equations(with switches: Set<Hyperparameter> = []) -> [String] {
    switch self {
    case .sgd(let rule): rule.form(with: switches).equations
    case .adaptive(let rule): rule.form(with: switches).equations
    }
  }

  /// The lines of an ordinary step under some numbers: letters stay, but for what the numbers switch, and a
  /// decay or a momentum of 0 is left out.
  ///
  /// - Parameter hyperparameters: The numbers.
  /// - Returns: One line for each buffer, and the last one for the weight.
  public func equations(under hyperparameters: Hyperparameters) -> [String] {
    let switches = Set(switches.filter { hyperparameters.number($0) != 0 })
    let absent: (Formula.Symbol) -> Double? = { symbol in
      guard let name = symbol.hyperparameter, [.weightDecay, .momentum].contains(name) else {
        return nil
      }
      return hyperparameters.number(name) == 0 ? 0 : nil
    }
    return switch self {
    case .sgd(let rule):
      rule.form(with: switches).map { $0.substituting(absent).simplified }.equations
    case .adaptive(let rule):
      rule.form(with: switches).map { $0.substituting(absent).simplified }.equations
    }
  }

  /// The lines of a step with one switch on, for each switch that changes them.
  public var variants: [(name: Hyperparameter, equations: [String])] {
    let plain = equations()
    return switches.map { ($0, equations(with: [$0])) }.filter { $0.1 != plain }
  }

  /// How weight decay enters, with all switches off.
  public var decay: DecayMeaning {
    switch self {
    case .sgd(let rule): rule.form(with: []).decay
    case .adaptive(let rule): rule.form(with: []).decay
    }
  }

  /// Which parameters the weight decay is for.
  public var decayScope: DecayScope {
    switch self {
    case .sgd(let rule): rule.decayScope
    case .adaptive(let rule): rule.decayScope
    }
  }
}

extension SGDRule {
  /// The coefficients of an ordinary step with some switches on and all others off.
  ///
  /// - Parameter switches: The switches that are on.
  /// - Returns: Formulas in numbers alone.
  public func form(with switches: Set<Hyperparameter>) -> SGDForm<Formula> {
    let isNesterov = switches.contains(.nesterov)
    return ((isNesterov ? nesterovForm : nil) ?? form).map { $0.switching(switches) }
  }

  /// The coefficients of the first step, when there is no buffer yet, with all switches off.
  public var firstForm: SGDForm<Formula> {
    var first = form(with: []).map { formula in
      formula.substituting { $0 == .dampening && firstStep == .undamped ? 0 : nil }
    }
    (first.a, first.e) = (0, 0)
    return first
  }
}

extension AdaptiveRule {
  /// The coefficients of a step with some switches on and all others off.
  ///
  /// - Parameter switches: The switches that are on.
  /// - Returns: Formulas in numbers alone.
  public func form(with switches: Set<Hyperparameter>) -> AdaptiveForm<Formula> {
    let isSwitched = hyperparameters.contains { $0.name == .biasCorrection }
    let isUncorrected = isSwitched && !switches.contains(.biasCorrection)
    return form.map { formula in
      formula.switching(switches).substituting { symbol in
        let isCorrection = [.firstCorrection, .secondCorrection].contains(symbol)
        return isUncorrected && isCorrection ? 1 : nil
      }
    }
  }
}

extension Hyperparameter {
  /// The letter that stands for it in formulas; nil for switches, and for what no formula speaks of.
  public var letter: String? {
    Formula.Symbol.allCases.first { $0.hyperparameter == self && !$0.isSwitch }?.rawValue
  }
}

extension Formula {
  /// The formula with 1 put in for the switches that are on, and 0 for the others.
  fileprivate func switching(_ switches: Set<Hyperparameter>) -> Formula {
    substituting { symbol in
      guard symbol.isSwitch, let name = symbol.hyperparameter else { return nil }
      return switches.contains(name) ? 1 : 0
    }
  }
}

extension Formula.Symbol {
  /// Whether the symbol is 1 or 0.
  var isSwitch: Bool { [.maximize, .centered, .amsgrad].contains(self) }
}
