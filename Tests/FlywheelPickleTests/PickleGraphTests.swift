import FlywheelCore
import FlywheelPickle
import SystemPackage
import Testing

@Suite("The graph of a pickle")
struct PickleGraphTests {
  /// A pickle without its header, and what Python would print.
  static let readable: [(Pickle, String)] = [
    ("N.", "None"),
    (Pickle([0x88, 0x2E]), "True"),
    (Pickle([0x89, 0x2E]), "False"),
    (Pickle([0x4B, 255, 0x2E]), "255"),
    (Pickle([0x4D, 0x34, 0x12, 0x2E]), "4660"),
    (Pickle([0x4A, 0xFE, 0xFF, 0xFF, 0xFF, 0x2E]), "-2"),
    (Pickle([0x4A, 0xFF, 0xFF, 0xFF, 0x7F, 0x2E]), "2147483647"),
    (Pickle([0x8A, 0, 0x2E]), "0"),
    (Pickle([0x8A, 1, 0x80, 0x2E]), "-128"),
    (Pickle([0x8A, 2, 0x80, 0, 0x2E]), "128"),
    (Pickle([0x8A, 8] + Pickle.littleEndian(Int64.min) + [0x2E]), "\(Int64.min)"),
    (Pickle([0x8A, 9] + Pickle.littleEndian(Int64.max) + [0, 0x2E]), "\(Int64.max)"),
    (Pickle([0x8A, 9] + Pickle.littleEndian(Int64.min) + [0xFF, 0x2E]), "\(Int64.min)"),
    (Pickle([0x8A, 9] + Pickle.littleEndian(Int64.min) + [0, 0x2E]), "0x008000000000000000"),
    (Pickle([0x8A, 9] + Pickle.littleEndian(Int64.max) + [0xFF, 0x2E]), "0xff7fffffffffffffff"),
    (
      Pickle([0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]),
      "0x1950a86a20f9469cfc6c"
    ),
    (Pickle([0x47, 0x3F, 0xB9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A, 0x2E]), "0.1"),
    (Pickle([0x47, 0xFF, 0xF0, 0, 0, 0, 0, 0, 0, 0x2E]), "-inf"),
    ([.text("weight"), "."], "'weight'"),
    ([.text("Größe 𝛽"), "."], "'Größe 𝛽'"),
    ([.text(""), "."], "''"),
    (Pickle([0x55, 3, 0x61, 0x62, 0x63, 0x2E]), "'abc'"),
    (Pickle([0x55, 2, 0xFF, 0x00, 0x2E]), "b'ff00'"),
    (").", "()"),
    ([")", Pickle([0x85]), "."], "((),)"),
    (["N", ")", Pickle([0x86]), "."], "(None, ())"),
    (["NN)", Pickle([0x87]), "."], "(None, None, ())"),
    ("(t.", "()"),
    ("(N)NNt.", "(None, (), None, None)"),
    ("].", "[]"),
    ("]Na.", "[None]"),
    ("](NN)e.", "[None, None, ()]"),
    ("](e.", "[]"),
    ("}.", "{}"),
    ("}NNs.", "{None: None}"),
    (["}(", .text("a"), "N", .text("b"), ")u."], "{'a': None, 'b': ()}"),
    ("}(u.", "{}"),
    (Pickle([0x8F, 0x2E]), "set()"),
    ([.global("torch", "FloatStorage"), "."], "torch.FloatStorage"),
    (
      [.global("__builtin__", "complex"), "NN", Pickle([0x86]), "R."],
      "builtins.complex(None, None)"
    ),
    (
      [.global("torch.nn.parameter", "Parameter"), "N", Pickle([0x85, 0x81]), ")b."],
      "new torch.nn.parameter.Parameter(None)<()>"
    ),
    ([.global("collections", "OrderedDict"), ")RNNs}b."], "{None: None}<{}>"),
    ([.global("collections", "Counter"), "}", Pickle([0x85]), "R."], "collections.Counter({})"),
    ([.text("id"), "Q."], "persistent 'id'"),
    (["Nq", Pickle([0]), "h", Pickle([0, 0x86]), "."], "(None, None)"),
    (["Nr", Pickle([1, 0, 0, 0]), "j", Pickle([1, 0, 0, 0, 0x86]), "."], "(None, None)"),
    // A list that holds itself, and one that is there twice.
    (["]q", Pickle([0]), "h", Pickle([0]), "a."], "[[[[..."),
    (["]q", Pickle([0]), "h", Pickle([0, 0x86]), "."], "([], [])"),
  ]

