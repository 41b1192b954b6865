extension Formula: CustomStringConvertible {
  /// As a person writes it, in the letters of the literature: constants are folded, zeros and ones gone,
  /// signs pulled out, for example `-lr lambda/n`.
  public var description: String { FormulaSum(self).text }

  /// The formula with products of sums multiplied out, so that all cancels that can, and then with what
  /// terms share before brackets.
  ///
  /// It evaluates to the same within rounding, wherever nothing is divided by 0; symbols stand for
  /// numbers of at least 0.
  public var expanded: Formula { FormulaSum(self, isExpanding: true).bracketed.formula }

  /// The formula with constants folded, what is alike gathered, and what is above and below a line
  /// cancelled.
  ///
  /// Brackets stay. It evaluates as `expanded` does.
  public var simplified: Formula { FormulaSum(self).formula }

  /// What is left of the formula where weight decay is small.
  var lowestOrder: Formula {
    let terms = FormulaSum(self, isExpanding: true).terms
    let lowest = terms.map { $0.power(of: .weightDecay) }.min()
    return FormulaSum(terms.filter { $0.power(of: .weightDecay) == lowest }).formula
  }

  /// Whether it is 0 whatever its symbols are, as far as `expanded` sees.
  public var isZero: Bool { FormulaSum(self, isExpanding: true).terms.isEmpty }

  /// The formula as a coefficient before a name: `(lambda/n) w`.
  ///
  /// - Parameter name: What it is a coefficient of.
  /// - Returns: The text.
  public func text(times name: String) -> String { Formula.text(of: [(self, name)]) }

  /// Names with their coefficients before them: `mu v - lr g`.
  ///
  /// - Parameter terms: The coefficients and what they are of, in order, nil for a term without a name; those of 0 are
  ///   left out.
  /// - Returns: The sum as a person writes it.
  public static func text(of terms: [(coefficient: Formula, name: String?)]) -> String {
    FormulaSum.text(
      terms.compactMap { term in
        let product = FormulaSum(term.coefficient).product
        guard product.coefficient != 0 else { return nil }
        return (product.coefficient < 0, product.text(times: term.name))
      }
    )
  }
}
