import FlywheelCheckpoint
import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelTrain

@Suite struct IDXFileTests {
  // MARK: - What is well formed

  @Test func `images are read row by row`() throws {
    let directory = try TemporaryDirectory()
    let values = (0..<12).map(UInt8.init)
    let file = try IDXFile(directory.write(idx([2, 2, 3], values), to: "images"), .samples)
    #expect(file.dtype == .uint8)
    #expect(file.extents == [2, 2, 3])
    #expect(Array(file) == values)
  }

  @Test(
    arguments: [
      [5], [5, 1], [5, 2, 3, 1], [2, 1, 2, 1, 2, 1, 2, 1, 2], [1, 1, 1],
    ] as [[UInt32]]
  )
  func `samples have any number of dimensions`(extents: [UInt32]) throws {
    let directory = try TemporaryDirectory()
    let values = (0..<Int(extents.reduce(1, *))).map { UInt8($0) }
    for bytes in [idx(extents, values), gzip(idx(extents, values))] {
      let file = try IDXFile(directory.write(bytes, to: "samples"), .samples)
      #expect(file.extents == extents.map { Int($0) })
      let tensor = try file.array.samples(as: Float.self, Normalization())
      #expect(tensor.dtype == .uint8)
      #expect(tensor.shape.extents == file.extents)
      #expect(try tensor.elements(as: UInt8.self) == values)
    }
  }

