import FlywheelCore
import FlywheelPickle
import Testing

@Suite("Writing pickles")
struct PickleWriterTests {
  private static func graph(of writer: consuming PickleWriter) throws -> PickleGraph {
    try Pickle(writer.finish()).graph()
  }

  @Test(
    "Integers have the bytes that Python gives them",
    arguments: [
      (0, [0x4B, 0]), (255, [0x4B, 255]), (256, [0x4D, 0, 1]), (65_535, [0x4D, 255, 255]),
      (65_536, [0x4A, 0, 0, 1, 0]), (-1, [0x4A, 255, 255, 255, 255]),
      (2_147_483_647, [0x4A, 255, 255, 255, 127]), (-2_147_483_648, [0x4A, 0, 0, 0, 128]),
      (2_147_483_648, [0x8A, 5, 0, 0, 0, 128, 0]),
      (-2_147_483_649, [0x8A, 5, 255, 255, 255, 127, 255]),
      (549_755_813_887, [0x8A, 5, 255, 255, 255, 255, 127]),
      (549_755_813_888, [0x8A, 6, 0, 0, 0, 0, 128, 0]),
      (-549_755_813_888, [0x8A, 5, 0, 0, 0, 0, 128]),
      (.max, [0x8A, 8, 255, 255, 255, 255, 255, 255, 255, 127]),
      (.min, [0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 128]),
    ] as [(Int64, [UInt8])]
  )
  func integers(value: Int64, expected: [UInt8]) throws {
    var writer = PickleWriter()
    writer.write(value)
    let bytes = writer.finish()
    #expect(bytes == [0x80, 2] + expected + [0x2E])
    #expect(try Pickle(bytes).graph().printed() == "\(value)")
  }

  @Test("Everything that is written is read again")
  func everything() throws {
    let ordered = PickleGlobal(module: "collections", name: "OrderedDict")
    var writer = PickleWriter()
    writer.beginDictionary()
    writer.write("state")
    writer.beginDictionary(of: ordered)
    writer.write(Int64(0))
    writer.beginCall(of: PickleGlobal(module: "torch._utils", name: "_rebuild_tensor_v2"))
    writer.beginPersistentID()
    writer.write("storage")
    writer.write(PickleGlobal(module: "torch", name: "FloatStorage"))
    writer.write("0")
    writer.write("cpu")
    writer.write(Int64(6))
    writer.end()
    writer.write(Int64(0))
    writer.write(tuple: [2, 3])
    writer.write(tuple: [])
    writer.write(false)
    writer.beginDictionary(of: ordered)
    writer.end()
    writer.end()
    writer.end()
    writer.write("param_groups")
    writer.beginList()
    writer.write(-0.0)
    writer.write(Double.infinity)
    writer.write(true)
    writer.writeNone()
    writer.beginTuple()
    writer.write("Größe")
    writer.end()
    writer.end()
    writer.end()
    #expect(
      try Self.graph(of: writer).printed() == """
        {'state': {0: torch._utils._rebuild_tensor_v2(persistent ('storage', torch.FloatStorage, '0', \
        'cpu', 6), 0, (2, 3), (), False, {})}, 'param_groups': [-0.0, inf, True, \
        None, ('Größe',)]}
        """
    )
  }

  @Test("What was written before is taken from the memo, however much that is")
  func memo() throws {
    var writer = PickleWriter()
    writer.beginList()
    for _ in 0..<2 {
      for number in 0..<300 { writer.write("a text of some length, number \(number)") }
    }
    writer.end()
    let bytes = writer.finish()
    #expect(bytes.count < 300 * 50)
    guard case .list(let items) = try Pickle(bytes).graph()[Pickle(bytes).graph().root] else {
      Issue.record("a list was written")
      return
    }
    #expect(items.count == 600)
    #expect(items[..<300] == items[300...])
  }
}
