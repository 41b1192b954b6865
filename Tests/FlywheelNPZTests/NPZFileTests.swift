import FlywheelCore
import FlywheelDeflate
import FlywheelTestSupport
import FlywheelZip
import SystemPackage
import Testing

@testable import FlywheelNPZ

@Suite(".npz files")
struct NPZFileTests {
  private static let directory = Fixtures.directory.removingLastComponent().appending("npz")

  private static func open(
    _ name: String,
    _ checksums: NPZFile.Checksums = .verified
  ) throws -> NPZFile {
    try NPZFile(path: directory.appending(name), checksums: checksums)
  }

  private static func pieces(of key: String, in file: some ArchiveReader) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try file.read(key) { (piece) throws(FlywheelError) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private static func bytes(_ tensor: Tensor) -> [UInt8] {
    unsafe tensor.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  @Test(
    "What Python writes is read, however it writes it",
    arguments: [
      "savez.npz", "compressed.npz", "pipe.npz", "pipe-deflated.npz", "positional.npz",
    ],
    [NPZFile.Checksums.verified, .trusted]
  )
  func python(name: String, checksums: NPZFile.Checksums) throws {
    let file = try Self.open(name, checksums)
    let keys =
      name == "positional.npz"
      ? ["arr_0", "arr_1", "arr_2"] : ["weight", "layers/0.weight", "größe"]
    let members = try file.members()
    #expect(members.map(\.key) == keys)
    let tensors = try file.tensors([keys[0], keys[1], "none"])
    #expect(try tensors[0]?.elements() == [0, 1, 2, 3, 4, 5] as [Float])
    #expect(try tensors[1]?.elements() == (0..<600).map(Double.init))
    #expect(tensors[1]?.shape.extents == [20, 30])
    #expect(tensors[2] == nil)
    let method = name.contains("compressed") || name.contains("deflated") ? "deflate, " : ""
    #expect(members[1].storage == method + "big-endian, Fortran order")
    #expect("\(try members[2].array().element)" == "<U4")
    #expect(try file.member(keys[2])?.array().byteCount == 16)
    #expect(try file.member(keys[2] + ".npy")?.array().byteCount == 16)
    #expect(try Self.pieces(of: keys[1], in: file) == tensors[1].map(Self.bytes))
    #expect(
      try Self.pieces(of: keys[2], in: file) == [
        0x74, 0, 0, 0, 0x65, 0, 0, 0, 0x78, 0, 0, 0, 0x74, 0, 0, 0,
      ]
    )
    #expect(throws: FlywheelError.self) { try file.tensor(keys[2]) }
      .map { #expect($0.code == .unsupported && $0.location.tensor == keys[2]) }
    #expect(throws: FlywheelError.self) { try file.read("none") { _ in } }
      .map { #expect($0.code == .notFound) }
    #expect(try file.metadata().obstacles.isEmpty)
  }

  @Test("An archive may be empty")
  func empty() throws {
    #expect(try Self.open("empty.npz").members().isEmpty)
  }

  @Test("Odd members are listed for what they are, and keys are numpy's")
  func odd() throws {
    let file = try Self.open("odd.npz")
    var found: [String: String] = [:]
    for member in try file.members() {
      switch member.content {
      case .array(let array):
        found[member.key] = "\(array.element) \(array.shape), \(member.storage)"
      case .unreadable(let type, _, let reason): found[member.key] = "\(type): \(reason.code)"
      }
    }
    #expect(
      found == [
        "a.npy": "float32 (2, 3), deflate", "a": "file: unsupported",
        "array without suffix": "float32 (2, 3), deflate",
        "two": "float32 (2, 3), deflate, 152 bytes follow",
        "objects": "Python objects: unsupported",
        "short": "damaged array: truncated", "no array": "damaged array: malformed",
        "nothing": "damaged array: truncated", "folder/b": "float32 (2, 3), deflate",
      ]
    )
    let metadata = try file.metadata()
    #expect(metadata.emptyGroups == ["folder/empty"])
    #expect(
      metadata.obstacles.map(\.name) == ["the file 'a'", "the 152 bytes after the array 'two'"]
    )
    #expect(try file.tensor("two")?.shape.extents == [2, 3])
    #expect(throws: FlywheelError.self) { try file.tensor("a") }
      .map { #expect($0.code == .unsupported) }
    #expect(try file.tensor("a.npy") != nil)
    #expect(try file.member("folder/") == nil)
    for key in ["short", "nothing", "no array", "objects", "a"] {
      #expect(throws: FlywheelError.self) { try file.tensors([key]) }
      #expect(throws: FlywheelError.self) { try file.read(key) { _ in } }
    }
  }

  /// Tensors of every dtype and many shapes, of bytes that are partly noise.
  private static func makeTensors() throws -> [(key: String, tensor: Tensor)] {
    var random = Philox(seed: 4, stream: 1)
    var tensors: [(String, Tensor)] = []
    for dtype in DType.allCases {
      for extents in [[], [0], [1], [7, 5], [3, 1, 4], dtype == .float32 ? [150, 999] : [9, 9]] {
        let shape = try Shape(extents)
        let bytes = (0..<shape.elementCount * dtype.byteCount).map { place in
          dtype == .bool
            ? UInt8(place & 1) : place & 3 == 0 ? UInt8(truncatingIfNeeded: random.next()) : 0
        }
        let storage = try unsafe TensorStorage(byteCount: bytes.count) {
          (target) throws(FlywheelError) in
          unsafe target.copyBytes(from: bytes)
        }
        let key = "\(dtype.rawValue)/\(extents.map(String.init).joined(separator: "x"))"
        tensors.append((key, try Tensor(dtype: dtype, shape: shape, storage: storage)))
      }
    }
    return tensors
  }

  private static let tensors = Result { try makeTensors() }

  @Test(
    "What is written comes back bit for bit, and equal input gives equal bytes",
    arguments: [
      Compression.none, .fast, .level(1), .level(9),
    ]
  )
  func roundTrip(compression: Compression) throws {
    let directory = try TemporaryDirectory()
    let tensors = try Self.tensors.get()
    for name in ["a.npz", "b.npz"] {
      let writer = try NPZWriter(
        creating: directory.path.appending(name),
        compression: compression,
        durability: .cached
      )
      #expect(!writer.holdsMetadata)
      for (key, tensor) in tensors {
        try writer.write(tensor, under: key, crc32: name == "a.npz" ? nil : tensor.crc32)
      }
      #expect(throws: FlywheelError.self) {
        try writer.write(tensors[0].tensor, under: tensors[0].key)
      }
      .map { #expect($0.code == .alreadyExists) }
      try writer.finish()
    }
    #expect(try directory.read("a.npz") == directory.read("b.npz"))
    let file = try NPZFile(path: directory.path.appending("a.npz"))
    #expect(try file.members().map(\.key) == tensors.map(\.key))
    for (key, tensor) in tensors {
      let array = try #require(try file.member(key)).array()
      #expect(array.shape == tensor.shape)
      #expect(array.byteCount == tensor.byteCount)
      #expect(try Self.pieces(of: key, in: file) == Self.bytes(tensor))
      // numpy has no type for these, and nothing in this file says what they are.
      if [.bfloat16, .float8E4M3FN, .float8E5M2].contains(tensor.dtype) { continue }
      #expect(array.element == .number(tensor.dtype))
      let read = try #require(try file.tensor(key))
      #expect(Self.bytes(read) == Self.bytes(tensor), "\(key)")
      if compression == .none, tensor.byteCount > 0 {
        #expect(read.storage.isMapped)
        #expect(read.byteOffset % 64 == 0)
      }
    }
  }

  @Test("Keys come back whatever characters are beside the slashes and the suffix")
  func keys() throws {
    let directory = try TemporaryDirectory()
    let keys = ["m/\u{301}x", "x\u{600}", "x\u{600}/y", ".npy"]
    let writer = try NPZWriter(creating: directory.path.appending("a.npz"), durability: .cached)
    for key in keys { try writer.write(Tensor(vector: [1 as Float]), under: key) }
    try writer.finish()
    let file = try NPZFile(path: directory.path.appending("a.npz"))
    #expect(try file.members().map(\.key) == keys)
    for key in keys { #expect(try file.tensor(key) != nil) }
  }

  @Test("Folders are empty if no name goes on from theirs")
  func emptyFolders() throws {
    let directory = try TemporaryDirectory()
    var writer = try ZipWriter(replacing: directory.path.appending("a.npz"), durability: .cached)
    let names = ["b/", "b/c/", "b-/", "b.txt", "d", "d/", "d/e/f", "x\u{600}/"]
    for name in names { try writer.write(name, byteCount: 0) { _ in } }
    try writer.finish()
    let file = try NPZFile(path: directory.path.appending("a.npz"))
    #expect(try file.metadata().emptyGroups == ["b-", "b/c", "x\u{600}"])
  }

  @Test("Small floats are what the document says", arguments: [true, false])
  func trueTypes(isArchive: Bool) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("x.npz")
    let document = """
      {"tensors": {"a/b": {"dtype": "bfloat16"}, "c": {"dtype": "float8_e5m2"}, "d": {"dtype": "bfloat16"},
      "e": {"dtype": "float32"}, "flywheel.metadata": {"dtype": "float8_e5m2"}}}
      """
    let writer: any ArchiveWriter =
      isArchive ? try NPZWriter(creating: path) : try NPYDirectoryWriter(creating: path)
    let halves = try Tensor(vector: [1, 2, 3] as [UInt16])
    let bytes = try Tensor(vector: [1, 2] as [UInt8])
    let bfloat16 = try Tensor(dtype: .bfloat16, shape: halves.shape, storage: halves.storage)
    for key in ["a/b", "f", "e"] { try writer.write(bfloat16, under: key) }
    for (key, dtype) in [("c", DType.float8E5M2), ("d", .float8E4M3FN)] {
      try writer.write(
        Tensor(dtype: dtype, shape: bytes.shape, storage: bytes.storage),
        under: key
      )
    }
    try writer.write(Tensor(vector: Array(document.utf8)), under: "flywheel.metadata")
    try writer.finish()
    let file: any ArchiveReader = isArchive ? try NPZFile(path: path) : try NPYDirectory(path: path)
    #expect(try file.tensor("a/b")?.dtype == .bfloat16)
    #expect(try file.tensor("c")?.dtype == .float8E5M2)
    #expect(try file.member("c")?.array().element == .number(.float8E5M2))
    for (key, name) in [("d", "<V1"), ("e", "<V2"), ("f", "<V2")] {
      #expect(
        try file.member(key)?.array().element
          == .opaque(OpaqueType(name: name, byteCount: key == "d" ? 1 : 2))
      )
    }
  }

  @Test(
    "A document that is none helps nobody, and hurts nobody",
    arguments: [
      "'<V1'", "'|u1'", "'<f4'",
    ]
  )
  func document(descr: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("x.npz")
    var zip = try ZipWriter(replacing: path)
    let small = npy(descr: "'<V2'", shape: "(1,)", then: [1, 2])
    let document = npy(descr: descr, shape: "(1,)", then: [0x7B, 2, 3, 4])
    for (name, bytes) in [("a.npy", small), ("flywheel.metadata.npy", document)] {
      try zip.write(name, byteCount: bytes.count) { (body) throws(FlywheelError) in
        try body(bytes.rawBytes)
      }
    }
    try zip.finish()
    let file = try NPZFile(path: path)
    #expect(try file.member("a")?.array().element.byteCount == 2)
    #expect(try file.member("flywheel.metadata") != nil)
    #expect(try file.member("flywheel.metadata.npy") != nil)
  }

  @Test(
    "A changed byte is found, unless the file is trusted",
    arguments: [Compression.none, .fast]
  )
  func changed(compression: Compression) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.npz")
    let values = (0..<5_000).map { Float($0).bitPattern }
    do {
      let writer = try NPZWriter(creating: path, compression: compression)
      try writer.write(Tensor(vector: values), under: "a")
      try writer.finish()
    }
    var bytes = try directory.read("a.npz")
    bytes[bytes.count / 2] ^= 0x10
    try directory.write(bytes, to: "a.npz")
    let file = try NPZFile(path: path)
    #expect(throws: FlywheelError.self) { try file.tensor("a") }
    #expect(throws: FlywheelError.self) { try file.read("a") { _ in } }
    let trusted = try NPZFile(path: path, checksums: .trusted)
    if compression == .none {
      #expect(try trusted.tensor("a")?.elements() != values)
      let error = try #require(throws: FlywheelError.self) { try file.tensor("a") }
      #expect(error.code == .corrupted)
    }
  }

