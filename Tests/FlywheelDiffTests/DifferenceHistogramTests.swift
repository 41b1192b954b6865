import FlywheelCore
import FlywheelDiff
import Testing

@Suite struct DifferenceHistogramTests {
  @Test func `decades begin at powers of ten`() throws {
    let sizes: [Double] = [1, 9.999, 10, 0.1, 0.1.nextDown, 1e-300, 1e300, 99.5]
    let zeros = [Double](repeating: 0, count: sizes.count)
    let found = try Tensor(vector: sizes).differenceHistogram(from: Tensor(vector: zeros))
    #expect(found.decades.filter { $0.count > 0 }.map(\.exponent) == [-300, -2, -1, 0, 1, 300])
    #expect(found.decades.filter { $0.count > 0 }.map(\.greaterCount) == [1, 1, 1, 2, 2, 1])
    #expect(found.decades.count == 601)
    #expect(found.differingCount == sizes.count && found.zeroCount == 0)
  }

  @Test func `every power of ten is in its own decade, and what is just below in the one before`()
    throws
  {
    let powers = (-323...308).compactMap { Double("1e\($0)") }
    for (index, power) in powers.enumerated().dropFirst() {
      let a = try Tensor(vector: [power, 0])
      let b = try Tensor(vector: [0, power.nextDown])
      let decades = try a.differenceHistogram(from: b).decades
      #expect(
        decades == [
          .init(exponent: index - 324, greaterCount: 0, lessCount: 1),
          .init(exponent: index - 323, greaterCount: 1, lessCount: 0),
        ]
      )
    }
  }

  @Test func `signs, zeros and what is not finite are counted apart`() throws {
    let a: [Float] = [1, 2, 3, .nan, .infinity, 0, 5]
    let b: [Float] = [1, 4, 1, .nan, 0, -0.0, 4.75]
    let found = try Tensor(vector: a).differenceHistogram(from: Tensor(vector: b))
    #expect(found.zeroCount == 2 && found.nonFiniteCount == 2 && found.count == 7)
    #expect(
      found.decades == [
        .init(exponent: -1, greaterCount: 1, lessCount: 0),
        .init(exponent: 0, greaterCount: 1, lessCount: 1),
      ]
    )
  }

  @Test func `nothing, and no difference, have no decades`() throws {
    let empty = try Tensor(vector: [] as [Int8])
    #expect(try empty.differenceHistogram(from: empty) == DifferenceHistogram())
    #expect(DifferenceHistogram().decades.isEmpty)
    let same = try Tensor(vector: [1, 2] as [Int64])
    #expect(try same.differenceHistogram(from: same).decades.isEmpty)
  }

  @Test(arguments: DType.allCases)
  func `every dtype has as many pairs as elements`(dtype: DType) throws {
    var generator = Philox(seed: 15, stream: 0)
    let a = Patterns.random(dtype, count: 1300, from: &generator)
    let b = a.disturbed(by: &generator)
    let found = try a.tensor().differenceHistogram(from: b.tensor())
    let difference = try a.tensor().difference(from: b.tensor(), within: Tolerance())
    #expect(found.count == 1300)
    if !dtype.isFloatingPoint, dtype.kind != .complex {
      #expect(found.differingCount == difference.differingCount)
    }
    if let largest = difference.largestAbsolute?.value {
      let last = try #require(found.decades.last)
      #expect(try #require(Double("1e\(last.exponent)")) <= largest)
      if last.exponent < 308 { #expect(try #require(Double("1e\(last.exponent + 1)")) > largest) }
    }
  }

  @Test func `histograms add up`() throws {
    let zeros = try Tensor(vector: [0, 0] as [Double])
    var total = DifferenceHistogram()
    total.add(try Tensor(vector: [1e-3, 0] as [Double]).differenceHistogram(from: zeros))
    total.add(try Tensor(vector: [-0.2, .nan] as [Double]).differenceHistogram(from: zeros))
    #expect(total.decades.map(\.exponent) == [-3, -2, -1])
    #expect(total.decades.map(\.count) == [1, 0, 1])
    #expect(total.zeroCount == 1 && total.nonFiniteCount == 1)
  }
}
