internal import FlywheelCore

/// Where an HDF5 file begins: how its addresses and lengths are written, and where its root group is.
///
/// Format specification, section II.A, versions 0 to 3.
struct Superblock: Sendable {
  /// The bytes of the file; its addresses count from this block.
  let image: FileImage
  /// The version of the block.
  let version: UInt8
  /// Where the root group's object header is.
  let rootAddress: UInt64
  /// Where an object header is with more about the file; nil if there is none.
  let extensionAddress: UInt64?
  /// Where it is told which of libhdf5's drivers wrote the file; nil if it is an ordinary one, or the extension
  /// tells it.
  let driverAddress: UInt64?
  /// How many bytes the file has, what may lie in front of this block included.
  let endOfFile: UInt64

  /// Finds and reads the block.
  ///
  /// - Parameter storage: All bytes of the file.
  /// - Throws: `malformed` if this is no HDF5 file, `corrupted` if the checksum does not match, `truncated`
  ///   if the file has fewer bytes than the block says, `unsupported` for a newer version or for addresses
  ///   of more than 8 bytes.
  init(of storage: TensorStorage) throws(FlywheelError) {
    let start = try Self.findSignature(in: storage)
    let rest = StoredBytes(
      storage: storage,
      range: start..<storage.byteCount,
      fileOffset: start
    )
    // The sizes are not known yet, and nothing that depends on them is read before they are.
    let image = FileImage(storage: storage, baseAddress: start, offsetSize: 8, lengthSize: 8)
    var fields = FieldReader(rest, in: image)
    try fields.skip(Self.signature.count, "the signature")
    let versionPlace = fields.place
    let version = try fields.uint8("the superblock's version")
    let content: Content
    switch version {
    case 0, 1: content = try Self.readOld(version, rest, in: image)
    case 2, 3: content = try Self.readNew(rest, in: image)
    default:
      throw FlywheelError(
        .unsupported,
        "The file has a superblock of version \(version); versions 0 to 3 are read. A newer Flywheel may "
          + "read it.",
        at: .init(byteOffset: UInt64(versionPlace))
      )
    }
    try Self.require(content.end, of: storage)
    self.version = version
    self.image = content.image
    rootAddress = content.root
    extensionAddress = content.extensionAddress
    driverAddress = content.driverAddress
    endOfFile = content.end
  }

  /// What the block says.
  private struct Content {
    var image: FileImage
    var root: UInt64
    var extensionAddress: UInt64?
    var driverAddress: UInt64?
    var end: UInt64
  }

  /// Versions 0 and 1, which have no checksum.
  private static func readOld(
    _ version: UInt8,
    _ bytes: StoredBytes,
    in image: FileImage
  ) throws(FlywheelError) -> Content {
    let fixedSize = version == 0 ? 24 : 28
    var fields = FieldReader(bytes, in: image)
    try fields.skip(signature.count + 1, "the superblock's version")
    try requireZero(&fields, "the free-space version")
    try requireZero(&fields, "the root group's version")
    try fields.skip(1, "a reserved byte")
    try requireZero(&fields, "the shared header's version")
    let image = try sized(image, &fields)
    try fields.skip(fixedSize - fields.position, "the superblock")
    let rest = bytes.part(fixedSize..<bytes.count)
    var addresses = FieldReader(rest, in: image)
    let base = try addresses.uint(image.offsetSize, "the base address")
    _ = try addresses.address("the free space's address")
    let end = try addresses.uint(image.offsetSize, "the end of the file")
    let driverAddress = try addresses.address("the driver's address")
    // The root group's symbol table entry: the place of a name, which it has not (a length, as libhdf5 writes
    // it), and the header.
    _ = try addresses.length("the root group's name")
    let root = try rootAddress(&addresses)
    return Content(
      image: image,
      root: root,
      driverAddress: driverAddress,
      end: try moved(end, from: base, to: image.baseAddress)
    )
  }

  /// Versions 2 and 3.
  private static func readNew(
    _ bytes: StoredBytes,
    in image: FileImage
  ) throws(FlywheelError) -> Content {
    var fields = FieldReader(bytes, in: image)
    try fields.skip(signature.count + 1, "the superblock's version")
    let image = try sized(image, &fields)
    // They tell whether a program has the file open for writing, or ended before it closed it.
    try fields.skip(1, "the superblock's flags")
    let fixedSize = fields.position
    try fields.skip(4 * image.offsetSize + 4, "the superblock")
    try bytes.part(0..<fields.position).requireChecksum("the superblock")
    let rest = bytes.part(fixedSize..<bytes.count)
    var addresses = FieldReader(rest, in: image)
    let base = try addresses.uint(image.offsetSize, "the base address")
    let extensionAddress = try addresses.address("the superblock extension's address")
    let end = try addresses.uint(image.offsetSize, "the end of the file")
    let root = try rootAddress(&addresses)
    return Content(
      image: image,
      root: root,
      extensionAddress: extensionAddress,
      end: try moved(end, from: base, to: image.baseAddress)
    )
  }

  /// The file with the sizes of its addresses and lengths, which come next.
  private static func sized(
    _ image: FileImage,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> FileImage {
    let offsetSize = try size(&fields, "addresses")
    let lengthSize = try size(&fields, "lengths")
    return FileImage(
      storage: image.storage,
      baseAddress: image.baseAddress,
      offsetSize: offsetSize,
      lengthSize: lengthSize
    )
  }

  private static func size(
    _ fields: inout FieldReader,
    _ what: StaticString
  ) throws(FlywheelError) -> Int {
    let place = fields.place
    let size = try fields.uint8(what)
    switch size {
    case 2, 4, 8: return Int(size)
    case 16, 32:
      throw FlywheelError(
        .unsupported,
        "The file has \(what) of \(size) bytes; those of 2, 4 and 8 are read.",
        at: .init(byteOffset: UInt64(place))
      )
    default: throw fields.malformed("\(what) of \(size) bytes", expected: "2, 4 or 8", at: place)
    }
  }

  private static func rootAddress(_ fields: inout FieldReader) throws(FlywheelError) -> UInt64 {
    let place = fields.place
    guard let root = try fields.address("the root group's address") else {
      throw fields.malformed("no address", expected: "the root group's", at: place)
    }
    return root
  }

  private static func requireZero(
    _ fields: inout FieldReader,
    _ what: StaticString
  ) throws(FlywheelError) {
    let place = fields.place
    let value = try fields.uint8(what)
    guard value == 0 else {
      throw fields.malformed("\(value) as \(what)", expected: "0", at: place)
    }
  }

  /// Where the file ends, if something was put in front of it, or taken away, since it was written.
  private static func moved(
    _ end: UInt64,
    from base: UInt64,
    to start: Int
  ) throws(FlywheelError) -> UInt64 {
    let (size, isBefore) = end.subtractingReportingOverflow(base)
    let (moved, overflow) = size.addingReportingOverflow(UInt64(start))
    guard !isBefore, !overflow else {
      throw FlywheelError.malformed(
        found: "a file that ends at \(end) and begins at \(base)",
        expected: "its size",
        at: .init(byteOffset: UInt64(start))
      )
    }
    return moved
  }

  private static func require(
    _ end: UInt64,
    of storage: TensorStorage
  ) throws(FlywheelError) {
    let size = UInt64(storage.byteCount)
    guard end <= size else {
      throw FlywheelError.truncated(
        "all that its superblock tells of",
        needed: end,
        available: size,
        at: .init(byteOffset: size)
      )
    }
  }
}
