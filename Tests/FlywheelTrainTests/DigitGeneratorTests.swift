import FlywheelCore
import FlywheelTrain
import Testing

@Suite struct DigitGeneratorTests {
  @Test(
    arguments: [
      (1, 0x2D3D_C4CB), (10, 0x1119_8099), (100, 0xE207_6DC5),
    ] as [(Int, UInt32)]
  )
  func `a seed gives the same images in every build`(count: Int, checksum: UInt32) {
    #expect(DigitGenerator.generate(count: count, seed: 0, stream: 2).checksum == checksum)
  }

  @Test func `the images are 28 by 28 pixels in ten balanced classes`() {
    let images = DigitGenerator.generate(count: 200, seed: 5, stream: 1)
    #expect(images.width == 28)
    #expect(images.height == 28)
    #expect(images.featureCount == 784)
    #expect(images.classCount == 10)
    #expect(images.count == 200)
    #expect(images.pixels.count == 200 * 784)
    for digit in 0..<10 as Range<UInt8> {
      #expect(images.labels.count { $0 == digit } == 20)
    }
  }

  @Test(arguments: [0, 1, 7, 50])
  func `a prefix does not depend on how many images follow`(count: Int) {
    let all = DigitGenerator.generate(count: 51, seed: .max, stream: .max)
    let some = DigitGenerator.generate(count: count, seed: .max, stream: .max)
    #expect(some.pixels == all[0..<count].pixels)
    #expect(some.labels == all[0..<count].labels)
  }

  @Test func `seeds and streams have images of their own`() {
    let checksums = [(1, 1), (1, 2), (2, 1), (2, 2)].map { seed, stream in
      DigitGenerator.generate(count: 10, seed: seed, stream: stream).checksum
    }
    #expect(Set(checksums).count == checksums.count)
  }

  @Test func `every image has ink, and background around it`() {
    let images = DigitGenerator.generate(count: 100, seed: 3, stream: 1)
    for index in 0..<images.count {
      let pixels = images[index..<index + 1].pixels
      // A thin 1 covers some 20 pixels, a thick 8 some 200.
      #expect((15...350).contains(pixels.count { $0 > 150 }))
      #expect(pixels.count { $0 < 40 } > 300)
    }
  }
}
