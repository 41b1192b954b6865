import Testing

@testable import FlywheelHDF5

/// The chunks that blocks touch.
@Suite("Chunks that blocks touch")
struct TouchedChunksTests {
  private static func touched(_ offset: Int, _ count: Int, _ stride: Int, _ extent: Int)
    -> TouchedChunks
  {
    let block = HDF5Block(offset: [0, offset], count: [1, count], stride: [1, stride])
    return TouchedChunks(by: block, along: 1, extent)
  }

  @Test("They are those of the block's indices, each once and in order")
  func everyIndex() {
    for extent in 1...6 {
      for stride in 1...8 {
        for (offset, count) in [(0, 1), (0, 9), (4, 1), (5, 2), (7, 9), (12, 30)] {
          let indices = (0..<count).map { (offset + $0 * stride) / extent }
          let expected = Set(indices).sorted()
          let touched = Self.touched(offset, count, stride, extent)
          #expect((0..<touched.count).map { touched[$0] } == expected)
          #expect(touched.bounds == expected[0]...expected[expected.count - 1])
          let last = expected[expected.count - 1]
          #expect((0...last + 2).filter { touched.contains($0) } == expected)
        }
      }
    }
  }

  @Test("However many indices there are, they are not gone through")
  func large() {
    // An hour, if each index were divided.
    let dense = Self.touched(3, 1 << 58, 4, 1 << 50)
    #expect(dense.count == 1 << 10)
    #expect(dense.contains(1 << 10 - 1) && !dense.contains(1 << 10))
    let sparse = Self.touched(.max - 1 - 7 << 59, 8, 1 << 59, 1 << 20)
    #expect(sparse.count == 8)
    #expect(sparse[7] == (Int.max - 1) / 1 << 20)
  }
}
