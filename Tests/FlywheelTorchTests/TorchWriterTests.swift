import FlywheelCore
import FlywheelTestSupport
import FlywheelZip
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelTorch

@Suite("Writing PyTorch files")
struct TorchWriterTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func writer(_ name: String = "a.pt") throws -> TorchWriter {
    try TorchWriter(creating: directory.path.appending(name), durability: .cached)
  }

  /// A member of a file.
  private func member(_ name: String, of file: String = "a.pt") throws -> [UInt8] {
    let zip = try ZipReader(opening: directory.path.appending(file))
    let entry = try #require(zip.entry(named: "archive/\(name)"))
    var bytes: [UInt8] = []
    try zip.read(entry) { (piece) throws(FlywheelError) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private func pickle(of file: String = "a.pt") throws -> String {
    try PickleText.of(try member("data.pkl", of: file))
  }

  @Test("A file is, byte for byte, what it was when torch 2.13 first read it")
  func golden() throws {
    for name in ["a.pt", "another.pth"] {
      let file = try writer(name)
      try file.write(Tensor([1, 2, 3, 4] as [Float], shape: Shape([2, 2])), under: "0.weight")
      try file.write(Tensor(vector: [7] as [UInt16]), under: "0.bias")
      try file.finish()
    }
    let bytes = try directory.read("a.pt")
    #expect(bytes == (try directory.read("another.pth")))
    #expect(bytes.count == 1034 && CRC32.checksum(bytes.rawBytes) == 0xFBAD_C93E)
    let pickled = """
      <80><02>ccollections<0a>OrderedDict<0a>q<00>)R(X<08><00><00><00>0.weightq<01>ctorch._uti\
      ls<0a>_rebuild_tensor_v2<0a>q<02>((X<07><00><00><00>storageq<03>ctorch<0a>FloatStorage<0\
      a>q<04>X<01><00><00><00>0q<05>X<03><00><00><00>cpuq<06>K<04>tQK<00>(K<02>K<02>t(K<02>K<0\
      1>t<89>h<00>)R(utRX<06><00><00><00>0.biasq<07>ctorch._utils<0a>_rebuild_tensor_v3<0a>q<0\
      8>((h<03>ctorch.storage<0a>UntypedStorage<0a>q<09>X<01><00><00><00>1q<0a>h<06>K<02>tQK<0\
      0>(K<01>t(K<01>t<89>h<00>)R(uctorch<0a>uint16<0a>q<0b>tRu.
      """
    #expect(shown(try member("data.pkl")) == pickled)
    #expect(try member("version") == Array("3\n".utf8))
    #expect(try member("byteorder") == Array("little".utf8))
    #expect(try member("data/1") == [7, 0])
  }

  /// Bytes as text, those that are none in angle brackets.
  private func shown(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      (0x20..<0x7F).contains(byte)
        ? String(UnicodeScalar(byte)) : "<\(byte < 16 ? "0" : "")\(String(byte, radix: 16))>"
    }.joined()
  }

  @Test("Elements begin where they can be mapped, and nothing promises another layout")
  func layout() throws {
    let file = try writer()
    for index in 0..<20 {
      try file.write(
        Tensor(vector: [UInt8](repeating: 1, count: index)),
        under: "tensor\(index)"
      )
    }
    try file.finish()
    let zip = try ZipReader(opening: directory.path.appending("a.pt"))
    for index in 1..<20 {
      let entry = try #require(zip.entry(named: "archive/data/\(index)"))
      let range = try #require(try zip.storedRange(of: entry))
      #expect(range.lowerBound % 64 == 0 && range.count == index)
    }
    #expect(zip.entries.first?.name == "archive/data/0")
    #expect(!zip.entries.contains { $0.name.contains("/.") })
  }

  @Test("Each type is told as PyTorch tells it", arguments: TorchType.all)
  func types(type: TorchType) throws {
    let element: ElementType =
      type.element.dtype.map { .number($0) }
      ?? .opaque(OpaqueType(name: type.name, byteCount: type.element.byteCount))
    let file = try writer()
    let description = try TensorDescription(element: element, shape: Shape([2, 0, 3]))
    try file.write(description, under: "x", crc32: nil) { _ throws(FlywheelError) in }
    try file.finish()
    let text =
      if let storage = type.storage {
        "_rebuild_tensor_v2(@('storage', \(storage), '0', 'cpu', 0), 0, (2, 0, 3), (3, 3, 1), False, {})"
      } else {
        "_rebuild_tensor_v3(@('storage', UntypedStorage, '0', 'cpu', 0), 0, (2, 0, 3), (3, 3, 1), False, "
          + "{}, \(type.name))"
      }
    #expect(try pickle() == "{'x': \(text)}")
  }

  @Test("An untyped storage counts bytes, others count elements")
  func counts() throws {
    let file = try writer()
    try file.write(Tensor(vector: [1, 2, 3] as [UInt32]), under: "a")
    try file.write(Tensor([1] as [Double], shape: .scalar), under: "b")
    try file.finish()
    #expect(
      try pickle() == """
        {'a': _rebuild_tensor_v3(@('storage', UntypedStorage, '0', 'cpu', 12), 0, (3), (1), False, {}, uint32), \
        'b': _rebuild_tensor_v2(@('storage', DoubleStorage, '1', 'cpu', 1), 0, (), (), False, {})}
        """
    )
  }

  @Test("A number of steps that was an integer is one again; a module's counter stays a tensor")
  func steps() throws {
    let file = try writer()
    let five = try Tensor([5] as [Int64], shape: .scalar)
    try file.write(five, under: "model.counter.step")
    try file.write(five, under: "optimizer.state.0.step")
    try file.write(Tensor([5] as [Float], shape: .scalar), under: "optimizer.state.1.step")
    try file.write(
      ArchiveMetadata(attributes: ["optimizer.param_groups.0": ["name": .string("x")]])
    )
    try file.finish()
    let text = try pickle()
    #expect(
      text.hasPrefix("{'model': {'counter.step': _rebuild_tensor_v2(@('storage', LongStorage, '1'")
    )
    #expect(
      text.contains(
        "'state': {0: {'step': 5}, 1: {'step': _rebuild_tensor_v2(@('storage', FloatStorage"
      )
    )
    #expect(try member("data/1") == [5, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test("A checksum that the caller knows is not computed again")
  func checksums() throws {
    let file = try writer()
    let tensor = try Tensor(vector: [1, 2, 3] as [Float])
    try file.write(tensor, under: "right", crc32: tensor.crc32)
    try file.write(tensor, under: "wrong", crc32: 1)
    try file.finish()
    let zip = try ZipReader(opening: directory.path.appending("a.pt"))
    #expect(zip.entry(named: "archive/data/0")?.crc32 == tensor.crc32)
    #expect(zip.entry(named: "archive/data/1")?.crc32 == 1)
  }

  @Test("What PyTorch cannot hold is refused before anything is written")
  func refusals() throws {
    let file = try writer()
    let text = ElementType.opaque(OpaqueType(name: "<U3", byteCount: 12))
    let byte = ElementType.opaque(OpaqueType(name: "|V1", byteCount: 1))
    let cases: [(TensorDescription, String, String)] = [
      (try TensorDescription(element: text, shape: .scalar), "x", "no tensors of type <U3"),
      (try TensorDescription(element: byte, shape: .scalar), "x", "no tensors of type |V1"),
      (try TensorDescription(element: .number(.bool), shape: .scalar), "", "empty name"),
    ]
    for (description, key, message) in cases {
      let error = #expect(throws: FlywheelError.self) {
        try file.requireRoom(for: description, under: key)
      }
      #expect(error?.code == .unsupported && error?.message.contains(message) == true)
    }
  }

  @Test("Names that come twice, and other bytes than described, are refused")
  func mistakes() throws {
    let file = try writer()
    try file.write(Tensor(vector: [1] as [Float]), under: "a")
    for key in ["a", "b.step"] {
      try? file.write(Tensor([1] as [Int64], shape: .scalar), under: key)
      let error = #expect(throws: FlywheelError.self) {
        try file.write(Tensor([1] as [Int64], shape: .scalar), under: key)
      }
      #expect(error?.code == .alreadyExists)
    }
    let number = try TensorDescription(element: .number(.int64), shape: .scalar)
    for key in ["c", "c.step"] {
      let error = #expect(throws: FlywheelError.self) {
        try file.write(number, under: key, crc32: nil) { (body) throws(FlywheelError) in
          try body(([1, 2, 3] as [UInt8]).rawBytes)
        }
      }
      #expect(error?.code == .mismatch)
    }
  }

  @Test("A file that is not finished leaves nothing")
  func unfinished() throws {
    do {
      let file = try writer()
      try file.write(Tensor(vector: [1] as [Float]), under: "a")
    }
    #expect(try directory.names().isEmpty)
  }
}
