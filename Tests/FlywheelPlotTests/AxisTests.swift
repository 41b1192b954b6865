import Testing

@testable import FlywheelPlot

@Suite("Axes")
struct AxisTests {
  @Test(
    "Marks are 1, 2 or 5 times a power of ten, and reach around the values",
    arguments: [
      ([0.02, 0.52], ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]),
      ([0.83, 0.99], ["0.80", "0.85", "0.90", "0.95", "1.00"]),
      ([0, 10], ["0", "2", "4", "6", "8", "10"]),
      ([-3, 4], ["-3", "-2", "-1", "0", "1", "2", "3", "4"]),
      ([0, 20_000], ["0", "5,000", "10,000", "15,000", "20,000"]),
      ([0, 4e9], ["0", "1e9", "2e9", "3e9", "4e9"]),
      ([1e-8, 4e-8], ["1e-8", "1.5e-8", "2e-8", "2.5e-8", "3e-8", "3.5e-8", "4e-8"]),
      ([-1e300, 1e300], ["-1e300", "-5e299", "0", "5e299", "1e300"]),
    ] as [([Double], [String])]
  )
  func marks(_ values: [Double], _ labels: [String]) {
    let axis = Axis(spanning: values, tickCount: 5)
    #expect(axis.ticks.map(\.label) == labels)
    #expect(axis.lower <= values[0] && values[1] <= axis.upper)
  }

  @Test(
    "An axis of powers of ten marks them, and more if there are few",
    arguments: [
      ([0.01, 10], ["0.01", "0.1", "1", "10"]),
      ([1e-9, 1e9], ["1e-10", "1e-5", "1", "1e5", "1e10"]),
      ([1e-9, 1e-3], ["1e-10", "1e-8", "1e-6", "1e-4", "1e-2"]),
      ([0.3, 2], ["0.2", "0.5", "1", "2"]), ([0.1, 0.1], ["0.05", "0.1", "0.2"]),
    ] as [([Double], [String])]
  )
  func logarithmicMarks(_ values: [Double], _ labels: [String]) {
    let axis = Axis(spanning: values, scale: .logarithmic, tickCount: 4)
    #expect(axis.ticks.map(\.label) == labels)
    #expect(axis.lower <= values[0] && values[1] <= axis.upper)
  }

  @Test("Whole numbers have no marks between them")
  func wholeNumbers() {
    let axis = Axis(spanning: [1, 3], extent: .data, tickCount: 8, isWhole: true)
    #expect(axis.ticks.map(\.label) == ["1", "2", "3"])
    #expect(axis.lower == 1 && axis.upper == 3)
  }

  @Test("The ends lie at 0 and 1, and ratios of a logarithmic axis are equal lengths")
  func positions() throws {
    let linear = Axis(spanning: [0, 10])
    #expect(linear.position(of: 0) == 0)
    #expect(linear.position(of: 5) == 0.5)
    #expect(linear.position(of: 10) == 1)
    let logarithmic = Axis(spanning: [0.01, 100], scale: .logarithmic)
    let middle = try #require(logarithmic.position(of: 1))
    #expect((middle - 0.5).magnitude < 1e-12)
  }

  @Test("What has no place has none")
  func gaps() {
    let linear = Axis(spanning: [.nan, 1, .infinity, 2, -.infinity, 1.7e308])
    #expect(linear.lower == 1 && linear.upper == 2)
    for value in [Double.nan, .infinity, -.infinity, 1.7e308] {
      #expect(linear.position(of: value) == nil)
    }
    let logarithmic = Axis(spanning: [0, -1, 1, 10], scale: .logarithmic)
    #expect(logarithmic.lower == 1 && logarithmic.upper == 10)
    #expect(logarithmic.position(of: 0) == nil)
  }

  @Test(
    "Every set of values has an axis on which each has a place between the ends",
    arguments: [
      [], [0], [5], [-5], [.leastNormalMagnitude / 4],
      [.leastNonzeroMagnitude, 3 * .leastNonzeroMagnitude], [1e300], [-1e300], [1, 1 + 1e-15],
      [1e9, 1e9 + 1], [1e15, 1e15 + 0.25], [-1e300, 1e300], [0, 1e-300], [2e-300, 2.0001e-300],
      [.nan], [1e-300, 1e300], [0, .leastNonzeroMagnitude], [9.999999999, 10],
    ] as [[Double]],
    [Axis.Scale.linear, .logarithmic]
  )
  func anyValues(_ values: [Double], _ scale: Axis.Scale) {
    for extent in [Axis.Extent.data, .marks] {
      for count in [1, 3, 8] {
        let axis = Axis(spanning: values, scale: scale, extent: extent, tickCount: count)
        #expect(axis.lower < axis.upper)
        #expect(axis.ticks.count <= 3 * count + 3)
        #expect(axis.ticks.map(\.value) == axis.ticks.map(\.value).sorted())
        #expect(Set(axis.ticks.map(\.label)).count == axis.ticks.count)
        let places = (values + axis.ticks.map(\.value)).compactMap { axis.position(of: $0) }
        #expect(places.allSatisfy { -1e-9 <= $0 && $0 <= 1 + 1e-9 })
      }
    }
  }

  @Test(
    "A value is told to four digits",
    arguments: [
      (0, "0"), (0.5, "0.5"), (0.088521, "0.08852"), (-0.25, "-0.25"), (1234.56, "1,235"),
      (20_000, "20,000"), (0.99999, "1"), (0.000123456, "0.0001235"), (5e-7, "5e-7"),
      (12_345_678, "1.235e7"), (-3e-300, "-3e-300"), (.leastNonzeroMagnitude, "5e-324"),
      (.nan, "nan"),
      (-.infinity, "-inf"), (1.7e308, "1.7e308"), (9_999.9, "10,000"),
    ] as [(Double, String)]
  )
  func shortNumbers(_ value: Double, _ text: String) {
    #expect(Numeral.short(value) == text)
  }

  @Test(
    "Lengths have at most two decimals",
    arguments: [
      (0, "0"), (12, "12"), (1.5, "1.5"), (0.125, "0.13"), (-0.5, "-0.5"), (1234.567, "1234.57"),
      (-0.001, "0"), (99.999, "100"), (7.03, "7.03"),
    ] as [(Double, String)]
  )
  func coordinates(_ value: Double, _ text: String) {
    #expect(Numeral.coordinate(value) == text)
  }
}
