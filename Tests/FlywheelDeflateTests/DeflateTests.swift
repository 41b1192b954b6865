import FlywheelCore
import FlywheelDeflate
import Testing

@Suite struct DeflateTests {
  @Test func `round trip`() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * $0 / 77) }
    var out: [UInt8] = []
    try Deflate.append(bytes.rawBytes, .fast, elementByteCount: 4, isLast: true, to: &out)
    var back = [UInt8](repeating: 0, count: bytes.count)
    let used = try back.withMutableRawBytes { buffer throws(FlywheelError) in
      try Inflate.inflate(out.rawBytes, .raw, into: &buffer)
    }
    #expect(used == out.count)
    #expect(back == bytes)
  }
}
