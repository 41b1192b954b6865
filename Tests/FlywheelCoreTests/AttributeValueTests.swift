import FlywheelCore
import Testing

@Suite struct AttributeValueTests {
  @Test func `numbers are the same if their bits are`() {
    let values: [AttributeValue] = [
      .double(.nan), .double(-.nan), .double(Double(nan: 1, signaling: false)), .double(0),
      .double(-0.0), .double(1), .integer(1), .integer(0),
    ]
    #expect(Set(values).count == values.count)
    for (index, left) in values.enumerated() {
      for (other, right) in values.enumerated() { #expect((left == right) == (index == other)) }
    }
  }
}
