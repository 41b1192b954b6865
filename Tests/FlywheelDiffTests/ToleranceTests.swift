import FlywheelCore
import FlywheelDiff
import Testing

struct ToleranceTests {
  @Test("What is not rounded must be equal", arguments: [DType.int64, .uint8, .bool])
  func integers(dtype: DType) {
    #expect(Tolerance.standard(for: dtype) == Tolerance())
  }
}
