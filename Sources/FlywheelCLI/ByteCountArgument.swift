import FlywheelCore

/// A number of bytes on the command line: `5GB`, `512MiB`, `1000`.
enum ByteCountArgument {
  private static let units: [String: Int] = [
    "": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
    "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
  ]

  /// Reads a number of bytes.
  ///
  /// - Parameter text: Digits, and a unit as huggingface's libraries have them.
  /// - Throws: `invalidArgument` if it is none, or less than one byte.
  /// - Returns: The number.
  static func parse(_ text: String) throws(FlywheelError) -> Int {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).uppercased()
    guard let count = Int(digits), count > 0, let factor = units[unit] else {
      throw FlywheelError(
        .invalidArgument,
        "'\(text)' is no number of bytes; write 5GB, 512MiB or 1000000."
      )
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
    guard !overflow else {
      throw FlywheelError(.invalidArgument, "'\(text)' is more than any file holds.")
    }
    return bytes
  }
}
