import CFlywheelKernels
import FlywheelCore
import FlywheelOptim
import SystemPackage
import Testing

@testable import FlywheelTrain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Every kernel against the plainest loops over doubles that say the same.
@Suite struct KernelTests {
  // One expectation after each loop: thousands of them take longer than what they check.

  // MARK: - Dense layers

  @Test(arguments: LayerSize.all)
  func `a dense layer's sums are its dot products and its bias`(size: LayerSize) throws {
    let plain = PlainLayer(size)
    let sums = plain.forward()
    try expectNear(sums, Float.self) { try PaddedLayer(plain).forward() }
    try expectNear(sums, Double.self) { try PaddedLayer(plain).forward() }
  }

  @Test(arguments: LayerSize.all)
  func `a dense layer's input gradient sums over its outputs`(size: LayerSize) throws {
    let plain = PlainLayer(size)
    let gradient = plain.backward()
    try expectNear(gradient, Float.self) { try PaddedLayer(plain).backward() }
    try expectNear(gradient, Double.self) { try PaddedLayer(plain).backward() }
  }

  @Test(arguments: LayerSize.all)
  func `a dense layer's step applies the rule to the summed gradient`(size: LayerSize) throws {
    let plain = PlainLayer(size)
    let (weight, velocity) = plain.update(rule)
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let layer = try PaddedLayer<Scalar>(plain)
      layer.update(rule)
      try expectNear(weight, type) { layer.weight }
      try expectNear(velocity, type) { layer.velocity }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: LayerSize.all)
  func `a stored gradient's step is the fused step, bit for bit`(size: LayerSize) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      for hasVelocity in [true, false] {
        let fused = try PaddedLayer<Scalar>(PlainLayer(size))
        let stored = try PaddedLayer<Scalar>(PlainLayer(size))
        fused.update(rule, hasVelocity: hasVelocity)
        fused.updateBias(rule, hasVelocity: hasVelocity)
        try stored.storeAndUpdate(rule, hasVelocity: hasVelocity)
        #expect(fused.weight.checksum == stored.weight.checksum)
        #expect(fused.velocity.checksum == stored.velocity.checksum)
        #expect(fused.bias.checksum == stored.bias.checksum)
        #expect(fused.biasVelocity.checksum == stored.biasVelocity.checksum)
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: LayerSize.all)
  func `without a velocity a step is that of a velocity of zeros`(size: LayerSize) throws {
    var plain = PlainLayer(size)
    plain.velocity = Matrix(size.outputs, size.inputs)
    plain.biasVelocity = Matrix(1, size.outputs)
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let zeros = try PaddedLayer<Scalar>(plain)
      let none = try PaddedLayer<Scalar>(plain)
      for (layer, hasVelocity) in [(zeros, true), (none, false)] {
        layer.update(rule, hasVelocity: hasVelocity)
        layer.updateBias(rule, hasVelocity: hasVelocity)
      }
      #expect(zeros.weight.checksum == none.weight.checksum)
      #expect(zeros.bias.checksum == none.bias.checksum)
      #expect(none.velocity.distance(to: plain.velocity) == 0)
      #expect(none.biasVelocity.distance(to: plain.biasVelocity) == 0)
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: [0, 1, 4, 5, 10, 16, 17, 30], [0, 1, 3, 10, 33])
  func `a bias's step applies the rule to the summed deltas`(outputs: Int, batch: Int) throws {
    let plain = PlainLayer(LayerSize(inputs: 1, outputs: outputs, batch: batch))
    let (bias, velocity) = plain.updateBias(rule)
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let layer = try PaddedLayer<Scalar>(plain)
      layer.updateBias(rule)
      try expectNear(bias, type) { layer.bias }
      try expectNear(velocity, type) { layer.biasVelocity }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: [0, 16, 32, 1_600])
  func `a stored gradient's step applies the rule`(count: Int) throws {
    let (weight, velocity) = (Matrix(1, count, from: 1), Matrix(1, count, from: 5_000))
    let gradient = Matrix(1, count, from: 9_000)
    var expected = (weight: weight, velocity: velocity)
    for k in 0..<count {
      rule.step(&expected.weight[0, k], &expected.velocity[0, k], gradient[0, k])
    }
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let (w, v) = try (PaddedMatrix<Scalar>(weight), PaddedMatrix<Scalar>(velocity))
      let g = try PaddedMatrix<Scalar>(gradient)
      unsafe type.kernels.apply(w.base, v.base, g.base, count, rule)
      try expectNear(expected.weight, type) { w }
      try expectNear(expected.velocity, type) { v }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: ["a", "b", "c", "d", "f", "h"])
  func `each of the rule's numbers has its own place`(name: String) throws {
    // A prime each, so that no two places can be exchanged unseen.
    var form = SGDForm<Double>(a: 0, b: 0, c: 0, d: 0, f: 0, h: 0)
    switch name {
    case "a": form.a = 2
    case "b": form.b = 3
    case "c": form.c = 5
    case "d": (form.a, form.d) = (2, 7)
    case "f": form.f = 11
    default: form.h = 13
    }
    let plain = PlainLayer(LayerSize(inputs: 17, outputs: 4, batch: 3))
    let (weight, velocity) = plain.update(form)
    let (bias, biasVelocity) = plain.updateBias(form)
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let layer = try PaddedLayer<Scalar>(plain)
      layer.update(form)
      layer.updateBias(form)
      let tolerance = 100 * Double(type.ulpOfOne)
      for (matrix, expected) in [
        (layer.weight, weight), (layer.velocity, velocity), (layer.bias, bias),
        (layer.biasVelocity, biasVelocity),
      ] {
        #expect(matrix.distance(to: expected) <= tolerance)
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test func `a NaN reaches all that depends on it, even through a zero, and no more`() throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      func isNaN(_ matrix: PaddedMatrix<Scalar>) -> [[Bool]] {
        (0..<matrix.rows - 1).map { row in
          (0..<matrix.columns).map { matrix.value(row, $0).isNaN }
        }
      }
      func marked(_ rows: Int, _ columns: Int, _ mark: (Int, Int) -> Bool) -> [[Bool]] {
        (0..<rows).map { row in (0..<columns).map { mark(row, $0) } }
      }
      let size = LayerSize(inputs: 17, outputs: 7, batch: 6)
      var plain = PlainLayer(size)
      plain.input = Matrix(size.batch, size.inputs)
      plain.input[4, 16] = .nan
      var layer = try PaddedLayer<Scalar>(plain)
      #expect(try isNaN(layer.forward()) == marked(6, 7) { row, _ in row == 4 })

      plain = PlainLayer(size)
      plain.input = Matrix(size.batch, size.inputs)
      plain.delta = Matrix(size.batch, size.outputs)
      plain.weight[2, 3] = .nan
      layer = try PaddedLayer<Scalar>(plain)
      #expect(try isNaN(layer.forward()) == marked(6, 7) { _, column in column == 2 })
      #expect(try isNaN(layer.backward()) == marked(6, 17) { _, column in column == 3 })

      plain = PlainLayer(size)
      plain.delta[1, 5] = .nan
      layer = try PaddedLayer<Scalar>(plain)
      layer.update(rule)
      layer.updateBias(rule)
      for matrix in [layer.weight, layer.velocity] {
        #expect(isNaN(matrix) == marked(7, 17) { row, _ in row == 5 })
      }
      for matrix in [layer.bias, layer.biasVelocity] {
        #expect(isNaN(matrix) == marked(1, 7) { _, column in column == 5 })
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  // MARK: - Activations

  @Test(arguments: Activation.allCases, [1, 15, 16, 17, 30])
  func `activations are exact to three units in the last place`(
    activation: Activation,
    columns: Int
  ) throws {
    try expectExact(activation, columns: columns, Float.self)
    try expectExact(activation, columns: columns, Double.self)
  }

  @Test(arguments: Activation.allCases)
  func `an activation keeps the digits of a small number, and its sign`(
    activation: Activation
  ) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let z = try PaddedMatrix<Scalar>(Matrix(rows: [[1e-20, -1e-20, 0, -0.0]]))
      unsafe type.kernels.activate(activation, z.base, z.stride, 1, 4)
      let values = (0..<4).map { z.value(0, $0) }
      switch activation {
      case .sigmoid: #expect(values == [0.5, 0.5, 0.5, 0.5])
      case .tanh:
        #expect(values == [Scalar(1e-20), Scalar(-1e-20), 0, 0])
        #expect(values.map(\.sign) == [.plus, .minus, .plus, .minus])
      case .relu: #expect(values == [Scalar(1e-20), 0, 0, 0])
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: Activation.allCases, 0..<17)
  func `a NaN stays NaN through an activation`(activation: Activation, place: Int) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let z = try PaddedMatrix<Scalar>(Matrix(1, 17, from: 3))
      unsafe z.base[place] = .nan
      unsafe type.kernels.activate(activation, z.base, z.stride, 1, 17)
      #expect((0..<17).allSatisfy { z.value(0, $0).isNaN == ($0 == place) })
      #expect(z.padIsZero)
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(arguments: Activation.allCases, [1, 15, 16, 17, 30])
  func `a delta is multiplied by the activation's slope`(
    activation: Activation,
    columns: Int
  ) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let rows = 5
      var activations = Matrix(rows, columns, from: 77)
      activations[0, 0] = 0
      activations[1, 0] = 1
      let a = try PaddedMatrix<Scalar>(activations)
      let deltas = Matrix(rows, columns, from: 4_444)
      let delta = try PaddedMatrix<Scalar>(deltas)
      unsafe type.kernels.deactivate(
        activation,
        a.base,
        a.stride,
        delta.base,
        delta.stride,
        rows,
        columns
      )
      var expected = deltas
      for row in 0..<rows {
        for column in 0..<columns {
          expected[row, column] *= activation.plainSlope(at: activations[row, column])
        }
      }
      #expect(delta.distance(to: expected) <= 4 * Double(type.ulpOfOne))
      #expect(delta.padIsZero)
      #expect(a.distance(to: activations) == 0)
    }
    try check(Float.self)
    try check(Double.self)
  }

  // MARK: - Output layers

  @Test(
    arguments: Loss.allCases,
    [(0, 10), (1, 1), (3, 2), (33, 10), (10, 15), (10, 16), (3, 17), (3, 64), (2, 65), (2, 256)]
  )
  func `an output layer gives loss, hits and deltas`(loss: Loss, size: (Int, Int)) throws {
    try expectLoss(loss, batch: size.0, classes: size.1, Float.self)
    try expectLoss(loss, batch: size.0, classes: size.1, Double.self)
  }

  struct Guess: Sendable, CustomTestStringConvertible {
    var logits: [Double]
    var label: UInt16
    var isHit: Bool
    var testDescription: String { "\(logits) for \(label)" }

    init(_ logits: [Double], _ label: UInt16, _ isHit: Bool) {
      self.logits = logits
      self.label = label
      self.isHit = isHit
    }
  }

  static let guesses = [
    Guess([1, 2, 3], 2, true), Guess([1, 2, 3], 1, false), Guess([1, 2, 3], 0, false),
    Guess([-1], 0, true),
    // The first of equals wins.
    Guess([3, 3, 1], 0, true), Guess([3, 3, 1], 1, false), Guess([1, 3, 3], 1, true),
    Guess([1, 3, 3], 2, false), Guess([0, 0, 0], 0, true), Guess([0, 0, 0], 2, false),
    Guess([-0.0, 0], 0, true), Guess([-0.0, 0], 1, false),
    // A NaN makes every guess wrong.
    Guess([.nan], 0, false), Guess([.nan, 1, 2], 2, false), Guess([2, 1, .nan], 0, false),
    Guess([1, .nan, 2], 1, false), Guess([1, .nan, 2], 2, false), Guess([.nan, .nan], 0, false),
  ]

  @Test(arguments: Loss.allCases, guesses)
  func `a hit is a label whose logit is the first greatest`(loss: Loss, guess: Guess) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      // Between samples that are right, so that nothing leaks from one to the next.
      let right = guess.logits.indices.map { $0 == 0 ? 2.0 : -1 }
      let z = try PaddedMatrix<Scalar>(Matrix(rows: [right, guess.logits, right]))
      let (sum, hits) = unsafe type.kernels.loss(
        loss,
        z.base,
        z.stride,
        [0, guess.label, 0],
        3,
        guess.logits.count,
        1
      )
      #expect(hits == (guess.isHit ? 3 : 2))
      #expect(sum.isNaN == guess.logits.contains { $0.isNaN })
      #expect((0..<right.count).allSatisfy { !z.value(0, $0).isNaN && !z.value(2, $0).isNaN })
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(
    arguments: [Loss.sigmoidCrossEntropy, .softmaxCrossEntropy],
    [
      ([1_000, -1_000], 0, 0, 0), ([1_000, -1_000], 1, 2_000, 1), ([-1e30, 1e30], 1, 0, 0),
      ([800, 0], 0, 0, 0),
    ] as [([Double], UInt16, Double, Double)]
  )
  func `extreme logits neither overflow nor lose the loss`(
    loss: Loss,
    example: (logits: [Double], label: UInt16, loss: Double, delta: Double)
  ) throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let z = try PaddedMatrix<Scalar>(Matrix(rows: [example.logits]))
      let (sum, _) = unsafe type.kernels.loss(loss, z.base, z.stride, [example.label], 1, 2, 1)
      // An output of 0 that nothing pulls at is one half for a sigmoid.
      let idle = loss == .sigmoidCrossEntropy && example.logits[1] == 0
      #expect(sum == (idle ? log(2) : example.loss))
      #expect(z.value(0, 0) == Scalar(example.delta))
      #expect(z.value(0, 1) == (idle ? 0.5 : -Scalar(example.delta)))
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test func `squared errors of extreme logits are as large as they are`() throws {
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      let outputs = try PaddedMatrix<Scalar>(Matrix(rows: [[1e30, -1e30]]))
      let (sum, _) = unsafe type.kernels.loss(.squaredError, outputs.base, 16, [0], 1, 2, 1)
      #expect(abs(sum / 1e60 - 1) < 1e-6)
      #expect((outputs.value(0, 0), outputs.value(0, 1)) == (Scalar(1e30), Scalar(-1e30)))
      // A sigmoid that is far off has no slope left, and no digits of it are lost before.
      let z = try PaddedMatrix<Scalar>(Matrix(rows: [[-1_000, 1_000, 30]]))
      let (far, _) = unsafe type.kernels.loss(.sigmoidSquaredError, z.base, 16, [0], 1, 3, 1)
      #expect(abs(far - 1.5) < 1e-6)
      #expect((z.value(0, 0), z.value(0, 1)) == (0, 0))
      #expect(abs(Double(z.value(0, 2)) / exp(-30) - 1) < 1e-6)
    }
    try check(Float.self)
    try check(Double.self)
  }

