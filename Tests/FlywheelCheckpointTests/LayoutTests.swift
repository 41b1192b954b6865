import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

/// Arrays under another program's names, and in its arrangement.
@Suite("Layouts")
struct LayoutTests {
  private static let layout = CheckpointLayout(
    dialect: "theirs",
    places: [
      "model/layers.0.weight": .init(key: "net/0/deep/kernel", arrangement: .transposed),
      "model/a%2Fb": .init(key: "b", arrangement: .column),
      "optimizer/velocity/layers.0.weight": .init(key: "v.0", arrangement: .transposed),
      "optimizer/velocity/a%2Fb": .init(key: "v/1", arrangement: .row),
    ]
  )

  private static func checkpoint() throws -> Checkpoint {
    var checkpoint = try CheckpointExamples.full()
    checkpoint.layout = layout
    checkpoint.layout?.counters = ["iterations": try Tensor([5] as [Int32], shape: .scalar)]
    checkpoint.optimizer.dialect = "theirs"
    return checkpoint
  }

  @Test("Arrays lie where the layout says, and come back as they were, bit for bit")
  func roundTrip() throws {
    let original = try Self.checkpoint()
    let archive = try original.archive()
    #expect(archive.tensors["net/0/deep/kernel"]?.shape == (try Shape([3, 1])))
    #expect(archive.tensors["b"]?.shape == (try Shape([1, 1])))
    #expect(archive.tensors["model/layers.0.weight"] == nil)
    #expect(archive.tensors["random/order"] != nil)
    #expect(Set(archive.tensors.keys) == Set(original.keys))

    let read = try CheckpointExamples.read(archive)
    #expect(read.layout?.dialect == "theirs")
    #expect(read.layout?.places == Self.layout.places)
    #expect(try read.layout?.counters["iterations"]?.elements(as: Int32.self) == [5])
    var plain = try CheckpointExamples.full()
    plain.optimizer.dialect = "theirs"
    var restored = read
    restored.layout = nil
    let (found, expected) = (try restored.archive(), try plain.archive())
    #expect(found.tensors.keys == expected.tensors.keys)
    for (key, tensor) in expected.tensors {
      #expect(found.tensors[key]?.crc32 == tensor.crc32, "\(key)")
    }
    #expect(try read.archive().tensors.mapValues(\.crc32) == archive.tensors.mapValues(\.crc32))
  }

  @Test("What a layout says of arrays that are no longer there is forgotten")
  func vanished() throws {
    var checkpoint = try Self.checkpoint()
    checkpoint.optimizer.slots = [:]
    let read = try CheckpointExamples.read(try checkpoint.archive())
    #expect(read.layout.map { Array($0.places.keys) } == ["model/layers.0.weight", "model/a%2Fb"])
  }

  /// A layout that cannot be written.
  struct Unwritable: CustomStringConvertible {
    let description: String
    let code: FlywheelError.Code
    let tensor: String?
    let edit: @Sendable (inout Checkpoint) -> Void
  }

  static let unwritable = [
    Unwritable(
      description: "two arrays under one key",
      code: .invalidArgument,
      tensor: "model/a%2Fb"
    ) {
      $0.layout?.places["model/a%2Fb"]?.key = "net/0/deep/kernel"
    },
    Unwritable(description: "a counter's key", code: .invalidArgument, tensor: "model/a%2Fb") {
      $0.layout?.places["model/a%2Fb"]?.key = "iterations"
    },
    Unwritable(
      description: "a key of Flywheel's own",
      code: .invalidArgument,
      tensor: "random/order"
    ) {
      $0.layout?.places["model/a%2Fb"]?.key = "random/order"
    },
    Unwritable(description: "the document's key", code: .invalidArgument, tensor: nil) {
      $0.layout?.places["model/a%2Fb"]?.key = CheckpointKey.document
    },
    Unwritable(description: "an empty key", code: .invalidArgument, tensor: nil) {
      $0.layout?.places["model/a%2Fb"]?.key = ""
    },
    Unwritable(
      description: "a random stream elsewhere",
      code: .invalidArgument,
      tensor: "random/order"
    ) {
      $0.layout?.places["random/order"] = .init(key: "order")
    },
    Unwritable(description: "a vector transposed", code: .mismatch, tensor: "model/a%2Fb") {
      $0.layout?.places["model/a%2Fb"]?.arrangement = .transposed
    },
    Unwritable(description: "another dialect than the optimizer's", code: .mismatch, tensor: nil) {
      $0.optimizer.dialect = "flywheel"
    },
  ]

  @Test("What could not be read back is not written", arguments: unwritable)
  func refusedToWrite(_ given: Unwritable) throws {
    var checkpoint = try Self.checkpoint()
    given.edit(&checkpoint)
    let error = #expect(throws: FlywheelError.self) { try checkpoint.archive() }
    #expect(error?.code == given.code)
    #expect(error?.location.tensor == given.tensor)
  }

  typealias Members = OrderedDictionary<String, JSONValue>

  /// A layout in a document that somebody wrote by hand.
  struct Hostile: CustomStringConvertible {
    let description: String
    let code: FlywheelError.Code
    let tensor: String
    let edit: @Sendable (inout Members) -> Void

    init(
      _ description: String,
      _ code: FlywheelError.Code,
      _ tensor: String = CheckpointKey.document,
      _ edit: @escaping @Sendable (inout Members) -> Void
    ) {
      self.description = description
      self.code = code
      self.tensor = tensor
      self.edit = edit
    }
  }

