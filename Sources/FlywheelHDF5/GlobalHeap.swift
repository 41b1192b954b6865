import FlywheelCore

/// The texts of variable length in a file.
///
/// The global heap has no checksums, and libhdf5 trusts its numbers: here each one is checked.
/// Format specification, section III.E.
struct GlobalHeap {
  private let file: TensorStorage
  /// Where addresses count from.
  private let baseOffset: Int
  /// Collections do not overlap in a sound file, so that all of them together fit it.
  private var unread: Int
  /// Where the objects are of the collections that were read.
  private var collections: [UInt64: [UInt32: Range<Int>]] = [:]

  /// Looks into the heap of a file.
  init(_ file: TensorStorage, baseOffset: Int) {
    self.file = file
    self.baseOffset = baseOffset
    unread = file.byteCount
  }

  /// Reads the next reference, and says where in the file the text is; nil if it has no bytes.
  mutating func find(_ reference: inout ByteReader) throws(FlywheelError) -> Range<Int>? {
    let length = try reference.readLittleEndian(UInt32.self, "a text's length")
    let address = try reference.readLittleEndian(UInt64.self, "a text's address")
    let index = try reference.readLittleEndian(UInt32.self, "a text's index")
    guard length > 0 else { return nil }
    if collections[address] == nil { collections[address] = try objects(at: address) }
    guard let object = collections[address]?[index], object.count >= length else {
      throw FlywheelError.malformed(
        found: "a heap without object \(index) of \(length) bytes",
        expected: "a text there"
      )
    }
    return object.prefix(Int(length))
  }

  /// Where the objects of a collection are.
  private mutating func objects(
    at address: UInt64
  ) throws(FlywheelError) -> [UInt32: Range<Int>] {
    let file = file
    var bytes = ByteReader(file.bytes)
    _ = try bytes.take(baseOffset, "the user block")
    _ = try bytes.take(Int(clamping: address), "the way to a text")
    let signature = try bytes.readBigEndian(UInt32.self, "a heap's signature")
    _ = try bytes.take(4, "a heap's version")
    let size = try bytes.readLittleEndian(UInt64.self, "a heap's size")
    let headerSize = UInt64(16)
    guard signature == 0x4743_4F4C, size >= headerSize else {
      throw FlywheelError.malformed(found: "other bytes", expected: "a text's heap (GCOL)")
    }
    let start = bytes.offset
    let content = try bytes.take(Int(clamping: size - headerSize), "a heap")
    guard content.byteCount <= unread else {
      throw FlywheelError.malformed(
        found: "heaps that overlap",
        expected: "texts each in a place of its own"
      )
    }
    unread -= content.byteCount
    var heap = ByteReader(content)
    var objects: [UInt32: Range<Int>] = [:]
    while heap.remaining >= headerSize {
      let number = try heap.readLittleEndian(UInt16.self, "an object's index")
      _ = try heap.take(6, "an object's reference count")
      let byteCount = Int(clamping: try heap.readLittleEndian(UInt64.self, "an object's size"))
      if number == 0 { break }  // the rest is free
      let first = start + heap.offset
      _ = try heap.take(byteCount, "an object of the heap")
      _ = try heap.take(min(heap.remaining, -byteCount & 7), "padding")
      objects[UInt32(number)] = first..<first + byteCount
    }
    return objects
  }
}
