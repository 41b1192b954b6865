import CFlywheelKernels
import FlywheelCore
import FlywheelDiff
import Testing

@Suite struct TensorDifferenceTests {
  static let tolerances = [
    Tolerance(), .exact, Tolerance(relative: 1e-3, absolute: 1e-5), Tolerance(ulps: 2),
    Tolerance(relative: 1e-9, ulps: 1, equatesNaN: false),
    Tolerance(absolute: 3, equatesNaN: false),
  ]

  // MARK: - Against the plain definition

  @Test(arguments: DType.allCases)
  func `every dtype, at any address and of any size, differs as its elements do`(dtype: DType)
    throws
  {
    var generator = Philox(seed: 6, stream: UInt64(dtype.byteCount))
    var faults: [String] = []
    for count in [0, 1, 2, 7, 8, 9, 31, 512, 1023, 1025, 2050] {
      let first = Patterns.random(dtype, count: count, from: &generator)
      for second in [
        Patterns.random(dtype, count: count, from: &generator), first.disturbed(by: &generator),
        first,
      ] {
        let tolerance = Self.tolerances[Int(generator.next() % UInt64(Self.tolerances.count))]
        let plain = try PlainDifference.of(first, second, within: tolerance)
        for offset in [0, 5] {
          let found = try first.tensor(misalignedBy: offset)
            .difference(from: second.tensor(misalignedBy: 2 * offset), within: tolerance)
          faults += found.faults(against: plain).map {
            "\(count) at \(offset), \(tolerance): \($0)"
          }
        }
      }
    }
    #expect(faults.isEmpty)
  }

  @Test(arguments: DType.allCases)
  func `every tolerance draws its own line`(dtype: DType) throws {
    var generator = Philox(seed: 7, stream: UInt64(dtype.byteCount))
    let first = Patterns.random(dtype, count: 1100, from: &generator)
    let second = first.disturbed(by: &generator)
    for tolerance in Self.tolerances {
      let found = try first.tensor().difference(from: second.tensor(), within: tolerance)
      let faults = try found.faults(against: PlainDifference.of(first, second, within: tolerance))
      #expect(faults.isEmpty, "\(tolerance)")
    }
  }

  @Test(arguments: DType.allCases, DType.allCases)
  func `two dtypes meet where both have their values`(first: DType, second: DType) throws {
    let numbers: [Double] = [0, 1, 0, 1, 1]
    let others: [Double] = [0, 1, 1, 0, 1]
    let a = try Tensor(vector: numbers).converted(to: first)
    let b = try Tensor(vector: others).converted(to: second)
    let found = try a.difference(from: b, within: Tolerance(absolute: 0.5))
    #expect(found.count == 5)
    #expect(found.differingCount == 2)
    #expect(found.bitDifferingCount == 2)
    #expect(found.outsideCount == 2)
    #expect(found.largestAbsolute == .init(value: 1, index: 2))
    #expect(found.largestRelative == .init(value: 1, index: 2))
    #expect(found.largestULP?.index == (first == second && first.isFloatingPoint ? 2 : nil))
    #expect(found.rootMeanSquare == (2.0 / 5).squareRoot())
    #expect(abs(try #require(found.cosine) - 2.0 / 3) < 1e-15)
  }

  @Test func `a float and its copy in more bits are equal but for what rounding took`() throws {
    var generator = Philox(seed: 8, stream: 0)
    let narrow = Patterns.random(.float16, count: 5000, from: &generator)
    let wide = try narrow.tensor().converted(to: .float32)
    let same = try narrow.tensor().difference(from: wide, within: Tolerance())
    #expect(same.differingCount == 0 && same.bitDifferingCount == 0)
    #expect(same.nanCounts.first > 0 && same.nanCounts.first == same.nanCounts.second)
    let third = try Tensor(vector: [1.0 / 3]).difference(
      from: Tensor(vector: [1.0 / 3 as Float]),
      within: .standard(for: .float32)
    )
    #expect(third.differingCount == 1 && third.isWithin)
    #expect(third.largestAbsolute?.value == abs(1.0 / 3 - Double(1.0 / 3 as Float)))
  }

  // MARK: - Integers