  @Test(
    "Names that no archive can have are refused",
    arguments: [
      "", "/a", "../a", "a/../b", "a\\b", "a\0", "c:/x", String(repeating: "n", count: 65_532),
    ]
  )
  func names(key: String) throws {
    let directory = try TemporaryDirectory()
    let writer = try NPZWriter(creating: directory.path.appending("a.npz"))
    let array = try TensorDescription(element: .number(.float32), shape: Shape([1]))
    let error = try #require(throws: FlywheelError.self) {
      try writer.requireRoom(for: array, under: key)
    }
    #expect(error.code == .unsupported)
    #expect(throws: FlywheelError.self) {
      try writer.write(Tensor(vector: [1] as [Float]), under: key)
    }
    try writer.requireRoom(for: array, under: "..a/b..npy")
  }

  @Test(
    "More or fewer bytes than described are refused, and leave nothing",
    arguments: [
      Compression.none, .fast,
    ]
  )
  func mismatch(compression: Compression) throws {
    let directory = try TemporaryDirectory()
    let array = try TensorDescription(element: .number(.float32), shape: Shape([3]))
    for count in [0, 11, 13] {
      do {
        let path = directory.path.appending("a.npz")
        let writer = try NPZWriter(creating: path, compression: compression)
        let bytes = [UInt8](repeating: 1, count: count)
        let error = #expect(throws: FlywheelError.self) {
          try writer.write(array, under: "a", crc32: nil) { (body) throws(FlywheelError) in
            try body(bytes.rawBytes)
          }
        }
        #expect(error?.code == .mismatch)
        #expect(throws: FlywheelError.self) { try writer.finish() }
      }
      #expect(try directory.names().isEmpty)
    }
  }

  @Test("Many members are found and read")
  func many() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.npz")
    let writer = try NPZWriter(creating: path)
    for place in 0..<2_000 {
      try writer.write(Tensor(vector: [Int64(place), -Int64(place)]), under: "layer/\(place)")
    }
    try writer.finish()
    let file = try NPZFile(path: path)
    let members = try file.members()
    #expect(members.count == 2_000)
    let tensors = try file.tensors(members.map(\.key))
    for (place, tensor) in tensors.enumerated() {
      #expect(try tensor?.elements() == [Int64(place), -Int64(place)])
    }
  }
}
