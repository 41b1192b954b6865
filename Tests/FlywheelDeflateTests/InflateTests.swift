import FlywheelCore
import FlywheelDeflate
import Testing

@Suite struct InflateTests {
  static let bytes = TestContent.mixture.bytes(3_000, seed: 1)

  @Test(arguments: [Compression.none, .fast, .level(6)])
  func `a stream cut off anywhere is refused`(compression: Compression) throws {
    let raw = try DeflateTests.deflated(Self.bytes, compression, element: 4)
    let zlib = try DeflateTests.shuffledZlib(Self.bytes, compression, element: 4)
    var wrong: [String] = []
    for (wrapping, stream) in [(Inflate.Wrapping.raw, raw), (.zlib, zlib)] {
      for length in 0..<stream.count {
        let error = Self.error(Array(stream[..<length]), wrapping, Self.bytes.count)
        // The last bytes may hold nothing but the end, which then is missing.
        if error?.code != .truncated || error?.location.byteOffset != UInt64(length) {
          wrong.append("\(wrapping), \(length) bytes: \(String(describing: error))")
        }
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test func `a flipped bit is found by the checksum, or has no meaning`() throws {
    let stream = try DeflateTests.shuffledZlib(Self.bytes, .fast, element: 4)
    let shuffled = DeflateTests.shuffled(Self.bytes, 4)
    var wrong: [Int] = []
    for bit in 0..<8 * stream.count {
      var flipped = stream
      flipped[bit / 8] ^= 1 << (bit % 8)
      // Between the header of a stored block and its bytes, for example, there are bits without one.
      if Self.error(flipped, .zlib, Self.bytes.count) == nil,
        !DeflateTests.inflates(flipped, .zlib, to: shuffled)
      {
        wrong.append(bit)
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test func `random bytes never do more than fail`() {
    var generator = Philox(seed: 9, stream: 2)
    for seed in 0..<3_000 as Range<UInt64> {
      let size = Int(generator.next() % 200)
      let bytes = TestContent.noise.bytes(size, seed: seed)
      for wrapping in [Inflate.Wrapping.raw, .zlib] {
        _ = Self.error(bytes, wrapping, Int(generator.next() % 1_000))
        _ = Self.error([0x78, 0x9C] + bytes, wrapping, 100)
      }
    }
  }

  @Test(arguments: [
    (2_999, "go on after 2999 bytes"), (0, "go on after 0"), (3_001, "of 3000 bytes"),
  ])
  func `another size than the stream's is refused`(size: Int, words: String) throws {
    let stream = try DeflateTests.deflated(Self.bytes, .fast, element: 4)
    let error = Self.error(stream, .raw, size)
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(words) == true)
  }

  @Test func `what follows the stream is left alone`() throws {
    let stream = try DeflateTests.deflated(Self.bytes, .fast, element: 4)
    let more = stream + [1, 2, 3]
    var output = [UInt8](repeating: 0, count: Self.bytes.count)
    let used = try output.withMutableRawBytes { buffer throws(FlywheelError) in
      try Inflate.inflate(more.rawBytes, .raw, into: &buffer)
    }
    #expect(used == stream.count)
    #expect(output == Self.bytes)
  }

  @Test(arguments: [(1, 1), (7, 3), (1_000, 64), (100_000, 7_777), (64, 100_000)])
  func `a stream comes back in pieces, however it is fed`(fed: Int, taken: Int) throws {
    let bytes = TestContent.mixture.bytes(70_000, seed: 4)
    let stream = try DeflateTests.deflated(bytes, .fast, element: 4) + [9, 9]
    var inflater = try Inflater(.raw)
    var output: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: taken)
    while !inflater.isFinished {
      let start = inflater.compressedByteCount
      let end = min(start + fed, stream.count)
      let produced = try piece.withMutableRawBytes { buffer throws(FlywheelError) in
        try inflater.read(
          from: stream.rawBytes.extracting(start..<end),
          isComplete: end == stream.count,
          into: &buffer
        )
      }
      output += piece[..<produced]
    }
    #expect(output == bytes)
    let (byteCount, used) = (inflater.byteCount, inflater.compressedByteCount)
    #expect(byteCount == bytes.count)
    #expect(used == stream.count - 2)
  }

  @Test func `a stream that needs more than there is says so, unless more is to come`() throws {
    let stream = try DeflateTests.deflated(Self.bytes, .fast, element: 4)
    let half = Array(stream[..<(stream.count / 2)])
    var inflater = try Inflater(.raw)
    var output = [UInt8](repeating: 0, count: Self.bytes.count)
    let produced = try output.withMutableRawBytes { buffer throws(FlywheelError) in
      try inflater.read(from: half.rawBytes, isComplete: false, into: &buffer)
    }
    #expect(output[..<produced] == Self.bytes[..<produced])
    let isFinished = inflater.isFinished
    #expect(!isFinished)
    var error: FlywheelError?
    do {
      _ = try output.withMutableRawBytes { buffer throws(FlywheelError) in
        try inflater.read(from: RawSpan(), into: &buffer)
      }
    } catch let thrown {
      error = thrown
    }
    #expect(error?.code == .truncated)
  }

  /// What inflating says; nil if all is well.
  private static func error(
    _ stream: [UInt8],
    _ wrapping: Inflate.Wrapping,
    _ byteCount: Int
  ) -> FlywheelError? {
    var output = [UInt8](repeating: 0, count: byteCount)
    do throws(FlywheelError) {
      try output.withMutableRawBytes { buffer throws(FlywheelError) in
        _ = try Inflate.inflate(stream.rawBytes, wrapping, into: &buffer)
      }
      return nil
    } catch {
      return error
    }
  }
}
