import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("From one container to another")
struct ConversionTests {
  static func vector(_ values: Float...) throws -> Tensor { try Tensor(vector: values) }

  static func convert(
    _ source: MemoryArchive,
    _ options: ConversionOptions = ConversionOptions(),
    holdsMetadata: Bool = false,
    refusing refused: Set<String> = []
  ) throws -> (Conversion, MemoryWriter) {
    let writer = MemoryWriter(holdsMetadata: holdsMetadata, refusing: refused)
    var conversion = try Conversion(of: source, options)
    try conversion.write(to: writer)
    return (conversion, writer)
  }

  static func message(of body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? FlywheelError)?.message ?? "\(error)"
    }
  }

  /// What a writer got, as something to read from.
  static func reader(_ writer: MemoryWriter, untyped: Set<String> = []) -> MemoryArchive {
    MemoryArchive(writer.contents, untyped: untyped, metadata: writer.metadata)
  }

  // MARK: Plain archives

  @Test("Tensors keep name, order and bytes, and nothing is added where there is nothing to say")
  func plainArchive() throws {
    let source: OrderedDictionary = [
      "b/c": try Tensor([1, .nan, -0.0, 4] as [Double], shape: try Shape([2, 2])),
      "a": try Tensor([] as [Int8], shape: try Shape([0, 3])),
      "s": try Tensor([true], shape: .scalar),
    ]
    let (conversion, writer) = try Self.convert(MemoryArchive(source))
    #expect(Array(writer.contents.keys) == ["b/c", "a", "s"])
    for (key, tensor) in source {
      let found = try #require(writer.contents[key])
      #expect(found.dtype == tensor.dtype && found.shape == tensor.shape)
      #expect(found.hasSameBytes(as: tensor))
    }
    #expect(writer.isFinished && conversion.notes.isEmpty && conversion.noun == nil)
  }

  @Test("Attributes, empty groups and dtypes without a name go through a document and back")
  func documentOfArchive() throws {
    let attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [
      "": [
        "text": .string("ä\n"), "integer": .integer(.min), "double": .double(-0.0),
        "nan": .double(Double(bitPattern: 0x7ff8_0000_0000_1234)), "texts": .strings(["", "b"]),
        "none": .strings([]), "one": .tensor(try Tensor([7] as [UInt64], shape: .scalar)),
      ],
      "g/x": ["units": .tensor(try Self.vector(1, .infinity))],
      "g": ["kind": .integer(3)],
    ]
    let metadata = ArchiveMetadata(attributes: attributes, emptyGroups: ["e", "g/f"])
    let half = try Self.vector(1, 2.5).converted(to: .bfloat16)
    let source = MemoryArchive(["g/x": half], metadata: metadata)
    let (_, without) = try Self.convert(source)
    #expect(Array(without.contents.keys) == ["g/x", CheckpointKey.document])
    #expect(without.metadata.attributes.isEmpty)
    let (_, with) = try Self.convert(
      Self.reader(without, untyped: ["g/x"]),
      holdsMetadata: true
    )
    #expect(Array(with.contents.keys) == ["g/x"])
    let tensor = try #require(with.contents["g/x"])
    #expect(tensor.dtype == .bfloat16 && tensor.hasSameBytes(as: half))
    #expect(with.metadata.emptyGroups == metadata.emptyGroups)
    // A NaN is equal to nothing, but has its bits.
    var (found, expected) = (with.metadata.attributes, attributes)
    #expect(Self.takeNaN(&found) == Self.takeNaN(&expected))
    #expect(found == expected)
    // From one container without room to another the document is the same to the last byte.
    let (_, again) = try Self.convert(Self.reader(without, untyped: ["g/x"]))
    let (first, second) = (
      try #require(without.contents[CheckpointKey.document]),
      try #require(again.contents[CheckpointKey.document])
    )
    #expect(first.hasSameBytes(as: second))
  }

  private static func takeNaN(
    _ attributes: inout OrderedDictionary<String, OrderedDictionary<String, AttributeValue>>
  ) -> UInt64? {
    guard case .double(let number)? = attributes[""]?.removeValue(forKey: "nan") else { return nil }
    return number.bitPattern
  }

  @Test("A document that was changed is damage, whatever it is about")
  func damagedDocument() throws {
    let damaged = try Tensor(vector: Array("{\"format\":\"flywheel.archive\"}".utf8))
    let source = MemoryArchive(["a": try Self.vector(1), CheckpointKey.document: damaged])
    let error = #expect(throws: FlywheelError.self) { try Self.convert(source) }
    #expect(error?.code == .corrupted)
  }

  // MARK: What cannot go

  @Test("All that cannot go is named in one error before anything is written, or left out")
  func refusesByName() throws {
    let source = MemoryArchive(
      ["a": try Self.vector(1), "b": try Self.vector(2), "c": try Self.vector(3)],
      unreadable: ["r": "is a reference"],
      metadata: ArchiveMetadata(
        attributes: ["b": ["x": .integer(1)], "r": ["y": .integer(1)]],
        obstacles: [.init(name: "the link l", reason: "leads elsewhere")]
      )
    )
    let writer = MemoryWriter(holdsMetadata: true, refusing: ["b"])
    var refused = try Conversion(of: source)
    let message = Self.message { try refused.write(to: writer) }
    for word in ["'r'", "reference", "the link l", "'b'", "is not held here", "--drop"] {
      #expect(message?.contains(word) == true, "\(word) in \(message ?? "")")
    }
    #expect(writer.contents.isEmpty && !writer.isFinished)

    let (conversion, other) = try Self.convert(
      source,
      .init(drops: true),
      holdsMetadata: true,
      refusing: ["b"]
    )
    #expect(Array(other.contents.keys) == ["a", "c"])
    #expect(other.metadata.attributes.isEmpty)
    #expect(conversion.obstacles.count == 3)
  }

  @Test("What a document would say is named if there is no room for the document")
  func refusesTheDocument() throws {
    let source = MemoryArchive(
      ["h": try Self.vector(1).converted(to: .bfloat16)],
      metadata: ArchiveMetadata(attributes: ["": ["x": .integer(1)]], emptyGroups: ["e"])
    )
    let refused: Set = [CheckpointKey.document]
    let message = Self.message { _ = try Self.convert(source, refusing: refused) }
    for word in ["bfloat16 of 'h'", "attribute 'x'", "group 'e'"] {
      #expect(message?.contains(word) == true, "\(word)")
    }
    let (conversion, writer) = try Self.convert(source, .init(drops: true), refusing: refused)
    #expect(Array(writer.contents.keys) == ["h"] && conversion.obstacles.count == 3)

    let checkpoint = Self.source(try Self.checkpoint())
    let (part, other) = try Self.convert(checkpoint, .init(drops: true), refusing: refused)
    #expect(part.noun == nil && part.notes.count == 1)
    #expect(other.contents[CheckpointKey.document] == nil && other.contents.count == 2)
  }

  @Test("A long list of what cannot go is cut, and counted")
  func cutsTheList() throws {
    let names = (0..<9).map { "t\($0)" }
    let source = MemoryArchive(
      [:],
      unreadable: OrderedDictionary(uniqueKeysWithValues: names.map { ($0, "is odd") })
    )
    #expect(Self.message { _ = try Self.convert(source) }?.contains("and 5 more") == true)
  }

  // MARK: Selecting, renaming, changing

  @Test("Only what matches goes, with what belongs to it")
  func selects() throws {
    let source = MemoryArchive(
      ["a/x": try Self.vector(1), "a/b/x": try Self.vector(2), "c": try Self.vector(3)],
      unreadable: ["r": "is a reference"],
      metadata: ArchiveMetadata(
        attributes: [
          "": ["root": .integer(1)], "a": ["group": .integer(2)], "a/b": ["inner": .integer(3)],
          "a/x": ["own": .integer(4)],
        ],
        emptyGroups: ["a/e"],
        obstacles: [.init(name: "the link l", reason: "leads elsewhere")]
      )
    )
    let (_, writer) = try Self.convert(
      source,
      .init(selection: [NamePattern("a/*")]),
      holdsMetadata: true
    )
    #expect(Array(writer.contents.keys) == ["a/x"])
    #expect(writer.metadata.attributes == ["a/x": ["own": .integer(4)]])
    #expect(writer.metadata.emptyGroups.isEmpty)
  }

  @Test("Names change one by one, by their beginning or by rules, and attributes follow")
  func renames() throws {
    let rule = try MapRule(pattern: NamePattern("a/?/w"), rename: "W{1}")
    let source = MemoryArchive(
      ["a/0/w": try Self.vector(1), "a/b": try Self.vector(2), "c": try Self.vector(3)],
      metadata: ArchiveMetadata(
        attributes: ["a": ["x": .integer(1)], "a/0/w": ["y": .integer(2)]],
        emptyGroups: ["a/e"]
      )
    )
    let renames = try ["a/=z/", "c=d/e"].map { try Rename(parsing: $0) }
    let (_, writer) = try Self.convert(
      source,
      .init(map: [rule], renames: renames),
      holdsMetadata: true
    )
    #expect(Array(writer.contents.keys) == ["W0", "z/b", "d/e"])
    #expect(writer.metadata.attributes == ["z": ["x": .integer(1)], "W0": ["y": .integer(2)]])
    #expect(writer.metadata.emptyGroups == ["z/e"])
  }

  @Test("What is about no tensor, and two tensors of one name, are refused")
  func refusesUselessOptions() throws {
    let source = MemoryArchive(["a": try Self.vector(1), "b": try Self.vector(2)])
    let any = try MapRule(pattern: NamePattern("*"))
    let cases: [(ConversionOptions, String)] = [
      (.init(selection: [NamePattern("a"), NamePattern("z*")]), "'z*'"),
      (.init(map: [any, try MapRule(pattern: NamePattern("a"))]), "rule for 'a'"),
      (.init(renames: [try Rename(parsing: "z=y")]), "'z'"),
      (.init(renames: [try Rename(parsing: "z/=y/")]), "'z/'"),
      (.init(renames: [try Rename(parsing: "a=b")]), "both be named 'b'"),
      (.init(renames: [try Rename(parsing: "a=flywheel.metadata")]), "another name"),
    ]
    for (options, word) in cases {
      let message = Self.message { _ = try Conversion(of: source, options) }
      #expect(message?.contains(word) == true, "\(message ?? "no error")")
    }
  }

  @Test("A rule transposes, then reshapes, then casts")
  func changes() throws {
    let tensor = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: try Shape([1, 2, 3]))
    let rules = try MapRule.list(
      try JSONValue(
        parsing: Array(
          """
          [{"pattern": "a", "transpose": [2, 0, 1], "reshape": [2, -1], "cast": "int16"},
           {"pattern": "b", "transpose": true}]
          """.utf8
        )
      )
    )
    let (conversion, writer) = try Self.convert(
      MemoryArchive(["a": tensor, "b": tensor]),
      .init(map: rules)
    )
    let first = try #require(writer.contents["a"])
    #expect(try first.elements(as: Int16.self) == [1, 4, 2, 5, 3, 6])
    #expect(first.shape == (try Shape([2, 3])))
    let second = try #require(writer.contents["b"])
    #expect(second.shape == (try Shape([3, 2, 1])))
    #expect(try second.elements(as: Float.self) == [1, 4, 2, 5, 3, 6])
    #expect(conversion.tensors[0].result.element == .number(.int16))
  }

  @Test(
    "A cast that loses anything is refused, unless the rule allows it",
    arguments: [
      (DType.float16, 0.1), (.int8, 0.5), (.int8, 300), (.uint8, -0.0), (.float32, 1e300),
    ]
  )
  func refusesInexactCasts(dtype: DType, number: Double) throws {
    let source = MemoryArchive(["a": try Tensor(vector: [1, number])])
    let exact = try MapRule(pattern: NamePattern("a"), change: .init(dtype: dtype))
    #expect(throws: FlywheelError.self) { try Self.convert(source, .init(map: [exact])) }
    let rounding = TensorChange(dtype: dtype, isExact: false)
    let rule = try MapRule(pattern: NamePattern("a"), change: rounding)
    if number != 300 {
      let (_, writer) = try Self.convert(source, .init(map: [rule]))
      #expect(writer.contents["a"]?.dtype == dtype)
    }
  }

  @Test(
    "Changes that do not fit a tensor are refused by its name",
    arguments: [
      TensorChange(transposition: .axes([0])), .init(transposition: .axes([0, 0])),
      .init(transposition: .axes([1, 2])), .init(extents: [4]), .init(extents: [-1, 4]),
      .init(extents: [0, -1]),
    ]
  )
  func refusesChanges(change: TensorChange) throws {
    let tensor = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: try Shape([2, 3]))
    let rule = try MapRule(pattern: NamePattern("*"), change: change)
    let error = #expect(throws: FlywheelError.self) {
      try Conversion(of: MemoryArchive(["a": tensor]), .init(map: [rule]))
    }
    #expect(error?.location.tensor == "a")
  }

  @Test(
    "A map that is not as the schema has it is refused",
    arguments: [
      "{}", "[]", "[1]", "[{}]", #"[{"pattern": "a", "renames": "b"}]"#,
      #"[{"pattern": "a", "cast": "float"}]"#, #"[{"pattern": "a", "exact": false}]"#,
      #"[{"pattern": "a", "reshape": [-1, -1]}]"#, #"[{"pattern": "a", "reshape": [-2]}]"#,
      #"[{"pattern": "a", "transpose": "yes"}]"#, #"[{"pattern": "a", "rename": "{1}"}]"#,
    ]
  )
  func refusesMap(text: String) throws {
    let value = try JSONValue(parsing: Array(text.utf8))
    #expect(throws: FlywheelError.self) { try MapRule.list(value) }
  }

  // MARK: Checkpoints

  static func checkpoint(dtype: DType = .float32) throws -> Archive {
    let weight = try Tensor([1, -2, 0.5, 4] as [Float], shape: try Shape([2, 2]))
    return try Checkpoint(
      saved: .init(run: "0123456789abcdef0123456789abcdef", time: "2026-01-02T03:04:05Z"),
      parameters: [
        "w": Parameter(value: try weight.converted(to: dtype), group: 0, axes: ["out", "in"])
      ],
      optimizer: OptimizerState(
        rule: "pytorch",
        groups: [ParameterGroup(hyperparameters: .init(learningRate: 0.1, momentum: 0.9))],
        step: 5,
        slots: ["velocity": ["w": weight]]
      ),
      progress: Progress()
    ).archive()
  }

  static func source(
    _ archive: Archive,
    untyped: Set<String> = [],
    attributes: OrderedDictionary<String, AttributeValue>? = nil
  ) -> MemoryArchive {
    MemoryArchive(
      archive.tensors,
      untyped: untyped,
      metadata: ArchiveMetadata(attributes: ["": attributes ?? archive.attributes])
    )
  }

  @Test("A checkpoint keeps its document's bytes, and gets its attributes from it")
  func checkpointThereAndBack() throws {
    let archive = try Self.checkpoint(dtype: .bfloat16)
    let (conversion, there) = try Self.convert(Self.source(archive))
    #expect(conversion.noun == "checkpoint" && conversion.notes.isEmpty)
    #expect(there.metadata.attributes.isEmpty)
    #expect(there.checksums["model/w"] == archive.tensors["model/w"]?.crc32)
    let (_, back) = try Self.convert(
      Self.reader(there, untyped: ["model/w"]),
      holdsMetadata: true
    )
    #expect(back.contents.keys == archive.tensors.keys)
    for (key, tensor) in archive.tensors {
      let found = try #require(back.contents[key])
      #expect(found.dtype == tensor.dtype && found.hasSameBytes(as: tensor), "\(key)")
    }
    #expect(back.metadata.attributes == ["": archive.attributes])
    // What does not know the dtype can be read as a checkpoint, too.
    let read = try Checkpoint(from: Self.reader(there, untyped: ["model/w"]))
    #expect(read.parameters["w"]?.value.dtype == .bfloat16)
  }

  @Test("A checkpoint whose bytes have changed is not carried on")
  func damagedCheckpoint() throws {
    var archive = try Self.checkpoint()
    archive.tensors["model/w"] = try Tensor([1, -2, 0.5, 5] as [Float], shape: try Shape([2, 2]))
    let writer = MemoryWriter(holdsMetadata: false)
    var conversion = try Conversion(of: Self.source(archive))
    let error = #expect(throws: FlywheelError.self) { try conversion.write(to: writer) }
    #expect(error?.code == .corrupted && error?.location.tensor == "model/w")
    #expect(!writer.isFinished)

    archive.tensors["model/w"] = nil
    #expect(throws: FlywheelError.self) { try Conversion(of: Self.source(archive)) }
  }

  @Test("What was added to a checkpoint is named, and left out on request")
  func foreignParts() throws {
    var archive = try Self.checkpoint()
    archive.tensors["mine"] = try Self.vector(1)
    archive.attributes["step"] = .integer(6)
    archive.attributes["note"] = .string("mine")
    // The same number of another type is no edit.
    archive.attributes["epoch"] = .tensor(try Tensor([0] as [Int32], shape: .scalar))
    let source = Self.source(archive)
    let message = Self.message { _ = try Self.convert(source) }
    for word in ["'mine'", "'step'", "'note'"] { #expect(message?.contains(word) == true) }
    #expect(message?.contains("epoch") == false)
    let (conversion, writer) = try Self.convert(source, .init(drops: true), holdsMetadata: true)
    #expect(conversion.noun == "checkpoint" && conversion.obstacles.count == 3)
    #expect(writer.contents["mine"] == nil)
    #expect(writer.metadata.attributes[""]?["step"] == .integer(5))
  }

  @Test("A part of a checkpoint, or one under new names, is a plain archive; all of it stays one")
  func partsOfCheckpoints() throws {
    let source = Self.source(try Self.checkpoint(dtype: .bfloat16))
    let all = ConversionOptions(
      selection: [NamePattern("**")],
      map: [try MapRule(pattern: NamePattern("model/*"), rename: "model/{1}")]
    )
    #expect(try Conversion(of: source, all).noun == "checkpoint")
    for options in [
      ConversionOptions(selection: [NamePattern("model/*")]),
      .init(renames: [try Rename(parsing: "model/w=W")]),
      .init(map: [
        try MapRule(pattern: NamePattern("model/*"), change: .init(transposition: .reversed))
      ]),
    ] {
      let (conversion, writer) = try Self.convert(source, options)
      #expect(conversion.noun == nil && conversion.notes.count == 1)
      // Its document is one of a plain archive now.
      #expect(throws: FlywheelError.self) { try Checkpoint(from: Self.reader(writer)) }
      #expect(writer.contents[CheckpointKey.document] != nil)
    }
  }
}
