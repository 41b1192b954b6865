import FlywheelCore
import Testing

@Suite struct TensorStatisticsTests {
  @Test func `the numbers of a small tensor`() throws {
    let numbers: [Double] = [3, .nan, -4, 0, .infinity, -0.0, -.infinity, 12, .infinity]
    let statistics = try Tensor(vector: numbers).statistics()
    #expect(statistics.count == 9)
    #expect(statistics.finiteCount == 5)
    #expect(statistics.zeroCount == 2)
    #expect(statistics.nanCount == 1)
    #expect(statistics.positiveInfinityCount == 2)
    #expect(statistics.negativeInfinityCount == 1)
    #expect(statistics.minimum == -4)
    #expect(statistics.maximum == 12)
    #expect(statistics.mean == 2.2)
    #expect(statistics.norm == 13)
    let variance = (0.8 * 0.8 + 6.2 * 6.2 + 2 * 2.2 * 2.2 + 9.8 * 9.8) / 5
    #expect(abs(try #require(statistics.standardDeviation) - variance.squareRoot()) < 1e-14)
  }

  @Test(arguments: DType.allCases)
  func `every dtype has them, at any address and of any size`(dtype: DType) throws {
    let few = dtype == .bool ? [1, 0, 1] : [5, 1, 0, 96, 2, 0, 3]
    var wrong: [String] = []
    for count in [1, 2, 7, 8, 9, 31, 1023, 1024, 1025, 3003] {
      let numbers = (0..<count).map { few[$0 % few.count] }
      let tensor = try ConversionTests.tensor(numbers, dtype)
      let sum = numbers.reduce(0, +)
      let squares = numbers.reduce(0) { $0 + $1 * $1 }
      let mean = Double(sum) / Double(count)
      let deviations = numbers.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      for view in [tensor, try tensor.misaligned(by: 5)] {
        let statistics = view.statistics()
        let deviation = (deviations / Double(count)).squareRoot()
        if statistics.count != count || statistics.finiteCount != count
          || statistics.zeroCount != numbers.count(where: { $0 == 0 })
          || statistics.minimum != numbers.min().map(Double.init)
          || statistics.maximum != numbers.max().map(Double.init)
          || statistics.mean != mean  // sums of small whole numbers are exact
          || statistics.norm != Double(squares).squareRoot()
          || !(abs((statistics.standardDeviation ?? .nan) - deviation) <= 1e-13 * deviation)
        {
          wrong.append("\(count) at \(view.byteOffset)")
        }
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: SmallFloat.all)
  func `every pattern of a small float counts as what it is`(format: SmallFloat) throws {
    let patterns = (0..<2 * UInt32(format.signBit)).map { UInt16($0) }
    let statistics = try format.tensor(patterns).statistics()
    #expect(statistics.count == patterns.count)
    #expect(statistics.zeroCount == 2)
    #expect(statistics.nanCount == 2 * format.nans.count)
    #expect(statistics.positiveInfinityCount == (format.hasInfinity ? 1 : 0))
    #expect(statistics.negativeInfinityCount == (format.hasInfinity ? 1 : 0))
    #expect(statistics.minimum == -format.value(format.end - 1))
    #expect(statistics.maximum == format.value(format.end - 1))
    #expect(statistics.mean == 0)
  }

  @Test(arguments: [[0], [2, 0, 3]])
  func `nothing has no mean`(extents: [Int]) throws {
    let statistics = try Tensor([] as [Float], shape: Shape(extents)).statistics()
    #expect(statistics.count == 0)
    #expect(statistics.minimum == nil && statistics.maximum == nil)
    #expect(statistics.mean == nil && statistics.standardDeviation == nil)
    #expect(statistics.norm == 0)
  }

  @Test func `what is not finite is counted and left out`() throws {
    let statistics = try Tensor(vector: [.nan, .infinity, -.signalingNaN] as [Float]).statistics()
    #expect(statistics.nanCount == 2)
    #expect(statistics.positiveInfinityCount == 1)
    #expect(statistics.minimum == nil && statistics.mean == nil)
    #expect(statistics.norm == 0)
    // More than a block of nothing, then numbers, then nothing.
    var numbers = [Float](repeating: .nan, count: 5000)
    numbers.replaceSubrange(2500..<2502, with: [3, 4])
    let few = try Tensor(vector: numbers).statistics()
    #expect(few.finiteCount == 2)
    #expect(few.mean == 3.5)
    #expect(few.standardDeviation == 0.5)
    #expect(few.norm == 5)
  }

  @Test(arguments: [0x1p1000, 0x1.8p1020, 0x1p-600, 0x1p-1050, 1])
  func `no square overflows or vanishes`(unit: Double) throws {
    let numbers = [3 * unit, -4 * unit, 0] + [Double](repeating: 0, count: 2000)
    let statistics = try Tensor(vector: numbers).statistics()
    #expect(statistics.norm == 5 * unit)
    #expect(statistics.zeroCount == 2001)
    #expect(statistics.maximum == 3 * unit)
    let mean = -unit / 2003
    #expect(abs(try #require(statistics.mean) - mean) <= max(1e-15 * abs(mean), 0x1p-1074))
    #expect(try #require(statistics.standardDeviation) > 0)
    #expect(try #require(statistics.standardDeviation) < unit)
  }

  @Test func `a large mean does not hide a small deviation`() throws {
    let numbers = (0..<100_000).map { 1e9 + Double($0 % 2) }
    let statistics = try Tensor(vector: numbers).statistics()
    #expect(abs(try #require(statistics.standardDeviation) - 0.5) < 1e-9)
  }

  @Test func `complex numbers count by their absolute value`() throws {
    let numbers = [
      Complex128(real: 3, imaginary: -4), Complex128(real: 0, imaginary: -0.0),
      Complex128(real: 0x1p1000 * 5, imaginary: 0x1p1000 * 12),
      Complex128(real: 0x1p-1000 * 5, imaginary: 0x1p-1000 * 12),
      Complex128(real: .nan, imaginary: -.infinity), Complex128(real: 1, imaginary: .nan),
    ]
    let statistics = try Tensor(vector: numbers).statistics()
    #expect(statistics.zeroCount == 1)
    #expect(statistics.positiveInfinityCount == 1)
    #expect(statistics.negativeInfinityCount == 0)
    #expect(statistics.nanCount == 1)
    #expect(statistics.minimum == 0)
    #expect(statistics.maximum == 0x1p1000 * 13)
    let narrow = [
      Complex64(real: -3e38, imaginary: 0), Complex64(real: 3, imaginary: 4),
      Complex64(real: -.infinity, imaginary: .nan), Complex64(real: .nan, imaginary: 0),
    ]
    let few = try Tensor(vector: narrow).statistics()
    #expect(few.minimum == 5)
    #expect(few.maximum == Double(3e38 as Float))
    #expect(few.positiveInfinityCount == 1)
    #expect(few.nanCount == 1)
  }

  @Test func `integers of 64 bits are rounded`() throws {
    let unsigned = try Tensor(vector: [.max, 1] as [UInt64]).statistics()
    #expect(unsigned.maximum == 0x1p64)
    #expect(unsigned.minimum == 1)
    let signed = try Tensor(vector: [.max, .min] as [Int64]).statistics()
    #expect(signed.maximum == 0x1p63)
    #expect(signed.minimum == -0x1p63)
    #expect(signed.mean == 0)
  }

  @Test func `a byte that is no truth value shows in the maximum`() throws {
    let storage = try Tensor(vector: [0, 1, 7] as [UInt8]).storage
    let tensor = try Tensor(dtype: .bool, shape: Shape([3]), storage: storage)
    #expect(tensor.statistics().maximum == 7)
  }

  @Test(arguments: [1, 8, 13, 1024, 1029, 5000])
  func `sums are taken in the order that is promised`(count: Int) throws {
    var generator = Philox(seed: 9, stream: 2)
    let numbers = (0..<count).map { _ in
      Double(bitPattern: 0x3FF0 << 48 | generator.next() >> 12) - 1.25
    }
    var (sum, squares, deviations, before) = (0.0, 0.0, 0.0, 0.0)
    for first in stride(from: 0, to: count, by: 1024) {
      let block = numbers[first..<min(first + 1024, count)]
      let blockSum = laneSum(block.map { $0 })
      let mean = blockSum / Double(block.count)
      let blockDeviations = laneSum(block.map { ($0 - mean) * ($0 - mean) })
      let apart = before > 0 ? mean - sum / before : 0
      let size = Double(block.count)
      deviations += blockDeviations + apart * apart * (before * size / (before + size))
      sum += blockSum
      squares += laneSum(block.map { $0 * $0 })
      before += size
    }
    let statistics = try Tensor(vector: numbers).statistics()
    #expect(statistics.mean == sum / Double(count))
    #expect(statistics.norm == squares.squareRoot())
    #expect(statistics.standardDeviation == (deviations / Double(count)).squareRoot())
  }
}

/// Eight lanes, then neighbours until one is left.
private func laneSum(_ numbers: [Double]) -> Double {
  var lanes = [Double](repeating: 0, count: 8)
  for (index, number) in numbers.enumerated() { lanes[index % 8] += number }
  while lanes.count > 1 {
    lanes = stride(from: 0, to: lanes.count, by: 2).map { lanes[$0] + lanes[$0 + 1] }
  }
  return lanes[0]
}
