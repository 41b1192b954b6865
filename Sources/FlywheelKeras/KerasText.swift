import FlywheelCore

/// The JSON documents of Keras as Python writes them: numbers that are not finite are words there.
enum KerasText {
  /// Reads a document for what it says of layers and optimizers.
  ///
  /// A number that is not finite, such as the value that a Masking layer looks for, becomes an empty text: no
  /// name depends on one.
  ///
  /// - Parameters:
  ///   - bytes: The document.
  ///   - location: Where it is.
  /// - Throws: `malformed` or `truncated` if it is no JSON object, and `limitExceeded`, with the offset in it.
  /// - Returns: The object.
  static func object(
    _ bytes: [UInt8],
    at location: FlywheelError.Location
  ) throws(FlywheelError) -> JSONValue {
    try FlywheelError.locating(path: location.path, tensor: location.tensor) {
      () throws(FlywheelError) in
      let value = try JSONValue(parsing: withoutWordsForNumbers(bytes))
      guard case .object = value else {
        throw FlywheelError.malformed(
          found: "another value",
          expected: "a JSON object",
          at: .init(byteOffset: 0)
        )
      }
      return value
    }
  }

  private static let words = ["NaN", "Infinity", "-Infinity"].map { Array($0.utf8) }
  private static let starts = Set(words.map { $0[0] })

  /// The document with an empty text, and space up to the same length, for each of Python's words.
  private static func withoutWordsForNumbers(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    var isText = false
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if isText, byte == UInt8(ascii: "\\") {
        index += 2
        continue
      }
      if byte == UInt8(ascii: "\"") { isText.toggle() }
      guard !isText, starts.contains(byte),
        let word = words.first(where: { bytes[index...].starts(with: $0) })
      else {
        index += 1
        continue
      }
      let text = Array("\"\"".utf8) + Array(repeating: UInt8(ascii: " "), count: word.count - 2)
      result.replaceSubrange(index..<index + word.count, with: text)
      index += word.count
    }
    return result
  }
}
