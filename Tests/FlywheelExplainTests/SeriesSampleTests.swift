import FlywheelCore
import Testing

@testable import FlywheelExplain

struct SeriesSampleTests {
  @Test("Of a large parameter, elements are evenly spread", arguments: [DType.float32, .float16])
  func spread(dtype: DType) throws {
    let values = (0..<25).map { Double($0) }
    let tensor = try Tensor(values, shape: Shape([5, 5])).converted(to: dtype)
    let series = TensorSeries(name: "W", isWeight: true, weights: [tensor, tensor])
    var sample = SeriesSample(series, limit: 10)
    #expect(try sample.elements(.weight, at: 1) == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22])
    #expect(sample.count == 10 && sample.totalCount == 25)
    var some = sample.subset([1, 4])
    #expect(try some.elements(.weight, at: 0) == [2, 10])
    var all = SeriesSample(series, limit: 25)
    #expect(try all.elements(.weight, at: 0) == values)
    #expect(try all.elements(.gradient, at: 0) == nil)
  }
}
