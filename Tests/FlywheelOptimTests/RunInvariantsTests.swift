import FlywheelCore
import FlywheelOptim
import Testing

/// The laws of normal forms, with random coefficients, gradients and ways of keeping a buffer.
@Suite("Run invariants")
struct RunInvariantsTests {
  /// SplitMix64: small, and the same on every machine.
  private struct SplitMix {
    var state: UInt64

    mutating func number(in range: ClosedRange<Double>) -> Double {
      state &+= 0x9e37_79b9_7f4a_7c15
      var bits = state
      bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
      bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
      let unit = Double((bits ^ (bits >> 31)) >> 11) / 9_007_199_254_740_992
      return range.lowerBound + unit * (range.upperBound - range.lowerBound)
    }
  }

  /// A form that neither grows nor dies, a map, gradients, and a buffer and a weight to start from.
  private struct Sample {
    var form: NormalForm
    let map: BufferMap
    let gradients: [Double]
    let start: (v: Double, w: Double)

    init(seed: UInt64) {
      var random = SplitMix(state: seed)
      form = NormalForm(
        a: random.number(in: 0.1...0.95),
        b: random.number(in: 0.2...2),
        c: random.number(in: -0.05...0.05),
        p: random.number(in: -1 ... -0.05),
        q: random.number(in: -0.5...0.5),
        r: random.number(in: -0.2...0)
      )
      let scale = random.number(in: 0.1...10)
      let sign: Double = random.number(in: -1...1) < 0 ? -1 : 1
      map = BufferMap(scale: sign * scale, weightShare: random.number(in: -2...2))
      gradients = (0..<20).map { _ in random.number(in: -1...1) }
      start = (random.number(in: -1...1), random.number(in: -1...1))
    }

    /// The weights of a form, from a buffer.
    func weights(_ n: NormalForm, from buffer: Double) -> [Double] {
      var (v, w) = (buffer, start.w)
      return gradients.map { g in
        (v, w) = (n.a * v + n.b * g + n.c * w, w + n.p * v + n.q * g + n.r * w)
        return w
      }
    }
  }

  private func far(_ left: [Double], _ right: [Double]) -> Double {
    let scale = left.map(abs).max() ?? 1
    return (zip(left, right).map { abs($0 - $1) }.max() ?? 0) / scale
  }

  private func distance(_ left: RunInvariants, _ right: RunInvariants) -> Double {
    max(
      abs(left.trace - right.trace),
      abs(left.determinant - right.determinant),
      abs(left.gradient - right.gradient),
      abs(left.laggedGradient - right.laggedGradient)
    )
  }

  @Test(
    "Another way of keeping the buffer changes neither invariants nor weights",
    arguments: 1...50
  )
  func keeping(seed: UInt64) {
    let sample = Sample(seed: seed)
    let (form, map) = (sample.form, sample.map)
    let kept = form.keeping(map)
    #expect(distance(form.invariants, kept.invariants) < 1e-13)
    let (v, w) = sample.start
    let walks = (
      sample.weights(form, from: v),
      sample.weights(kept, from: map.scale * v + map.weightShare * w)
    )
    #expect(far(walks.0, walks.1) < 1e-12)
  }

  @Test("The way back is the way there backwards", arguments: 1...50)
  func inverse(seed: UInt64) throws {
    let sample = Sample(seed: seed)
    let inverse = try #require(sample.map.inverse)
    let back = sample.form.keeping(sample.map).keeping(inverse)
    let pairs: [(Double, Double)] = [
      (back.a, sample.form.a), (back.b, sample.form.b), (back.c, sample.form.c),
      (back.p, sample.form.p), (back.q, sample.form.q), (back.r, sample.form.r),
    ]
    for (value, expected) in pairs { #expect(abs(value - expected) < 1e-12) }
  }

  @Test("The same invariants are the same weights, whatever else is different", arguments: 1...50)
  func sameInvariants(seed: UInt64) {
    let sample = Sample(seed: seed)
    let n = sample.form.invariants
    // A form with these four and any a, b and p that fit: c and r follow.
    let (a, q, p) = (sample.map.weightShare / 3, n.gradient, sample.map.scale)
    let r = n.trace - 1 - a
    let other = NormalForm(
      a: a,
      b: (n.laggedGradient + q * a) / p,
      c: (a * (1 + r) - n.determinant) / p,
      p: p,
      q: q,
      r: r
    )
    // The buffer with which both make the same first step.
    let (v, w) = sample.start
    let start = (sample.form.p * v + (sample.form.r - r) * w) / p
    #expect(far(sample.weights(sample.form, from: v), sample.weights(other, from: start)) < 1e-11)
  }

  @Test("Other invariants are other weights", arguments: 1...20)
  func perturbed(seed: UInt64) {
    let sample = Sample(seed: seed)
    let letters: [WritableKeyPath<NormalForm, Double>] = [\.a, \.b, \.c, \.q, \.r]
    for letter in letters {
      var other = sample.form
      other[keyPath: letter] += 1e-4
      #expect(distance(sample.form.invariants, other.invariants) > 1e-6)
      let parted = far(
        sample.weights(sample.form, from: sample.start.v),
        sample.weights(other, from: sample.start.v)
      )
      #expect(parted > 1e-7)
    }
  }
}
