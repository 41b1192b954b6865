import FlywheelCore
import Testing

/// What must be thrown, and where in the file.
struct ExpectedFault: CustomTestStringConvertible {
  let testDescription: String
  let bytes: [UInt8]
  let code: FlywheelError.Code
  let offset: Int?

  init(_ name: String, _ code: FlywheelError.Code, at offset: Int?, _ bytes: [UInt8]) {
    testDescription = name
    self.bytes = bytes
    self.code = code
    self.offset = offset
  }
}