  /// An edit of one entry of the layout.
  private static func entry(_ key: String, _ value: JSONValue?) -> @Sendable (inout Members) -> Void
  {
    { layout in SchemaTests.change(&layout, "tensors") { $0[key] = value } }
  }

  private static func place(_ key: String, _ arrangement: String = "identity") -> JSONValue {
    ["tensor": JSONValue(key), "arrangement": JSONValue(arrangement)]
  }

  static let hostile = [
    Hostile("a stored key twice", .malformed, "b", entry("model/layers.0.weight", place("b"))),
    Hostile(
      "a stored key that the index lacks",
      .notFound,
      "c",
      entry("model/a%2Fb", place("c"))
    ),
    Hostile(
      "the document's own key",
      .notFound,
      CheckpointKey.document,
      entry("model/a%2Fb", place(CheckpointKey.document))
    ),
    Hostile(
      "an arrangement that does not fit",
      .mismatch,
      "net/0/deep/kernel",
      entry("model/layers.0.weight", place("net/0/deep/kernel", "row"))
    ),
    Hostile(
      "an arrangement that nobody knows",
      .unsupported,
      "model/a%2Fb",
      entry("model/a%2Fb", place("b", "rotated"))
    ),
    Hostile(
      "a column that is taken as it is",
      .mismatch,
      "model/a%2Fb",
      entry("model/a%2Fb", place("b"))
    ),
    Hostile(
      "a parameter that there is not",
      .malformed,
      "optimizer/velocity/x"
    ) { layout in
      entry("optimizer/velocity/a%2Fb", nil)(&layout)
      entry("optimizer/velocity/x", place("v/1", "row"))(&layout)
    },
    Hostile("nonsense for a key", .malformed, "model/x/y", entry("model/x/y", place("b"))),
    Hostile("an escape that nobody wrote", .malformed, "model/%2", entry("model/%2", place("b"))),
    Hostile("an empty name", .malformed, "model/", entry("model/", place("b"))),
    Hostile(
      "a random stream elsewhere",
      .malformed,
      "random/order",
      entry("random/order", place("b"))
    ),
    Hostile("a place without its array", .notFound, "model/a%2Fb", entry("model/a%2Fb", nil)),
    Hostile("an entry that says more", .malformed, CheckpointKey.document) { layout in
      entry("model/a%2Fb", ["tensor": "b", "arrangement": "column", "more": 1])(&layout)
    },
    Hostile("a counter that is an array's place", .malformed, "b") { $0["counters"] = ["b"] },
    Hostile("a counter twice", .malformed, "iterations") {
      $0["counters"] = ["iterations", "iterations"]
    },
    Hostile("a counter that the index lacks", .notFound, "steps") { $0["counters"] = ["steps"] },
    Hostile("an array that nobody explains", .malformed, "iterations") { $0["counters"] = [] },
    Hostile("another dialect than the optimizer's", .malformed) { $0["dialect"] = "flywheel" },
    Hostile("a member that nobody knows", .malformed) { $0["more"] = 1 },
    Hostile("no counters", .notFound) { $0["counters"] = nil },
  ]

  @Test("A document whose layout lies is refused, with the place", arguments: hostile)
  func refusedToRead(_ given: Hostile) throws {
    let archive = try SchemaTests.archive(of: try Self.checkpoint()) { root in
      SchemaTests.change(&root, "layout", given.edit)
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(archive) }
    #expect(error?.code == given.code)
    #expect(error?.location.tensor == given.tensor, "\(error?.message ?? "")")
  }

  @Test("Two arrays never come together under one name")
  func collision() throws {
    var checkpoint = try Self.checkpoint()
    checkpoint.layout?.places["optimizer/velocity/a%2Fb"] = nil
    let archive = try SchemaTests.archive(of: checkpoint) { root in
      SchemaTests.change(&root, "layout") { layout in
        Self.entry("optimizer/velocity/a%2Fb", Self.place("v.0", "transposed"))(&layout)
        Self.entry("optimizer/velocity/layers.0.weight", nil)(&layout)
      }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(archive) }
    #expect(error?.code == .malformed)
    #expect(error?.location.tensor == "optimizer/velocity/a%2Fb")
  }

  @Test(
    "A key of the index has up to eight components, none of them empty",
    arguments: [("a/b/c/d/e/f/g/h/i", 9), ("/a", 2), ("", 1), (CheckpointKey.document, 1)]
  )
  func indexKeys(_ key: String, _ count: Int) throws {
    #expect(key.split(separator: "/", omittingEmptySubsequences: false).count == count)
    let archive = try SchemaTests.archive(of: try CheckpointExamples.full()) { root in
      SchemaTests.change(&root, "tensors") {
        $0[key] = ["dtype": "uint8", "shape": [], "crc32": "00000000"]
      }
    }
    let error = #expect(throws: FlywheelError.self) { try CheckpointExamples.read(archive) }
    #expect(error?.code == .malformed)
    #expect(error?.location.tensor == key)
  }

  @Test("An arrangement undone is the array again", arguments: TensorArrangement.allCases)
  func arrangements(_ arrangement: TensorArrangement) throws {
    let shape = try Shape(arrangement == .transposed || arrangement == .identity ? [2, 3] : [6])
    let tensor = try Tensor((0..<6).map { Float($0) }, shape: shape)
    let stored = try arrangement.store(tensor)
    #expect(stored.shape == (try arrangement.stored(shape)))
    let restored = try arrangement.restore(stored)
    #expect(restored.shape == shape)
    #expect(try restored.elements(as: Float.self) == tensor.elements(as: Float.self))
    if arrangement == .transposed {
      #expect(try stored.elements(as: Float.self) == [0, 3, 1, 4, 2, 5])
    }
  }
}
