import CFlywheelDeflate
import Testing

@Suite struct Adler32Tests {
  static let levels = 0...fw_deflate_best_cpu().rawValue

  private static func adler32(
    _ level: UInt32,
    _ bytes: ArraySlice<UInt8>,
    continuing adler: UInt32 = 1
  ) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe fw_adler32(fw_deflate_cpu(rawValue: level), adler, buffer.baseAddress, buffer.count)
    }
  }

  @Test(arguments: levels)
  func `every length from every offset is zlib's`(level: UInt32) {
    let bytes = TestContent.noise.bytes(400)
    var wrong: [String] = []
    for offset in 0..<33 {
      for length in 0...300 {
        let part = bytes[offset..<offset + length]
        if Self.adler32(level, part) != Zlib.adler32(part) { wrong.append("\(length) at \(offset)") }
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: levels, [5_535, 5_536, 5_537, 11_072, 100_000])
  func `sums do not overflow where bytes are largest`(level: UInt32, count: Int) {
    let bytes = [UInt8](repeating: 255, count: count)
    let largest: UInt32 = 65_520 << 16 | 65_520
    #expect(Self.adler32(level, bytes[...]) == Zlib.adler32(bytes[...]))
    #expect(
      Self.adler32(level, bytes[...], continuing: largest)
        == Zlib.adler32(bytes[...], continuing: largest)
    )
  }
}
