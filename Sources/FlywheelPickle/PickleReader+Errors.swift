import FlywheelCore

/// What is wrong with a pickle, and where.
extension PickleReader {
  func location(_ offset: Int) -> FlywheelError.Location {
    .init(byteOffset: UInt64(offset))
  }

  func malformed(found: String, expected: String) -> FlywheelError {
    .malformed(found: found, expected: expected, at: location(opcodeOffset))
  }

  func truncated(_ what: String, needed: UInt64) -> FlywheelError {
    .truncated(
      "\(what) of the pickle",
      needed: needed,
      available: UInt64(bytes.count - position),
      at: location(position)
    )
  }

  func limitExceeded(_ message: String) -> FlywheelError {
    FlywheelError(.limitExceeded, message, at: location(opcodeOffset))
  }

  var emptyStack: FlywheelError {
    malformed(found: "an operation that needs more values", expected: "them on the stack")
  }

  func notAllowed(_ place: UInt32, to deed: String) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "The pickle wants \(arena.globals[Int(place)]) to \(deed), which no such file needs. Nothing was "
        + "executed.",
      at: location(opcodeOffset)
    )
  }

  func unknown(_ byte: UInt8) -> FlywheelError {
    guard let name = PickleOpcode.names[byte] else {
      return malformed(
        found: "byte 0x\(String(byte, radix: 16))",
        expected: "an operation of a pickle"
      )
    }
    return FlywheelError(
      .unsupported,
      "The pickle has the operation \(name), which no such file needs and Flywheel does not carry out.",
      at: location(opcodeOffset)
    )
  }

  /// What a value is, for errors.
  func name(of reference: Reference) -> String {
    switch arena[reference].content {
    case .none: "None"
    case .bool, .integer, .double, .largeInteger: "a number"
    case .text(let place): "the text \(quoted(arena.texts[Int(place)]))"
    case .bytes: "bytes"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dictionary"
    case .emptySet: "a set"
    case .global(let place): arena.globals[Int(place)].description
    case .call(let place, _): "what \(arena.globals[Int(place)]) returns"
    case .object(let place, _): "an object of \(arena.globals[Int(place)])"
    case .persistent: "what lies outside of it"
    }
  }
}