  // MARK: - Data

  @Test(arguments: [1, 15, 16, 17, 30, 784], [0, 1, 3, 10])
  func `bytes are gathered in order, scaled and shifted`(size: Int, batch: Int) throws {
    let bytes = try GuardedBytes(count: 4 * size)
    for index in 0..<bytes.count { unsafe bytes.start[index] = UInt8((index * 89 + 7) % 256) }
    let order = (0..<max(1, batch)).map { UInt32([3, 0, 3, 1, 2][$0 % 5]) }
    let isFused = unsafe String(cString: fw_kernels_arithmetic()) == "fma"
    func check<Scalar: TrainingScalar>(_ factor: Scalar, _ offset: Scalar) throws {
      // What lay there before, in the pad too, is gone; the row after the batch stays.
      let rows = try PaddedMatrix<Scalar>(rows: batch, columns: size, dirtyPad: true)
      unsafe Scalar.kernels.gatherBytes(
        bytes.start,
        size,
        order,
        batch,
        factor,
        offset,
        rows.base,
        rows.stride
      )
      var wrong = 0
      for row in 0..<batch {
        for column in 0..<size {
          let byte = unsafe Scalar(bytes.start[Int(order[row]) * size + column])
          let expected = isFused ? offset.addingProduct(byte, factor) : byte * factor + offset
          if rows.value(row, column) != expected { wrong += 1 }
          // Without a shift it is the plain product, bit for bit.
          if offset == 0, expected != byte * factor { wrong += 1 }
        }
      }
      #expect(wrong == 0)
      #expect(rows.padIsZero)
      #expect((0..<size).allSatisfy { rows.value(batch, $0) == Scalar(sentinel) })
    }
    try check(1 / Float(255), 0)
    try check(1 / Double(255), 0)
    try check(1 / Float(77), -0.1307)
    try check(1 / Double(77), -0.1307)
  }

