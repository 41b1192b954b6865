internal import FlywheelCore

extension Superblock {
  /// What every HDF5 file has at byte 0, 512, 1024, 2048 and so on.
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// The bytes of the smallest superblock that there is, one of version 2.
  private static let smallest = 48

  /// Looks for the signature, so that other files get a clear word.
  ///
  /// - Parameter storage: All bytes of the file.
  /// - Throws: `malformed` if it is not there, `truncated` if the file ends within the superblock.
  /// - Returns: Where it is.
  static func findSignature(in storage: TensorStorage) throws(FlywheelError) -> Int {
    let bytes = storage.bytes
    var offset = 0
    while offset < bytes.byteCount {
      let found = beginning(of: bytes.extracting(offset...))
      let available = bytes.byteCount - offset
      if found == signature && available >= smallest { return offset }
      if found == signature || offset == 0 && signature.starts(with: found) {
        throw FlywheelError.truncated(
          "an HDF5 superblock",
          needed: UInt64(smallest),
          available: UInt64(available),
          at: .init(byteOffset: UInt64(offset))
        )
      }
      // Below twice the number of bytes in memory, which fits.
      offset = max(512, offset * 2)
    }
    throw noFile(bytes)
  }

  private static func noFile(_ bytes: RawSpan) -> FlywheelError {
    guard bytes.byteCount > 0 else {
      return FlywheelError(
        .truncated,
        "The file is empty; an HDF5 file was expected. Writing it was not finished."
      )
    }
    let shown = beginning(of: bytes)
      .map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }
      .joined()
    return FlywheelError(
      .malformed,
      "This is no HDF5 file: it begins with '\(shown)', not with HDF5's signature. Name another file; "
        + "if it was one, its first bytes are damaged."
    )
  }

  private static func beginning(of bytes: RawSpan) -> [UInt8] {
    let start = bytes.extracting(first: signature.count)
    return unsafe start.withUnsafeBytes { unsafe Array($0) }
  }
}
