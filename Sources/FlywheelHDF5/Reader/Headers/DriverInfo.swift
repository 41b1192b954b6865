internal import FlywheelCore

/// Which of libhdf5's drivers wrote a file.
///
/// Format specification, sections II.B (driver info block) and IV.A.2.u (driver info message).
enum DriverInfo {
  /// The drivers that spread a file over several, which are read as one only together.
  private static let spreading = ["NCSAfami", "NCSAmult"]

  /// Refuses a file that is one of several.
  ///
  /// - Parameters:
  ///   - superblock: Where the file begins, which tells it in an old file.
  ///   - message: The message that tells it in a new one; nil if there is none.
  /// - Throws: `unsupported` if it is one of several; `truncated` if it cannot be told.
  static func requireOneFile(
    _ superblock: Superblock,
    _ message: HeaderMessage?
  ) throws(FlywheelError) {
    if let message {
      try requireOneFile(message.content(in: superblock.image), 1, superblock.image)
    }
    guard let address = superblock.driverAddress else { return }
    let block = try superblock.image.bytes(at: address, 16, "a driver info block")
    try requireOneFile(block, 8, superblock.image)
  }

  /// Looks at the name that begins so many bytes after the start.
  private static func requireOneFile(
    _ bytes: StoredBytes,
    _ start: Int,
    _ image: FileImage
  ) throws(FlywheelError) {
    var fields = FieldReader(bytes, in: image)
    try fields.skip(start, "a driver info block")
    let place = fields.place
    let name = try fields.shownText(8, "a driver's name")
    guard !spreading.contains(name) else {
      throw FlywheelError(
        .unsupported,
        "The file is one of several that are read only together. Make one of them with HDF5's h5repack.",
        at: .init(byteOffset: UInt64(place))
      )
    }
  }
}