  struct Numbers: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var type: UInt8
    var dtype: DType
    var bytes: [UInt8]
    var values: [Double]
  }

  static let numbers = [
    Numbers(
      testDescription: "int8",
      type: 0x09,
      dtype: .int8,
      bytes: [0, 127, 0x80, 0xFF],
      values: [0, 127, -128, -1]
    ),
    Numbers(
      testDescription: "int16",
      type: 0x0B,
      dtype: .int16,
      bytes: [0, 1, 0x7F, 0xFF, 0x80, 0, 0xFF, 0xFE],
      values: [1, 32767, -32768, -2]
    ),
    Numbers(
      testDescription: "int32",
      type: 0x0C,
      dtype: .int32,
      bytes: [0, 0, 1, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0x80, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFD],
      values: [256, 2_147_483_647, -2_147_483_648, -3]
    ),
    Numbers(
      testDescription: "float32",
      type: 0x0D,
      dtype: .float32,
      bytes: [0x3F, 0x80, 0, 0, 0xC0, 0x20, 0, 0, 0, 0, 0, 1, 0x7F, 0x7F, 0xFF, 0xFF],
      values: [1, -2.5, 0x1p-149, Double(Float.greatestFiniteMagnitude)]
    ),
    Numbers(
      testDescription: "float64",
      type: 0x0E,
      dtype: .float64,
      bytes: [0x3F, 0xF0] + [UInt8](repeating: 0, count: 6)
        + [0xC0, 0x04, 0, 0, 0, 0, 0, 1] + [0x3F, 0xB9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A]
        + [0x47, 0xEF, 0xFF, 0xFF, 0xE0, 0, 0, 0],
      values: [1, -2.5000000000000004, 0.1, Double(Float.greatestFiniteMagnitude)]
    ),
  ]

  @Test(arguments: numbers, [false, true])
  func `numbers are big-endian, and normalized once`(
    numbers: Numbers,
    isCompressed: Bool
  ) throws {
    let directory = try TemporaryDirectory()
    let bytes = idx(type: numbers.type, [2, 2], numbers.bytes)
    let path = try directory.write(isCompressed ? gzip(bytes) : bytes, to: "numbers")
    let file = try IDXFile(path, .samples)
    #expect(file.dtype == numbers.dtype)
    #expect(Array(file) == numbers.bytes)
    let same = Normalization()
    let doubles: [Double] = try file.array.samples(as: Double.self, same).elements()
    #expect(doubles == numbers.values)
    let floats: [Float] = try file.array.samples(as: Float.self, same).elements()
    #expect(floats == numbers.values.map { Float($0) })
    let normalization = Normalization(scale: 0.3, mean: 0.1, deviation: 0.7)
    let expected = numbers.values.map { ($0 * 0.3 - 0.1) / 0.7 }
    let normalized: [Double] = try file.array.samples(as: Double.self, normalization).elements()
    #expect(normalized == expected)
    let rounded: [Float] = try file.array.samples(as: Float.self, normalization).elements()
    #expect(rounded == expected.map { Float($0) })
  }

  @Test(
    arguments: [
      (0x0D, [0x7F, 0x80, 0, 0]), (0x0D, [0x7F, 0xC0, 0, 0]),
      (0x0E, [0xFF, 0xF0, 0, 0, 0, 0, 0, 0]),
      // Finite in 64 bits, but not in 32.
      (0x0E, [0x47, 0xF0, 0, 0, 0, 0, 0, 0]),
    ] as [(UInt8, [UInt8])]
  )
  func `a number that is not finite is named with its place`(type: UInt8, last: [UInt8]) throws {
    let directory = try TemporaryDirectory()
    let bytes = [UInt8](repeating: 0, count: 5 * last.count) + last
    let file = try IDXFile(directory.write(idx(type: type, [3, 2], bytes), to: "x"), .samples)
    let error = #expect(throws: FlywheelError.self) {
      try file.array.samples(as: Float.self, Normalization())
    }
    #expect(error?.code == .malformed)
    #expect(error?.message.hasPrefix("Value 1 of sample 2 is ") == true)
    #expect(error?.location.byteOffset == UInt64(12 + 5 * last.count))
  }

  @Test(
    arguments: [
      (0x08, [7, 0, 255], [7, 0, 255]), (0x09, [7, 0, 127], [7, 0, 127]),
      (0x0B, [0, 7, 1, 0, 0x7F, 0xFF], [7, 256, 32767]),
      (0x0C, [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], [7, 0, 65535]),
    ] as [(UInt8, [UInt8], [UInt16])]
  )
  func `labels are integers of any type`(
    type: UInt8,
    bytes: [UInt8],
    labels: [UInt16]
  ) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(idx(type: type, [3], bytes), to: "labels")
    #expect(try IDXFile(path, .labels).array.labels() == labels)
  }

  @Test(
    arguments: [
      (0x09, [7, 0xFF], "-1"), (0x0B, [0, 7, 0x80, 0], "-32768"),
      (0x0C, [0, 0, 0, 7, 0, 1, 0, 0], "65536"), (0x0C, [0, 0, 0, 7, 0xFF, 0, 0, 0], "-16777216"),
    ] as [(UInt8, [UInt8], String)]
  )
  func `a label out of range is named`(type: UInt8, bytes: [UInt8], label: String) throws {
    let directory = try TemporaryDirectory()
    let file = try IDXFile(directory.write(idx(type: type, [2], bytes), to: "labels"), .labels)
    let error = #expect(throws: FlywheelError.self) { try file.array.labels() }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("the label \(label) of sample 1") == true)
    #expect(error?.location.byteOffset == UInt64(8 + bytes.count / 2))
  }

  @Test(arguments: [gzip(idx([5, 4, 3], pythonValues)), pythonGzip])
  func `gzip is recognized by its bytes`(bytes: [UInt8]) throws {
    let directory = try TemporaryDirectory()
    let file = try IDXFile(directory.write(bytes, to: "images"), .samples)
    #expect(file.extents == [5, 4, 3])
    #expect(Array(file) == pythonValues)
  }

  @Test func `members of a gzip file follow each other, however they are cut`() throws {
    let directory = try TemporaryDirectory()
    let whole = idx([5, 4, 3], pythonValues)
    for cut in 0...whole.count {
      for middle in [[], gzip([])] {
        let bytes = gzip(Array(whole[..<cut])) + middle + gzip(Array(whole[cut...]))
        let file = try IDXFile(directory.write(bytes, to: "images"), .samples)
        #expect(Array(file) == pythonValues)
      }
    }
  }

  @Test(arguments: [1, 2, 511, 5000])
  func `zeros behind a gzip file are padding`(count: Int) throws {
    let directory = try TemporaryDirectory()
    let bytes = pythonGzip + [UInt8](repeating: 0, count: count)
    let file = try IDXFile(directory.write(bytes, to: "images"), .samples)
    #expect(Array(file) == pythonValues)
  }

  // MARK: - What is not

  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var bytes: [UInt8]
    var code: FlywheelError.Code
    var offset: UInt64

    init(_ name: String, _ bytes: [UInt8], _ code: FlywheelError.Code, _ offset: UInt64) {
      testDescription = name
      self.bytes = bytes
      self.code = code
      self.offset = offset
    }
  }

  static let imageFaults = [
    Fault("an empty file", [], .truncated, 0),
    Fault("text", Array("no images, only words".utf8), .malformed, 0),
    Fault("no dimensions", idx([], [1]), .malformed, 0),
    Fault("a type that there is not", idx(type: 0x0A, [1, 1, 1], [0]), .malformed, 0),
    Fault("three bytes of an extent", [0, 0, 8, 1, 0, 0, 1], .truncated, 4),
    Fault("255 dimensions and no extents", [0, 0, 8, 255], .truncated, 4),
    Fault("no images", idx([0, 2, 2], []), .malformed, 4),
    Fault("no rows", idx([1, 0, 2], []), .malformed, 8),
    Fault("no columns", idx([1, 2, 0], []), .malformed, 12),
    Fault("a size of 96 bits", idx([.max, .max, .max], [0]), .limitExceeded, 8),
    Fault("a size of 66 bits", idx(type: 14, [1 << 31, 1 << 31, 2], [0]), .limitExceeded, 8),
    Fault("a size of 62 bits", idx([1 << 31, 1 << 30, 1], [0]), .truncated, 16),
    Fault("one byte too few", idx([1, 2, 2], [1, 2, 3]), .truncated, 16),
    Fault("one byte too many", idx([1, 2, 2], [1, 2, 3, 4, 5]), .malformed, 20),
    // In gzip, from the header declared by the decompressed bytes to the trailer.
    Fault("gzip: no rows", gzip(idx([1, 0, 2], [])), .malformed, 8),
    Fault("gzip: a size of 96 bits", gzip(idx([.max, .max, .max], [0])), .limitExceeded, 8),
    Fault("gzip: 4 GB in 40 bytes", gzip(idx([4_000_000, 1_000, 1], [0])), .limitExceeded, 4),
    Fault(
      "gzip: a byte more than 41 can hold",
      gzip(idx([41 * 1_032 + 1, 1, 1], [1, 2])),
      .limitExceeded,
      4
    ),
    Fault("gzip: as much as 41 can hold", gzip(idx([41 * 1_032, 1, 1], [1, 2])), .truncated, 16),
    Fault("gzip: one byte too few", gzip(idx([1, 2, 2], [1, 2, 3])), .truncated, 16),
    Fault("gzip: one byte too many", gzip(idx([1, 2, 2], [1, 2, 3, 4, 5])), .malformed, 20),
    Fault(
      "gzip: a stream that goes on for long",
      gzip(idx([1, 2, 2], [UInt8](repeating: 0, count: 60_000))),
      .malformed,
      20
    ),
    Fault("gzip: no compression method", gzip(idx([1, 1, 1], [9]), replacing: 2), .corrupted, 4),
    Fault("gzip: no block type", gzip(idx([1, 1, 1], [9]), replacing: 10), .corrupted, 11),
    Fault("gzip: a wrong block length", gzip(idx([1, 1, 1], [9]), replacing: 12), .corrupted, 15),
    Fault("gzip: a changed pixel", gzip(idx([1, 1, 1], [9]), replacing: 31), .corrupted, 36),
    Fault("gzip: a wrong CRC", gzip(idx([1, 1, 1], [9]), replacing: 32), .corrupted, 36),
    Fault("gzip: a wrong length", gzip(idx([1, 1, 1], [9]), replacing: 36), .corrupted, 40),
    Fault("gzip: a byte behind", gzip(idx([1, 1, 1], [9])) + [1], .malformed, 40),
    Fault("gzip: zeros and a byte", gzip(idx([1, 1, 1], [9])) + [0, 0, 1], .malformed, 40),
    Fault("gzip: half a mark behind", gzip(idx([1, 1, 1], [9])) + [0x1F], .malformed, 40),
    Fault(
      "gzip: zeros before a member",
      gzip(idx([1, 1, 1], [9])) + [0] + gzip([]),
      .malformed,
      40
    ),
    Fault("gzip: a member cut off", gzip(idx([1, 1, 1], [9])) + [0x1F, 0x8B, 8], .truncated, 43),
    Fault("gzip: a member too many", gzip(idx([1, 1, 1], [9])) + gzip([1]), .malformed, 17),
  ]

  @Test(arguments: imageFaults)
  func `a fault in images is named with its place`(fault: Fault) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(fault.bytes, to: "images")
    let error = #expect(throws: FlywheelError.self) { try IDXFile(path, .samples) }
    #expect(error?.code == fault.code)
    #expect(error?.location == .init(path: path, byteOffset: fault.offset))
  }

  static let labelFaults = [
    Fault("images", idx([1, 1, 1], [0]), .malformed, 2),
    Fault("floats", idx(type: 0x0D, [1], [0, 0, 0, 0]), .malformed, 2),
    Fault("one label too few", idx([3], [0, 1]), .truncated, 8),
    Fault("one label too many", idx([1], [0, 1]), .malformed, 9),
    Fault("gzip: one label too few", gzip(idx([3], [0, 1])), .truncated, 8),
  ]

  @Test(arguments: labelFaults)
  func `a fault in labels is named with its place`(fault: Fault) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(fault.bytes, to: "labels")
    let error = #expect(throws: FlywheelError.self) { try IDXFile(path, .labels) }
    #expect(error?.code == fault.code)
    #expect(error?.location == .init(path: path, byteOffset: fault.offset))
  }

  @Test func `a plain file cut anywhere is truncated`() throws {
    let directory = try TemporaryDirectory()
    let whole = idx([2, 2, 3], [UInt8](repeating: 5, count: 12))
    for count in whole.indices {
      let path = try directory.write(Array(whole[..<count]), to: "images")
      let error = #expect(throws: FlywheelError.self) { try IDXFile(path, .samples) }
      #expect(error?.code == .truncated)
      #expect(error?.location.byteOffset == (count < 4 ? 0 : count < 16 ? 4 : 16))
    }
  }

  @Test func `a gzip file cut anywhere is truncated`() throws {
    let directory = try TemporaryDirectory()
    for count in pythonGzip.indices {
      let path = try directory.write(Array(pythonGzip[..<count]), to: "images")
      let error = #expect(throws: FlywheelError.self) { try IDXFile(path, .samples) }
      #expect(error?.code == .truncated)
      // Shorter than its own mark it is no gzip file, but a short plain one.
      #expect(error?.location.byteOffset == (count < 2 ? 0 : UInt64(count)))
    }
  }

  @Test func `a gzip file with a flipped bit is refused or gives the same images`() throws {
    let directory = try TemporaryDirectory()
    for index in pythonGzip.indices {
      var bytes = pythonGzip
      bytes[index] ^= 1 << (index % 8)
      let path = try directory.write(bytes, to: "images")
      do {
        let file = try IDXFile(path, .samples)
        #expect(Array(file) == pythonValues)
        #expect(index < 28, "only the header's time, system and name do not matter")
      } catch {
        #expect(error.location.path == path)
      }
    }
  }

  @Test func `a missing file and a directory are refused`() throws {
    let directory = try TemporaryDirectory()
    let missing = #expect(throws: FlywheelError.self) {
      try IDXFile(directory.path.appending("nothing"), .samples)
    }
    #expect(missing?.code == .notFound)
    let noFile = #expect(throws: FlywheelError.self) { try IDXFile(directory.path, .samples) }
    #expect(noFile?.code == .invalidArgument)
  }
}

