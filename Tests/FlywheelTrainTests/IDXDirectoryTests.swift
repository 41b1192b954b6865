import FlywheelCheckpoint
import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelTrain

@Suite struct IDXDirectoryTests {
  /// The four files with 2 training images and 1 test image of 3 by 2 pixels.
  static let files: [String: [UInt8]] = [
    "train-images": idx([2, 2, 3], (0..<12).map(UInt8.init)),
    "train-labels": idx([2], [4, 9]),
    "t10k-images": idx([1, 2, 3], (20..<26).map(UInt8.init)),
    "t10k-labels": idx([1], [3]),
  ]

  /// Writes the files, each under the name that a pattern makes of it: `@` is its stem, `#` its rank.
  private func write(
    _ replacements: [String: [UInt8]?] = [:],
    to directory: TemporaryDirectory,
    _ pattern: String = "@-idx#-ubyte",
    test: String = "t10k"
  ) throws {
    for (stem, bytes) in Self.files {
      guard let bytes = replacements[stem, default: bytes] else { continue }
      let own = stem.hasPrefix("t10k") ? test + stem.dropFirst(4) : stem
      let name = pattern.map { character in
        character == "@" ? own : character == "#" ? "\(bytes[3])" : String(character)
      }
      try directory.write(pattern.hasSuffix(".gz") ? gzip(bytes) : bytes, to: name.joined())
    }
  }

  private func load(
    _ path: FilePath,
    _ settings: NormalizationSettings = NormalizationSettings()
  ) throws -> (training: LabelledSamples, test: LabelledSamples) {
    try IDXDirectory(path).read().load(as: Float.self, settings)
  }

