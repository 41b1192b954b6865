extension Double {
  /// The number with so many significant digits.
  func rounded(toDigits count: Int) -> Double {
    guard isFinite, self != 0, count > 0 else { return self }
    let parts = "\(magnitude)".split(separator: "e")
    let mantissa = parts.first ?? ""
    let exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + mantissa.prefix { $0 != "." }.count
    let digits = mantissa.compactMap(\.wholeNumberValue)
    let leading = digits.prefix { $0 == 0 }.count
    let significant = Array(digits.dropFirst(leading))
    guard count < significant.count else { return self }
    let head = significant.prefix(count).reduce(0) { $0 * 10 + $1 }
    let whole = head + (significant[count] >= 5 ? 1 : 0)
    let number = Double("\(whole)e\(exponent - leading - count)") ?? magnitude
    return self < 0 ? -number : number
  }

  /// The decimal of the fewest digits no further away than this, at most a hundredth of the number; itself
  /// if it has none of up to nine digits.
  func shortest(within distance: Double) -> Double {
    let reach = min(distance, abs(self) / 100)
    for count in 1...9 {
      let candidate = rounded(toDigits: count)
      if abs(candidate - self) <= reach { return candidate }
    }
    return self
  }

  /// The number as a sentence shows it: four significant digits, whole numbers without a fraction.
  var brief: String { text(digits: 4) }

  /// The number with so many significant digits, whole numbers without a fraction.
  func text(digits: Int) -> String {
    let number = rounded(toDigits: digits)
    if let whole = Int(exactly: number), abs(whole) < 1_000_000 { return "\(whole)" }
    return "\(number)"
  }
}
