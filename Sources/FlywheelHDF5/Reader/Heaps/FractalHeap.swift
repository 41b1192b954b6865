internal import FlywheelCore
internal import Synchronization

/// The objects of a fractal heap: links, attributes or shared messages.
///
/// Small ones lie in blocks (managed), large ones each in a place of its own (huge), and the smallest in what
/// names them (tiny). A block is read when an object in it is first asked for, and held against its checksum
/// once. Format specification, section III.G.
final class FractalHeap: Sendable {
  /// What the heap says about itself.
  let header: FractalHeapHeader
  private let image: FileImage
  private let blocks: Mutex<FractalHeapBlocks>
  private let hugeObjects: Mutex<FractalHeapHugeObjects>

  /// Reads the header of a heap.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - image: The file.
  /// - Throws: As `FractalHeapHeader`.
  convenience init(at address: UInt64, in image: FileImage) throws(FlywheelError) {
    self.init(of: try FractalHeapHeader(at: address, in: image), in: image)
  }

  /// Looks into a heap whose header was read.
  ///
  /// - Parameters:
  ///   - header: The header.
  ///   - image: The file.
  init(of header: FractalHeapHeader, in image: FileImage) {
    // Blocks with filters may be larger than the file by far, each of them made of the same bytes.
    let isUncounted = header.filters != nil && image.meter == nil
    let image =
      isUncounted
      ? image.metered(by: ReadMeter(fileByteCount: image.storage.byteCount)) : image
    self.header = header
    self.image = image
    blocks = Mutex(FractalHeapBlocks(of: header, in: image))
    hugeObjects = Mutex(FractalHeapHugeObjects(of: header, in: image))
  }

  /// The most bytes that are taken of all objects together: in a sound heap none overlaps another.
  ///
  /// Filters can have made an object a thousandth of what it was, but those of a whole group only if somebody wants
  /// it to take up memory.
  var byteLimit: Int {
    let size = image.storage.byteCount
    return header.filters == nil ? size : ReadMeter.limit(fileByteCount: size)
  }

  /// Finds an object.
  ///
  /// - Parameter id: What names it.
  /// - Throws: `truncated`, `corrupted` or `malformed` if it is not there or its block is damaged;
  ///   `unsupported` if it went through filters that are not known.
  /// - Returns: Its bytes.
  func object(_ id: StoredBytes) throws(FlywheelError) -> StoredBytes {
    var fields = FieldReader(id, in: image)
    guard id.count == header.idByteCount else {
      throw fields.malformed(
        "an ID of \(id.count) bytes",
        expected: "one of \(header.idByteCount), as the heap has them"
      )
    }
    let place = fields.place
    let first = try fields.uint8("a heap's ID")
    // Two bits of version, two of kind.
    switch first >> 4 {
    case 0: return try managedObject(&fields)
    case 1: return try hugeObject(&fields)
    case 2: return try tinyObject(first & 0x0F, id, &fields)
    default:
      throw fields.malformed("an ID of kind \(first >> 4)", expected: "0, 1 or 2", at: place)
    }
  }

  private func managedObject(_ id: inout FieldReader) throws(FlywheelError) -> StoredBytes {
    let place = id.place
    let offset = try id.uint(header.offsetByteCount, "a place in a heap")
    let length = try id.uint(header.lengthByteCount, "the length of a heap's object")
    return try blocks.withLock { (blocks) throws(FlywheelError) in
      try blocks.object(at: offset, length, saidAt: place)
    }
  }

  private func hugeObject(_ id: inout FieldReader) throws(FlywheelError) -> StoredBytes {
    let place = id.place
    let directByteCount = image.offsetSize + image.lengthSize
    if header.filters == nil, header.idByteCount > directByteCount {
      let address = try id.address("a huge object")
      let byteCount = try id.length("the size of a huge object")
      guard let address else {
        throw id.malformed("no address", expected: "a huge object", at: place)
      }
      return try image.bytes(at: address, byteCount, "a huge object")
    }
    let number = try id.uint(min(8, header.idByteCount - 1), "the number of a huge object")
    return try hugeObjects.withLock { (objects) throws(FlywheelError) in
      try objects.object(number, saidAt: place)
    }
  }

  private func tinyObject(
    _ lowBits: UInt8,
    _ id: StoredBytes,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> StoredBytes {
    // The length, less one, takes four bits, or twelve where IDs are long.
    var length = Int(lowBits)
    if header.idByteCount > 18 {
      length = length << 8 | Int(try fields.uint8("the length of a tiny object"))
    }
    length += 1
    let start = fields.position
    try fields.skip(length, "a tiny object")
    return id.part(start..<start + length)
  }
}
