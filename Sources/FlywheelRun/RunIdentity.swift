import FlywheelCore

/// What tells one run from every other: 32 hexadecimal digits, drawn when it is created.
package enum RunIdentity {
  /// A new one.
  package static func random() -> String {
    (0..<4).map { _ in CRC32.hexadecimal(.random(in: .min ... .max)) }.joined()
  }
}