  @Test(arguments: [1, 7, 8, 16, 17, 30], [0, 1, 3, 10])
  func `rows are gathered in order, as they are`(size: Int, batch: Int) throws {
    let order = (0..<max(1, batch)).map { UInt32([3, 0, 3, 1, 2][$0 % 5]) }
    func check<Scalar: TrainingScalar>(_ type: Scalar.Type) throws {
      // To the last byte before memory that may not be read.
      let bytes = try GuardedBytes(count: 4 * size * MemoryLayout<Scalar>.size)
      let numbers = Matrix(4, size, from: 11).values.map { Scalar($0) }
      unsafe numbers.withUnsafeBytes { source in
        for index in source.indices { unsafe bytes.start[index] = source[index] }
      }
      let rows = try PaddedMatrix<Scalar>(rows: batch, columns: size, dirtyPad: true)
      unsafe bytes.start.withMemoryRebound(to: Scalar.self, capacity: numbers.count) { samples in
        unsafe type.kernels.gatherRows(samples, size, order, batch, rows.base, rows.stride)
      }
      let isRight = (0..<batch).allSatisfy { row in
        (0..<size).allSatisfy { rows.value(row, $0) == numbers[Int(order[row]) * size + $0] }
      }
      #expect(isRight)
      #expect(rows.padIsZero)
      #expect((0..<size).allSatisfy { rows.value(batch, $0) == Scalar(sentinel) })
    }
    try check(Float.self)
    try check(Double.self)
  }

