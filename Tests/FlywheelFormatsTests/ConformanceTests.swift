import FlywheelCore
import FlywheelFormats
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

/// What holds for every format that there is: a new one is tested by being in `FileFormat.all`.
@Suite("Laws that every format keeps")
struct ConformanceTests {
  let temporary: TemporaryDirectory

  init() throws { temporary = try TemporaryDirectory() }

  static let formats = FileFormat.all.map(\.identifier)

  // MARK: What is written

  /// An array as its bytes.
  struct Elements: Sendable {
    let description: TensorDescription
    let bytes: [UInt8]

    init(_ element: ElementType, _ extents: [Int]) throws {
      description = try TensorDescription(element: element, shape: try Shape(extents))
      let mask: UInt8 = element == .number(.bool) ? 1 : 0xFF
      // Every pattern comes, those of infinities and of NaN with a payload too.
      bytes = (0..<description.byteCount).map { place in
        UInt8(truncatingIfNeeded: place &* 151 &+ (place >> 8) &* 7 &+ 3) & mask
      }
    }
  }

  /// What one file is to hold.
  struct Contents: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var arrays: OrderedDictionary<String, Elements>
    var metadata = ArchiveMetadata()
  }

  private static func contents(
    _ name: String,
    _ arrays: [(String, ElementType, [Int])]
  ) throws -> Contents {
    var elements: OrderedDictionary<String, Elements> = [:]
    for (key, type, extents) in arrays { elements[key] = try Elements(type, extents) }
    return Contents(testDescription: name, arrays: elements)
  }

  private static let opaque = [("|S5", 5), ("<U3", 12), ("<M8[ns]", 8), ("|V16", 16)]

  /// Names that some container cannot have, each in a file of its own.
  private static let names = [
    "a", "a.b.c", "a/b", "a b", " ", "é", "e\u{301}", "日本語/重み", "🦊", "%2F", "\"quoted\"",
    "back\\slash",
    ".", "..", "a/../b", "/a", "a/", "a//b", "", "new\nline", "nul\0", "__metadata__", "data.pkl",
    String(repeating: "long", count: 100), "optimizer.state.0.step", "CON", "-", "*",
    String(repeating: "a/", count: 60) + "a", String(repeating: "a/", count: 70) + "a",
    String(repeating: "long", count: 20_000),
  ]

  static let all: [Contents] = {
    do {
      let many = (0..<300).map { ("model.layers.\($0).weight", ElementType.number(.float32), [2]) }
      return try [
        contents("nothing", []),
        contents("every dtype", DType.allCases.map { ($0.rawValue, .number($0), [3, 5]) }),
        contents("one number", [("a", .number(.float64), [])]),
        contents("every dtype without axes", DType.allCases.map { ($0.rawValue, .number($0), []) }),
        contents(
          "no elements",
          [("a", .number(.int16), [0]), ("b", .number(.float32), [3, 0, 2])]
        ),
        contents("many axes", [("a", .number(.uint8), [1, 2, 1, 2, 1, 2, 1, 2])]),
        contents("large", [("a", .number(.float32), [300, 1000]), ("b", .number(.int8), [7])]),
        contents("many", many),
        contents(
          "odd alignments",
          (0..<9).map { ("a\($0)", .number($0 % 2 == 0 ? .uint8 : .complex128), [$0]) }
        ),
      ]
        + opaque.map { name, byteCount in
          try contents(name, [("a", .opaque(OpaqueType(name: name, byteCount: byteCount)), [4])])
        }
        + names.map { try contents("the name '\($0)'", [($0, .number(.float32), [2, 2])]) }
    } catch {
      Issue.record(error)
      return []
    }
  }()

  // MARK: Helpers

  private func format(_ identifier: String) throws -> FileFormat {
    try #require(FileFormat.all.first { $0.identifier == identifier })
  }

  private func path(_ format: FileFormat, _ name: String = "file") -> FilePath {
    let suffix = format.suffixes.first ?? ""
    return temporary.path.appending(name + (suffix == "/" ? "" : suffix))
  }

  /// What a file says besides its arrays: one of Keras has to describe a model, here one without layers.
  private static func metadata(
    _ metadata: ArchiveMetadata,
    for format: FileFormat
  ) -> ArchiveMetadata {
    guard format.identifier == "keras" else { return metadata }
    var metadata = metadata
    let model = #"{"module":"keras","class_name":"Sequential","config":{"layers":[]}}"#
    metadata.attributes["", default: [:]]["config.json"] = .string(model)
    return metadata
  }

  /// A writer; nil for a format that is only read, which says so.
  private func writer(_ format: FileFormat, _ path: FilePath) throws -> (any ArchiveWriter)? {
    do throws(FlywheelError) {
      return try format.create(path, durability: .cached)
    } catch {
      #expect(error.code == .unsupported && error.location.path == path)
      return nil
    }
  }

  /// Writes what a format says that it can hold; nil if that is nothing.
  private func write(
    _ contents: Contents,
    as format: FileFormat,
    to path: FilePath
  ) throws -> OrderedDictionary<String, Elements>? {
    guard let writer = try writer(format, path) else { return nil }
    var held: OrderedDictionary<String, Elements> = [:]
    for (key, elements) in contents.arrays {
      do throws(FlywheelError) {
        try writer.requireRoom(for: elements.description, under: key)
        held[key] = elements
      } catch {
        #expect(error.code == .unsupported && !error.message.isEmpty, "'\(key)': \(error)")
      }
    }
    #expect(!FileSystem.exists(path), "asking for room writes nothing")
    guard held.count > 0 || contents.arrays.isEmpty else { return nil }
    let metadata = Self.metadata(contents.metadata, for: format)
    try writer.announce(held.mapValues(\.description), metadata)
    for (key, elements) in held { try Self.write(elements, under: key, to: writer) }
    if writer.holdsMetadata { try writer.write(metadata) }
    try writer.finish()
    return held
  }

  private static func write(
    _ elements: Elements,
    under key: String,
    to writer: any ArchiveWriter
  ) throws {
    try writer.write(elements.description, under: key, crc32: nil) { (body) throws(FlywheelError) in
      // In pieces of odd sizes, as they may come.
      var place = 0
      while place < elements.bytes.count {
        let end = min(place + 4093, elements.bytes.count)
        let piece = Array(elements.bytes[place..<end])
        try body(piece.rawBytes)
        place = end
      }
    }
  }

  private static func bytes(_ key: String, of reader: any ArchiveReader) throws(FlywheelError)
    -> [UInt8]
  {
    var bytes: [UInt8] = []
    try reader.read(key) { (piece) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private static func bytes(of tensor: Tensor) -> [UInt8] {
    unsafe tensor.bytes.withUnsafeBytes { unsafe Array($0) }
  }

  // MARK: Laws

  @Test(
    "What a format says it can hold comes back bit for bit, and all else is refused first",
    arguments: formats,
    all
  )
  func roundTrip(_ identifier: String, _ contents: Contents) throws {
    // A .npy file is one array.
    guard identifier != "npy" || !contents.arrays.isEmpty else { return }
    let format = try format(identifier)
    let path = path(format)
    guard let held = try write(contents, as: format, to: path) else {
      #expect(!FileSystem.exists(path))
      #expect(try temporary.names().isEmpty)
      return
    }
    // An empty directory is of no format.
    guard !held.isEmpty || format.suffixes.first != "/" else { return }
    // A .weights.h5 is HDF5 in which names are Keras's.
    let read = identifier == "keras_weights" ? "hdf5" : identifier
    #expect(try FileFormat.of(contentsOf: path).identifier == read)
    let reader = try FileFormat.open(path)
    let members = try reader.members()
    // One array has no name in its file.
    let names = identifier == "npy" ? members.map(\.key) : Array(held.keys)
    #expect(Set(members.map(\.key)) == Set(names) && members.count == names.count)
    #expect(try FileFormat.open(path).members().map(\.key) == members.map(\.key), "its order stays")
    for (key, elements) in zip(names, held.values) {
      let member = try #require(try reader.member(key))
      let description = try member.array()
      let dtype = elements.description.element.dtype
      let isUnnamed = dtype.map { description.element.isBytes(of: $0) } ?? false
      #expect(description.shape == elements.description.shape)
      #expect(description.element == elements.description.element || isUnnamed, "\(description)")
      #expect(try Self.bytes(key, of: reader) == elements.bytes, "\(key)")
      guard dtype != nil else { continue }
      let tensor = try reader.tensor(key, as: elements.description)
      #expect(tensor.shape == elements.description.shape)
      #expect(Self.bytes(of: tensor) == elements.bytes, "\(key)")
    }
  }

  @Test("Several tensors are those that come one by one", arguments: formats)
  func severalTensors(_ identifier: String) throws {
    let format = try format(identifier)
    let path = path(format)
    let types: [DType] = [.float32, .int64, .uint8]
    let contents = try Self.contents("", types.map { ($0.rawValue, .number($0), [5]) })
    guard try write(contents, as: format, to: path) != nil else { return }
    let reader = try FileFormat.open(path)
    let keys = try reader.members().map(\.key)
    let tensors = try reader.tensors(["missing"] + keys.reversed() + keys)
    #expect(tensors.count == 1 + 2 * keys.count && tensors[0] == nil)
    for (key, tensor) in zip(Array(keys.reversed()) + keys, tensors.dropFirst()) {
      let tensor = try #require(tensor)
      let bytes = try Self.bytes(key, of: reader)
      #expect(Self.bytes(of: tensor) == bytes)
    }
  }

  @Test("What is not there is nil, and cannot be read", arguments: formats)
  func missing(_ identifier: String) throws {
    let format = try format(identifier)
    let path = path(format)
    let contents = try Self.contents("", [("a", .number(.float32), [2])])
    guard try write(contents, as: format, to: path) != nil else { return }
    let reader = try FileFormat.open(path)
    for key in ["missing", "a/b", "", "..", "a.b"] {
      #expect(try reader.member(key) == nil)
      #expect(try reader.tensor(key) == nil)
      let error = #expect(throws: FlywheelError.self) { try reader.read(key) { _ in } }
      // In HDF5 what would lie below an array has another in its way.
      #expect(error?.code == .notFound || error?.code == .mismatch)
    }
  }

  @Test("A name is taken once", arguments: formats)
  func twice(_ identifier: String) throws {
    let format = try format(identifier)
    let path = path(format)
    guard let writer = try writer(format, path) else { return }
    let elements = try Elements(.number(.float32), [2])
    try writer.announce(["a": elements.description], Self.metadata(ArchiveMetadata(), for: format))
    try Self.write(elements, under: "a", to: writer)
    let error = #expect(throws: FlywheelError.self) {
      try Self.write(elements, under: "a", to: writer)
    }
    #expect(error?.code == .alreadyExists || error?.code == .unsupported)
  }

  @Test("More or fewer bytes than described are refused", arguments: formats, [3, 5])
  func miscounted(_ identifier: String, _ count: Int) throws {
    let format = try format(identifier)
    let path = path(format)
    guard let writer = try writer(format, path) else { return }
    let description = try TensorDescription(element: .number(.uint8), shape: Shape(vector: 4))
    try writer.announce(["a": description], Self.metadata(ArchiveMetadata(), for: format))
    let bytes = [UInt8](repeating: 1, count: count)
    let error = #expect(throws: FlywheelError.self) {
      try writer.write(description, under: "a", crc32: nil) { (body) throws(FlywheelError) in
        try body(bytes.rawBytes)
      }
    }
    #expect(error?.code == .mismatch)
  }

  @Test("A writer that is dropped leaves nothing behind", arguments: formats)
  func dropped(_ identifier: String) throws {
    let format = try format(identifier)
    let path = path(format)
    func begin() throws {
      guard let writer = try writer(format, path) else { return }
      let elements = try Elements(.number(.float32), [200, 100])
      try writer.announce(
        ["a": elements.description],
        Self.metadata(ArchiveMetadata(), for: format)
      )
      try Self.write(elements, under: "a", to: writer)
    }
    try begin()
    #expect(try temporary.names().isEmpty)
  }

  @Test("Attributes and empty groups stay, if the format has room for them", arguments: formats)
  func metadata(_ identifier: String) throws {
    let format = try format(identifier)
    var contents = try Self.contents("", [("a", .number(.float32), [2])])
    let root: [OrderedDictionary<String, AttributeValue>] = [
      ["text": .string("é\n"), "empty": .string("")],
      [
        "text": .string("t"), "whole": .integer(-3), "real": .double(0.1),
        "texts": .strings(["a", ""]),
        "vector": .tensor(try Tensor(vector: [1.5, -2])),
        "flag": .tensor(try Tensor([true], shape: .scalar)),
        "numbers": .tensor(try Tensor(vector: [Int64(3), 4])),
      ],
    ]
    for (index, attributes) in root.enumerated() {
      for group in ["", "group"] {
        contents.metadata = ArchiveMetadata(attributes: [group: attributes])
        let path = path(format, "file-\(index)-\(group)")
        guard let writer = try writer(format, path) else { return }
        guard writer.hasRoom(for: contents.metadata),
          writer.obstacles(to: contents.metadata).isEmpty
        else { continue }
        guard try write(contents, as: format, to: path) != nil else { return }
        let found = try FileFormat.open(path).metadata()
        for (name, value) in attributes {
          let other = try #require(found.attributes[group]?[name], "\(name) of '\(group)'")
          #expect(value.saysTheSame(as: other), "\(name): \(value) is \(other)")
        }
      }
    }
  }

  // MARK: Damage

  /// The files of an archive: itself, or those in its directory.
  private static func files(at path: FilePath) throws -> [FilePath] {
    guard FileSystem.isDirectory(path) else { return [path] }
    return try FileSystem.names(in: path).flatMap { try files(at: path.appending($0)) }
  }

  @Test("A file that was cut off is refused, or holds all that it held", arguments: formats)
  func truncated(_ identifier: String) throws {
    let format = try format(identifier)
    let path = path(format)
    var contents = try Self.contents(
      "",
      [("a", .number(.float32), [20, 10]), ("b", .number(.int16), [3])]
    )
    contents.metadata = ArchiveMetadata(attributes: ["": ["text": .string("t")]])
    guard let held = try write(contents, as: format, to: path) else { return }
    let key = identifier == "npy" ? try FileFormat.open(path).members().first?.key : nil
    for file in try Self.files(at: path) + Self.siblings(of: path) {
      let whole = try OpenFile.contents(of: file)
      let near = (1...20).map { whole.count - $0 } + Array(0..<20)
      let spread = (1..<40).map { whole.count * $0 / 40 }
      for length in Set(near + spread) where (0..<whole.count).contains(length) {
        try Self.write(whole.prefix(length), to: file)
        do throws(FlywheelError) {
          let reader = try FileFormat.open(path)
          for (name, elements) in held {
            let bytes = try Self.bytes(key ?? name, of: reader)
            #expect(bytes == elements.bytes, "\(file) cut to \(length) bytes")
          }
        } catch {
          #expect(!error.message.isEmpty)
        }
      }
      try Self.write(whole[...], to: file)
    }
  }

  private static func write(_ bytes: ArraySlice<UInt8>, to path: FilePath) throws {
    let file = try AtomicFile(replacing: path, durability: .cached)
    let bytes = Array(bytes)
    try file.write(bytes.rawBytes)
    try file.commit()
  }

  /// The other files that an index names.
  private static func siblings(of path: FilePath) throws -> [FilePath] {
    let folder = path.removingLastComponent()
    return try FileSystem.names(in: folder).map { folder.appending($0) }
      .filter { $0 != path && !FileSystem.isDirectory($0) }
  }
}
