import CZlib
import FlywheelCore
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct CRC32Tests {
  /// A little over a megabyte, so that every way of folding runs and is left again.
  static let bytes: [UInt8] = {
    var generator = Philox(seed: 32, stream: 0)
    return (0..<131_200).flatMap { _ in
      let word = generator.next()
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
  }()

  // One expectation after each loop: thousands of them take longer than what they check.

  @Test(
    arguments: [
      ("", 0), ("a", 0xE8B7_BE43), ("abc", 0x3524_41C2), ("123456789", 0xCBF4_3926),
      ("message digest", 0x2015_9D7F), ("abcdefghijklmnopqrstuvwxyz", 0x4C27_50BD),
      (String(repeating: "1234567890", count: 8), 0x7CA9_4A72),
    ] as [(String, UInt32)]
  )
  func `checksums are the published ones`(text: String, crc: UInt32) {
    #expect(CRC32.checksum(Array(text.utf8).rawBytes) == crc)
  }

  @Test func `every length from every offset is zlib's`() {
    var wrong: [String] = []
    for offset in 0...70 {
      for length in 0...300 {
        let part = Self.bytes.rawBytes.extracting(offset..<offset + length)
        if CRC32.checksum(part) != zlib(part) { wrong.append("\(length) bytes at \(offset)") }
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [0, 1, 63, 255, 256, 511, 512, 1 << 20, (1 << 20) + 333])
  func `large buffers are zlib's, from every offset of a cache line`(length: Int) {
    let wrong = (0..<64).filter { offset in
      let part = Self.bytes.rawBytes.extracting(offset..<offset + length)
      return CRC32.checksum(part) != zlib(part)
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [0x00, 0xFF, 0x80] as [UInt8])
  func `bytes that are all alike are zlib's`(byte: UInt8) {
    let alike = [UInt8](repeating: byte, count: 5_000)
    let wrong = (0...alike.count).filter { length in
      let part = alike.rawBytes.extracting(first: length)
      return CRC32.checksum(part) != zlib(part)
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [0, 1, 0xCBF4_3926, .max] as [UInt32])
  func `going on from a checksum is zlib's too`(crc: UInt32) {
    let wrong = (0...600).filter { length in
      let part = Self.bytes.rawBytes.extracting(first: length)
      return CRC32.checksum(part, continuing: crc) != zlib(part, continuing: crc)
    }
    #expect(wrong.isEmpty)
  }

  @Test func `a checksum in two parts is that of the whole, wherever they meet`() {
    let length = 1_100
    let whole = Self.bytes.rawBytes.extracting(first: length)
    let expected = CRC32.checksum(whole)
    let wrong = (0...length).filter { split in
      let first = CRC32.checksum(whole.extracting(first: split))
      return CRC32.checksum(whole.extracting(droppingFirst: split), continuing: first) != expected
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [1, 7, 64, 255, 257, 4_096, 65_537])
  func `a checksum in many parts is that of the whole`(step: Int) {
    let whole = Self.bytes.rawBytes
    let length = min(whole.byteCount, 300 * step)
    var crc: UInt32 = 0
    for start in stride(from: 0, to: length, by: step) {
      crc = CRC32.checksum(
        whole.extracting(start..<min(start + step, length)),
        continuing: crc
      )
    }
    #expect(crc == CRC32.checksum(whole.extracting(first: length)))
  }

  @Test func `two checksums combine to that of the whole, wherever they meet`() {
    let length = 1_100
    let whole = Self.bytes.rawBytes.extracting(first: length)
    let expected = CRC32.checksum(whole)
    let wrong = (0...length).filter { split in
      let first = CRC32.checksum(whole.extracting(first: split))
      let second = CRC32.checksum(whole.extracting(droppingFirst: split))
      return CRC32.combine(first, second, secondByteCount: length - split) != expected
    }
    #expect(wrong.isEmpty)
  }

  @Test(
    arguments: [0, 1, 255, 65_536, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 40) + 12_345, .max]
  )
  func `two checksums combine as zlib's do, for every size`(count: Int) {
    var generator = Philox(seed: 33, stream: 0)
    let wrong = (0..<100).filter { _ in
      let first = UInt32(truncatingIfNeeded: generator.next())
      let second = UInt32(truncatingIfNeeded: generator.next())
      return CRC32.combine(first, second, secondByteCount: count)
        != UInt32(crc32_combine(uLong(first), uLong(second), count))
    }
    #expect(wrong.isEmpty)
  }

  @Test func `no byte after the last is read`() {
    // The page after the bytes may not be touched: doing so ends the process.
    let page = Int(getpagesize())
    let access = PROT_READ | PROT_WRITE
    let block = unsafe mmap(nil, 2 * page, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let block = unsafe block, unsafe block != MAP_FAILED else {
      Issue.record("There is no memory.")
      return
    }
    defer { unsafe _ = munmap(block, 2 * page) }
    let target = unsafe UnsafeMutableRawBufferPointer(start: block, count: page)
    unsafe target.copyBytes(from: Self.bytes[..<page])
    #expect(unsafe mprotect(block + page, page, PROT_NONE) == 0)
    let all = unsafe RawSpan(_unsafeStart: block, byteCount: page)
    let wrong = (0...1_000).filter { length in
      CRC32.checksum(all.extracting(last: length))
        != CRC32.checksum(Self.bytes.rawBytes.extracting(page - length..<page))
    }
    #expect(wrong.isEmpty)
  }

  @Test(
    arguments: [
      (0, "00000000"), (0xF, "0000000f"), (0x0A00_0000, "0a000000"), (0xCBF4_3926, "cbf43926"),
      (.max, "ffffffff"),
    ] as [(UInt32, String)]
  )
  func `a checksum is written as eight digits`(crc: UInt32, digits: String) {
    #expect(CRC32.hexadecimal(crc) == digits)
  }
}

/// zlib's own checksum.
private func zlib(_ bytes: RawSpan, continuing crc: UInt32 = 0) -> UInt32 {
  unsafe bytes.withUnsafeBytes { buffer in
    // Without bytes, a null pointer would start anew.
    guard let start = unsafe buffer.bindMemory(to: UInt8.self).baseAddress, buffer.count > 0 else {
      return crc
    }
    return unsafe UInt32(crc32(uLong(crc), start, uInt(buffer.count)))
  }
}
