import FlywheelOptim

/// A step as lines that a numpy trainer has.
struct StepCode {
  let isWeight: Bool
  /// How many samples the trainer's gradient is summed over; nil if it is a mean.
  let batch: Double?

  /// The line of the velocity, if there is one, and that of the weight.
  func lines(_ form: SGDForm<Double>) -> [String] {
    let (weight, gradient) = isWeight ? ("W", "dW") : ("b", "db")
    // A sum is the mean times m.
    let scale = batch ?? 1
    let hasVelocity = form.a != 0 || form.b != 0 || form.c != 0
    let velocity = Self.sum([
      (form.a, "v", 1), (form.b, gradient, scale), (form.c, weight, 1),
    ])
    let step = Self.sum([
      (-form.d, "v", 1), (-form.f, gradient, scale), (-form.h, weight, 1),
    ])
    return (hasVelocity ? ["v = \(velocity)"] : []) + ["\(weight) -= \(step)"]
  }

  /// A sum of products, those of 0 left out; a divisor is shown where the product does not swallow it.
  private static func sum(_ terms: [(number: Double, name: String, divisor: Double)]) -> String {
    var text = ""
    for (number, name, divisor) in terms where number != 0 {
      let swallowed = (abs(number) / divisor).rounded(toDigits: 10)
      let isShort = divisor == 1 || swallowed == 1 || abs(number) != 1
      let factor = isShort ? swallowed : abs(number)
      let product =
        (factor == 1 ? name : "\(factor.text(digits: 10))*\(name)")
        + (isShort ? "" : "/\(divisor.brief)")
      let sign = number < 0 ? "-" : "+"
      text += text.isEmpty ? (number < 0 ? "-\(product)" : product) : " \(sign) \(product)"
    }
    return text.isEmpty ? "0" : text
  }
}
