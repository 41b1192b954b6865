import FlywheelCore
import Testing

@testable import FlywheelTorch

@Suite("PyTorch's types")
struct TorchTypeTests {
  @Test("Every dtype has one name in PyTorch", arguments: DType.allCases)
  func dtypes(dtype: DType) throws {
    let type = try #require(TorchType.of(dtype))
    #expect(TorchType.named(type.name) == type)
    if let storage = type.storage { #expect(TorchType.storing(storage) == type) }
  }

  @Test("Names are those of one type each")
  func names() {
    #expect(Set(TorchType.all.map(\.name)).count == TorchType.all.count)
    let storages = TorchType.all.compactMap(\.storage)
    #expect(Set(storages).count == storages.count)
  }

  @Test("Types that are only carried have names of their own, by which they are found again")
  func carried() {
    let carried = TorchType.all.filter { $0.element.dtype == nil }
    #expect(carried.count == 4)
    for type in carried {
      guard case .opaque(let element) = type.element else { continue }
      #expect(element.name == type.name)
    }
  }
}
