internal import FlywheelCore

extension StoredBytes {
  /// Checks a structure whose last four bytes are the checksum of those before them.
  ///
  /// - Parameter what: What it is, for the error.
  /// - Throws: `corrupted`, at its first byte, if they are not; `truncated` if there are not so many.
  func requireChecksum(_ what: StaticString) throws(FlywheelError) {
    let checksumSize = 4
    guard count >= checksumSize else {
      throw FlywheelError.truncated(
        "\(what)",
        needed: UInt64(checksumSize),
        available: UInt64(count),
        at: .init(byteOffset: UInt64(fileOffset))
      )
    }
    let bytes = span
    let end = count - checksumSize
    // Within the bytes, by the check above.
    let stored = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: end, as: UInt32.self)
    guard UInt32(littleEndian: stored) == MetadataChecksum.checksum(bytes.extracting(first: end))
    else {
      throw FlywheelError(
        .corrupted,
        "The checksum of \(what) does not match: its bytes have changed since they were written. Use "
          + "another copy of the file.",
        at: .init(byteOffset: UInt64(fileOffset))
      )
    }
  }
}
