import FlywheelCore
import FlywheelOptim
import Testing

@testable import FlywheelTrain

/// The step of Adam's kin and the norm of gradients, against plain loops over doubles.
@Suite struct AdaptiveKernelTests {
  /// Which of the buffers a rule keeps beside the second moment.
  struct Kept: Sendable, Hashable, CustomTestStringConvertible {
    var first: Bool
    var maximum: Bool
    var mean: Bool
    var momentum: Bool

    static let all = (0..<16).map { bits in
      Kept(first: bits & 1 > 0, maximum: bits & 2 > 0, mean: bits & 4 > 0, momentum: bits & 8 > 0)
    }

    var testDescription: String {
      let names = [
        (first, "first"), (maximum, "maximum"), (mean, "mean"), (momentum, "momentum"),
      ]
      return "second" + names.filter(\.0).map { ", \($0.1)" }.joined()
    }
  }

  /// No number is zero or one, and no two are the same.
  private static let form = AdaptiveForm<Double>(
    coupledDecay: 0.021,
    firstKept: 0.9,
    firstGain: 0.13,
    secondKept: 0.97,
    secondGain: 0.07,
    firstShare: 0.8,
    gradientShare: 0.3,
    centering: 0.6,
    maximum: 1,
    epsilonInside: 0.002,
    epsilonOutside: 0.03,
    momentum: 0.5,
    insideRate: 1.7,
    shrink: 0.0055,
    rate: 0.11
  )
  private static let scale = 0.77

  /// A weight with its buffers, one element.
  private struct Element {
    var w = 0.0
    var first = 0.0
    var second = 0.0
    var maximum = 0.0
    var mean = 0.0
    var momentum = 0.0

    /// The equations of `AdaptiveForm`, line by line.
    mutating func step(_ g: Double, _ c: AdaptiveForm<Double>, scale: Double, _ kept: Kept) {
      let gradient = scale * g + c.coupledDecay * w
      var numerator = c.gradientShare * gradient
      if kept.first {
        first = c.firstKept * first + c.firstGain * gradient
        numerator += c.firstShare * first
      }
      second = c.secondKept * second + c.secondGain * gradient * gradient
      var square = second
      if kept.maximum {
        maximum = max(maximum, second)
        square = maximum
      }
      if kept.mean {
        mean = c.secondKept * mean + c.secondGain * gradient
        square = max(0, square - c.centering * mean * mean)
      }
      let root = (square + c.epsilonInside).squareRoot()
      var move = numerator == 0 ? 0 : c.insideRate * numerator / (root + c.epsilonOutside)
      if kept.momentum {
        momentum = c.momentum * momentum + move
        move = momentum
      }
      w = (1 - c.shrink) * w - c.rate * move
    }
  }

  /// A parameter with all its buffers where the kernel can work on it.
  private struct Padded<Scalar: TrainingScalar> {
    let matrices: [PaddedMatrix<Scalar>]
    let kept: Kept

    /// Numbers in general position; second moments and their maxima are not negative.
    init(_ kept: Kept, columns: Int) throws {
      self.kept = kept
      var random = Philox(seed: 5, stream: 0)
      matrices = try (0..<6).map { place in
        let matrix = try PaddedMatrix<Scalar>(rows: 1, columns: columns)
        matrix.fill {
          // As the type has them, so that both computations start from the same numbers.
          let number = Double(Float(2 * random.uniform() - 1))
          return place == 2 || place == 3 ? abs(number) : number / 2
        }
        return matrix
      }
    }

    func element(_ index: Int) -> Element {
      let values = matrices.map { unsafe Double($0.base[index]) }
      return Element(
        w: values[0],
        first: values[1],
        second: values[2],
        maximum: values[3],
        mean: values[4],
        momentum: values[5]
      )
    }

    func step(_ gradient: PaddedMatrix<Scalar>, _ form: AdaptiveForm<Double>, scale: Double) {
      unsafe Scalar.kernels.adapt(
        matrices[0].base,
        gradient.base,
        kept.first ? matrices[1].base : nil,
        matrices[2].base,
        kept.maximum ? matrices[3].base : nil,
        kept.mean ? matrices[4].base : nil,
        kept.momentum ? matrices[5].base : nil,
        gradient.stride,
        form,
        scale
      )
    }
  }

  private static func gradient<Scalar: TrainingScalar>(
    _ type: Scalar.Type,
    columns: Int,
    seed: UInt64
  ) throws -> PaddedMatrix<Scalar> {
    var random = Philox(seed: seed, stream: 1)
    let matrix = try PaddedMatrix<Scalar>(rows: 1, columns: columns)
    matrix.fill { Double(Float(2 * random.uniform() - 1)) }
    return matrix
  }