  @Test(
    arguments: [
      "@-idx#-ubyte", "@-idx#-ubyte.gz", "@.idx#-ubyte", "@.idx#-ubyte.gz", "@", "@.gz", "@.idx",
      "emnist-letters-@-idx#-ubyte.gz", "my-t10k-like-@-idx#-ubyte",
    ],
    ["t10k", "test"]
  )
  func `files are found under all usual names`(pattern: String, test: String) throws {
    let directory = try TemporaryDirectory()
    try write(to: directory, pattern, test: test)
    try directory.write([1, 2, 3], to: "train-images.txt")
    try directory.write([1, 2, 3], to: "README")
    let (training, held) = try load(directory.path)
    #expect(try training.values.elements(as: UInt8.self) == (0..<12).map(UInt8.init))
    #expect(training.labels == [4, 9])
    #expect(training.count == 2)
    #expect(training.sampleShape == [2, 3])
    #expect(training.featureCount == 6)
    #expect(training.classCount == 10)
    #expect(training.storedType == .uint8)
    let pixelsAndLabels: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 4, 9]
    #expect(training.checksum == CRC32.checksum(pixelsAndLabels.rawBytes))
    #expect(try held.values.elements(as: UInt8.self) == (20..<26).map(UInt8.init))
    #expect(held.labels == [3])
    #expect(held.classCount == 10)
    let last = try training.samples(1..<2)
    #expect(try last.values.elements(as: UInt8.self) == (6..<12).map(UInt8.init))
    #expect(last.labels == [9])
    #expect(last.classCount == 10)
  }

  @Test func `the plain file comes before the compressed one`() throws {
    let directory = try TemporaryDirectory()
    try write(to: directory)
    try write(["train-labels": idx([2], [1, 1])], to: directory, "@-idx#-ubyte.gz")
    #expect(try load(directory.path).training.labels == [4, 9])
  }

  @Test func `of several data sets in a directory one must be named`() throws {
    let directory = try TemporaryDirectory()
    try write(to: directory, "a-@-idx#-ubyte")
    try write(["train-labels": idx([2], [1, 9])], to: directory, "b-@-idx#-ubyte")
    let error = #expect(throws: FlywheelError.self) { try load(directory.path) }
    #expect(error?.code == .mismatch)
    let (a, b) = (directory.path.appending("a"), directory.path.appending("b"))
    #expect(error?.message.contains("\(a), \(b)") == true)
    #expect(try load(a).training.labels == [4, 9])
    #expect(try load(b).training.labels == [1, 9])
    let other = #expect(throws: FlywheelError.self) { try load(directory.path.appending("c")) }
    #expect(other?.code == .notFound)
  }

  @Test func `other types are normalized on their way, bytes are not`() throws {
    let directory = try TemporaryDirectory()
    let floats = idx(type: 0x0D, [2, 1], [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0])
    try write(
      ["train-images": floats, "t10k-images": idx(type: 0x0D, [1, 1], [0, 0, 0, 0])],
      to: directory,
      "@.idx"
    )
    let (training, test) = try load(
      directory.path,
      NormalizationSettings(mean: 0.5, deviation: 2)
    )
    #expect(training.storedType == .float32)
    #expect(training.sampleShape == [1])
    #expect(try training.values.elements(as: Float.self) == [0.25, 0.75])
    #expect(try test.values.elements(as: Float.self) == [-0.25])
  }

  @Test func `without a scale bytes are parts of 255 and other types themselves`() {
    #expect(NormalizationSettings().resolved(for: .uint8).scale == 1.0 / 255)
    for dtype in [DType.int8, .int16, .int32, .float32, .float64] {
      #expect(NormalizationSettings().resolved(for: dtype).scale == 1)
    }
    #expect(NormalizationSettings(scale: 3).resolved(for: .uint8).scale == 3)
  }

  @Test(arguments: files.keys.sorted())
  func `a missing file is named with what was looked for`(stem: String) throws {
    let directory = try TemporaryDirectory()
    try write([stem: nil], to: directory)
    let error = #expect(throws: FlywheelError.self) { try load(directory.path) }
    #expect(error?.code == .notFound)
    #expect(error?.location.path == directory.path)
    let rank = stem.hasSuffix("images") ? 3 : 1
    #expect(error?.message.contains("\(stem)-idx\(rank)-ubyte.gz") == true)
    for other in Self.files.keys where other != stem {
      #expect(error?.message.contains(other + "-idx") == true, "\(other) is there")
    }
  }

  @Test func `an empty directory, a file and nothing are told apart`() throws {
    let directory = try TemporaryDirectory()
    let empty = #expect(throws: FlywheelError.self) { try load(directory.path) }
    #expect(empty?.message.contains("the directory is empty") == true)
    let file = try directory.write([1], to: "file")
    let noDirectory = #expect(throws: FlywheelError.self) { try load(file) }
    #expect(noDirectory?.message.hasPrefix("This is a file") == true)
    let nothing = #expect(throws: FlywheelError.self) { try load(FilePath("/nowhere/at/all")) }
    #expect(nothing?.message.hasPrefix("There is no such file or directory") == true)
    for error in [empty, noDirectory, nothing] { #expect(error?.code == .notFound) }
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
    Disagreement(
      testDescription: "test images of another type",
      replacements: ["t10k-images": idx(type: 9, [1, 2, 3], [0, 0, 0, 0, 0, 0])],
      file: nil
    ),
  ])
  func `files that do not go together are refused`(disagreement: Disagreement) throws {
    let directory = try TemporaryDirectory()
    try write(disagreement.replacements, to: directory)
    let error = #expect(throws: FlywheelError.self) { try load(directory.path) }
    #expect(error?.code == .mismatch)
    #expect(
      error?.location.path == disagreement.file.map { directory.path.appending($0) }
        ?? directory.path
    )
  }

  @Test func `a damaged file is not taken for a missing one`() throws {
    let directory = try TemporaryDirectory()
    try write(["t10k-images": [0, 0, 8, 3]], to: directory)
    let error = #expect(throws: FlywheelError.self) { try load(directory.path) }
    #expect(error?.code == .truncated)
  }
}
