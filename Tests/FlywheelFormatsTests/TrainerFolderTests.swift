import FlywheelCore
import FlywheelFormats
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@Suite("Checkpoints of transformers")
struct TrainerFolderTests {
  private static let fixtures = FilePath("\(#filePath)").removingLastComponent()
    .removingLastComponent().appending("Fixtures").appending("torch")

  private static func fixture(_ name: String) throws -> [UInt8] {
    try OpenFile.contents(of: fixtures.appending(name))
  }

  /// A directory with the files of a checkpoint.
  private static func folder(
    _ model: [(name: String, fixture: String)]
  ) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for (name, fixture) in model { try directory.write(Self.fixture(fixture), to: name) }
    try directory.write(fixture("list.pt"), to: "optimizer.pt")
    try directory.write(fixture("objects.pt"), to: "scheduler.pt")
    try directory.write(Array("cos\nsystem\n(S'true'\ntR.".utf8), to: "training_args.bin")
    try directory.write(
      Array(#"{"epoch": 1.5, "global_step": 30, "log_history": [], "is_done": false}"#.utf8),
      to: "trainer_state.json"
    )
    return directory
  }

  @Test("are one archive of the model and the trainer's states")
  func joined() throws {
    let directory = try Self.folder([("pytorch_model.bin", "views.pt")])
    let format = try FileFormat.of(contentsOf: directory.path)
    #expect(format.identifier == "hf_checkpoint")
    let reader = try format.open(directory.path)
    let keys = try reader.members().map(\.key)
    #expect(keys.first == "model.base" && keys.contains("model.transposed"))
    #expect(keys.suffix(3) == ["optimizer.0", "optimizer.1", "scheduler.deep.er.tensor"])
    #expect(try reader.member("optimizer.1")?.array().shape == Shape([2]))
    #expect(try reader.tensor("optimizer.0")?.elements(as: Float.self) == [1])
    let tensors = try reader.tensors(["optimizer.1", "missing", "model.row", "optimizer.0"])
    #expect(tensors.map { $0?.shape.extents } == [[2], nil, [4], [1]])
    var count = 0
    try reader.read("model.transposed") { (piece) throws(FlywheelError) in
      count += piece.byteCount
    }
    #expect(count == 96)
    #expect(throws: FlywheelError.self) { try reader.read("model") { _ in } }
  }

  @Test("say how far the trainer is, and what is not read")
  func metadata() throws {
    let directory = try Self.folder([("pytorch_model.bin", "views.pt")])
    let metadata = try FileFormat.open(directory.path).metadata()
    #expect(metadata.attributes[""]?["epoch"] == .double(1.5))
    #expect(metadata.attributes[""]?["global_step"] == .integer(30))
    #expect(metadata.attributes["scheduler"]?["epoch"] == .integer(3))
    #expect(metadata.attributes["scheduler.deep.er"]?["number"] == .integer(-1))
    #expect(metadata.emptyGroups.contains("scheduler.empty"))
    #expect(metadata.obstacles.map(\.name) == ["the file 'training_args.bin'"])
  }

  @Test("may have their model in several files")
  func shards() throws {
    let directory = try Self.folder([("a.bin", "views.pt"), ("b.bin", "parameters.pt")])
    try directory.write(
      Array(#"{"metadata": {}, "weight_map": {"base": "a.bin", "plain": "b.bin"}}"#.utf8),
      to: "pytorch_model.bin.index.json"
    )
    let reader = try FileFormat.open(directory.path)
    #expect(try reader.member("model.base") != nil)
    #expect(try reader.member("model.plain") != nil)
    // A file that lacks what the index says.
    try directory.write(Self.fixture("views.pt"), to: "b.bin")
    let lacking = try #require(throws: FlywheelError.self) {
      try FileFormat.open(directory.path)
    }
    #expect(lacking.code == .malformed && lacking.location.tensor == "plain")
    // The same file twice has every tensor twice.
    try directory.write(
      Array(#"{"weight_map": {"base": "a.bin", "row": "b.bin"}}"#.utf8),
      to: "pytorch_model.bin.index.json"
    )
    let twice = try #require(throws: FlywheelError.self) {
      try FileFormat.open(directory.path)
    }
    #expect(twice.code == .malformed && twice.location.tensor == "model.base")
  }

  @Test(
    "whose index leads to anything but files of the model are refused",
    arguments: ["../a.bin", "/a", "..", "", "optimizer.pt"]
  )
  func traversal(name: String) throws {
    let directory = try Self.folder([])
    try directory.write(
      Array(#"{"weight_map": {"base": "\#(name)"}}"#.utf8),
      to: "pytorch_model.bin.index.json"
    )
    let error = try #require(throws: FlywheelError.self) { try FileFormat.open(directory.path) }
    #expect(error.code == .malformed && error.location.tensor == "base")
  }
}
