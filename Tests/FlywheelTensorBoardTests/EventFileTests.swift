import Testing

@testable import FlywheelTensorBoard

@Suite("TensorBoard's event files")
struct EventFileTests {
  // From RFC 3720, B.4, and the check value of every catalogue of checksums.
  @Test(
    "Checksums are the published ones",
    arguments: [
      ([], 0), (Array("123456789".utf8), 0xE306_9283),
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(0..<32), 0x46DD_794E),
    ] as [([UInt8], UInt32)]
  )
  func checksums(_ bytes: [UInt8], _ crc: UInt32) {
    #expect(CRC32C.checksum(bytes) == crc)
  }

  @Test("Records hold the masked checksum that TensorFlow computes")
  func maskedChecksum() {
    #expect(CRC32C.masked(Array("123456789".utf8)) == 0xC78A_B0E5)
  }

  @Test(
    "Integers have seven bits to a byte, negative ones all ten bytes",
    arguments: [
      (0, [0x10, 0x00]), (127, [0x10, 0x7F]), (128, [0x10, 0x80, 0x01]),
      (625, [0x10, 0xF1, 0x04]),
      (-1, [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
    ] as [(Int64, [UInt8])]
  )
  func integers(_ value: Int64, _ expected: [UInt8]) {
    var writer = ProtobufWriter()
    writer.integer(2, value)
    #expect(writer.bytes == expected)
  }

  @Test("A file is, byte for byte, what tensorboard 2.21's own writer makes of the same events")
  func golden() {
    var file = EventFile(time: 1_767_323_045.5, writer: "flywheel 0.1.0")
    file.append(
      [(tag: "loss/validation", value: 0.125), (tag: "epoch", value: 1)],
      step: 625,
      time: 1_767_323_047
    )
    let expected =
      "2a00000000000000ae8d91f50900006069cd55da411a0d627261696e2e4576656e743a32"
      + "52100a0e666c79776865656c20302e312e308237d8f934000000000000005e33175c09"
      + "0000c069cd55da4110f1042a260a160a0f6c6f73732f76616c69646174696f6e15000000"
      + "3e0a0c0a0565706f6368150000803f09f77127"
    #expect(hexadecimal(file.bytes) == expected)
  }

  @Test("Equal scalars give equal bytes")
  func determinism() {
    func bytes() -> [UInt8] {
      var file = EventFile(time: 0)
      file.append([(tag: "loss", value: .nan), (tag: "rate", value: 1e-300)], step: 1, time: 2)
      return file.bytes
    }
    #expect(bytes() == bytes())
  }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
