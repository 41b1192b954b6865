import FlywheelCore
import Testing

@testable import FlywheelSafetensors

@Suite("Types of safetensors")
struct SafetensorsTypeTests {
  @Test("A type that Flywheel computes with has as many bytes here as there")
  func sizes() {
    for type in SafetensorsType.allCases {
      if let element = type.element { #expect(type.bitCount == 8 * element.byteCount) }
    }
    let missing = DType.allCases.filter { dtype in
      SafetensorsType(.number(dtype)) == nil
    }
    #expect(missing == [.complex128])
  }

  @Test("The order is that of the sizes")
  func order() {
    let sizes = SafetensorsType.allCases.dropFirst().map(\.bitCount)
    #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 <= $1 })
  }
}
