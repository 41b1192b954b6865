import FlywheelCore
import FlywheelTrain
import Testing

@Suite struct DigitGeneratorTests {
  @Test(
    arguments: [
      (1, 0x2D3D_C4CB), (10, 0x1119_8099), (100, 0xE207_6DC5),
    ] as [(Int, UInt32)]
  )
  func `a seed gives the same images in every build`(count: Int, checksum: UInt32) throws {
    let images = try DigitGenerator.generate(count: count, seed: 0, stream: 2)
    #expect(images.checksum == checksum)
    let labels = images.labels.map { UInt8($0) }
    let pixels = CRC32.checksum(images.values.bytes)
    #expect(CRC32.checksum(labels.rawBytes, continuing: pixels) == checksum)
  }

  @Test func `the images are 28 by 28 pixels in ten balanced classes`() throws {
    let images = try DigitGenerator.generate(count: 200, seed: 5, stream: 1)
    #expect(images.sampleShape == [28, 28])
    #expect(images.featureCount == 784)
    #expect(images.classCount == 10)
    #expect(images.count == 200)
    #expect(images.values.byteCount == 200 * 784)
    for digit in 0..<10 as Range<UInt16> {
      #expect(images.labels.count { $0 == digit } == 20)
    }
  }

  @Test(arguments: [0, 1, 7, 50])
  func `a prefix does not depend on how many images follow`(count: Int) throws {
    let all = try DigitGenerator.generate(count: 51, seed: .max, stream: .max).samples(0..<count)
    let some = try DigitGenerator.generate(count: count, seed: .max, stream: .max)
    #expect(try some.values.elements(as: UInt8.self) == all.values.elements())
    #expect(some.labels == all.labels)
  }

  @Test func `seeds and streams have images of their own`() throws {
    let checksums = try [(1, 1), (1, 2), (2, 1), (2, 2)].map { seed, stream in
      try DigitGenerator.generate(count: 10, seed: seed, stream: stream).checksum
    }
    #expect(Set(checksums).count == checksums.count)
  }

  @Test func `every image has ink, and background around it`() throws {
    let images = try DigitGenerator.generate(count: 100, seed: 3, stream: 1)
    for index in 0..<images.count {
      let image = try images.samples(index..<index + 1)
      let pixels = try image.values.elements(as: UInt8.self)
      // A thin 1 covers some 20 pixels, a thick 8 some 200.
      #expect((15...350).contains(pixels.count { $0 > 150 }))
      #expect(pixels.count { $0 < 40 } > 300)
    }
  }
}