  @Test(arguments: [.int64, .uint64] as [DType], [.int64, .uint64] as [DType])
  func `a difference of one is not lost among large integers`(first: DType, second: DType) throws {
    let large: Int64 = 1 << 60
    let a = try Tensor(vector: [large, large + 1, .max]).converted(to: first)
    let b = try Tensor(vector: [large, large, .max]).converted(to: second)
    let found = try a.difference(from: b, within: Tolerance())
    #expect(found.differingCount == 1 && found.outsideCount == 1)
    #expect(found.largestAbsolute == .init(value: 1, index: 1))
    #expect(found.rootMeanSquare == (1.0 / 3).squareRoot())
  }

  @Test func `integers of two signs are as far apart as they are`() throws {
    let signed = try Tensor(vector: [.min, -1, -1, -3, .min] as [Int64])
    let unsigned = try Tensor(vector: [.max, .max, 1 << 63, 4, 1 << 63] as [UInt64])
    for (a, b) in [(signed, unsigned), (unsigned, signed)] {
      let found = try a.difference(from: b, within: Tolerance(absolute: 7))
      #expect(found.largestAbsolute == .init(value: 0x1p64 + 0x1p63, index: 0))
      #expect(found.outsideCount == 4)
    }
    // 2^64 + 2^11 is half-way between two doubles, of which the first has the even pattern.
    let beyond = try Tensor(vector: [-2049] as [Int64])
      .difference(from: Tensor(vector: [.max - 1] as [UInt64]), within: Tolerance())
    #expect(beyond.largestAbsolute?.value == Double(Int128(UInt64.max) - 1 + 2049))
  }

  // MARK: - What is not finite, and zeros

  @Test func `an infinity is its own, and nothing else is close to it`() throws {
    let a = try Tensor(
      vector: [.infinity, -.infinity, .infinity, .greatestFiniteMagnitude] as [Float]
    )
    let b = try Tensor(vector: [.infinity, .infinity, 1, .infinity] as [Float])
    for tolerance in [
      Tolerance(relative: 10, absolute: .infinity), Tolerance(ulps: .max),
      Tolerance(relative: .infinity),
    ] {
      let found = try a.difference(from: b, within: tolerance)
      #expect(found.differingCount == 3 && found.outsideCount == 3)
      #expect(found.infinityCounts == .init(3, 3))
      #expect(found.largestAbsolute == nil && found.largestULP == nil && found.cosine == nil)
      #expect(found.rootMeanSquare == 0)
    }
  }

  @Test func `whether NaN is NaN is the tolerance's word`() throws {
    let a = try Tensor(vector: [.nan, .nan, 1, .nan] as [Double])
    let b = try Tensor(vector: [.nan, -.signalingNaN, .nan, 2] as [Double])
    let equal = try a.difference(from: b, within: Tolerance(absolute: 9))
    #expect(equal.differingCount == 2 && equal.outsideCount == 2 && equal.bitDifferingCount == 3)
    let other = try a.difference(from: b, within: Tolerance(absolute: 9, equatesNaN: false))
    #expect(other.differingCount == 4 && other.outsideCount == 4)
    let exact = try a.difference(from: b, within: .exact)
    #expect(exact.differingCount == 3 && exact.outsideCount == 3)
    #expect(equal.nanCounts == .init(3, 3))
    #expect(try a.difference(from: a, within: .exact).isWithin)
    #expect(try !a.difference(from: a, within: Tolerance(equatesNaN: false)).isWithin)
  }

  @Test func `minus zero is zero but for its bits`() throws {
    let a = try Tensor(vector: [0, -0.0, 0] as [Float])
    let b = try Tensor(vector: [-0.0, 0, 0] as [Float])
    let found = try a.difference(from: b, within: Tolerance(ulps: 0))
    #expect(found.differingCount == 0 && found.isWithin && found.bitDifferingCount == 2)
    #expect(found.largestULP == nil && found.largestRelative == nil && found.cosine == nil)
    let exact = try a.difference(from: b, within: .exact)
    #expect(exact.outsideCount == 2 && exact.differingCount == 0)
  }

  @Test func `subnormal numbers are steps from zero`() throws {
    let a = try Tensor(vector: [.leastNonzeroMagnitude, -.leastNonzeroMagnitude] as [Double])
    let b = try Tensor(vector: [0, 2 * .leastNonzeroMagnitude] as [Double])
    let found = try a.difference(from: b, within: Tolerance(ulps: 2))
    #expect(found.outsideCount == 1)
    #expect(found.largestULP == .init(value: 3, index: 1))
    #expect(found.largestAbsolute == .init(value: 3 * .leastNonzeroMagnitude, index: 1))
    #expect(found.largestRelative == .init(value: 1.5, index: 1))
    #expect(found.rootMeanSquare > 0)
  }