// MARK: - Files, byte by byte

extension [UInt8] {
  /// The elements as they are in the file.
  fileprivate init(_ file: IDXFile) {
    self = unsafe file.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}

/// An IDX file, of unsigned bytes if nothing else is said.
func idx(type: UInt8 = 8, _ extents: [UInt32], _ values: [UInt8]) -> [UInt8] {
  [0, 0, type, UInt8(extents.count)]
    + extents.flatMap { extent in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: extent >> $0) }
    }
    + values
}

/// A gzip file with a 10-byte header and one stored block, whose bytes start at 15.
func gzip(_ bytes: [UInt8], replacing index: Int? = nil) -> [UInt8] {
  func littleEndian(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }
  let size = UInt32(bytes.count)
  var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1]
  file += littleEndian(size, 2) + littleEndian(~size, 2)
  file += bytes
  file += littleEndian(CRC32.checksum(bytes.rawBytes), 4) + littleEndian(size, 4)
  if let index { file[index] ^= 6 }
  return file
}

/// The 60 values in `pythonGzip`.
private let pythonValues = (0..<60).map { $0 % 4 == 0 ? 0 : UInt8($0 * 37 % 256) }

/// Python's `gzip.GzipFile(…, 'wb', 9, mtime=0)` of `pythonValues` as 5 images of 4 rows by 3.
private let pythonGzip: [UInt8] = [
  0x1F, 0x8B, 0x08, 0x08, 0x00, 0x00, 0x00, 0x00, 0x02, 0xFF, 0x69, 0x6D, 0x61, 0x67, 0x65, 0x73,
  0x2D, 0x69, 0x64, 0x78, 0x33, 0x2D, 0x75, 0x62, 0x79, 0x74, 0x65, 0x00, 0x63, 0x60, 0xE0, 0x60,
  0x66, 0x60, 0x60, 0x60, 0x05, 0x62, 0x16, 0x20, 0x66, 0x66, 0x50, 0xF5, 0xCA, 0x67, 0xD8, 0x79,
  0x8F, 0x99, 0xC1, 0xB7, 0x68, 0x3A, 0xC3, 0x43, 0x36, 0x6D, 0x86, 0xD2, 0x59, 0xFB, 0x19, 0x38,
  0xF5, 0x82, 0x19, 0xE6, 0x1E, 0x7A, 0xCE, 0x60, 0x18, 0x56, 0xCD, 0x70, 0xF4, 0x15, 0x3F, 0x43,
  0x64, 0xDD, 0x62, 0x86, 0xB7, 0x42, 0xE6, 0x0C, 0x8D, 0xCB, 0x4E, 0x33, 0x88, 0x5A, 0xC5, 0x33,
  0xAC, 0x3C, 0xF7, 0x99, 0xC1, 0x36, 0xA9, 0x1D, 0x00, 0x33, 0x80, 0x39, 0xF2, 0x4C, 0x00, 0x00,
  0x00,
]
