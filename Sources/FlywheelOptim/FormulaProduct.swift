/// A number times powers of symbols and of sums: one term of a `FormulaSum`.
struct FormulaProduct: Hashable {
  /// The number.
  var coefficient: Double
  /// What it is multiplied by, each base once, none to the power of 0, sums before symbols.
  let factors: [Factor]

  /// A base to a power.
  struct Factor: Hashable {
    /// What is raised.
    let base: Base
    /// To what power, in halves: 1 is the square root, -2 the inverse.
    var halves = 2

    /// Whether the root of it is a power again.
    var isWholePowerOfSymbol: Bool {
      if case .symbol = base { halves % 2 == 0 } else { false }
    }
  }

  /// What is raised to a power.
  enum Base: Hashable {
    /// A symbol.
    case symbol(Formula.Symbol)
    /// A sum of several terms.
    case sum(FormulaSum)
  }

  /// Creates a product.
  init(coefficient: Double, factors: [Factor] = []) {
    self.coefficient = coefficient
    self.factors = factors.filter { $0.halves != 0 }.sorted { $0.base.precedes($1.base) }
  }

  /// Creates a power.
  init(_ base: Base, halves: Int = 2) {
    self.init(coefficient: 1, factors: [Factor(base: base, halves: halves)])
  }

  /// The product with another one.
  func times(_ other: FormulaProduct) -> FormulaProduct {
    var product = factors
    for factor in other.factors {
      if let index = product.firstIndex(where: { $0.base == factor.base }) {
        product[index].halves += factor.halves
      } else {
        product.append(factor)
      }
    }
    return FormulaProduct(coefficient: coefficient * other.coefficient, factors: product)
  }

  /// The product divided by another one.
  func divided(by other: FormulaProduct) -> FormulaProduct {
    times(
      FormulaProduct(
        coefficient: 1 / other.coefficient,
        factors: other.factors.map { Factor(base: $0.base, halves: -$0.halves) }
      )
    )
  }

  /// The product with another number.
  func scaled(by number: Double) -> FormulaProduct {
    FormulaProduct(coefficient: coefficient * number, factors: factors)
  }

  /// The powers that both have, above and below the line.
  func common(with others: [Factor]) -> [Factor] {
    others.compactMap { other in
      guard let own = factors.first(where: { $0.base == other.base }),
        own.halves.signum() == other.halves.signum()
      else { return nil }
      return own.halves.magnitude < other.halves.magnitude ? own : other
    }
  }

  /// The terms of the sum that the product is, if it is a number times one.
  var opened: [FormulaProduct] {
    guard factors.count == 1, factors[0].halves == 2, case .sum(let sum) = factors[0].base else {
      return [self]
    }
    return sum.terms.map { $0.scaled(by: coefficient) }
  }

  /// Whether it is a symbol, with whatever number.
  var isSymbol: Bool {
    factors.count == 1 && factors[0].isWholePowerOfSymbol && factors[0].halves == 2
  }

  /// The power that a symbol is raised to, in halves.
  func power(of symbol: Formula.Symbol) -> Int {
    factors.first { $0.base == .symbol(symbol) }?.halves ?? 0
  }

  /// Whether it comes first in a sum.
  func precedes(_ other: FormulaProduct) -> Bool {
    let (own, others) = (degree, other.degree)
    return own == others ? text < other.text : own < others
  }

  private var degree: Int { factors.reduce(0) { $0 + Int($1.halves.magnitude) } }

  /// The product as a formula.
  var formula: Formula {
    let above = factors.filter { $0.halves > 0 }.reduce(Formula.constant(coefficient)) {
      $0 * $1.formula
    }
    return factors.filter { $0.halves < 0 }.reduce(above) { $0 / $1.formula }
  }

  /// As a person writes it, without its sign: `(1 - tau) lambda`, `lr lambda/n`.
  var text: String {
    let number = coefficient.magnitude
    var above = factors.filter { $0.halves > 0 }.map(\.text)
    if number != 1 || above.isEmpty { above.insert(Self.text(number), at: 0) }
    let below = factors.filter { $0.halves < 0 }.map(\.text)
    let numerator = above.joined(separator: " ")
    switch below.count {
    case 0: return numerator
    case 1: return "\(numerator)/\(below[0])"
    default: return "\(numerator)/(\(below.joined(separator: " ")))"
    }
  }

  /// The product times a name: `lr lambda w`, `(lambda/n) w`; itself if there is no name.
  func text(times name: String?) -> String {
    guard let name else { return text }
    if factors.isEmpty && coefficient.magnitude == 1 { return name }
    return factors.contains { $0.halves < 0 } ? "(\(text)) \(name)" : "\(text) \(name)"
  }

  private static func text(_ number: Double) -> String {
    Int(exactly: number).map { "\($0)" } ?? "\(number)"
  }
}

extension FormulaProduct.Base {
  /// Whether it comes first in a product: sums before symbols, symbols as `Formula.Symbol` lists them.
  func precedes(_ other: FormulaProduct.Base) -> Bool {
    switch (self, other) {
    case (.sum(let own), .sum(let other)): own.text < other.text
    case (.sum, .symbol): true
    case (.symbol, .sum): false
    case (.symbol(let own), .symbol(let other)): own.place < other.place
    }
  }

  fileprivate var formula: Formula {
    switch self {
    case .symbol(let symbol): .symbol(symbol)
    case .sum(let sum): sum.formula
    }
  }

  fileprivate var text: String {
    switch self {
    case .symbol(let symbol): symbol.rawValue
    case .sum(let sum): "(\(sum.text))"
    }
  }
}

extension FormulaProduct.Factor {
  /// The power without its sign, as a formula.
  fileprivate var formula: Formula {
    let (whole, half) = halves.magnitude.quotientAndRemainder(dividingBy: 2)
    let roots = half == 1 ? [Formula.squareRoot(base.formula)] : []
    let powers = roots + Array(repeating: base.formula, count: Int(whole))
    return powers.dropFirst().reduce(powers.first ?? 1, *)
  }

  /// The power without its sign: `mu`, `mu^2`, `sqrt(c2)`.
  fileprivate var text: String {
    let (whole, half) = halves.magnitude.quotientAndRemainder(dividingBy: 2)
    let power = whole == 0 ? [] : [whole == 1 ? base.text : "\(base.text)^\(whole)"]
    let inner = if case .sum(let sum) = base { sum.text } else { base.text }
    return (power + (half == 1 ? ["sqrt(\(inner))"] : [])).joined(separator: " ")
  }
}

extension Formula.Symbol {
  /// Where it stands in the list of symbols, which is the order that products are written in.
  fileprivate var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
