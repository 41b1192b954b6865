import FlywheelDiff
import Testing

struct GrowthTests {
  /// A tensor whose difference has these sizes at these steps.
  private static func divergence(_ sizes: [(step: Int, size: Double)]) -> TensorDivergence {
    var divergence = TensorDivergence(name: "model/w", role: .parameter("w"))
    for (step, size) in sizes {
      var difference = TensorDifference()
      difference.rootMeanSquare = size
      divergence.append(difference, at: step)
    }
    return divergence
  }

  /// A power, by multiplication.
  private static func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }

  @Test(
    "The factor of an even growth is found, whatever the steps between are",
    arguments: [1.01, 1.5, 0.9, 1.0],
    [1, 2, 10]
  )
  func even(factor: Double, stride: Int) throws {
    let sizes = (0..<8).map {
      (step: 3 + $0 * stride, size: 1e-6 * Self.power(factor, $0 * stride))
    }
    let growth = try #require(Self.divergence([(1, 0), (2, 0)] + sizes).growth)
    #expect(abs(growth.factor - factor) < 1e-12)
    #expect(growth.steps == 3...(3 + 7 * stride))
  }

  @Test("A growth that comes to its end is measured before it does")
  func saturating() throws {
    let sizes = (0..<64).map { (step: $0, size: $0 < 20 ? 1e-8 * Self.power(2, $0) : 0.01) }
    let growth = try #require(Self.divergence(sizes).growth)
    #expect(abs(growth.factor - 2) < 1e-9)
    #expect(abs(growth.doubling - 1) < 1e-9)
    #expect(growth.steps == 0...15)
  }

  @Test(
    "Nothing is said of too few points, of none, or of what follows no line",
    arguments: [
      [], [0, 0, 0, 0], [0, 1, 2], [1, .infinity, 2, 4, 8], [1, 1e-6, 1, 1e-6, 1, 1e-6],
    ]
  )
  func unsaid(sizes: [Double]) {
    let points = sizes.enumerated().map { (step: $0.offset, size: $0.element) }
    #expect(Self.divergence(points).growth == nil)
  }
}
