import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelTorch

/// Files that say what PyTorch never says.
@Suite("Hostile files of PyTorch")
struct HostileTorchTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let object: SavedObject
    let code: FlywheelError.Code
    let builder: TorchBuilder

    init(
      _ name: String,
      _ object: SavedObject,
      _ code: FlywheelError.Code,
      _ change: (inout TorchBuilder) -> Void = { _ in }
    ) {
      testDescription = name
      self.object = object
      self.code = code
      var builder = TorchBuilder()
      change(&builder)
      self.builder = builder
    }
  }

  private static let float = SavedObject.global("torch", "FloatStorage")

  /// Tensors that cannot be read: the marked value is where the error is found.
  static let badTensors = [
    Refusal("a negative offset", .marked(.tensor(offset: -1)), .malformed),
    Refusal("an offset beyond the end", .marked(.tensor(offset: 6)), .malformed),
    Refusal("an offset that lets the last element out", .marked(.tensor(offset: 1)), .malformed),
    Refusal("the largest offset", .marked(.tensor(offset: .integer(.max))), .malformed),
    Refusal("an offset that is no integer", .tensor(offset: .marked(.double(0))), .malformed),
    Refusal("an offset that is true", .tensor(offset: .marked(true)), .malformed),
    Refusal("a negative extent", .marked(.tensor(extents: .tuple([-2, 3]))), .malformed),
    Refusal("too large an extent", .marked(.tensor(extents: .tuple([3, 3]))), .malformed),
    Refusal(
      "extents that overflow",
      .marked(.tensor(extents: .tuple([.integer(1 << 40), .integer(1 << 40)]))),
      .limitExceeded
    ),
    Refusal(
      "bytes that overflow",
      .marked(.tensor(extents: .tuple([.integer(1 << 61), 1]))),
      .limitExceeded
    ),
    Refusal("extents that are no tuple", .tensor(extents: .marked(6)), .malformed),
    Refusal("extents of texts", .tensor(extents: .marked(.tuple(["2", "3"]))), .malformed),
    Refusal("fewer extents", .marked(.tensor(extents: .tuple([2]))), .malformed),
    Refusal("fewer strides", .marked(.tensor(strides: .tuple([1]))), .malformed),
    Refusal("a negative stride", .marked(.tensor(strides: .tuple([-3, 1]))), .malformed),
    Refusal("too large a stride", .marked(.tensor(strides: .tuple([4, 1]))), .malformed),
    Refusal(
      "strides that overflow",
      .marked(.tensor(strides: .tuple([.integer(.max), .integer(.max)]))),
      .malformed
    ),
    Refusal(
      "a stride whose distance overflows",
      .marked(.tensor(extents: .tuple([3]), strides: .tuple([.integer(1 << 62)]))),
      .malformed
    ),
    Refusal(
      "65 axes",
      .tensor(
        extents: .marked(.tuple(Array(repeating: 1, count: 65))),
        strides: .tuple(Array(repeating: 1, count: 65))
      ),
      .malformed
    ),
    Refusal(
      "an expanded number of terabytes",
      .marked(.tensor(extents: .tuple([.integer(1 << 40), 1]), strides: .tuple([0, 1]))),
      .limitExceeded
    ),
    Refusal("requires_grad of a text", .tensor(gradient: .marked("yes")), .malformed),
    Refusal(
      "hooks that are something",
      .tensor(hooks: .marked(.dictionary([(1, .global("torch", "Size"))]))),
      .malformed
    ),
    Refusal("metadata that are a list", .tensor(metadata: .marked(.list([]))), .malformed),
    Refusal(
      "metadata that are not known",
      .tensor(metadata: .dictionary([(.marked("lazy"), true)])),
      .unsupported
    ),
    Refusal(
      "conj() of real numbers",
      .marked(.tensor(metadata: .dictionary([("conj", true)]))),
      .unsupported
    ),
    Refusal(
      "too few arguments",
      .marked(.utility("_rebuild_tensor_v2", [.storage(), 0, .tuple([6]), .tuple([1])])),
      .malformed
    ),
    Refusal(
      "too many arguments",
      .marked(.utility("_rebuild_tensor", [.storage(), 0, .tuple([6]), .tuple([1]), 1])),
      .malformed
    ),
    Refusal("no arguments", .marked(.utility("_rebuild_tensor_v3", [])), .malformed),
    Refusal(
      "a dtype that is a function",
      .utility(
        "_rebuild_tensor_v3",
        [
          .storage(), 0, .tuple([6]), .tuple([1]), false, .noHooks,
          .marked(.global("torch", "Size")),
        ]
      ),
      .unsupported
    ),
    Refusal(
      "a dtype that is a text",
      .utility(
        "_rebuild_tensor_v3",
        [.storage(), 0, .tuple([6]), .tuple([1]), false, .noHooks, .marked("float32")]
      ),
      .malformed
    ),
    Refusal("a storage that is a number", .tensor(.marked(3)), .malformed),
    Refusal("an identifier that is a text", .tensor(.marked(.persistent("0"))), .malformed),
    Refusal(
      "an identifier of two parts",
      .tensor(.marked(.persistent(.tuple(["storage", float])))),
      .malformed
    ),
    Refusal(
      "an identifier of a module",
      .tensor(.marked(.persistent(.tuple(["module", float, "a", "b", 1])))),
      .unsupported
    ),
    Refusal(
      "a storage of a function",
      .tensor(.marked(.storage(.global("torch", "device")))),
      .unsupported
    ),
    Refusal(
      "a storage of quantised numbers",
      .tensor(.marked(.storage(.global("torch", "QInt8Storage")))),
      .unsupported
    ),
    Refusal("a storage of -1 elements", .tensor(.marked(.storage(count: -1))), .malformed),
    Refusal(
      "a storage that overflows",
      .tensor(.marked(.storage(count: .integer(1 << 62)))),
      .limitExceeded
    ),
    Refusal("a key that is a number", .tensor(.storage(key: .marked(0))), .malformed),
    Refusal("a storage that is not there", .marked(.tensor(.storage(key: "1"))), .notFound),
    Refusal(
      "a storage out of the folder",
      .marked(.tensor(.storage(key: "../version"))),
      .notFound
    ),
    Refusal(
      "a storage beside the others",
      .marked(.tensor(.storage(key: "0/../../data.pkl"))),
      .notFound
    ),
    Refusal(
      "a parameter of a number",
      .utility("_rebuild_parameter", [.marked(3), true, .noHooks]),
      .malformed
    ),
    Refusal(
      "a parameter of a size",
      .utility(
        "_rebuild_parameter",
        [.marked(.call(.global("torch", "Size"), [.tuple([1])])), true, .noHooks]
      ),
      .malformed
    ),
    Refusal(
      "an object of a function that makes no tensor",
      .marked(
        .call(
          .global("torch._tensor", "_rebuild_from_type_v2"),
          [.global("torch", "Size"), .global("torch", "Tensor"), .tuple([]), .none]
        )
      ),
      .malformed
    ),
    Refusal("an array of fewer bytes", .marked(.array(bytes: "ab")), .malformed),
    Refusal(
      "an array of characters that are no bytes",
      .array(bytes: "\u{100}bcd"),
      .malformed
    ),
    Refusal("an array of -2 numbers", .marked(.array(extents: .tuple([-2]))), .malformed),
    Refusal(
      "an array of too many numbers",
      .marked(.array(extents: .tuple([.integer(1 << 40), .integer(1 << 40)]))),
      .limitExceeded
    ),
    Refusal("an array in no order", .array(isFortranOrder: .marked("F")), .malformed),
    Refusal("an array of objects", .array(dtype: "O8"), .unsupported),
    Refusal(
      "an array of truth values of 255",
      .array(dtype: "b1", bytes: "\u{1}\u{FF}"),
      .malformed
    ),
    Refusal(
      "nine parameters within each other",
      (0..<9).reduce(SavedObject.marked(.tensor())) { inner, _ in
        .utility("_rebuild_parameter", [inner, true, .noHooks])
      },
      .limitExceeded
    ),
  ]

  @Test("have tensors that are refused, with their place", arguments: badTensors)
  func tensors(refusal: Refusal) throws {
    let built = refusal.builder.build(
      .dictionary([(.text("good"), .tensor()), (.text("x"), refusal.object)])
    )
    let file = try TorchFile(TorchBuilder.storage(built.bytes), path: "a.pt")
    #expect(try file.members().map(\.key) == ["good", "x"])
    let errors = [
      try #require(throws: FlywheelError.self) { try file.tensor("x") },
      try #require(throws: FlywheelError.self) { try file.read("x") { _ in } },
    ]
    for error in errors {
      #expect(error.code == refusal.code, "\(error)")
      #expect(error.location.byteOffset == built.mark ?? error.location.byteOffset, "\(error)")
      #expect(error.location.byteOffset != nil)
      #expect(error.location.tensor == "x")
      #expect(error.location.path == "a.pt")
    }
    #expect(try file.tensor("good")?.shape == Shape([2, 3]))
  }

  @Test("have storages of other sizes than they say")
  func sizes() throws {
    for count in [0, 23, 25] {
      var builder = TorchBuilder()
      builder.storages = [("0", Array(repeating: 0, count: count))]
      let file = try builder.file(.dictionary([("x", .tensor())]))
      let error = try #require(throws: FlywheelError.self) { try file.tensor("x") }
      #expect(error.code == .mismatch && error.location.byteOffset != nil, "\(error)")
    }
  }

  @Test("give one storage two types or sizes")
  func twoTypes() throws {
    for other in [
      SavedObject.storage(.global("torch", "IntStorage")), .storage(count: 5),
      .storage(.global("torch.storage", "UntypedStorage"), count: 24),
    ] {
      let object = SavedObject.dictionary([
        ("x", .tensor()),
        ("y", .marked(.tensor(other, extents: .tuple([1, 1]), strides: .tuple([1, 1])))),
      ])
      let built = TorchBuilder().build(object)
      let file = try TorchFile(TorchBuilder.storage(built.bytes), path: "a.pt")
      let error = try #require(throws: FlywheelError.self) { try file.tensor("y") }
      #expect(error.isDamage && error.location.byteOffset == built.mark, "\(error)")
      #expect(try file.tensor("x") != nil)
    }
  }

  /// Files that are refused as a whole.
  static let badFiles = [
    Refusal("version 11", .none, .unsupported) { $0.version = "11\n" },
    Refusal("version 0", .none, .unsupported) { $0.version = "0" },
    Refusal("a version that is none", .none, .unsupported) { $0.version = "\u{1B}[2J" },
    Refusal("no version", .none, .malformed) { $0.version = nil },
    Refusal("format version 2", .none, .unsupported) { $0.formatVersion = "2" },
    Refusal("a byte order that is none", .none, .malformed) { $0.byteOrder = "middle" },
    Refusal("an empty byte order", .none, .malformed) { $0.byteOrder = "" },
    Refusal(
      "101 lists in each other",
      (0..<101).reduce(.marked(.list([.none, 1]))) { inner, _ in .list([inner]) },
      .limitExceeded
    ),
    Refusal(
      "lists that hold each other many times",
      .list(
        [.stored(.list([.none, 1]), 0)]
          + (0..<30).map { place in
            .stored(
              .list(Array(repeating: .recalled(UInt8(place)), count: 2)),
              UInt8(place + 1)
            )
          }
      ),
      .limitExceeded
    ),
    Refusal(
      "long names that hold each other",
      .tuple([
        .stored(.text(String(repeating: "x", count: 50_000)), 0),
        .stored(.dictionary([(.recalled(0), .list((0..<400).map { _ in .list([]) }))]), 1),
        .list((0..<400).map { _ in .recalled(1) }),
      ]),
      .limitExceeded
    ),
    Refusal(
      "a list that repeats a long text",
      .list(
        [.stored(.text(String(repeating: "a", count: 50_000)), 0)]
          + Array(repeating: .recalled(0), count: 20_000)
      ),
      .limitExceeded
    ),
    Refusal(
      "a key that repeats a long text",
      .list([
        .stored(.text(String(repeating: "a", count: 50_000)), 0),
        .dictionary([(.tuple(Array(repeating: .recalled(0), count: 20_000)), SavedObject.none)]),
      ]),
      .limitExceeded
    ),
    Refusal(
      "a long key of many dictionaries",
      .list(
        [.stored(.text(String(repeating: "a", count: 50_000)), 0)]
          + Array(repeating: .dictionary([(.recalled(0), .none)]), count: 5000)
      ),
      .limitExceeded
    ),
    Refusal(
      "a dictionary of odd keys many times",
      .list(
        [.stored(.dictionary((0..<500).map { _ in (.tuple([.tuple([])]), .none) }), 0)]
          + Array(repeating: .recalled(0), count: 1000)
      ),
      .limitExceeded
    ),
    Refusal("code", .call(.marked(.global("os", "system")), ["true"]), .unsupported),
  ]

  @Test("are refused as a whole", arguments: badFiles)
  func files(refusal: Refusal) throws {
    let built = refusal.builder.build(refusal.object)
    let error = try #require(throws: FlywheelError.self) {
      try TorchFile(TorchBuilder.storage(built.bytes), path: "a.pt")
    }
    #expect(error.code == refusal.code, "\(error)")
    if let mark = built.mark { #expect(error.location.byteOffset == mark, "\(error)") }
    #expect(error.location.path == "a.pt")
    #expect(!error.message.contains("\u{1B}"))
  }

  @Test("that hold themselves end")
  func cycle() throws {
    // A list that is memoized before it is filled.
    let pickle: [UInt8] = [0x80, 2, 0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E]
    let bytes = ZipBuilder([
      .init("a/data.pkl", pickle), .init("a/version", Array("3\n".utf8)),
    ]).build()
    let error = try #require(throws: FlywheelError.self) {
      try TorchFile(TorchBuilder.storage(bytes), path: "a.pt")
    }
    #expect(error.code == .limitExceeded && error.location.byteOffset != nil)
  }

  @Test("that have names which are the same once they are joined say so")
  func sameNames() throws {
    let file = try TorchBuilder().file(
      .dictionary([
        ("a", .dictionary([("b", .tensor()), ("c", 1), ("1", 2), (1, 3)])),
        ("a.b", .tensor()), ("a.c", 2),
      ])
    )
    #expect(try file.members().map(\.key) == ["a.b"])
    let obstacles = try file.metadata().obstacles.map(\.name)
    #expect(obstacles == ["the value 'a.1'", "the value 'a.b'"])
  }

  @Test("name what they hold besides tensors, numbers and texts")
  func obstacles() throws {
    let file = try TorchBuilder().file(
      .dictionary([
        ("array", .call(.global("builtins", "bytearray"), [1, 2, 3])),
        ("x", .tensor()),
        (.call(.global("torch", "Size"), [.tuple([])]), 1),
      ])
    )
    #expect(try file.members().map(\.key) == ["x"])
    #expect(try file.metadata().obstacles.count == 2)
  }

  @Test("without a pickle are no files of PyTorch")
  func noPickle() throws {
    for members in [[], [ZipBuilder.Member("a/version", [])]] {
      let bytes = ZipBuilder(members).build()
      #expect(throws: FlywheelError.self) {
        try TorchFile(TorchBuilder.storage(bytes), path: "a.pt")
      }
    }
  }
}
