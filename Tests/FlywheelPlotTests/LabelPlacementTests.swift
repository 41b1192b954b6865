import Testing

@testable import FlywheelPlot

@Suite("Labels at the ends of lines")
struct LabelPlacementTests {
  @Test(
    "Labels stay where they wish, or move apart just enough, within the range",
    arguments: [
      ([], []), ([5], [5]), ([2, 8], [2, 8]), ([5, 5], [5, 6]), ([5, 5.5, 9], [5, 6, 9]),
      ([10, 10, 10], [8, 9, 10]), ([0, 0, 0], [0, 1, 2]), ([10, 9.5], [10, 9]), ([8, 2], [8, 2]),
    ] as [([Double], [Double])]
  )
  func places(_ wishes: [Double], _ expected: [Double]) {
    #expect(LabelPlacement.places(wishes, gap: 1, in: 0...10) == expected)
  }

  @Test("Labels that cannot all be read have no places")
  func crowds() {
    #expect(LabelPlacement.places(Array(repeating: 5, count: 11), gap: 1, in: 0...10) != nil)
    #expect(LabelPlacement.places(Array(repeating: 5, count: 12), gap: 1, in: 0...10) == nil)
  }
}
