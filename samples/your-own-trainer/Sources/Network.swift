/// A small network with momentum, written by hand: 2 inputs, 16 rectified units, 1 output.
///
/// It learns x·y from random points. There is nothing of Flywheel in this file.
struct Network {
  static let hidden = 16
  static let batch = 64

  var step = 0
  var learningRate = 0.02
  var momentum = 0.9
  // Row by row: for each hidden unit the weights of both inputs.
  var inner: [Double]
  var innerBias = [Double](repeating: 0, count: hidden)
  var outer: [Double]
  // The velocities of all parameters, in the same order.
  var innerVelocity = [Double](repeating: 0, count: 2 * hidden)
  var innerBiasVelocity = [Double](repeating: 0, count: hidden)
  var outerVelocity = [Double](repeating: 0, count: hidden)
  // SplitMix64: one word is all of its state.
  var random: [UInt64]

  init(seed: UInt64) {
    random = [seed]
    inner = []
    outer = []
    inner = (0..<2 * Self.hidden).map { _ in uniform() }
    outer = (0..<Self.hidden).map { _ in 0.5 * uniform() }
  }

  /// Takes one step on points that are drawn at random; returns the mean loss before it.
  mutating func train() -> Double {
    var innerGradient = [Double](repeating: 0, count: inner.count)
    var innerBiasGradient = [Double](repeating: 0, count: innerBias.count)
    var outerGradient = [Double](repeating: 0, count: outer.count)
    var loss = 0.0
    for _ in 0..<Self.batch {
      let (x, y) = (uniform(), uniform())
      let units = (0..<Self.hidden).map { unit in
        max(0, inner[2 * unit] * x + inner[2 * unit + 1] * y + innerBias[unit])
      }
      let error = zip(units, outer).reduce(0) { $0 + $1.0 * $1.1 } - x * y
      loss += error * error / 2
      for unit in 0..<Self.hidden where units[unit] > 0 {
        outerGradient[unit] += error * units[unit]
        innerGradient[2 * unit] += error * outer[unit] * x
        innerGradient[2 * unit + 1] += error * outer[unit] * y
        innerBiasGradient[unit] += error * outer[unit]
      }
    }
    let (rate, momentum) = (learningRate, momentum)
    func descend(_ values: inout [Double], _ velocity: inout [Double], _ gradient: [Double]) {
      for index in values.indices {
        velocity[index] = momentum * velocity[index] + gradient[index] / Double(Self.batch)
        values[index] -= rate * velocity[index]
      }
    }
    descend(&inner, &innerVelocity, innerGradient)
    descend(&innerBias, &innerBiasVelocity, innerBiasGradient)
    descend(&outer, &outerVelocity, outerGradient)
    step += 1
    return loss / Double(Self.batch)
  }

  /// A number from -1 to below 1.
  private mutating func uniform() -> Double {
    random[0] &+= 0x9E37_79B9_7F4A_7C15
    var word = random[0]
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    word ^= word >> 31
    return Double(word >> 11) / 4_503_599_627_370_496 - 1
  }
}
