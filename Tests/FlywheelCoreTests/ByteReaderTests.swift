import FlywheelCore
import Testing

@Suite struct ByteReaderTests {
  static let bytes: [UInt8] = [
    0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xF8, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E,
  ]

  // A reader cannot be captured: what a test wants of it is a function.
  private typealias Read = (inout ByteReader) throws(FlywheelError) -> Void

  /// What reading throws after `skipped` of `bytes`, and what was left then.
  private func failure(
    after skipped: Int,
    _ read: Read
  ) throws -> (error: FlywheelError?, offset: Int, remaining: Int) {
    var reader = ByteReader(Self.bytes.rawBytes)
    _ = try reader.take(skipped, "what comes before")
    do throws(FlywheelError) {
      try read(&reader)
    } catch {
      return (error, reader.offset, reader.remaining)
    }
    return (nil, reader.offset, reader.remaining)
  }

  @Test func `big-endian integers follow each other, aligned or not`() throws {
    var reader = ByteReader(Self.bytes.rawBytes)
    let first = try reader.readBigEndian(UInt8.self, "first")
    let second = try reader.readBigEndian(UInt16.self, "second")
    let third = try reader.readBigEndian(UInt32.self, "third")
    let fourth = try reader.readBigEndian(UInt64.self, "fourth")
    #expect(first == 0x80)
    #expect(second == 0x0102)
    #expect(third == 0x0304_0506)
    #expect(fourth == 0x07F8_090A_0B0C_0D0E)
    let (offset, remaining) = (reader.offset, reader.remaining)
    #expect(offset == 15)
    #expect(remaining == 0)
  }

  @Test func `little-endian integers follow each other, aligned or not`() throws {
    var reader = ByteReader(Self.bytes.rawBytes)
    let first = try reader.readLittleEndian(UInt8.self, "first")
    let second = try reader.readLittleEndian(UInt16.self, "second")
    let third = try reader.readLittleEndian(UInt32.self, "third")
    let fourth = try reader.readLittleEndian(UInt64.self, "fourth")
    #expect(first == 0x80)
    #expect(second == 0x0201)
    #expect(third == 0x0605_0403)
    #expect(fourth == 0x0E0D_0C0B_0A09_F807)
  }

  @Test func `signed integers keep their sign`() throws {
    var reader = ByteReader(Self.bytes.rawBytes)
    let big = try reader.readBigEndian(Int16.self, "big")
    _ = try reader.take(5, "a gap")
    let little = try reader.readLittleEndian(Int16.self, "little")
    #expect(big == 0x0001 - 0x8000)
    #expect(little == 0x07 - 0x800)
  }

  @Test func `bytes are taken without a copy, and the reader moves on`() throws {
    let bytes = Self.bytes
    var reader = ByteReader(bytes.rawBytes)
    var taken: [[UInt8]] = []
    for count in [3, 0, 8, 4, 0] {
      let part = try reader.take(count, "a part")
      taken.append(unsafe part.withUnsafeBytes { unsafe [UInt8]($0) })
    }
    #expect(taken == [Array(bytes[..<3]), [], Array(bytes[3..<11]), Array(bytes[11...]), []])
    let remaining = reader.remaining
    #expect(remaining == 0)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var width: Int
    var read: @Sendable (inout ByteReader) throws(FlywheelError) -> Void
  }

  static let reads = [
    Case(testDescription: "UInt8", width: 1) { reader throws(FlywheelError) in
      _ = try reader.readBigEndian(UInt8.self, "the field")
    },
    Case(testDescription: "big-endian UInt16", width: 2) { reader throws(FlywheelError) in
      _ = try reader.readBigEndian(UInt16.self, "the field")
    },
    Case(testDescription: "little-endian Int32", width: 4) { reader throws(FlywheelError) in
      _ = try reader.readLittleEndian(Int32.self, "the field")
    },
    Case(testDescription: "little-endian UInt64", width: 8) { reader throws(FlywheelError) in
      _ = try reader.readLittleEndian(UInt64.self, "the field")
    },
    Case(testDescription: "12 bytes", width: 12) { reader throws(FlywheelError) in
      _ = try reader.take(12, "the field")
    },
    Case(testDescription: "as many as there can be", width: .max) {
      reader throws(FlywheelError) in
      _ = try reader.take(.max, "the field")
    },
  ]

  @Test(arguments: reads, 0...bytes.count)
  func `reading past the end says where, and what is missing, and moves nothing`(
    example: Case,
    skipped: Int
  ) throws {
    let left = Self.bytes.count - skipped
    let result = try failure(after: skipped, example.read)
    if example.width <= left {
      #expect(result == (nil, skipped + example.width, left - example.width))
    } else {
      let expected = FlywheelError.truncated(
        "the field",
        needed: UInt64(example.width),
        available: UInt64(left),
        at: .init(byteOffset: UInt64(skipped))
      )
      #expect(result == (expected, skipped, left))
    }
  }

  @Test(arguments: [-1, .min])
  func `a negative count is refused`(count: Int) throws {
    let result = try failure(after: 4) { reader throws(FlywheelError) in
      _ = try reader.take(count, "the field")
    }
    #expect(result.error?.code == .truncated)
    #expect(result.error?.location.byteOffset == 4)
    #expect(result.offset == 4)
  }
}