  // MARK: - Levels

  @Test func `every level of this CPU computes the same, and in the order it promises`() async {
    // In a process of its own: the level is everyone's, and other tests are in kernels right now.
    await #expect(processExitsWith: .success) {
      var firsts: [String: (level: String, results: [String: UInt32])] = [:]
      for level in ["x86-64-v4", "x86-64-v3", "x86-64", "arm64", "generic"]
      where unsafe fw_kernels_select(level) != 0 {
        #expect(unsafe String(cString: fw_kernels_level()) == level)
        #expect(unsafe fw_kernels_select("x86-64-v9") == 0)
        #expect(unsafe String(cString: fw_kernels_level()) == level)
        let arithmetic = unsafe String(cString: fw_kernels_arithmetic())
        let results = try allResults(Float.self).merging(allResults(Double.self)) { $1 }
          .merging(AdaptiveKernelTests.results(Float.self)) { $1 }
          .merging(AdaptiveKernelTests.results(Double.self)) { $1 }
        let first = firsts[arithmetic, default: (level, results)]
        firsts[arithmetic] = first
        let different = results.keys.filter { first.results[$0] != results[$0] }.sorted()
        #expect(different.isEmpty, "on \(level) and \(first.level)")
        try expectPromisedOrder(Float.self, fused: arithmetic == "fma")
        try expectPromisedOrder(Double.self, fused: arithmetic == "fma")
        for activation in Activation.allCases {
          try expectExact(activation, columns: 30, Float.self)
          try expectExact(activation, columns: 30, Double.self)
        }
        for loss in Loss.allCases {
          try expectLoss(loss, batch: 10, classes: 30, Float.self)
          try expectLoss(loss, batch: 10, classes: 30, Double.self)
        }
      }
      #expect(!firsts.isEmpty)
    }
  }
}

/// A rule in general position: no number is zero, and no two are the same.
private let rule = SGDForm(a: 0.9, b: -0.35, c: 0.21, d: 0.77, f: -0.13, h: -0.055)

extension SGDForm<Double> {
  fileprivate func step(_ w: inout Double, _ v: inout Double, _ g: Double) {
    v = a * v + b * g + c * w
    w += d * v + f * g + h * w
  }
}

// MARK: - Matrices

/// Numbers in [-1, 1] with 24 bits, so that they are the same in either type.
private let numbers: [Double] = {
  var generator = Philox(seed: 24, stream: 0)
  return (0..<50_021).map { _ in ((2 * generator.uniform() - 1) * 0x1p23).rounded() * 0x1p-23 }
}()

private struct Matrix {
  var rows: Int
  var columns: Int
  var values: [Double]

  init(_ rows: Int, _ columns: Int) {
    self.rows = rows
    self.columns = columns
    values = [Double](repeating: 0, count: rows * columns)
  }