  @Test("Every operation does what Python's does", arguments: readable)
  func operations(pickle: Pickle, expected: String) throws {
    for pickle in [pickle, .header + pickle] {
      let graph = try pickle.graph()
      #expect(graph.end == pickle.bytes.count)
      if expected.hasSuffix("...") {
        #expect(graph.printed(depth: 4).hasPrefix(expected))
      } else {
        #expect(graph.printed() == expected)
      }
    }
  }

  /// What Python's own pickler wrote, and what Python prints of it.
  struct Written: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let pickle: Pickle
    let hasProtocol4: Bool
    let printed: String

    static let all = (try? read()) ?? []

    private static func read() throws -> [Written] {
      let path = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
        .appending("Fixtures").appending("pickles").appending("pickles.json")
      let value = try JSONValue(parsing: try OpenFile.contents(of: path))
      var root = try JSONObject(["pickles": value])
      return try root.objects("pickles").map { source in
        var object = source
        let digits = Array(try object.string("bytes"))
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
          UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
        return Written(
          testDescription: try object.string("name"),
          pickle: Pickle(bytes),
          hasProtocol4: try object.integer("protocol", in: 2...4) == 4,
          printed: try object.string("printed")
        )
      }
    }
  }

  @Test("What Python wrote is read as Python reads it", arguments: Written.all)
  func written(case written: Written) throws {
    let allowList = written.hasProtocol4 ? Pickle.allowList4 : Pickle.allowList
    let graph = try written.pickle.graph(allowing: allowList)
    #expect(graph.printed() == written.printed)
    #expect(graph.end == written.pickle.bytes.count)
    if written.hasProtocol4 {
      #expect(throws: FlywheelError.self) { try written.pickle.graph() }
    }
  }

  @Test("Python wrote something for the tests")
  func fixtures() {
    #expect(Written.all.count > 30)
  }

  @Test("Pickles that lie back to back are read one after the other, with places in the whole")
  func backToBack() throws {
    let first: Pickle = [.header, .text("first"), "."]
    let second: Pickle = [.header, "]", .text("second"), "a."]
    let bytes: Pickle = ["garbage", first, second, [.header, .here, "i"]]
    let storage = try Tensor(vector: bytes.bytes).storage
    var place = "garbage".utf8.count
    var graphs: [PickleGraph] = []
    for _ in 0..<2 {
      let graph = try PickleGraph(
        reading: storage,
        in: place..<storage.byteCount,
        allowing: Pickle.allowList
      )
      graphs.append(graph)
      place = graph.end
    }
    #expect(graphs.map { $0.printed() } == ["'first'", "['second']"])
    #expect(graphs[0].offset(of: graphs[0].root) == "garbage".utf8.count + 2)
    #expect(graphs[1].offset(of: graphs[1].root) == graphs[0].end + 2)
    let error = #expect(throws: FlywheelError.self) {
      try PickleGraph(
        reading: storage,
        in: place..<storage.byteCount,
        allowing: Pickle.allowList
      )
    }
    #expect(error?.location.byteOffset == bytes.place.map { UInt64($0) })
    // What lies behind a range is not read.
    #expect(throws: FlywheelError.self) {
      try PickleGraph(reading: storage, in: 7..<graphs[0].end - 1, allowing: Pickle.allowList)
    }
  }

  @Test("What is shared is one value, and a name has the place where it stands")
  func references() throws {
    let bytes: Pickle = [.header, "(", .here, "}q", Pickle([0]), "h", Pickle([0]), "t."]
    let graph = try bytes.graph()
    guard case .tuple(let elements) = graph[graph.root] else {
      Issue.record("a tuple was written")
      return
    }
    #expect(elements.count == 2 && elements.first == elements.last)
    #expect(elements.first.map { graph.offset(of: $0) } == bytes.place)
  }
  @Test("A text is made once, however often it is referred to and asked for")
  func sharedText() throws {
    let text = String(repeating: "long ", count: 1_000)
    let bytes: Pickle = [.header, "(", .text(text), "q", Pickle([0]), "h", Pickle([0]), "t."]
    let graph = try bytes.graph()
    guard case .tuple(let elements) = graph[graph.root] else {
      Issue.record("a tuple was written")
      return
    }
    let places = elements.map { element -> UInt? in
      guard case .text(let found) = graph[element], found == text else { return nil }
      return unsafe found.utf8.withContiguousStorageIfAvailable {
        UInt(bitPattern: $0.baseAddress)
      }
    }
    #expect(places.count == 2 && places[0] != nil && places[0] == places[1])
  }
}