  @Test(arguments: SmallFormat.all)
  func `a distance counts the numbers on the way`(format: SmallFormat) throws {
    var generator = Philox(seed: 9, stream: UInt64(format.end))
    // In ascending order: the negative ones from the largest, one zero, the positive ones.
    let numbers = (1..<format.end).reversed().map { $0 | format.sign } + (0..<format.end)
    for _ in 0..<200 {
      let places = (0..<2).map { _ in Int(generator.next() % UInt64(numbers.count)) }
      let tensors = try places.map {
        try Patterns(dtype: format.dtype, bits: [numbers[$0]]).tensor()
      }
      let found = try tensors[0].difference(from: tensors[1], within: Tolerance())
      let distance = abs(places[0] - places[1])
      #expect(found.largestULP?.value ?? 0 == Double(distance))
    }
  }

  // MARK: - Extremes and sums

  @Test(arguments: [0, 1023, 1024, 262_143, 262_144, 599_999])
  func `of equal extremes the first is named, wherever it is`(place: Int) throws {
    let zeros = [Float](repeating: 2, count: 600_000)
    var numbers = zeros
    for index in [place, min(place + 1, 599_999), 599_999] { numbers[index] = 3 }
    let found = try Tensor(vector: zeros).difference(
      from: Tensor(vector: numbers),
      within: Tolerance()
    )
    #expect(found.largestAbsolute == .init(value: 1, index: place))
    #expect(found.largestRelative == .init(value: 1.0 / 3, index: place))
    #expect(found.largestULP == .init(value: 0x1p22, index: place))
    #expect(found.differingCount == Set([place, min(place + 1, 599_999), 599_999]).count)
  }

  @Test func `a difference that grows all the way has its extremes at the end`() throws {
    let count = 300_000
    let a = try Tensor(vector: (0..<count).map { Double($0) })
    let b = try Tensor(vector: (0..<count).map { Double($0) * 2 })
    let found = try a.difference(from: b, within: Tolerance(relative: 0.5))
    #expect(found.largestAbsolute == .init(value: Double(count - 1), index: count - 1))
    #expect(found.largestRelative == .init(value: 0.5, index: 1))
    #expect(found.isWithin && found.cosine == 1)
  }

  @Test func `a quotient is the largest even where rounding hides it from a product`() throws {
    // 1 - record is exact; record times the second a, rounded, is the second difference.
    let record = 0x1.aec2da51dbb32p-1
    let (a, b) = (4_007_345_515_705_267.0, 635_844_074_440_531.0)
    #expect(record * a == a - b && (a - b) / a > record)
    var first = [Double](repeating: 1, count: 2000)
    var second = first
    second[0] = 1 - record
    (first[1024], second[1024]) = (a, b)
    let found = try Tensor(vector: first).difference(
      from: Tensor(vector: second),
      within: Tolerance()
    )
    #expect(found.largestRelative == .init(value: (a - b) / a, index: 1024))
  }

  @Test(arguments: [0x1p1021, 0x1.8p1000, 0x1p-600, 0x1p-1060])
  func `no square overflows or vanishes`(unit: Double) throws {
    let a = try Tensor(vector: [3 * unit, 0, 0] as [Double])
    let b = try Tensor(vector: [3 * unit, 0, 4 * unit / 2] as [Double])
    let found = try a.difference(from: b, within: Tolerance())
    let expected = (1.0 / 3).squareRoot() * (2 * unit)
    #expect(abs(found.rootMeanSquare - expected) <= max(1e-15 * expected, 0x1p-1074))
    #expect(abs(try #require(found.cosine) - 3 / 13.0.squareRoot()) < 1e-15)
    #expect(found.largestAbsolute == .init(value: 2 * unit, index: 2))
  }