  init(_ rows: Int, _ columns: Int, from start: Int) {
    self.init(rows, columns)
    for index in values.indices { values[index] = numbers[(start + index) % numbers.count] }
  }

  init(rows: [[Double]]) {
    self.init(rows.count, rows[0].count)
    values = rows.flatMap { $0 }
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }
}

/// What stands where no kernel may read or write: in one row more than a kernel is told of.
private let sentinel = 7.0

extension PaddedMatrix {
  fileprivate convenience init(_ plain: Matrix) throws {
    try self.init(rows: plain.rows + 1, columns: plain.columns)
    var index = 0
    fill {
      defer { index += 1 }
      return index < plain.values.count ? plain.values[index] : sentinel
    }
  }

  /// A matrix whose every element is to be overwritten.
  fileprivate convenience init(rows: Int, columns: Int, dirtyPad: Bool) throws {
    try self.init(rows: rows + 1, columns: columns)
    fill { sentinel }
    if dirtyPad { for index in 0..<rows * stride { unsafe base[index] = Scalar(sentinel) } }
  }

  fileprivate func value(_ row: Int, _ column: Int) -> Scalar {
    unsafe base[row * stride + column]
  }

  /// The greatest difference of an element, or of the sentinels; infinite if one of them is NaN.
  fileprivate func distance(to plain: Matrix) -> Double {
    var greatest = 0.0
    for row in 0..<rows {
      for column in 0..<columns {
        let expected = row < plain.rows ? plain[row, column] : sentinel
        let distance = abs(Double(value(row, column)) - expected)
        if !(distance <= greatest) { greatest = distance.isNaN ? .infinity : distance }
      }
    }
    return greatest
  }

  fileprivate var padIsZero: Bool {
    (0..<rows).allSatisfy { row in (columns..<stride).allSatisfy { value(row, $0) == 0 } }
  }

  /// A checksum of every bit, the pad's too.
  fileprivate var checksum: UInt32 {
    let count = rows * stride * MemoryLayout<Scalar>.stride
    return CRC32.checksum(unsafe RawSpan(_unsafeStart: base, byteCount: count))
  }
}

// MARK: - Expectations for one type

/// Numbers of every size, to beyond where exponentials overflow and vanish.
private let everySize: [Double] = {
  let sizes: [Double] = [
    0, .leastNonzeroMagnitude, .leastNormalMagnitude, 0x1p-149, 0x1p-130, 1e-30, 1e-8, 1e-4, 0.01,
    0.1, 0.34, 0.35, 0.5, 0.7, 1, 1.5,
    2, 3, 5, 8, 9.9, 10, 12, 17, 19.9, 20, 30, 44, 60, 87, 88, 88.7, 89, 90, 103, 104, 110, 300,
    708, 709, 709.7, 710, 740, 745, 746, 750, 1_000, 1e30, 1e300, .greatestFiniteMagnitude,
    .infinity,
  ]
  return sizes + sizes.map { -$0 } + (-200...200).map { Double($0) * 0.0533 }
}()

/// Expects a kernel's result near a plain one, as sums of at most 800 terms of at most 1 can be.
private func expectNear<Scalar: TrainingScalar>(
  _ expected: Matrix,
  _ type: Scalar.Type,
  _ result: () throws -> PaddedMatrix<Scalar>
) throws {
  let matrix = try result()
  #expect(matrix.distance(to: expected) <= 200 * Double(type.ulpOfOne))
  #expect(matrix.padIsZero)
}

/// Expects an activation of numbers of every size to be within three units in the last place.
private func expectExact<Scalar: TrainingScalar>(
  _ activation: Activation,
  columns: Int,
  _ type: Scalar.Type
) throws {
  var arguments = Matrix((everySize.count + columns - 1) / columns, columns)
  for index in arguments.values.indices {
    // As the type has them.
    arguments.values[index] = Double(Scalar(everySize[index % everySize.count]))
  }
  let z = try PaddedMatrix<Scalar>(arguments)
  unsafe type.kernels.activate(activation, z.base, z.stride, arguments.rows, columns)
  var wrong: [String] = []
  for row in 0..<arguments.rows {
    for column in 0..<columns {
      let argument = arguments[row, column]
      let value = Double(z.value(row, column))
      let expected = activation.plain(argument)
      let tolerance = 3 * Double(Scalar(expected).ulp) + Double(Scalar.leastNormalMagnitude)
      if value != expected, !(abs(value - expected) <= tolerance) {
        wrong.append("\(activation)(\(argument)) = \(value), not \(expected)")
      }
    }
  }
  #expect(wrong.isEmpty)
  #expect(z.padIsZero)
  #expect((0..<columns).allSatisfy { z.value(arguments.rows, $0) == Scalar(sentinel) })
}

