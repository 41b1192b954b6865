/// A power with a whole exponent of at least 0, by repeated squaring: the same bits on every platform.
package func power(_ base: Double, _ exponent: Int) -> Double {
  var (power, square, rest) = (1.0, base, max(0, exponent))
  while rest > 0 {
    if rest & 1 == 1 { power *= square }
    square *= square
    rest >>= 1
  }
  return power
}
