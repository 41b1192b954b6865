import FlywheelCore
import Testing

@testable import FlywheelDiff

@Suite("Partners of arrays")
struct PairingTests {
  private static func array(
    _ name: String,
    _ extents: [Int],
    _ values: [Double]? = nil
  ) throws -> DiffTensor {
    let shape = try Shape(extents)
    let counted = (0..<shape.elementCount).map(Double.init)
    return DiffTensor(
      name: name,
      key: name,
      role: .array,
      try Tensor(values ?? counted, shape: shape)
    )
  }

  @Test("By name they are those with the same name, in the first side's order")
  func names() throws {
    let first = try ["a", "b", "c"].map { try Self.array($0, [2]) }
    let second = try ["c", "x", "a"].map { try Self.array($0, [2]) }
    let pairing = Pairing(byName: first, second, .name)
    #expect(pairing.pairs.map(\.first.name) == ["a", "c"])
    #expect(pairing.pairs.map(\.second.name) == ["a", "c"])
    #expect(pairing.onlyFirst.map(\.name) == ["b"])
    #expect(pairing.onlySecond.map(\.name) == ["x"])
  }

  @Test(
    "By shape each takes the first that is left and fits, its axes exchanged or of extent 1 left out"
  )
  func shapes() throws {
    let first = try [Self.array("w", [3, 2]), Self.array("b", [3]), Self.array("v", [3, 2])]
    let second = try [
      Self.array("bias", [3, 1]), Self.array("kernel", [2, 3]), Self.array("more", [7]),
      Self.array("velocity", [3, 2]),
    ]
    let pairing = try Pairing(byShape: first, second)
    #expect(
      pairing.pairs.map { [$0.first.name, $0.second.name] }
        == [["w", "kernel"], ["b", "bias"], ["v", "velocity"]]
    )
    #expect(pairing.pairs.map(\.second.changes) == [["transposed"], ["reshaped"], []])
    #expect(pairing.onlySecond.map(\.name) == ["more"])
    for pair in pairing.pairs {
      let tensor = try pair.second.tensor()
      #expect(tensor.shape == pair.first.description?.shape)
      #expect(pair.second.description?.shape == tensor.shape)
    }
    let kernel: [Double] = try pairing.pairs[0].second.tensor().elements()
    #expect(kernel == [0, 3, 1, 4, 2, 5])
  }

  @Test("A square one lies as it is nearer")
  func squares() throws {
    let goal = try Self.array("w", [2, 2], [1, 2, 3, 4])
    for (values, changes) in [([1, 2, 3, 4], []), ([1, 3, 2, 4.5], ["transposed"])] {
      let pairing = try Pairing(byShape: [goal], [try Self.array("w", [2, 2], values)])
      #expect(pairing.pairs[0].second.changes == changes)
    }
  }
}
