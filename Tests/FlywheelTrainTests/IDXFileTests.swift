import FlywheelCore
import FlywheelTestSupport
import FlywheelTrain
import SystemPackage
import Testing

@Suite struct IDXFileTests {
  // MARK: - What is well formed

  @Test func `images are read row by row`() throws {
    let directory = try TemporaryDirectory()
    let values = (0..<12).map(UInt8.init)
    let file = try IDXFile.images(at: directory.write(idx([2, 2, 3], values), to: "images"))
    #expect(file.extents == [2, 2, 3])
    #expect(file.values == values)
  }

  @Test func `labels are read`() throws {
    let directory = try TemporaryDirectory()
    let file = try IDXFile.labels(at: directory.write(idx([3], [7, 0, 255]), to: "labels"))
    #expect(file.extents == [3])
    #expect(file.values == [7, 0, 255])
  }

  @Test(arguments: [gzip(idx([5, 4, 3], pythonValues)), pythonGzip])
  func `gzip is recognized by its bytes`(bytes: [UInt8]) throws {
    let directory = try TemporaryDirectory()
    let file = try IDXFile.images(at: directory.write(bytes, to: "images"))
    #expect(file.extents == [5, 4, 3])
    #expect(file.values == pythonValues)
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
    Fault("labels", idx([12], [UInt8](repeating: 1, count: 12)), .malformed, 0),
    Fault("floats", idx(type: 0x0D, [1, 1, 1], [0, 0, 0, 0]), .malformed, 0),
    Fault("four dimensions", idx([1, 1, 1, 1], [0]), .malformed, 0),
    Fault("no images", idx([0, 2, 2], []), .malformed, 4),
    Fault("no rows", idx([1, 0, 2], []), .malformed, 8),
    Fault("no columns", idx([1, 2, 0], []), .malformed, 12),
    Fault("a size of 96 bits", idx([.max, .max, .max], [0]), .limitExceeded, 8),
    Fault("a size of 62 bits", idx([1 << 31, 1 << 30, 1], [0]), .truncated, 16),
    Fault("one byte too few", idx([1, 2, 2], [1, 2, 3]), .truncated, 16),
    Fault("one byte too many", idx([1, 2, 2], [1, 2, 3, 4, 5]), .malformed, 20),
    // In gzip, from the header declared by the decompressed bytes to the trailer.
    Fault("gzip: labels", gzip(idx([12], [UInt8](repeating: 1, count: 12))), .malformed, 0),
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
    Fault("gzip: a byte behind", gzip(idx([1, 1, 1], [9])) + [0], .malformed, 40),
  ]

