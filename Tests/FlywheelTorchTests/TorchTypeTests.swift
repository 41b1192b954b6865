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
}
