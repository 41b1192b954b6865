internal import FlywheelCore

/// A file with what holds for all its objects.
///
/// Format specification, sections II.A (superblock), II.C (its extension) and IV.A.2.p (shared messages).
struct FileStructure: Sendable {
  /// Where the file begins.
  private(set) var superblock: Superblock
  /// The messages that objects share; nil if there are none.
  private(set) var sharedMessages: SharedMessageTable?

  /// The bytes of the file.
  var image: FileImage { superblock.image }

  /// Reads what holds for all objects.
  ///
  /// - Parameter storage: All bytes of the file.
  /// - Throws: As `Superblock` and `SharedMessageTable`; `unsupported` if its structures are not in their
  ///   places, or in other files too.
  init(of storage: TensorStorage) throws(FlywheelError) {
    superblock = try Superblock(of: storage)
    guard let address = superblock.extensionAddress else {
      try DriverInfo.requireOneFile(superblock, nil)
      sharedMessages = nil
      return
    }
    let header = try ObjectHeader(at: address, in: superblock.image)
    try DriverInfo.requireOneFile(superblock, header.first(.driverInfo))
    if let image = header.first(.cacheImage) {
      try Self.requireNothing(in: image, superblock.image)
    }
    guard let message = header.first(.sharedMessageTable) else {
      sharedMessages = nil
      return
    }
    sharedMessages = try SharedMessageTable(message.content, in: superblock.image)
  }

  /// The same file, of which the bytes that are looked at are counted.
  func metered(by meter: ReadMeter) -> FileStructure {
    var structure = self
    structure.superblock.image.meter = meter
    structure.sharedMessages = sharedMessages?.metered(in: structure.image)
    return structure
  }

  /// Refuses a file whose structures lie in an image of libhdf5's cache: what is in their places is old.
  ///
  /// Format specification, section IV.A.2.y.
  private static func requireNothing(
    in message: HeaderMessage,
    _ image: FileImage
  ) throws(FlywheelError) {
    let content = message.content
    var fields = FieldReader(content, in: image)
    try fields.skip(1, "a cache image's version")
    let place = fields.place
    guard try fields.address("a cache image's address") == nil else {
      throw FlywheelError(
        .unsupported,
        "The file keeps its structures in an image of libhdf5's cache. Write it anew with HDF5's h5repack.",
        at: .init(byteOffset: UInt64(place))
      )
    }
  }
}