  @Test(arguments: Kept.all, [1, 16, 30, 100])
  func `a step is that of the plain equations, whatever is kept`(
    kept: Kept,
    columns: Int
  ) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let padded = try Padded<Scalar>(kept, columns: columns)
      var elements = (0..<columns).map { padded.element($0) }
      for seed in 1...3 {
        let gradient = try Self.gradient(type, columns: columns, seed: UInt64(seed))
        padded.step(gradient, Self.form, scale: Self.scale)
        for index in 0..<columns {
          let g = unsafe Double(gradient.base[index])
          elements[index].step(g, Self.form, scale: Self.scale, kept)
        }
      }
      let tolerance = 500 * Double(type.ulpOfOne)
      for (index, expected) in elements.enumerated() {
        let found = padded.element(index)
        for (value, target) in [
          (found.w, expected.w), (found.first, expected.first), (found.second, expected.second),
          (found.maximum, expected.maximum), (found.mean, expected.mean),
          (found.momentum, expected.momentum),
        ] {
          #expect(abs(value - target) <= tolerance)
        }
      }
      for matrix in padded.matrices {
        #expect((columns..<matrix.stride).allSatisfy { unsafe matrix.base[$0] == 0 })
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: UpdateRule.presets)
  func `a rule of the family walks as its table resolves`(rule: UpdateRule) throws {
    guard case .adaptive(let adaptive) = rule else { return }
    var given = Hyperparameters()
    for definition in rule.hyperparameters {
      switch definition.range {
      case .flag: given[definition.name] = .flag(true)
      default: given[definition.name] = .number(0.3)
      }
    }
    let names = adaptive.slotNames(given)
    let kept = Kept(
      first: adaptive.slots.first.map { names.contains($0) } ?? false,
      maximum: adaptive.slots.maximum.map { names.contains($0) } ?? false,
      mean: adaptive.slots.mean.map { names.contains($0) } ?? false,
      momentum: adaptive.slots.momentum.map { names.contains($0) } ?? false
    )
    let padded = try Padded<Double>(kept, columns: 20)
    for matrix in padded.matrices.dropFirst() { matrix.fill { 0 } }
    var elements = (0..<20).map { padded.element($0) }
    for step in 1...5 {
      let form = adaptive.resolve(
        given,
        sizes: .init(batch: 1, training: 1),
        step: step,
        isWeight: true
      )
      let gradient = try Self.gradient(Double.self, columns: 20, seed: UInt64(step))
      padded.step(gradient, form, scale: 1)
      for index in elements.indices {
        elements[index].step(unsafe gradient.base[index], form, scale: 1, kept)
        #expect(abs(elements[index].w - padded.element(index).w) <= 1e-12)
      }
    }
  }

  @Test(arguments: Kept.all)
  func `what never had a gradient stays, even with an epsilon of zero`(kept: Kept) throws {
    var form = Self.form
    (form.epsilonInside, form.epsilonOutside, form.coupledDecay, form.shrink) = (0, 0, 0, 0)
    let padded = try Padded<Float>(kept, columns: 20)
    for matrix in padded.matrices.dropFirst() { matrix.fill { 0 } }
    let before = (0..<20).map { padded.element($0).w }
    padded.step(try PaddedMatrix<Float>(rows: 1, columns: 20), form, scale: 1)
    #expect((0..<20).map { padded.element($0).w } == before)
    #expect((20..<32).allSatisfy { unsafe padded.matrices[0].base[$0] == 0 })
  }

  @Test(arguments: Kept.all)
  func `a gradient that is NaN reaches its weight, and no other`(kept: Kept) throws {
    let padded = try Padded<Float>(kept, columns: 20)
    let gradient = try Self.gradient(Float.self, columns: 20, seed: 1)
    unsafe gradient.base[7] = .nan
    padded.step(gradient, Self.form, scale: 1)
    for index in 0..<20 { #expect(padded.element(index).w.isNaN == (index == 7)) }
  }

  @Test(arguments: [0, 16, 32, 1_600])
  func `a sum of squares is one of doubles`(count: Int) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let gradient = try Self.gradient(type, columns: max(count, 16), seed: 9)
      let plain = (0..<count).reduce(0.0) { sum, index in
        let value = unsafe Double(gradient.base[index])
        return sum + value * value
      }
      let sum = unsafe type.kernels.sumOfSquares(gradient.base, count)
      #expect(abs(sum - plain) <= 1e-14 * plain)
    }
    try check(Float.self)
    try check(Double.self)
  }

  /// The bits of these kernels' results, for the comparison of levels.
  static func results<Scalar: TrainingScalar>(_ type: Scalar.Type) throws -> [String: UInt32] {
    var results: [String: UInt32] = [:]
    let gradient = try gradient(type, columns: 100, seed: 3)
    for kept in Kept.all {
      let padded = try Padded<Scalar>(kept, columns: 100)
      for _ in 0..<3 { padded.step(gradient, form, scale: scale) }
      for (place, matrix) in padded.matrices.enumerated() {
        let count = matrix.stride * MemoryLayout<Scalar>.stride
        results["adapt \(place), \(kept.testDescription), \(type)"] = CRC32.checksum(
          unsafe RawSpan(_unsafeStart: matrix.base, byteCount: count)
        )
      }
    }
    let sum = unsafe type.kernels.sumOfSquares(gradient.base, gradient.stride)
    results["sum of squares, \(type)"] = CRC32.checksum([sum].rawBytes)
    return results
  }
}
