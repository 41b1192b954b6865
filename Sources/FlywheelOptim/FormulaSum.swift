/// A formula as a sum of products: constants folded, what is alike gathered, zeros and ones gone.
///
/// Two formulas that are told apart only by such things become equal. Symbols stand for numbers of at
/// least 0, so that √x² is x.
struct FormulaSum: Hashable {
  /// The products, those of fewer factors first; one with a plus comes before all that have a minus.
  let terms: [FormulaProduct]

  /// Gathers products: sums among them are opened, what is alike is added up.
  init(_ products: [FormulaProduct]) {
    var gathered: [FormulaProduct] = []
    for product in products.count > 1 ? products.flatMap(\.opened) : products {
      if let index = gathered.firstIndex(where: { $0.factors == product.factors }) {
        gathered[index].coefficient += product.coefficient
      } else {
        gathered.append(product)
      }
    }
    var ordered = gathered.filter { $0.coefficient != 0 }.sorted { $0.precedes($1) }
    if let index = ordered.firstIndex(where: { $0.coefficient > 0 }) {
      ordered.insert(ordered.remove(at: index), at: 0)
    }
    terms = ordered
  }

  /// What a formula says.
  ///
  /// - Parameters:
  ///   - formula: The formula.
  ///   - isExpanding: Whether products of sums are multiplied out, so that all that can cancel does.
  init(_ formula: Formula, isExpanding: Bool = false) {
    let part = { FormulaSum($0, isExpanding: isExpanding) }
    switch formula {
    case .constant(let number): self.init([FormulaProduct(coefficient: number)])
    case .symbol(let symbol): self.init([FormulaProduct(.symbol(symbol))])
    case .sum(let left, let right): self.init(part(left).terms + part(right).terms)
    case .product(let left, let right):
      self = part(left).times(part(right), isExpanding: isExpanding)
    case .quotient(let left, let right):
      self = part(left).times(part(right).inverse, isExpanding: isExpanding)
    case .squareRoot(let operand): self = part(operand).squareRoot
    }
  }

  /// The sum as one product: its only term, or itself as a factor, without a sign that all terms share.
  var product: FormulaProduct {
    if terms.isEmpty { return FormulaProduct(coefficient: 0) }
    if terms.count == 1 { return terms[0] }
    let isNegative = terms[0].coefficient < 0
    let positive = isNegative ? FormulaSum(terms.map { $0.scaled(by: -1) }) : self
    return FormulaProduct(coefficient: isNegative ? -1 : 1, factors: [.init(base: .sum(positive))])
  }

  private func times(_ other: FormulaSum, isExpanding: Bool) -> FormulaSum {
    guard isExpanding else { return FormulaSum([product.times(other.product)]) }
    return FormulaSum(terms.flatMap { term in other.terms.map { term.times($0) } })
  }

  private var inverse: FormulaSum {
    let product = product
    return FormulaSum([
      FormulaProduct(
        coefficient: 1 / product.coefficient,
        factors: product.factors.map { .init(base: $0.base, halves: -$0.halves) }
      )
    ])
  }

  private var squareRoot: FormulaSum {
    let product = product
    let isOpen = product.coefficient >= 0 && product.factors.allSatisfy(\.isWholePowerOfSymbol)
    guard isOpen else {
      return FormulaSum([FormulaProduct(.sum(self), halves: 1)])
    }
    return FormulaSum([
      FormulaProduct(
        coefficient: product.coefficient.squareRoot(),
        factors: product.factors.map { .init(base: $0.base, halves: $0.halves / 2) }
      )
    ])
  }

  /// The same with what terms share put before brackets: `mu - lr mu lambda` is `(1 - lr lambda) mu`.
  var bracketed: FormulaSum {
    guard terms.count > 1 else { return self }
    let shared = terms.dropFirst().reduce(terms[0].factors) { $1.common(with: $0) }
    if !shared.isEmpty {
      // 1 - x reads better than x - 1.
      let isNegative = terms.min { $0.precedes($1) }.map { $0.coefficient < 0 } ?? false
      let common = FormulaProduct(coefficient: isNegative ? -1 : 1, factors: shared)
      let rest = FormulaSum(terms.map { $0.divided(by: common) })
      return FormulaSum([rest.bracketed.product.times(common)])
    }
    // What differs by a factor 1 + x or 1 - x; a number alone is left where it is.
    for term in terms where !term.factors.isEmpty {
      for other in terms where other != term {
        let ratio = other.divided(by: term)
        guard ratio.coefficient.magnitude == 1, ratio.isSymbol else { continue }
        let bracket = FormulaSum([FormulaProduct(coefficient: 1), ratio]).product
        let rest = FormulaSum(terms.filter { $0 != term && $0 != other }).bracketed
        return FormulaSum(rest.terms + [term.times(bracket)])
      }
    }
    return self
  }

  /// Whether something is divided by a sum.
  var hasSumBelow: Bool {
    terms.contains { term in
      term.factors.contains { factor in
        if case .sum = factor.base { factor.halves < 0 } else { false }
      }
    }
  }

  /// The sum as a formula that evaluates to the same within rounding.
  var formula: Formula {
    guard let first = terms.first else { return 0 }
    return terms.dropFirst().reduce(first.formula) { $0 + $1.formula }
  }

  /// As a person writes it: `1 + mu - lr lambda`.
  var text: String { FormulaSum.text(terms.map { ($0.coefficient < 0, $0.text) }) }

  /// Addends with their signs between them; `0` if there are none.
  static func text(_ addends: [(isNegative: Bool, text: String)]) -> String {
    guard let first = addends.first else { return "0" }
    return addends.dropFirst().reduce((first.isNegative ? "-" : "") + first.text) { text, addend in
      text + (addend.isNegative ? " - " : " + ") + addend.text
    }
  }
}
