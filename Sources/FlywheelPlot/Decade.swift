#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Powers of ten around positive numbers.
enum Decade {
  /// The exponent of the largest power of ten that is not above a positive number.
  static func below(_ value: Double) -> Int {
    let exponent = Int(log10(value).rounded(.down))
    // The logarithm may be off by one bit where it matters: at the powers themselves.
    if Numeral.value(1, exponent: exponent + 1) <= value { return exponent + 1 }
    return Numeral.value(1, exponent: exponent) > value ? exponent - 1 : exponent
  }

  /// The common logarithm.
  static func logarithm(_ value: Double) -> Double { log10(value) }
}
