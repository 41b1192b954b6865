import FlywheelCore
import Testing

@testable import FlywheelExplain

struct EquationsTests {
  /// Columns of numbers, and one that is made of them.
  static func columns(_ count: Int, _ unknowns: [Double], closeness: Double) -> [[Double]] {
    var random = RuleWalk.Random()
    var columns = unknowns.map { _ in (0..<count).map { _ in random.next() } }
    // The last column is almost the first.
    let last = columns.count - 1
    for row in 0..<count {
      columns[last][row] = columns[0][row] + closeness * columns[last][row]
    }
    let side = (0..<count).map { row in
      zip(columns, unknowns).reduce(0) { $0 + $1.0[row] * $1.1 }
    }
    return columns + [side]
  }

  @Test(
    "Unknowns come out to a few steps of float64, times the condition, however many equations there are",
    arguments: [7, 255, 1000, 5000],
    [1, 1e-3, 1e-6]
  )
  func accuracy(count: Int, closeness: Double) throws {
    let unknowns = [0.9, -1e-3, 2.5]
    let columns = Self.columns(count, unknowns, closeness: closeness)
    let noise = columns.map { RoundingError(.float64).squares($0) }
    let whole = Equations(columns, noise: noise, unit: 0x1p-53)
    // The same in pieces of odd sizes.
    let middle = count / 3
    let parts = [0..<middle, middle..<count].map { range in
      Equations(columns.map { Array($0[range]) }, noise: noise.map { $0 / 2 }, unit: 0x1p-53)
    }
    for equations in [whole, try #require(Equations.joined(parts))] {
      #expect(equations.count == count)
      let solution = try #require(equations.solution(unknowns: 3, target: 3))
      for (estimate, truth) in zip(solution.estimates, unknowns) {
        let estimate = try #require(estimate)
        #expect(abs(estimate.value - truth) <= 5 * estimate.standardError)
        #expect(estimate.standardError < 2e-13 / closeness)
      }
      #expect(solution.fit.isExplained)
      #expect(solution.fit.condition > 0.5 / closeness && solution.fit.condition < 20 / closeness)
    }
  }

  @Test("Columns that are the same leave open only what is about them")
  func open() throws {
    var columns = Self.columns(100, [0.9, -1e-3, 2.5], closeness: 0)
    let noise = columns.map { RoundingError(.float64).squares($0) }
    let merged = try #require(
      Equations(columns, noise: noise, unit: 0x1p-53).solution(unknowns: 3, target: 3)
    )
    #expect(merged.estimates.map { $0 == nil } == [true, false, true])
    #expect(merged.estimates[1]?.isNear(-1e-3) ?? false)
    #expect(merged.fit.isExplained)
    columns[1] = columns[1].map { _ in 0 }
    let without = try #require(
      Equations(columns, noise: noise, unit: 0x1p-53).solution(unknowns: 3, target: 3)
    )
    #expect(without.estimates.allSatisfy { $0 == nil })
    #expect(
      Equations(columns.map { Array($0[..<2]) }, noise: noise, unit: 0).solution(
        unknowns: 3,
        target: 3
      ) == nil
    )
  }
}