/// Expects an output layer's loss, hits and deltas, small ones to as many digits as large ones.
private func expectLoss<Scalar: TrainingScalar>(
  _ loss: Loss,
  batch: Int,
  classes: Int,
  _ type: Scalar.Type
) throws {
  var logits = Matrix(batch, classes, from: 123)
  for index in logits.values.indices { logits.values[index] *= 4 }
  let labels = (0..<max(1, batch)).map { UInt16($0 * 37 % classes) }
  let scale = Scalar(0.3)
  let z = try PaddedMatrix<Scalar>(logits)
  let (sum, hits) = unsafe type.kernels.loss(
    loss,
    z.base,
    z.stride,
    labels,
    batch,
    classes,
    scale
  )
  let plain = loss.plain(logits, labels: labels)
  let epsilon = 16 * Double(type.ulpOfOne)
  #expect(abs(sum - plain.loss) <= 4 * epsilon * plain.loss)
  #expect(hits == plain.hits)
  var wrong = 0
  for row in 0..<batch {
    for column in 0..<classes {
      let isLabel = column == Int(labels[row])
      let output = plain.outputs[row, column]
      let rest = 1 / (1 + exp(logits[row, column]))
      let slope = loss == .sigmoidSquaredError ? output * rest : 1
      let expected = (output - (isLabel ? 1 : 0)) * slope * Double(scale)
      let tolerance = epsilon * (isLabel ? 1 : abs(expected))
      if !(abs(Double(z.value(row, column)) - expected) <= tolerance) { wrong += 1 }
    }
  }
  #expect(wrong == 0)
  #expect(z.padIsZero)
  #expect((0..<classes).allSatisfy { z.value(batch, $0) == Scalar(sentinel) })
}

// MARK: - A dense layer

struct LayerSize: Sendable, CustomTestStringConvertible {
  var inputs: Int
  var outputs: Int
  var batch: Int
  var testDescription: String { "\(inputs) to \(outputs), batch of \(batch)" }

  static let all = [0, 1, 15, 16, 17, 30, 784].flatMap { inputs in
    [0, 1, 4, 5, 10, 30].flatMap { outputs in
      [0, 1, 3, 10, 33].map { LayerSize(inputs: inputs, outputs: outputs, batch: $0) }
    }
  }
}

private struct PlainLayer {
  let size: LayerSize
  var input: Matrix
  var weight: Matrix
  var velocity: Matrix
  var bias: Matrix
  var biasVelocity: Matrix
  var delta: Matrix

  init(_ size: LayerSize) {
    self.size = size
    input = Matrix(size.batch, size.inputs, from: 0)
    weight = Matrix(size.outputs, size.inputs, from: 10_007)
    velocity = Matrix(size.outputs, size.inputs, from: 20_011)
    bias = Matrix(1, size.outputs, from: 30_011)
    biasVelocity = Matrix(1, size.outputs, from: 40_009)
    delta = Matrix(size.batch, size.outputs, from: 45_007)
  }

  func forward() -> Matrix {
    var sums = Matrix(size.batch, size.outputs)
    for s in 0..<size.batch {
      for o in 0..<size.outputs {
        var sum = bias[0, o]
        for k in 0..<size.inputs { sum += input[s, k] * weight[o, k] }
        sums[s, o] = sum
      }
    }
    return sums
  }

  func backward() -> Matrix {
    var gradient = Matrix(size.batch, size.inputs)
    for s in 0..<size.batch {
      for o in 0..<size.outputs {
        for k in 0..<size.inputs { gradient[s, k] += delta[s, o] * weight[o, k] }
      }
    }
    return gradient
  }

  func update(_ rule: SGDForm<Double>) -> (weight: Matrix, velocity: Matrix) {
    var (weight, velocity) = (weight, velocity)
    for o in 0..<size.outputs {
      for k in 0..<size.inputs {
        var gradient = 0.0
        for s in 0..<size.batch { gradient += delta[s, o] * input[s, k] }
        rule.step(&weight[o, k], &velocity[o, k], gradient)
      }
    }
    return (weight, velocity)
  }

  func updateBias(_ rule: SGDForm<Double>) -> (bias: Matrix, velocity: Matrix) {
    var (bias, velocity) = (bias, biasVelocity)
    for o in 0..<size.outputs {
      let gradient = (0..<size.batch).reduce(0) { $0 + delta[$1, o] }
      rule.step(&bias[0, o], &velocity[0, o], gradient)
    }
    return (bias, velocity)
  }
}

/// The same layer where the kernels can work on it.
private struct PaddedLayer<Scalar: TrainingScalar> {
  let size: LayerSize
  let input: PaddedMatrix<Scalar>
  let weight: PaddedMatrix<Scalar>
  let velocity: PaddedMatrix<Scalar>
  let bias: PaddedMatrix<Scalar>
  let biasVelocity: PaddedMatrix<Scalar>
  let delta: PaddedMatrix<Scalar>

  init(_ plain: PlainLayer) throws {
    size = plain.size
    input = try PaddedMatrix(plain.input)
    weight = try PaddedMatrix(plain.weight)
    velocity = try PaddedMatrix(plain.velocity)
    bias = try PaddedMatrix(plain.bias)
    biasVelocity = try PaddedMatrix(plain.biasVelocity)
    delta = try PaddedMatrix(plain.delta)
  }

  func forward() throws -> PaddedMatrix<Scalar> {
    // What lay there before, in the pad too, must not matter.
    let sums = try PaddedMatrix<Scalar>(
      rows: size.batch,
      columns: size.outputs,
      dirtyPad: true
    )
    unsafe Scalar.kernels.forward(
      input.base,
      input.stride,
      weight.base,
      weight.stride,
      bias.base,
      sums.base,
      sums.stride,
      size.batch,
      size.inputs,
      size.outputs
    )
    return sums
  }