  @Test(arguments: imageFaults)
  func `a fault in images is named with its place`(fault: Fault) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(fault.bytes, to: "images")
    let error = #expect(throws: FlywheelError.self) { try IDXFile.images(at: path) }
    #expect(error?.code == fault.code)
    #expect(error?.location == .init(path: path, byteOffset: fault.offset))
  }

  static let labelFaults = [
    Fault("images", idx([1, 1, 1], [0]), .malformed, 0),
    Fault("one label too few", idx([3], [0, 1]), .truncated, 8),
    Fault("one label too many", idx([1], [0, 1]), .malformed, 9),
    Fault("gzip: one label too few", gzip(idx([3], [0, 1])), .truncated, 8),
  ]

  @Test(arguments: labelFaults)
  func `a fault in labels is named with its place`(fault: Fault) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(fault.bytes, to: "labels")
    let error = #expect(throws: FlywheelError.self) { try IDXFile.labels(at: path) }
    #expect(error?.code == fault.code)
    #expect(error?.location == .init(path: path, byteOffset: fault.offset))
  }

  @Test func `a plain file cut anywhere is truncated`() throws {
    let directory = try TemporaryDirectory()
    let whole = idx([2, 2, 3], [UInt8](repeating: 5, count: 12))
    for count in whole.indices {
      let path = try directory.write(Array(whole[..<count]), to: "images")
      let error = #expect(throws: FlywheelError.self) { try IDXFile.images(at: path) }
      #expect(error?.code == .truncated)
      #expect(error?.location.byteOffset == (count < 16 ? 0 : 16))
    }
  }

  @Test func `a gzip file cut anywhere is truncated`() throws {
    let directory = try TemporaryDirectory()
    for count in pythonGzip.indices {
      let path = try directory.write(Array(pythonGzip[..<count]), to: "images")
      let error = #expect(throws: FlywheelError.self) { try IDXFile.images(at: path) }
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
        let file = try IDXFile.images(at: path)
        #expect(file.values == pythonValues)
        #expect(index < 28, "only the header's time, system and name do not matter")
      } catch {
        #expect(error.location.path == path)
      }
    }
  }

  @Test func `a missing file and a directory are refused`() throws {
    let directory = try TemporaryDirectory()
    let missing = #expect(throws: FlywheelError.self) {
      try IDXFile.images(at: directory.path.appending("nothing"))
    }
    #expect(missing?.code == .notFound)
    let noFile = #expect(throws: FlywheelError.self) { try IDXFile.images(at: directory.path) }
    #expect(noFile?.code == .invalidArgument)
  }

  // MARK: - MNIST

  /// The four files with 2 training images and 1 test image of 3 by 2 pixels.
  static let files: [String: [UInt8]] = [
    "train-images": idx([2, 2, 3], (0..<12).map(UInt8.init)),
    "train-labels": idx([2], [4, 9]),
    "t10k-images": idx([1, 2, 3], (20..<26).map(UInt8.init)),
    "t10k-labels": idx([1], [3]),
  ]

  private func write(
    _ replacements: [String: [UInt8]?] = [:],
    to directory: TemporaryDirectory,
    separator: String = "-",
    compressed: Bool = false
  ) throws {
    for (stem, bytes) in Self.files {
      guard let bytes = replacements[stem, default: bytes] else { continue }
      let rank = stem.hasSuffix("images") ? 3 : 1
      let name = "\(stem)\(separator)idx\(rank)-ubyte"
      if compressed {
        try directory.write(gzip(bytes), to: name + ".gz")
      } else {
        try directory.write(bytes, to: name)
      }
    }
  }

  @Test(arguments: ["-", "."], [false, true])
  func `MNIST is found under all its usual names`(separator: String, compressed: Bool) throws {
    let directory = try TemporaryDirectory()
    try write(to: directory, separator: separator, compressed: compressed)
    let (training, test) = try IDXFile.mnist(in: directory.path)
    #expect(training.pixels == (0..<12).map(UInt8.init))
    #expect(training.labels == [4, 9])
    #expect(training.count == 2)
    #expect(training.width == 3)
    #expect(training.height == 2)
    #expect(training.featureCount == 6)
    #expect(training.classCount == 10)
    let pixelsAndLabels: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 4, 9]
    #expect(training.checksum == CRC32.checksum(pixelsAndLabels.rawBytes))
    #expect(test.pixels == (20..<26).map(UInt8.init))
    #expect(test.labels == [3])
    #expect(test.classCount == 10)
    let last = training[1..<2]
    #expect(last.pixels == (6..<12).map(UInt8.init))
    #expect(last.labels == [9])
    #expect(last.classCount == 10)
  }

  @Test(arguments: files.keys.sorted())
  func `a missing file is named in all its spellings`(stem: String) throws {
    let directory = try TemporaryDirectory()
    try write([stem: nil], to: directory)
    let error = #expect(throws: FlywheelError.self) { try IDXFile.mnist(in: directory.path) }
    #expect(error?.code == .notFound)
    #expect(error?.location.path == directory.path)
    let rank = stem.hasSuffix("images") ? 3 : 1
    for name in ["-idx\(rank)-ubyte", "-idx\(rank)-ubyte.gz", ".idx\(rank)-ubyte.gz"] {
      #expect(error?.message.contains(stem + name) == true)
    }
  }

  struct Disagreement: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var replacements: [String: [UInt8]?]
    var file: String?
  }

  @Test(arguments: [
    Disagreement(
      testDescription: "a label too few",
      replacements: ["train-labels": idx([1], [9])],
      file: "train-labels-idx1-ubyte"
    ),
    Disagreement(
      testDescription: "a test label that no training image has",
      replacements: ["t10k-labels": idx([1], [10])],
      file: "t10k-labels-idx1-ubyte"
    ),
    Disagreement(
      testDescription: "test images of another size",
      replacements: ["t10k-images": idx([1, 3, 2], [0, 0, 0, 0, 0, 0])],
      file: nil
    ),
  ])
  func `files that do not go together are refused`(disagreement: Disagreement) throws {
    let directory = try TemporaryDirectory()
    try write(disagreement.replacements, to: directory)
    let error = #expect(throws: FlywheelError.self) { try IDXFile.mnist(in: directory.path) }
    #expect(error?.code == .mismatch)
    #expect(
      error?.location.path == disagreement.file.map { directory.path.appending($0) }
        ?? directory.path
    )
  }

  @Test func `a damaged file is not taken for a missing one`() throws {
    let directory = try TemporaryDirectory()
    try write(["t10k-images": [1, 2, 3]], to: directory)
    let error = #expect(throws: FlywheelError.self) { try IDXFile.mnist(in: directory.path) }
    #expect(error?.code == .truncated)
  }
}

// MARK: - Files, byte by byte

/// An IDX file of unsigned bytes; only a fault has another type.
private func idx(type: UInt8 = 8, _ extents: [UInt32], _ values: [UInt8]) -> [UInt8] {
  [0, 0, type, UInt8(extents.count)]
    + extents.flatMap { extent in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: extent >> $0) }
    }
    + values
}

/// A gzip file with a 10-byte header and one stored block, whose bytes start at 15.
private func gzip(_ bytes: [UInt8], replacing index: Int? = nil) -> [UInt8] {
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
