import FlywheelCore
import FlywheelDeflate
import Testing

@Suite struct CompressionTests {
  @Test(
    arguments: [("0", .none), ("fast", .fast)]
      + (1...9).map { (String($0), .level($0)) } as [(String, Compression)]
  )
  func `the words of the command line are read and written`(
    text: String,
    compression: Compression
  ) throws {
    #expect(try Compression(parsing: text) == compression)
    #expect(compression.description == text)
  }

  @Test(arguments: ["", "10", "-1", "01", "+1", "Fast", "fast ", "best", "1.0", "٣"])
  func `other words are refused`(text: String) {
    let error = #expect(throws: FlywheelError.self) { try Compression(parsing: text) }
    #expect(error?.code == .invalidArgument)
  }

  @Test(arguments: [0, 10, -1, Int.max, Int.min])
  func `levels that zlib does not have are refused`(level: Int) {
    var output: [UInt8] = []
    let bytes = [1, 2, 3] as [UInt8]
    let error = #expect(throws: FlywheelError.self) {
      try Deflate.append(
        bytes.rawBytes,
        .level(level),
        elementByteCount: 1,
        isLast: true,
        to: &output
      )
    }
    #expect(error?.code == .invalidArgument)
    #expect(output.isEmpty)
  }
}