  func backward() throws -> PaddedMatrix<Scalar> {
    let gradient = try PaddedMatrix<Scalar>(
      rows: size.batch,
      columns: size.inputs,
      dirtyPad: false
    )
    unsafe Scalar.kernels.backward(
      delta.base,
      delta.stride,
      weight.base,
      weight.stride,
      gradient.base,
      gradient.stride,
      size.batch,
      size.inputs,
      size.outputs
    )
    return gradient
  }

  func update(_ rule: SGDForm<Double>, hasVelocity: Bool = true) {
    unsafe Scalar.kernels.update(
      input.base,
      input.stride,
      delta.base,
      delta.stride,
      weight.base,
      hasVelocity ? velocity.base : nil,
      weight.stride,
      size.batch,
      size.inputs,
      size.outputs,
      rule
    )
  }

  func updateBias(_ rule: SGDForm<Double>, hasVelocity: Bool = true) {
    unsafe Scalar.kernels.updateBias(
      delta.base,
      delta.stride,
      bias.base,
      hasVelocity ? biasVelocity.base : nil,
      size.batch,
      size.outputs,
      rule
    )
  }

  /// Both steps from gradients that are stored first.
  func storeAndUpdate(_ rule: SGDForm<Double>, hasVelocity: Bool) throws {
    let kernels = Scalar.kernels
    let gradient = try PaddedMatrix<Scalar>(
      rows: size.outputs,
      columns: size.inputs,
      dirtyPad: false
    )
    unsafe kernels.gradient(
      input.base,
      input.stride,
      delta.base,
      delta.stride,
      gradient.base,
      gradient.stride,
      size.batch,
      size.inputs,
      size.outputs
    )
    let biasGradient = try PaddedMatrix<Scalar>(rows: 1, columns: size.outputs, dirtyPad: false)
    unsafe kernels.biasGradient(
      delta.base,
      delta.stride,
      biasGradient.base,
      size.batch,
      size.outputs
    )
    #expect(gradient.padIsZero && biasGradient.padIsZero)
    for (w, v, g, rows) in [
      (weight, velocity, gradient, size.outputs), (bias, biasVelocity, biasGradient, 1),
    ] {
      unsafe kernels.apply(w.base, hasVelocity ? v.base : nil, g.base, rows * w.stride, rule)
    }
  }
}

// MARK: - Functions

// Inside `Activation`, `tanh` is a case.
private func plainTanh(_ z: Double) -> Double { tanh(z) }

extension Activation {
  fileprivate func plain(_ z: Double) -> Double {
    switch self {
    case .sigmoid: z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z))
    case .tanh: plainTanh(z)
    case .relu: max(0, z)
    }
  }

  /// The derivative, where the activation is `a`.
  fileprivate func plainSlope(at a: Double) -> Double {
    switch self {
    case .sigmoid: a * (1 - a)
    case .tanh: 1 - a * a
    case .relu: a > 0 ? 1 : 0
    }
  }
}

extension Loss {
  fileprivate func plain(
    _ logits: Matrix,
    labels: [UInt16]
  ) -> (loss: Double, hits: Int, outputs: Matrix) {
    var loss = 0.0
    var hits = 0
    var outputs = Matrix(logits.rows, logits.columns)
    for s in 0..<logits.rows {
      let label = Int(labels[s])
      let z = (0..<logits.columns).map { logits[s, $0] }
      if z.firstIndex(of: z.max() ?? 0) == label { hits += 1 }
      let sum = z.reduce(0) { $0 + exp($1) }
      for c in z.indices {
        switch self {
        case .sigmoidCrossEntropy:
          let output = 1 / (1 + exp(-z[c]))
          outputs[s, c] = output
          loss -= c == label ? log(output) : log1p(-output)
        case .softmaxCrossEntropy:
          outputs[s, c] = exp(z[c]) / sum
          if c == label { loss -= log(outputs[s, c]) }
        case .squaredError, .sigmoidSquaredError:
          outputs[s, c] = self == .squaredError ? z[c] : 1 / (1 + exp(-z[c]))
          let error = outputs[s, c] - (c == label ? 1 : 0)
          loss += error * error / 2
        }
      }
    }
    return (loss, hits, outputs)
  }
}

// MARK: - Levels

