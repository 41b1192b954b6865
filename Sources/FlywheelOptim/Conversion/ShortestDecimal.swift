extension Double {
  /// The shortest decimal within a few ulps: what a person would have typed.
  ///
  /// A quotient of numbers that cancel, like 0.01·0.1/0.01, may miss the decimal that was meant by a bit
  /// or two. A number that no decimal of up to 12 digits is this close to stays as it is.
  package var shortestDecimal: Double {
    guard isFinite, self != 0 else { return self }
    let text = "\(magnitude)"
    let parts = text.split(separator: "e")
    guard let mantissa = parts.first else { return self }
    let whole = mantissa.prefix { $0 != "." }
    let exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + whole.count
    // The number is 0.d₁d₂… · 10^exponent, leading zeros included.
    let digits = mantissa.compactMap(\.wholeNumberValue)
    let leading = digits.prefix { $0 == 0 }.count
    let significant = Array(digits.dropFirst(leading))
    for count in 1...12 where count < significant.count {
      let head = significant.prefix(count).reduce(0) { $0 * 10 + $1 }
      let rounded = head + (significant[count] >= 5 ? 1 : 0)
      guard let candidate = Double("\(rounded)e\(exponent - leading - count)") else { continue }
      if abs(candidate - magnitude) <= 4 * magnitude.ulp {
        return self < 0 ? -candidate : candidate
      }
    }
    return self
  }
}
