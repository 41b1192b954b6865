import FlywheelCore
import FlywheelDeflate

@testable import FlywheelHDF5

/// Structures of HDF5 files, byte by byte: sound ones unless a test says otherwise.
enum HandMade {
  /// The address that leads nowhere.
  static let nowhere = UInt64.max

  /// A little-endian number.
  static func number(_ value: UInt64, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    number(UInt64(unsafe MetadataChecksum.checksum(bytes.span.bytes)), 4)
  }

  /// Bytes with their checksum behind them.
  static func sealed(_ bytes: [UInt8]) -> [UInt8] { bytes + checksum(bytes) }

  /// A file with parts at their places, and zeros elsewhere.
  static func image(_ parts: [(Int, [UInt8])], byteCount: Int = 4096) throws -> FileImage {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    for (place, part) in parts { bytes.replaceSubrange(place..<place + part.count, with: part) }
    let storage = try Tensor(vector: bytes).storage
    return FileImage(storage: storage, baseAddress: 0, offsetSize: 8, lengthSize: 8)
  }

  // MARK: Old groups

  static func localHeap(
    signature: String = "HEAP",
    version: UInt8 = 0,
    byteCount: UInt64 = 64,
    data: UInt64
  ) -> [UInt8] {
    text(signature) + [version, 0, 0, 0] + number(byteCount, 8) + number(1, 8) + number(data, 8)
  }

  static func tree1(
    type: UInt8 = 0,
    level: UInt8 = 0,
    count: UInt16? = nil,
    children: [UInt64]
  ) -> [UInt8] {
    let head = text("TREE") + [type, level] + number(UInt64(count ?? UInt16(children.count)), 2)
    let keysAndChildren = children.flatMap { number(0, 8) + number($0, 8) } + number(0, 8)
    return head + number(nowhere, 8) + number(nowhere, 8) + keysAndChildren
  }

  static func symbols(
    version: UInt8 = 1,
    count: UInt16? = nil,
    _ entries: [[UInt8]]
  ) -> [UInt8] {
    text("SNOD") + [version, 0] + number(UInt64(count ?? UInt16(entries.count)), 2)
      + entries.flatMap { $0 }
  }

  static func symbol(name: UInt64, address: UInt64 = 0, softPath: UInt32? = nil) -> [UInt8] {
    number(name, 8) + number(softPath == nil ? address : nowhere, 8)
      + number(softPath == nil ? 0 : 2, 4) + number(0, 4) + number(UInt64(softPath ?? 0), 4)
      + number(0, 12)
  }

  // MARK: B-trees of version 2

  static func tree2(
    version: UInt8 = 0,
    type: UInt8 = 5,
    nodeByteCount: UInt32 = 512,
    recordByteCount: UInt16 = 11,
    depth: UInt16 = 0,
    root: UInt64,
    ownCount: UInt16,
    totalCount: UInt64? = nil
  ) -> [UInt8] {
    let sizes = number(UInt64(nodeByteCount), 4) + number(UInt64(recordByteCount), 2)
    let counts = number(UInt64(ownCount), 2) + number(totalCount ?? UInt64(ownCount), 8)
    return sealed(
      text("BTHD") + [version, type] + sizes + number(UInt64(depth), 2) + [100, 40]
        + number(root, 8) + counts
    )
  }

  static func leaf(type: UInt8 = 5, _ records: [[UInt8]]) -> [UInt8] {
    sealed(text("BTLF") + [0, type] + records.flatMap { $0 })
  }

  static func innerNode(type: UInt8 = 5, _ records: [[UInt8]], _ pointers: [[UInt8]]) -> [UInt8] {
    sealed(text("BTIN") + [0, type] + records.flatMap { $0 } + pointers.flatMap { $0 })
  }

  /// Where a child is, and how many records it has; nodes of 512 bytes count in one byte.
  static func pointer(_ address: UInt64, _ ownCount: UInt8, total: UInt16? = nil) -> [UInt8] {
    number(address, 8) + [ownCount] + (total.map { number(UInt64($0), 2) } ?? [])
  }

