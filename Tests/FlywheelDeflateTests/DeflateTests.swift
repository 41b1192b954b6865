import CFlywheelDeflate
import FlywheelCore
import FlywheelDeflate
import Testing

@Suite struct DeflateTests {
  /// Around what the encoder cuts at: nothing, stored blocks, pieces, segments.
  static let sizes =
    Array(0...300)
    + [8_191, 8_193, 32_768, 32_769, 40_959, 40_960, 65_535, 65_536, 131_072, 131_073]

  static let compressions: [Compression] = [.none, .fast, .level(1), .level(6), .level(9)]

  // One expectation after each loop: thousands of them take longer than what they check.

  @Test(arguments: TestContent.allCases)
  func `what is compressed comes back, whatever its size`(content: TestContent) throws {
    let all = content.bytes(131_073)
    var wrong: [String] = []
    for (index, size) in Self.sizes.enumerated() {
      let bytes = Array(all[..<size])
      let element = [1, 2, 4, 8, 3][index % 5]
      let compressed = try Self.deflated(bytes, .fast, element: element)
      if Zlib.inflate(compressed, windowBits: -15, byteCount: size) != bytes
        || !Self.inflates(compressed, .raw, to: bytes)
      {
        wrong.append("\(size) bytes, elements of \(element)")
      }
      let chunk = try Self.shuffledZlib(bytes, .fast, element: element)
      let shuffled = Self.shuffled(bytes, element)
      if Zlib.inflate(chunk, windowBits: 15, byteCount: size) != shuffled
        || !Self.inflates(chunk, .zlib, to: shuffled)
      {
        wrong.append("\(size) bytes, shuffled, elements of \(element)")
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: compressions, [0, 1, 77, 70_000])
  func `every compression gives streams that come back`(
    compression: Compression,
    size: Int
  ) throws {
    let bytes = TestContent.mixture.bytes(size, seed: 3)
    let compressed = try Self.deflated(bytes, compression, element: 4)
    #expect(Zlib.inflate(compressed, windowBits: -15, byteCount: size) == bytes)
    let chunk = try Self.shuffledZlib(bytes, compression, element: 4)
    #expect(Zlib.inflate(chunk, windowBits: 15, byteCount: size) == Self.shuffled(bytes, 4))
  }

  @Test func `random mixtures come back`() throws {
    var generator = Philox(seed: 7, stream: 1)
    var wrong: [UInt64] = []
    for seed in 0..<40 as Range<UInt64> {
      let size = Int(generator.next() % 60_000)
      let element = [1, 2, 4, 8, 16, 5][Int(generator.next() % 6)]
      let bytes = TestContent.mixture.bytes(size, seed: seed)
      let compressed = try Self.deflated(bytes, .fast, element: element)
      let chunk = try Self.shuffledZlib(bytes, .fast, element: element)
      if Zlib.inflate(compressed, windowBits: -15, byteCount: size) != bytes
        || Zlib.inflate(chunk, windowBits: 15, byteCount: size) != Self.shuffled(bytes, element)
      {
        wrong.append(seed)
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: compressions)
  func `blocks that were compressed by themselves join to one stream`(
    compression: Compression
  ) throws {
    let sizes = [0, 1, 5, 40_000, 0, 65_535, 3, 100_000, 0]
    var whole: [UInt8] = []
    var stream: [UInt8] = []
    for (index, size) in sizes.enumerated() {
      let bytes = TestContent.mixture.bytes(size, seed: UInt64(index))
      whole += bytes
      // Each into an array of its own, as another thread would.
      var block: [UInt8] = []
      try Deflate.append(
        bytes.rawBytes,
        index % 2 == 0 ? compression : .fast,
        elementByteCount: 4,
        isLast: index == sizes.count - 1,
        to: &block
      )
      stream += block
    }
    #expect(Zlib.inflate(stream, windowBits: -15, byteCount: whole.count) == whole)
    #expect(Self.inflates(stream, .raw, to: whole))
  }

  @Test(arguments: TestContent.allCases)
  func `nothing becomes larger than stored bytes would`(content: TestContent) throws {
    for size in [0, 1, 100, 65_536] {
      let bytes = content.bytes(size)
      for compression in Self.compressions {
        let compressed = try Self.deflated(bytes, compression, element: 4)
        let chunk = try Self.shuffledZlib(bytes, compression, element: 4)
        let bound = size + size / 1_024 + 80
        #expect(compressed.count <= bound, "\(compression), \(size)")
        #expect(chunk.count <= bound, "\(compression), \(size)")
      }
    }
  }

  // A mixture changes faster than the segments that fast makes codes for.
  @Test(arguments: TestContent.allCases.filter { $0 != .mixture })
  func `fast is as small as zlib's middle levels`(content: TestContent) throws {
    let bytes = content.bytes(400_000)
    let element = content == .counters ? 8 : 4
    // Where next to nothing is left, descriptions of codes weigh more.
    let few = 256
    let raw = try Self.deflated(bytes, .level(6), element: element).count
    let shuffled = try Self.shuffledZlib(bytes, .level(4), element: element).count
    // A few values in random order, which a small part does not show.
    let slack = content == .repeatedElements ? raw / 32 : raw / 200
    #expect(try Self.deflated(bytes, .fast, element: element).count <= raw + slack + few)
    #expect(try Self.shuffledZlib(bytes, .fast, element: element).count <= shuffled + few)
  }

  @Test(arguments: TestContent.allCases)
  func `every CPU gives the same bytes`(content: TestContent) throws {
    let bytes = content.bytes(50_000)
    let chunks = unsafe Self.kernel(fw_deflate_shuffled_zlib_bound(bytes.count), bytes) {
      cpu,
      start,
      out in
      unsafe fw_deflate_shuffled_zlib(cpu, start, bytes.count, 4, 0, out)
    }
    #expect(Set(chunks).count == 1)
    // Where zlib's way is smaller it is taken.
    #expect(try Self.shuffledZlib(bytes, .fast, element: 4).count <= chunks[0].count)
  }

  @Test func `what was there before is kept, and its memory used again`() throws {
    let bytes = TestContent.weights.bytes(10_000)
    var output = [1, 2, 3] as [UInt8]
    try Deflate.append(bytes.rawBytes, .fast, elementByteCount: 4, isLast: true, to: &output)
    #expect(output[..<3] == [1, 2, 3])
    #expect(try output[3...].elementsEqual(Self.deflated(bytes, .fast, element: 4)))
    output.removeAll(keepingCapacity: true)
    let capacity = output.capacity
    try Deflate.append(bytes.rawBytes, .fast, elementByteCount: 4, isLast: true, to: &output)
    #expect(output.capacity == capacity)
  }

  @Test(arguments: [0, -1, .min])
  func `elements without bytes are refused`(elementByteCount: Int) {
    let bytes = [1, 2, 3] as [UInt8]
    var output: [UInt8] = []
    let error = #expect(throws: FlywheelError.self) {
      try Deflate.append(
        bytes.rawBytes,
        .fast,
        elementByteCount: elementByteCount,
        isLast: true,
        to: &output
      )
    }
    #expect(error?.code == .invalidArgument)
  }

  // MARK: Helpers

  static func deflated(
    _ bytes: [UInt8],
    _ compression: Compression,
    element: Int
  ) throws -> [UInt8] {
    var output: [UInt8] = []
    try Deflate.append(
      bytes.rawBytes,
      compression,
      elementByteCount: element,
      isLast: true,
      to: &output
    )
    return output
  }

  static func shuffledZlib(
    _ bytes: [UInt8],
    _ compression: Compression,
    element: Int
  ) throws -> [UInt8] {
    var output: [UInt8] = []
    try Deflate.shuffledZlib(
      bytes.rawBytes,
      elementByteCount: element,
      compression,
      to: &output
    )
    return output
  }

  static func shuffled(_ bytes: [UInt8], _ element: Int) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: bytes.count)
    output.withMutableRawBytes { buffer in
      Shuffle.shuffle(bytes.rawBytes, elementByteCount: element, into: &buffer)
    }
    return output
  }

  static func inflates(
    _ compressed: [UInt8],
    _ wrapping: Inflate.Wrapping,
    to bytes: [UInt8]
  ) -> Bool {
    var output = [UInt8](repeating: 1, count: bytes.count)
    let used = try? output.withMutableRawBytes { buffer throws(FlywheelError) in
      try Inflate.inflate(compressed.rawBytes, wrapping, into: &buffer)
    }
    return used == compressed.count && output == bytes
  }

  /// What a kernel makes at every level that this CPU can run.
  private static func kernel(
    _ bound: Int,
    _ bytes: [UInt8],
    _ call: (fw_deflate_cpu, UnsafePointer<UInt8>?, UnsafeMutablePointer<UInt8>?) -> Int
  ) -> [[UInt8]] {
    (0...fw_deflate_best_cpu().rawValue).map { level in
      var output = [UInt8](repeating: 0, count: bound)
      let written = unsafe bytes.withUnsafeBufferPointer { source in
        unsafe output.withUnsafeMutableBufferPointer { target in
          unsafe call(fw_deflate_cpu(rawValue: level), source.baseAddress, target.baseAddress)
        }
      }
      return Array(output[..<written])
    }
  }
}
