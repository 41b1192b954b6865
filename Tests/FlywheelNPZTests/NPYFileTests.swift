import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelNPZ

@Suite(".npy files")
struct NPYFileTests {
  /// All bytes of an array, taken in pieces.
  private static func pieces(of key: String, in file: some ArchiveReader) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try file.read(key) { (piece) throws(FlywheelError) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private static func array(_ file: NPYFile) throws -> TensorDescription {
    try #require(try file.member(file.key)).array()
  }

  @Test(
    "Numbers are read in any order",
    arguments: Fixtures.names.filter { !$0.hasPrefix("opaque") }
  )
  func numbers(name: String) throws {
    let file = try NPYFile(path: Fixtures.path(name))
    #expect(file.key == name)
    let parts = name.split(separator: "-")
    let extents = parts[1] == "scalar" ? [] : parts[1].split(separator: "x").compactMap { Int($0) }
    let array = try Self.array(file)
    #expect(array.shape.extents == extents)
    let isSmallFloat =
      parts[0].contains("fp") || parts[0] == "bfloat16" || parts[0].contains("e4m3")
    guard !isSmallFloat else {
      #expect("\(array.element)" == (parts[0] == "bfloat16" ? "<V2" : "<V1"))
      #expect(throws: FlywheelError.self) { try file.tensor(name) }
        .map { #expect($0.code == .unsupported) }
      #expect(try Self.pieces(of: name, in: file).count == array.byteCount)
      return
    }
    let tensor = try #require(try file.tensor(name))
    #expect(tensor.dtype.rawValue == parts[0])
    #expect(tensor.shape.extents == extents)
    let wanted = (0..<tensor.shape.elementCount).map { place in
      tensor.dtype == .bool ? min(1, Double(place)) : Double(place)
    }
    #expect(try tensor.converted(to: .float64).elements(as: Double.self) == wanted)
    let isView = parts.count == 2 || array.byteCount == 0
    #expect(tensor.storage.isMapped == isView)
    let bytes = unsafe tensor.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    #expect(try Self.pieces(of: name, in: file) == bytes)
  }

  @Test("Opaque elements are carried as they are, in row-major order")
  func opaque() throws {
    let plain = try NPYFile(path: Fixtures.path("opaque-text"))
    let fortran = try NPYFile(path: Fixtures.path("opaque-text-fortran"))
    let text = try Self.pieces(of: plain.key, in: plain)
    #expect(try Self.pieces(of: fortran.key, in: fortran) == text)
    #expect(try Self.array(plain) == Self.array(fortran))
    let big = try NPYFile(path: Fixtures.path("opaque-text-big"))
    #expect("\(try Self.array(big).element)" == ">U3")
    #expect(try Self.pieces(of: big.key, in: big) != text)
  }

  @Test("What is read and written again has numpy's bytes", arguments: Fixtures.names)
  func rewritten(name: String) throws {
    let directory = try TemporaryDirectory()
    let file = try NPYFile(path: Fixtures.path(name))
    let writer = try NPYWriter(creating: directory.path.appending("a.npy"))
    try writer.write(try Self.array(file), under: "x", crc32: nil) { (body) throws(FlywheelError) in
      try file.read(name, body)
    }
    try writer.finish()
    let isPlain = !name.contains("fortran") && (!name.contains("big") || name.hasPrefix("opaque"))
    let original = isPlain ? name : String(name.split(separator: "-")[0]) + "-2x3"
    guard !name.hasPrefix("opaque") || isPlain, !name.contains("2x3x4-fortran") else { return }
    #expect(try directory.read("a.npy") == Fixtures.bytes(original))
  }

  @Test(
    "Any order of any rank comes out row-major",
    arguments: [
      [1, 1], [7, 1, 9], [130, 70], [33, 65], [2, 2, 2, 2, 2], [3, 3, 17, 40], [100, 3, 5],
      [1, 257, 1, 31],
      [64, 2, 64], [5, 4, 3, 2],
    ],
    [1, 2, 3, 4, 8, 12, 16, 24]
  )
  func reordered(extents: [Int], size: Int) throws {
    let shape = try Shape(extents)
    var random = Philox(seed: UInt64(size), stream: 7)
    let elements = (0..<shape.elementCount * size).map { _ in
      UInt8(truncatingIfNeeded: random.next())
    }
    // By the definition: the first axis varies fastest.
    var swapped = [UInt8](repeating: 0, count: elements.count)
    for place in 0..<shape.elementCount {
      var rest = place
      var target = 0
      var stride = shape.elementCount
      for extent in extents.reversed() {
        stride /= extent
        target += rest % extent * stride
        rest /= extent
      }
      for byte in 0..<size { swapped[target * size + byte] = elements[place * size + byte] }
    }
    let directory = try TemporaryDirectory()
    let types = [1: "|u1", 2: "<f2", 4: "<f4", 8: "<f8", 16: "<c16"]
    let bytes = npy(
      descr: "'\(types[size] ?? "|V\(size)")'",
      order: "True",
      shape: "\(shape)",
      then: swapped
    )
    let file = try NPYFile(path: directory.write(bytes, to: "a.npy"))
    #expect(try Self.pieces(of: "a", in: file) == elements)
    guard types[size] != nil else { return }
    let tensor = try #require(try file.tensor("a"))
    #expect(unsafe tensor.bytes.withUnsafeBytes { unsafe [UInt8]($0) } == elements)
  }

  @Test("Pieces are bounded, whatever the axes are", arguments: [[3, 2_000_000], [2_000_000, 3]])
  func bounded(extents: [Int]) throws {
    let directory = try TemporaryDirectory()
    let elements = (0..<6_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
    let shape = try Shape(extents)
    let bytes = npy(descr: "'|u1'", order: "True", shape: "\(shape)", then: elements)
    let file = try NPYFile(path: directory.write(bytes, to: "a.npy"))
    var largest = 0
    var checksum: UInt32 = 0
    try file.read("a") { (piece) throws(FlywheelError) in
      largest = max(largest, piece.byteCount)
      checksum = CRC32.checksum(piece, continuing: checksum)
    }
    #expect(largest <= 4 << 20)
    let tensor = try #require(try file.tensor("a"))
    #expect(checksum == tensor.crc32)
  }

  @Test("Bytes after the array are mentioned, and are an obstacle")
  func following() throws {
    let directory = try TemporaryDirectory()
    let one = try Fixtures.bytes("float32-2x3")
    let file = try NPYFile(path: directory.write(one + one, to: "two.npy"))
    let member = try #require(try file.members().first)
    #expect(member.storage == "152 bytes follow")
    #expect(try file.metadata().obstacles.count == 1)
    #expect(try file.tensor("two")?.shape.extents == [2, 3])
  }

  @Test("Python objects are listed, and refused with a remedy")
  func objects() throws {
    let directory = try TemporaryDirectory()
    let bytes = npy(descr: "'|O'", shape: "(3,)", then: [0x80, 4])
    let file = try NPYFile(path: directory.write(bytes, to: "o.npy"))
    let member = try #require(try file.member("o"))
    guard case .unreadable(let type, let shape, _) = member.content else {
      Issue.record("listed as an array")
      return
    }
    #expect(type == "Python objects")
    #expect(shape?.extents == [3])
    let error = try #require(throws: FlywheelError.self) { try file.tensor("o") }
    #expect(error.code == .unsupported)
    #expect(error.message.contains("astype"))
    #expect(error.location.path == file.path)
  }

  @Test(
    "A file that is no whole .npy file is not opened",
    arguments: [
      ([], .truncated, 0), (Array("hello".utf8), .malformed, 0),
      (npy(descr: "'<f4'", shape: "(2,)", then: [1, 2, 3, 4, 5, 6, 7]), .truncated, 68),
      (npy(descr: "'<f4'", shape: "(1000000000000,)"), .truncated, 80),
      (npy(descr: "'|S0'", shape: "(7,"), .malformed, 63),
    ] as [([UInt8], FlywheelError.Code, UInt64)]
  )
  func damaged(bytes: [UInt8], code: FlywheelError.Code, offset: UInt64) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(bytes, to: "a.npy")
    let error = try #require(throws: FlywheelError.self) { _ = try NPYFile(path: path) }
    #expect(error.code == code, "\(error)")
    #expect(error.location.byteOffset == offset, "\(error)")
    #expect(error.location.path == path)
  }

  @Test("Truth values are 0 or 1")
  func truth() throws {
    let directory = try TemporaryDirectory()
    for order in ["False", "True"] {
      let bytes = npy(descr: "'|b1'", order: order, shape: "(2, 2)", then: [0, 1, 1, 2])
      let file = try NPYFile(path: directory.write(bytes, to: "\(order).npy"))
      let error = try #require(throws: FlywheelError.self) { try file.tensor(order) }
      #expect(error.code == .malformed)
      #expect(error.location.byteOffset == UInt64(bytes.count - 1))
      #expect(throws: FlywheelError.self) { try file.read(order) { _ in } }
    }
  }

  @Test("Elements that need no memory need none, however many there are")
  func nothing() throws {
    let directory = try TemporaryDirectory()
    for (descr, shape) in [
      ("'|S0'", "(2, 2305843009213693951)"), ("'<f4'", "(4611686018427387904, 0)"),
    ] {
      let bytes = npy(descr: descr, order: "True", shape: shape)
      let file = try NPYFile(path: directory.write(bytes, to: "a.npy"))
      var count = 0
      if descr == "'<f4'" {
        try file.read("a") { (piece) throws(FlywheelError) in count += piece.byteCount }
        #expect(try file.tensor("a")?.byteCount == 0)
      }
      #expect(count == 0)
    }
  }

  @Test("A file holds exactly one array")
  func single() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("a.npy")
    let tensor = try Tensor(vector: [1, 2] as [Float])
    let writer = try NPYWriter(creating: path)
    #expect(throws: FlywheelError.self) { try writer.finish() }
      .map { #expect($0.code == .invalidArgument) }
    try writer.write(tensor, under: "a")
    #expect(throws: FlywheelError.self) { try writer.write(tensor, under: "b") }
      .map { #expect($0.code == .unsupported) }
    #expect(try directory.names().allSatisfy { $0 != "a.npy" })
    try writer.finish()
    #expect(try directory.names() == ["a.npy"])
    #expect(try NPYFile(path: path).tensor("a")?.elements() == [1, 2] as [Float])
  }

  @Test("More or fewer bytes than described are refused, and leave nothing")
  func mismatch() throws {
    let directory = try TemporaryDirectory()
    let array = try TensorDescription(element: .number(.float32), shape: Shape([3]))
    for count in [0, 11, 13] {
      do {
        let writer = try NPYWriter(creating: directory.path.appending("a.npy"))
        let bytes = [UInt8](repeating: 1, count: count)
        let error = #expect(throws: FlywheelError.self) {
          try writer.write(array, under: "a", crc32: nil) { (body) throws(FlywheelError) in
            try body(bytes.rawBytes)
          }
        }
        #expect(error?.code == .mismatch)
      }
      #expect(try directory.names().isEmpty)
    }
  }
}