  @Test func `sides of very different sizes keep their cosine`() throws {
    let large = try Tensor(vector: [0x1p1000, 0x1p1000] as [Double])
    let small = try Tensor(vector: [0x1p-1000, 0] as [Double])
    let found = try large.difference(from: small, within: Tolerance())
    #expect(abs(try #require(found.cosine) - 0.5.squareRoot()) < 1e-15)
    #expect(found.rootMeanSquare == 0x1p1000)
    // Small differences beside large equal numbers.
    let a = try Tensor(vector: [0x1p1000, 0x1p-1000] as [Double])
    let b = try Tensor(vector: [0x1p1000, 0x1p-999] as [Double])
    let mixed = try a.difference(from: b, within: Tolerance())
    #expect(mixed.rootMeanSquare == 0x1p-1000 * 0.5.squareRoot())
    #expect(mixed.largestAbsolute == .init(value: 0x1p-1000, index: 1))
    #expect(mixed.largestRelative == .init(value: 0.5, index: 1))
  }

  @Test
  func `numbers too far apart for float64 are infinitely far apart, and relatively as they are`()
    throws
  {
    let most = Double.greatestFiniteMagnitude
    let a = try Tensor(vector: [1, most, most / 2])
    let b = try Tensor(vector: [1, -most, -most])
    let found = try a.difference(from: b, within: Tolerance(relative: 1, absolute: 1))
    #expect(found.largestAbsolute == .init(value: .infinity, index: 1))
    #expect(found.largestRelative == .init(value: 2, index: 1))
    #expect(found.outsideCount == 2)
    #expect(try #require(found.cosine) < -0.9)
  }

  @Test func `equal tensors have no cosine but one`() throws {
    var generator = Philox(seed: 10, stream: 0)
    let numbers = (0..<5000).map { _ in Float(bitPattern: UInt32(generator.next() >> 40)) }
    let tensor = try Tensor(vector: numbers)
    let copy = try Tensor(vector: numbers)
    #expect(try tensor.difference(from: copy, within: .exact).cosine == 1)
    let other = try Tensor(vector: numbers.map { Double($0) })
    #expect(try tensor.difference(from: other, within: .exact).cosine == 1)
  }

  @Test func `sums are taken in the order that is promised`() throws {
    var generator = Philox(seed: 11, stream: 0)
    let count = 1 << 19 | 77
    func numbers() -> [Double] {
      (0..<count).map { _ in Double(bitPattern: 0x3FF0 << 48 | generator.next() >> 12) - 1.4 }
    }
    let (a, b) = (numbers(), numbers())
    var sum = 0.0
    for piece in stride(from: 0, to: count, by: 1 << 18) {
      var pieceSum = 0.0
      for block in stride(from: piece, to: min(piece + 1 << 18, count), by: 1024) {
        var lanes = [Double](repeating: 0, count: 8)
        for index in block..<min(block + 1024, count) {
          lanes[index % 8] += (a[index] - b[index]) * (a[index] - b[index])
        }
        pieceSum +=
          ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
          + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
      }
      sum += pieceSum
    }
    let found = try Tensor(vector: a).difference(from: Tensor(vector: b), within: Tolerance())
    #expect(found.rootMeanSquare == (sum / Double(count)).squareRoot())
  }

  @Test(arguments: [.float16, .bfloat16, .float32] as [DType])
  func `floats differ as their copies in float64 do, to the last bit`(dtype: DType) throws {
    var generator = Philox(seed: 16, stream: 0)
    for count in [5, 1024, 3001] {
      // Of the first 1,000 all are finite, of the others not.
      var first = Patterns.random(dtype, count: count, from: &generator)
      for index in 0..<min(count, 1000) { first.bits[index] &= 0x3FFF }
      let second = first.disturbed(by: &generator)
      let tolerance = Tolerance(relative: 1e-3, absolute: 1e-5)
      let (a, b) = (try first.tensor(), try second.tensor())
      var narrow = try a.difference(from: b, within: tolerance)
      var wide = try a.converted(to: .float64)
        .difference(from: b.converted(to: .float64), within: tolerance)
      // Only these are about the type.
      (narrow.largestULP, wide.largestULP) = (nil, nil)
      (narrow.bitDifferingCount, wide.bitDifferingCount) = (0, 0)
      #expect(narrow == wide)
      var mixed = try a.difference(from: b.converted(to: .float64), within: tolerance)
      mixed.bitDifferingCount = 0
      #expect(mixed == wide)
    }
  }

  // MARK: - Laws

