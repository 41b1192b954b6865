import FlywheelCore
import Testing

@testable import FlywheelCLI

@Suite("Numbers of bytes on the command line")
struct ByteCountArgumentTests {
  @Test(
    "A number has the unit that huggingface's libraries give it",
    arguments: [
      ("1", 1), ("7B", 7), ("300KB", 300_000), ("5GB", 5_000_000_000), ("5gb", 5_000_000_000),
      ("2MiB", 2 << 20), ("1TiB", 1 << 40), ("9223372036854775807", .max),
    ] as [(String, Int)]
  )
  func numbers(text: String, count: Int) throws {
    #expect(try ByteCountArgument.parse(text) == count)
  }

  @Test(
    "What is no number of bytes is refused",
    arguments: [
      "", "GB", "0", "0GB", "-1", "1.5GB", "5 GB", "5XB", "9223372036854775808", "9999999TB",
    ]
  )
  func others(text: String) {
    let error = #expect(throws: FlywheelError.self) { try ByteCountArgument.parse(text) }
    #expect(error?.code == .invalidArgument)
  }
}
