internal import FlywheelCore

/// A file with what holds for all its objects.
///
/// Format specification, sections II.A (superblock), II.C (its extension) and IV.A.2.p (shared messages).
final class FileStructure: Sendable {
  /// Where the file begins.
  let superblock: Superblock
  /// The bytes of the file.
  let image: FileImage
  /// The messages that objects share; nil if there are none.
  let sharedMessages: SharedMessageTable?
  /// The datatypes that are objects of their own.
  let committedTypes: CommittedTypes

  /// Reads what holds for all objects.
  ///
  /// - Parameter storage: All bytes of the file.
  /// - Throws: As `Superblock` and `SharedMessageTable`; `unsupported` if its structures are not in their
  ///   places, or in other files too.
  init(of storage: TensorStorage) throws(FlywheelError) {
    superblock = try Superblock(of: storage)
    image = superblock.image
    committedTypes = CommittedTypes(in: image)
    guard let address = superblock.extensionAddress else {
      try DriverInfo.requireOneFile(superblock, nil)
      sharedMessages = nil
      return
    }
    let header = try ObjectHeader(at: address, in: image)
    try DriverInfo.requireOneFile(superblock, header.first(.driverInfo))
    if let cacheImage = header.first(.cacheImage) {
      try Self.requireNothing(in: cacheImage, image)
    }
    guard let message = header.first(.sharedMessageTable) else {
      sharedMessages = nil
      return
    }
    sharedMessages = try SharedMessageTable(message.content(in: image), in: image)
  }

  private init(_ file: FileStructure, meteredBy meter: ReadMeter) {
    superblock = file.superblock
    image = file.image.metered(by: meter)
    committedTypes = CommittedTypes(in: image)
    sharedMessages = file.sharedMessages?.metered(in: image)
  }

  /// The same file, of which the bytes that are looked at are counted.
  func metered(by meter: ReadMeter) -> FileStructure {
    FileStructure(self, meteredBy: meter)
  }

  /// Refuses a file whose structures lie in an image of libhdf5's cache: what is in their places is old.
  ///
  /// Format specification, section IV.A.2.y.
  private static func requireNothing(
    in message: HeaderMessage,
    _ image: FileImage
  ) throws(FlywheelError) {
    let content = message.content(in: image)
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
