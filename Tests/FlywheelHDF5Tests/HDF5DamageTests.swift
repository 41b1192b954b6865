import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct HDF5DamageTests {
  static let names = [
    "flywheel.metadata", "model/bias", "model/weight", "optimizer/velocity/weight",
  ]

  /// A small checkpoint, and where its elements lie.
  static func checkpoint(in directory: TemporaryDirectory) throws -> (FilePath, [Range<Int>]) {
    let path = directory.path.appending("checkpoint.h5")
    var writer = try HDF5Writer(creating: path)
    for (index, name) in names.enumerated() {
      let elements = (0..<3 + index).map { Float($0) + 0.25 }
      try writer.write(try Tensor(vector: elements), at: name)
    }
    try writer.setAttribute("step", .integer(12))
    try writer.setAttribute("rule", .string("nielsen"))
    try writer.setAttribute("axes", .string("out, in"), of: "model/weight")
    try writer.close()
    let file = try HDF5File(opening: path)
    return (
      path,
      try names.map { name in
        let tensor = try file.tensor(name)
        return tensor.byteOffset..<tensor.byteOffset + tensor.byteCount
      }
    )
  }

  /// Everything that can be read from a file, in words.
  static func content(of path: FilePath) throws(FlywheelError) -> String {
    try content(of: try HDF5File(opening: path))
  }

  private static func content(of file: borrowing HDF5File) throws(FlywheelError) -> String {
    var text = try file.members().map(\.name).joined()
    for dataset in try file.allDatasets() {
      text += " \(dataset.path) \(dataset.shape) \(dataset.typeDescription)"
    }
    for name in names { text += " \(try file.tensor(name).elements(as: Float.self))" }
    text += " \(String(describing: try file.attribute("step")))"
    text += " \(String(describing: try file.attribute("rule")))"
    return text + " \(String(describing: try file.attribute("axes", of: "model/weight")))"
  }

  @Test("Whatever is no HDF5 file is refused with its own word")
  func noHDF5() throws {
    let directory = try TemporaryDirectory()
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    let cases: [(String, [UInt8], FlywheelError.Code)] = [
      ("empty", [], .truncated), ("start", [0x89, 0x48], .truncated),
      ("signature", signature, .truncated), ("zip", Array("PK\u{3}\u{4}".utf8), .malformed),
      ("zeros", [UInt8](repeating: 0, count: 5_000), .malformed),
      ("after zeros", [UInt8](repeating: 0, count: 512) + signature, .truncated),
      ("text", signature + [UInt8](repeating: 0x41, count: 200), .unsupported),
    ]
    for (name, bytes, code) in cases {
      let path = try directory.write(bytes, to: name)
      let error = #expect(throws: FlywheelError.self) { _ = try HDF5File(opening: path) }
      #expect(error?.code == code, "\(name): \(error.map(String.init(describing:)) ?? "")")
      #expect(error?.location.path == path)
    }
    let missing = directory.path.appending("missing")
    for (path, code) in [(missing, .notFound), (directory.path, .invalidArgument)]
      as [(FilePath, FlywheelError.Code)]
    {
      let error = #expect(throws: FlywheelError.self) { _ = try HDF5File(opening: path) }
      #expect(error?.code == code)
    }
  }

  // One expectation after each loop: thousands of them take longer than what they check.

  @Test("A file cut off anywhere is refused")
  func truncation() throws {
    let directory = try TemporaryDirectory()
    let (path, _) = try Self.checkpoint(in: directory)
    let bytes = try directory.read("checkpoint.h5")
    let cut = directory.path.appending("cut.h5")
    var wrong: [String] = []
    for count in 0..<bytes.count {
      try Self.write(bytes[..<count], to: cut)
      do throws(FlywheelError) {
        _ = try HDF5File(opening: cut)
        wrong.append("\(count) bytes were read")
      } catch {
        if error.code != .truncated { wrong.append("\(count) bytes: \(error)") }
      }
    }
    #expect(wrong == [])
    #expect(try Self.content(of: path).contains("nielsen"))
  }

  @Test("A flipped bit outside the elements is an error, or changes nothing")
  func flips() throws {
    let directory = try TemporaryDirectory()
    let (path, elements) = try Self.checkpoint(in: directory)
    let expected = try Self.content(of: path)
    var bytes = try directory.read("checkpoint.h5")
    let codes: Set<FlywheelError.Code> = [.malformed, .corrupted, .truncated, .unsupported]
    var errors = 0
    var wrong: [String] = []
    for index in bytes.indices {
      bytes[index] ^= 1 << (index % 8)
      let flipped = try StructureBuilder.storage(bytes)
      bytes[index] ^= 1 << (index % 8)
      let isElement = elements.contains { $0.contains(index) }
      do throws(FlywheelError) {
        let file = try HDF5File(flipped, path: "flipped.h5")
        let isSame = try Self.content(of: file) == expected
        if isSame == isElement { wrong.append("byte \(index) went unseen") }
      } catch {
        errors += 1
        if isElement || !codes.contains(error.code) { wrong.append("byte \(index): \(error)") }
      }
    }
    #expect(wrong == [])
    // Most of what is no element and no gap is under a checksum.
    #expect(errors > 900)
  }

  @Test("A tensor behind a damaged header is damaged, and not missing")
  func notMissing() throws {
    let directory = try TemporaryDirectory()
    let (_, elements) = try Self.checkpoint(in: directory)
    var bytes = try directory.read("checkpoint.h5")
    let flipped = directory.path.appending("flipped.h5")
    var wrong: [String] = []
    for index in stride(from: 0, to: bytes.count, by: 3) {
      guard !elements.contains(where: { $0.contains(index) }) else { continue }
      bytes[index] ^= 1 << (index % 8)
      try Self.write(bytes[...], to: flipped)
      bytes[index] ^= 1 << (index % 8)
      do throws(FlywheelError) {
        // A file that is opened anew each time: the first look at a header is the one that counts.
        for name in Self.names { _ = try HDF5File(opening: flipped).tensor(name) }
      } catch {
        if !error.isDamage || error.code == .notFound { wrong.append("byte \(index): \(error)") }
      }
    }
    #expect(wrong == [])
  }

  @Test("What would overwrite something is refused")
  func writingTwice() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1], to: "full")
    #expect(throws: FlywheelError.self) { _ = try HDF5Writer(creating: path) }
      .map { #expect($0.code == .alreadyExists) }
    let tensor = try Tensor(vector: [Float(1)])
    let file = directory.path.appending("a.h5")
    var writer = try HDF5Writer(creating: file)
    try writer.write(tensor, at: "a/b")
    let codes: [(String, FlywheelError.Code)] = [
      ("a", .alreadyExists), ("a/b", .alreadyExists), ("a/b/c", .alreadyExists),
      ("", .invalidArgument), ("a/.", .invalidArgument),
    ]
    for (name, code) in codes {
      let error = #expect(throws: FlywheelError.self) { try writer.write(tensor, at: name) }
      #expect(error?.code == code, "\(name): \(error.map(String.init(describing:)) ?? "")")
    }
    for chunk in [[], [0], [2], [1, 1]] {
      let error = #expect(throws: FlywheelError.self) {
        try writer.write(tensor, at: "c", layout: .chunked(chunk))
      }
      #expect(error?.code == .invalidArgument)
    }
    let values: [(String, AttributeValue, String, FlywheelError.Code)] = [
      ("", .integer(1), "/", .invalidArgument), ("a", .string("\0"), "/", .invalidArgument),
      ("a", .string(String(repeating: "x", count: 60_001)), "/", .invalidArgument),
      ("a", .integer(1), "none", .notFound),
    ]
    for (name, value, place, code) in values {
      let error = #expect(throws: FlywheelError.self) {
        try writer.setAttribute(name, value, of: place)
      }
      #expect(error?.code == code)
    }
    try writer.close()
    #expect(try HDF5File(opening: file).allDatasets().map(\.path) == ["/a/b"])
  }

  @Test("A full disk is an error of the save, and of nothing after it")
  func fullDisk() async throws {
    let result = try await #require(
      processExitsWith: .success,
      observing: [\.standardErrorContent, \.standardOutputContent]
    ) {
      signal(SIGXFSZ, SIG_IGN)
      let directory = try TemporaryDirectory()
      let tensor = try Tensor(vector: [Float](repeating: 1, count: 10_000))
      let free = try #require(Self.openDescriptors())
      // Each limit stops the save elsewhere: in the first header, among tensors, in the last flush.
      for (index, limit) in [0, 40, 2_000, 39_000, 41_000, 300_000, 410_000].enumerated() {
        Self.limitFileSize(to: limit)
        let expected = index % 2 == 0 ? 0 : 400_000
        let error = #expect(throws: FlywheelError.self) {
          let path = directory.path.appending("full-\(index)")
          var writer = try HDF5Writer(creating: path, expectedByteCount: expected)
          for index in 0..<11 { try writer.write(tensor, at: "model/\(index)") }
          try writer.close()
        }
        Self.limitFileSize(to: nil)
        #expect(error?.code == .inputOutput)
        #expect(error?.cause == .errno(.fileTooLarge))
        let path = directory.path.appending("whole-\(index)")
        var writer = try HDF5Writer(creating: path)
        for index in 0..<11 { try writer.write(tensor, at: "model/\(index)") }
        try writer.close()
        #expect(try HDF5File(opening: path).allDatasets().count == 11)
      }
      // Dropped in the middle: no word about it, and a file that nobody takes for whole.
      for index in 0..<3 {
        var writer = try HDF5Writer(creating: directory.path.appending("dropped-\(index)"))
        try writer.write(tensor, at: "model/a")
      }
      // Ten files were not finished; the runtime may have opened one or two of its own meanwhile.
      #expect(try #require(Self.openDescriptors()) < free + 5)
      #expect(throws: FlywheelError.self) {
        _ = try HDF5File(opening: directory.path.appending("dropped-0"))
      }
    }
    // The testing library writes a mark of its own.
    let words = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(!words.contains("HDF5") && !words.contains("H5F"), "\(words)")
  }

  private static func limitFileSize(to limit: Int?) {
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    #else
      let resource = RLIMIT_FSIZE
    #endif
    var limits = rlimit()
    unsafe getrlimit(resource, &limits)
    limits.rlim_cur = limit.map { rlim_t($0) } ?? limits.rlim_max
    unsafe setrlimit(resource, &limits)
  }

  private static func openDescriptors() -> Int? {
    try? FileSystem.names(in: "/dev/fd").count
  }

  static func write(_ bytes: ArraySlice<UInt8>, to path: FilePath) throws {
    let file = try OpenFile(path, flags: O_WRONLY | O_CREAT | O_TRUNC, purpose: "test")
    try file.write(Array(bytes).rawBytes)
  }
}
