import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Memory for chunks.
@Suite("Memory for chunks")
struct ScratchMemoryTests {
  @Test("More than there is, is refused", arguments: [1 << 62, .max])
  func refused(byteCount: Int) {
    let error = #expect(throws: FlywheelError.self) { try ScratchMemory(byteCount: byteCount) }
    #expect(error?.code == .limitExceeded)
    #expect(error?.message.contains("\(byteCount) bytes") == true)
  }

  @Test("What was written is there, and more than that is not handed out", arguments: [0, 1, 100])
  func written(count: Int) throws {
    let memory = try ScratchMemory(byteCount: count)
    try memory.write(count) { (bytes) throws(FlywheelError) in
      #expect(bytes.byteCount == count)
      unsafe bytes.withUnsafeMutableBytes { bytes in
        for index in bytes.indices { unsafe bytes[index] = UInt8(index) }
      }
    }
    for part in [0, count / 2, count] {
      let bytes = unsafe memory.first(part).withUnsafeBytes { unsafe Array($0) }
      #expect(bytes == (0..<part).map { UInt8($0) })
    }
  }
}