  // MARK: Fractal heaps

  static func heap(
    version: UInt8 = 0,
    idByteCount: UInt16 = 7,
    filters: [UInt8] = [],
    largestManaged: UInt32 = 4096,
    hugeTree: UInt64 = nowhere,
    width: UInt16 = 4,
    first: UInt64 = 512,
    last: UInt64 = 65536,
    spaceBits: UInt16 = 32,
    root: UInt64,
    rows: UInt16 = 0,
    rootByteCount: UInt64 = 512,
    hasBlockChecksums: Bool = true
  ) -> [UInt8] {
    var bytes = text("FRHP") + [version] + number(UInt64(idByteCount), 2)
    bytes += number(UInt64(filters.count), 2) + [hasBlockChecksums ? 2 : 0]
    bytes +=
      number(UInt64(largestManaged), 4) + number(0, 8) + number(hugeTree, 8) + number(0, 8)
      + number(nowhere, 8) + number(0, 64)
    bytes += number(UInt64(width), 2) + number(first, 8) + number(last, 8)
    bytes += number(UInt64(spaceBits), 2) + number(1, 2) + number(root, 8) + number(UInt64(rows), 2)
    if !filters.isEmpty { bytes += number(rootByteCount, 8) + number(0, 4) + filters }
    return sealed(bytes)
  }

  /// A block with its checksum; objects begin 21 bytes behind its beginning.
  static func block(
    signature: String = "FHDB",
    heap: UInt64,
    offset: UInt64 = 0,
    byteCount: Int = 512,
    _ objects: [UInt8] = []
  ) -> [UInt8] {
    let head = text(signature) + [0] + number(heap, 8) + number(offset, 4)
    let tail = objects + [UInt8](repeating: 0, count: byteCount - head.count - 4 - objects.count)
    return head + checksum(head + [0, 0, 0, 0] + tail) + tail
  }

  /// A heap with one block, which is deflated and lies behind its header.
  static func deflatedHeap(
    at address: UInt64,
    idByteCount: UInt16 = 7,
    blockByteCount: Int,
    _ objects: [UInt8]
  ) throws -> [UInt8] {
    let block = block(heap: address, byteCount: blockByteCount, objects)
    var stored: [UInt8] = []
    try Deflate.shuffledZlib(block.rawBytes, elementByteCount: 1, .level(6), to: &stored)
    func header(root: UInt64) -> [UInt8] {
      heap(
        idByteCount: idByteCount,
        filters: [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0],
        first: UInt64(blockByteCount),
        last: UInt64(blockByteCount),
        root: root,
        rootByteCount: UInt64(stored.count)
      )
    }
    return header(root: address + UInt64(header(root: 0).count)) + stored
  }

  static func table(heap: UInt64, offset: UInt64 = 0, _ entries: [UInt64]) -> [UInt8] {
    sealed(
      text("FHIB") + [0] + number(heap, 8) + number(offset, 4) + entries.flatMap { number($0, 8) }
    )
  }

  /// What names an object in a block of a heap whose IDs have 7 bytes.
  static func id(_ offset: UInt64, _ length: UInt64, kind: UInt8 = 0) -> [UInt8] {
    [kind] + number(offset, 4) + number(length, 2)
  }

  // MARK: Values of variable length

  static func collection(
    version: UInt8 = 1,
    byteCount: UInt64 = 256,
    _ objects: [(index: UInt16, byteCount: UInt64, bytes: [UInt8])]
  ) -> [UInt8] {
    var bytes = text("GCOL") + [version, 0, 0, 0] + number(byteCount, 8)
    for object in objects {
      bytes += number(UInt64(object.index), 2) + number(1, 6) + number(object.byteCount, 8)
      bytes += object.bytes + [UInt8](repeating: 0, count: -object.bytes.count & 7)
    }
    return bytes
  }
}
