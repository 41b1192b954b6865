/// Numbers as charts show them.
public enum Numeral {
  /// A whole number times a power of ten, as a number; exact to the last bit.
  static func value(_ factor: Int, exponent: Int) -> Double {
    Double("\(factor)e\(exponent)") ?? 0
  }

  /// A whole number times a power of ten, with the decimals that the power asks for and separators
  /// between thousands, for example `0.150` or `20,000`.
  static func plain(_ factor: Int, exponent: Int) -> String {
    var digits = String(factor.magnitude)
    let decimals = max(0, -exponent)
    if exponent > 0 && factor != 0 { digits += String(repeating: "0", count: exponent) }
    digits = String(repeating: "0", count: max(0, decimals + 1 - digits.utf8.count)) + digits
    let whole = grouped(digits.dropLast(decimals))
    let sign = factor < 0 ? "-" : ""
    return sign + whole + (decimals > 0 ? "." + digits.suffix(decimals) : "")
  }

  /// A whole number times a power of ten, with one digit before the point, for example `1.5e-8`.
  static func scientific(_ factor: Int, exponent: Int) -> String {
    guard factor != 0 else { return "0" }
    let digits = String(factor.magnitude)
    var fraction = digits.dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    let power = exponent + digits.utf8.count - 1
    return (factor < 0 ? "-" : "") + digits.prefix(1) + (fraction.isEmpty ? "" : "." + fraction)
      + (power == 0 ? "" : "e\(power)")
  }

  /// A whole number with separators between thousands, for example `20,000`.
  public static func grouped(_ number: Int) -> String { plain(number, exponent: 0) }

  /// A value to four significant digits, for example `0.0931`, `1,234` or `5e-7`.
  public static func short(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    guard value != 0 else { return "0" }
    var exponent = Decade.below(value.magnitude) - 3
    var factor = (value.magnitude / self.value(1, exponent: max(exponent, -300))).rounded()
    guard exponent >= -300, factor.isFinite else { return "\(value)" }
    if factor >= 10_000 {
      factor /= 10
      exponent += 1
    }
    var whole = Int(factor)
    while whole.isMultiple(of: 10) && whole > 0 && (exponent < 0 || whole > 9_999) {
      whole /= 10
      exponent += 1
    }
    let signed = value < 0 ? -whole : whole
    return isPlain(largest: value.magnitude, exponent: exponent)
      ? plain(signed, exponent: exponent) : scientific(signed, exponent: exponent)
  }

  /// Whether numbers of this size and precision are best read without an exponent.
  static func isPlain(largest magnitude: Double, exponent: Int) -> Bool {
    magnitude < 1e7 && exponent >= -7 && (magnitude == 0 || magnitude >= 1e-4)
  }

  /// A length in a drawing: at most two decimals.
  static func coordinate(_ value: Double) -> String {
    var hundredths = Int((value * 100).rounded())
    guard !hundredths.isMultiple(of: 100) else { return String(hundredths / 100) }
    var exponent = -2
    if hundredths.isMultiple(of: 10) {
      hundredths /= 10
      exponent = -1
    }
    return plain(hundredths, exponent: exponent).filter { $0 != "," }
  }

  private static func grouped(_ digits: Substring) -> String {
    var rest = digits
    var groups: [Substring] = []
    while rest.utf8.count > 3 {
      groups.insert(rest.suffix(3), at: 0)
      rest = rest.dropLast(3)
    }
    return ([rest] + groups).joined(separator: ",")
  }
}
