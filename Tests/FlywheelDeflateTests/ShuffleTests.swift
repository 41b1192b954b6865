import CFlywheelDeflate
import FlywheelCore
import FlywheelDeflate
import Testing

@Suite struct ShuffleTests {
  static let bytes = TestContent.noise.bytes(2_000)

  /// HDF5's definition, word for word: byte b of element e goes to b · elements + e.
  static func definition(_ bytes: [UInt8], _ element: Int) -> [UInt8] {
    let elements = bytes.count / element
    var output = bytes
    for e in 0..<elements {
      for b in 0..<element { output[b * elements + e] = bytes[e * element + b] }
    }
    return output
  }

  @Test(arguments: [1, 2, 3, 4, 5, 8, 16, 17])
  func `every size is shuffled as HDF5 does, and comes back`(element: Int) {
    var wrong: [Int] = []
    for size in Array(0...700) + [1_999, 2_000] {
      let bytes = Array(Self.bytes[..<size])
      let shuffled = DeflateTests.shuffled(bytes, element)
      var back = [UInt8](repeating: 0, count: size)
      back.withMutableRawBytes { buffer in
        Shuffle.unshuffle(shuffled.rawBytes, elementByteCount: element, into: &buffer)
      }
      if shuffled != Self.definition(bytes, element) || back != bytes { wrong.append(size) }
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [1, 3, 4, 8])
  func `a part is what the whole has there`(element: Int) {
    let whole = DeflateTests.shuffled(Self.bytes, element)
    var wrong: [Range<Int>] = []
    for start in stride(from: 0, to: 1_999, by: 37) {
      for length in [0, 1, 2, 499, 700] where start + length <= Self.bytes.count {
        var part = [UInt8](repeating: 0, count: length)
        unsafe part.withUnsafeMutableBufferPointer { target in
          unsafe Self.bytes.withUnsafeBufferPointer { source in
            unsafe fw_shuffle_part(
              source.baseAddress,
              source.count,
              element,
              start,
              length,
              target.baseAddress
            )
          }
        }
        if part != Array(whole[start..<start + length]) { wrong.append(start..<start + length) }
      }
    }
    #expect(wrong.isEmpty)
  }
}