/// The bits of every kernel's results on numbers in general position.
private func allResults<Scalar: TrainingScalar>(_ type: Scalar.Type) throws -> [String: UInt32] {
  var results: [String: UInt32] = [:]
  for size in LayerSize.all where size.inputs != 784 || size.outputs % 10 == 0 {
    let layer = try PaddedLayer<Scalar>(PlainLayer(size))
    let place = "\(type), \(size.testDescription)"
    results["forward, \(place)"] = try layer.forward().checksum
    results["backward, \(place)"] = try layer.backward().checksum
    layer.update(rule)
    layer.updateBias(rule)
    results["weight, \(place)"] = layer.weight.checksum
    results["velocity, \(place)"] = layer.velocity.checksum
    results["bias, \(place)"] = layer.bias.checksum
    results["bias velocity, \(place)"] = layer.biasVelocity.checksum
    unsafe type.kernels.apply(
      layer.bias.base,
      layer.biasVelocity.base,
      layer.biasVelocity.base,
      layer.bias.stride,
      rule
    )
    results["stored, \(place)"] = layer.bias.checksum
  }
  var logits = Matrix(10, 30, from: 5)
  for index in logits.values.indices { logits.values[index] *= 20 }
  let labels = (0..<10).map { UInt16($0 * 3) }
  for activation in Activation.allCases {
    let z = try PaddedMatrix<Scalar>(logits)
    let delta = try PaddedMatrix<Scalar>(Matrix(10, 30, from: 6_000))
    unsafe type.kernels.activate(activation, z.base, z.stride, 10, 30)
    unsafe type.kernels.deactivate(activation, z.base, z.stride, delta.base, z.stride, 10, 30)
    results["\(activation), \(type)"] = z.checksum
    results["\(activation) slope, \(type)"] = delta.checksum
  }
  for loss in Loss.allCases {
    let z = try PaddedMatrix<Scalar>(logits)
    let (sum, hits) = unsafe type.kernels.loss(loss, z.base, z.stride, labels, 10, 30, 0.1)
    results["\(loss), \(type)"] = z.checksum
    results["\(loss) sum, \(type)"] = CRC32.checksum([sum, Double(hits)].rawBytes)
  }
  let rows = try PaddedMatrix<Scalar>(rows: 3, columns: 10)
  let bytes = (0..<30).map { UInt8($0 * 8) }
  unsafe type.kernels.gatherBytes(bytes, 10, [2, 0, 1], 3, 1 / 255, -0.3, rows.base, 16)
  results["gather bytes, \(type)"] = rows.checksum
  let numbers = logits.values.map { Scalar($0) }
  unsafe type.kernels.gatherRows(numbers, 10, [2, 0, 1], 3, rows.base, 16)
  results["gather rows, \(type)"] = rows.checksum
  return results
}

/// Expects the sums of products in the order that the kernels' header makes a part of what they are.
private func expectPromisedOrder<Scalar: TrainingScalar>(
  _ type: Scalar.Type,
  fused: Bool
) throws {
  func madd(_ a: Scalar, _ b: Scalar, _ c: Scalar) -> Scalar {
    fused ? c.addingProduct(a, b) : a * b + c
  }
  let size = LayerSize(inputs: 61, outputs: 7, batch: 11)
  let layer = try PaddedLayer<Scalar>(PlainLayer(size))
  let sums = try layer.forward()
  let gradient = try layer.backward()
  var wrong: [String] = []
  for s in 0..<size.batch {
    for o in 0..<size.outputs {
      // 64 bytes of lanes, then neighbours until one is left.
      var lanes = [Scalar](repeating: 0, count: 64 / MemoryLayout<Scalar>.size)
      for k in 0..<size.inputs {
        let lane = k % lanes.count
        lanes[lane] = madd(layer.input.value(s, k), layer.weight.value(o, k), lanes[lane])
      }
      while lanes.count > 1 {
        lanes = stride(from: 0, to: lanes.count, by: 2).map { lanes[$0] + lanes[$0 + 1] }
      }
      if sums.value(s, o) != lanes[0] + layer.bias.value(0, o) { wrong.append("sum \(s) \(o)") }
    }
    for k in 0..<size.inputs {
      var sum: Scalar = 0
      for o in 0..<size.outputs {
        sum = madd(layer.delta.value(s, o), layer.weight.value(o, k), sum)
      }
      if gradient.value(s, k) != sum { wrong.append("gradient \(s) \(k)") }
    }
  }
  let after = try PaddedLayer<Scalar>(PlainLayer(size))
  after.update(rule)
  let (a, b, c) = (Scalar(rule.a), Scalar(rule.b), Scalar(rule.c))
  let (d, f, h) = (Scalar(rule.d), Scalar(rule.f), Scalar(rule.h))
  for o in 0..<size.outputs {
    for k in 0..<size.inputs {
      var g: Scalar = 0
      for s in 0..<size.batch {
        g = madd(layer.delta.value(s, o), layer.input.value(s, k), g)
      }
      let w = layer.weight.value(o, k)
      let v = madd(a, layer.velocity.value(o, k), madd(b, g, c * w))
      let step = madd(d, v, madd(f, g, h * w))
      if after.velocity.value(o, k) != v { wrong.append("velocity \(o) \(k)") }
      if after.weight.value(o, k) != w + step { wrong.append("weight \(o) \(k)") }
    }
  }
  #expect(wrong.isEmpty)
}

// MARK: - Memory

/// Bytes right before a page that may not be touched: doing so ends the process.
@safe private final class GuardedBytes {
  let count: Int
  @unsafe let start: UnsafeMutablePointer<UInt8>
  private let block: UnsafeMutableRawPointer
  private let blockSize: Int

  init(count: Int) throws {
    let page = Int(getpagesize())
    let usable = (count + page - 1) / page * page
    let access = PROT_READ | PROT_WRITE
    let block = unsafe mmap(nil, usable + page, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let block = unsafe block, unsafe block != MAP_FAILED,
      unsafe mprotect(block + usable, page, PROT_NONE) == 0
    else { throw Errno.current }
    self.count = count
    unsafe self.block = block
    blockSize = usable + page
    unsafe start = (block + usable - count).bindMemory(to: UInt8.self, capacity: count)
  }

  deinit {
    unsafe _ = munmap(block, blockSize)
  }
}
