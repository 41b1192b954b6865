import FlywheelCore
import FlywheelDeflate
import FlywheelFormats
import FlywheelTestSupport
import SystemPackage
import Testing

@Suite("Formats by content and by name")
struct FileFormatTests {
  let temporary: TemporaryDirectory

  init() throws { temporary = try TemporaryDirectory() }

  static let hdf5: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  @Test(
    "A file is what its first bytes say, whatever its name is",
    arguments: [
      (hdf5 + [0], "hdf5"), (Array(hdf5.prefix(3)), "hdf5"),
      ([UInt8](repeating: 0, count: 512) + hdf5, "hdf5"),
      ([UInt8](repeating: 1, count: 4096) + hdf5, "hdf5"),
      ([0x93] + Array("NUMPY".utf8), "npy"), (Array("PK\u{3}\u{4}".utf8), "npz"),
      (Array("PK\u{5}\u{6}".utf8), "npz"),
      ([2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), "safetensors"),
      (
        Array(#"{"metadata": {}, "weight_map": {"a": "b.safetensors"}}"#.utf8), "safetensors_shards"
      ),
      ([255, 255, 0, 0, 0, 0, 0, 0] + Array(" \n{".utf8), "safetensors"),
      (
        [2, 32, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0x20, count: 8192) + Array("{}".utf8),
        "safetensors"
      ),
    ] as [([UInt8], String)]
  )
  func recognizes(bytes: [UInt8], identifier: String) throws {
    let file = try temporary.write(bytes, to: "file.pt")
    #expect(try FileFormat.of(contentsOf: file).identifier == identifier)
  }

  @Test("What is none of the formats is shown by its first bytes")
  func unknown() throws {
    let file = try temporary.write(Array("\u{7f}ELF\u{1}rest of it".utf8), to: "a.h5")
    let error = #expect(throws: FlywheelError.self) { try FileFormat.open(file) }
    #expect(error?.code == .malformed && error?.location.path == file)
    #expect(error?.message.contains("'.ELF.res' (7f 45 4c 46 01 72 65 73)") == true)
    #expect(error?.message.contains("HDF5") == true)
    // The signature lies where none is looked for.
    let other = try temporary.write([UInt8](repeating: 0, count: 513) + Self.hdf5, to: "b.h5")
    #expect(throws: FlywheelError.self) { try FileFormat.open(other) }
    let empty = try temporary.write([], to: "c.h5")
    let truncated = #expect(throws: FlywheelError.self) { try FileFormat.open(empty) }
    #expect(truncated?.code == .truncated)
    let missing = #expect(throws: FlywheelError.self) {
      try FileFormat.open(temporary.path.appending("missing"))
    }
    #expect(missing?.code == .notFound)
  }

  @Test("A directory is one of arrays if there is one in it, however deep")
  func directories() throws {
    let directory = temporary.path.appending("d")
    try FileSystem.createDirectory(directory.appending("a/b"))
    let error = #expect(throws: FlywheelError.self) { try FileFormat.open(directory) }
    #expect(error?.code == .invalidArgument)
    try temporary.write([1], to: "d/a/b/x.npy")
    #expect(try FileFormat.of(contentsOf: directory).identifier == "npy_directory")
  }

  @Test(
    "The name of the output says its format",
    arguments: [
      ("a.h5", "hdf5"), ("a.HDF5", "hdf5"), ("b/a.npy", "npy"), ("a.npz", "npz"),
      ("a/", "npy_directory"), ("a.h5/", "npy_directory"), ("a.safetensors", "safetensors"),
      ("model.safetensors.index.json", "safetensors_shards"),
    ]
  )
  func names(name: String, identifier: String) throws {
    let path = temporary.path.string + "/" + name
    #expect(try FileFormat.of(name: path).identifier == identifier)
  }

  @Test("An empty directory asks to be filled, and other names teach what there is")
  func otherNames() throws {
    #expect(try FileFormat.of(name: temporary.path.string).identifier == "npy_directory")
    try temporary.write([1], to: "x")
    for name in [temporary.path.string, "a", "a.txt", "h5", ""] {
      let error = #expect(throws: FlywheelError.self) { try FileFormat.of(name: name) }
      #expect(error?.code == .invalidArgument && error?.message.contains(".npz") == true)
    }
  }

  @Test("A directory is one of safetensors if there is one in it")
  func safetensors() throws {
    let directory = temporary.path.appending("d")
    try FileSystem.createDirectory(directory)
    try temporary.write(Array("{}".utf8), to: "d/config.json")
    let path = try temporary.write(
      [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8),
      to: "d/x.safetensors"
    )
    #expect(try FileFormat.of(contentsOf: directory).identifier == "safetensors_shards")
    #expect(try FileFormat.open(directory).path == path)
  }

  @Test("What is one file cannot be split")
  func shards() throws {
    let error = #expect(throws: FlywheelError.self) {
      _ = try FileFormat.safetensors.create(temporary.path.appending("a"), shardByteCount: 5)
    }
    #expect(error?.code == .unsupported)
  }

  @Test("What cannot be compressed says so")
  func compression() throws {
    let path = temporary.path.appending("a.npy")
    let error = #expect(throws: FlywheelError.self) {
      _ = try FileFormat.npy.create(path, compression: .fast)
    }
    #expect(error?.code == .unsupported)
    #expect(try temporary.names().isEmpty)
  }
}