  @Test(arguments: DType.allCases, [1, 2, 3] as [UInt64])
  func `exchanging the sides exchanges their counts and nothing else`(dtype: DType, seed: UInt64)
    throws
  {
    var generator = Philox(seed: seed, stream: 12)
    let first = Patterns.random(dtype, count: 1100, from: &generator)
    let second = first.disturbed(by: &generator)
    for tolerance in Self.tolerances {
      var there = try first.tensor().difference(from: second.tensor(), within: tolerance)
      let back = try second.tensor().difference(from: first.tensor(), within: tolerance)
      there.nanCounts = .init(there.nanCounts.second, there.nanCounts.first)
      there.infinityCounts = .init(there.infinityCounts.second, there.infinityCounts.first)
      #expect(there == back)
    }
  }

  @Test(arguments: DType.allCases)
  func `a tensor differs from itself in nothing`(dtype: DType) throws {
    var generator = Philox(seed: 13, stream: 0)
    let tensor = try Patterns.random(dtype, count: 1100, from: &generator).tensor()
    for tolerance in [Tolerance(), .exact] {
      let found = try tensor.difference(from: tensor, within: tolerance)
      #expect(found.isWithin && found.differingCount == 0 && found.bitDifferingCount == 0)
      #expect(found.largestAbsolute == nil && found.rootMeanSquare == 0 && found.cosine == 1)
    }
  }

  @Test func `every level of this CPU makes the same bits`() async {
    await #expect(processExitsWith: .success) {
      var first: [TensorDifference]?
      for level in ["x86-64-v4", "x86-64-v3", "x86-64", "arm64", "generic"]
      where unsafe fw_kernels_select(level) != 0 {
        var found: [TensorDifference] = []
        for dtype in DType.allCases {
          var generator = Philox(seed: 14, stream: 0)
          let a = Patterns.random(dtype, count: 1300, from: &generator)
          let b = a.disturbed(by: &generator)
          let c = Patterns.random(.int64, count: 1300, from: &generator)
          for tolerance in TensorDifferenceTests.tolerances {
            found.append(try a.tensor().difference(from: b.tensor(), within: tolerance))
            found.append(try a.tensor().difference(from: c.tensor(), within: tolerance))
          }
        }
        #expect(found == first ?? found, "on \(level)")
        first = first ?? found
      }
      #expect(first?.count == 12 * DType.allCases.count)
    }
  }

  // MARK: - What does not pair up

  @Test func `another shape is refused`() throws {
    let a = try Tensor([1, 2, 3, 4] as [Float], shape: Shape([2, 2]))
    let b = try Tensor(vector: [1, 2, 3, 4] as [Float])
    #expect(throws: FlywheelError.self) { try a.difference(from: b, within: Tolerance()) }
    #expect(throws: FlywheelError.self) { try a.differenceHistogram(from: b) }
  }

  @Test func `bytes that nobody looks into differ element by element`() throws {
    let a: [UInt8] = [1, 2, 3, 4, 5, 6]
    let b: [UInt8] = [1, 2, 0, 0, 5, 7]
    func difference(_ size: Int) throws -> TensorDifference {
      try TensorDifference(ofOpaque: a.rawBytes, and: b.rawBytes, elementByteCount: size)
    }
    let pairs = try difference(2)
    #expect(pairs.count == 3 && pairs.differingCount == 2 && pairs.outsideCount == 2)
    #expect(try difference(3).differingCount == 2)
    #expect(try difference(6).bitDifferingCount == 1)
    #expect(throws: FlywheelError.self) { try difference(4) }
    #expect(throws: FlywheelError.self) { try difference(0) }
  }
}

/// A float of 8 or 16 bits: its first pattern behind the finite numbers, and its sign.
struct SmallFormat: Sendable, CustomTestStringConvertible {
  let dtype: DType
  let end: UInt64
  let sign: UInt64
  var testDescription: String { dtype.rawValue }

  static let all = [
    SmallFormat(dtype: .float8E4M3FN, end: 0x7F, sign: 0x80),
    SmallFormat(dtype: .float8E5M2, end: 0x7C, sign: 0x80),
    SmallFormat(dtype: .float16, end: 0x7C00, sign: 0x8000),
    SmallFormat(dtype: .bfloat16, end: 0x7F80, sign: 0x8000),
  ]
}
