internal import FlywheelCore

/// The values of variable length in a file.
///
/// They have no checksums. Format specification, section III.E.
struct GlobalHeapCollections: Sendable {
  private let image: FileImage
  /// Collections do not overlap in a sound file, so that all of them together fit it.
  private var unread: Int
  /// The objects of the collections that were read, by their address and index.
  private var collections: [UInt64: [UInt16: StoredBytes]] = [:]

  /// The bytes before the objects of a collection, and before each object: eight and a length, whatever its
  /// size, and then up to a multiple of eight.
  private static let prefixSize = 16

  /// Looks into the heap of a file.
  ///
  /// - Parameter image: The file.
  init(in image: FileImage) {
    self.image = image
    unread = image.storage.byteCount
  }

  /// Reads a reference to a text, and finds its bytes.
  ///
  /// - Parameter reference: Where the reference is; advanced behind it.
  /// - Throws: `truncated`, `malformed` or `unsupported` if the text is not there.
  /// - Returns: The bytes; nil if there are none.
  mutating func text(
    _ reference: inout FieldReader
  ) throws(FlywheelError) -> StoredBytes? {
    let place = reference.place
    let length = try reference.uint32("a text's length")
    let address = try reference.address("a text's address")
    let index = try reference.uint32("a text's index")
    guard length > 0 else { return nil }
    guard let address, let number = UInt16(exactly: index),
      let object = try objects(at: address)[number], object.count >= length
    else {
      throw reference.malformed(
        "no object \(index) of \(length) bytes in its heap",
        expected: "a text",
        at: place
      )
    }
    return object.part(0..<Int(length))
  }

  /// The objects of a collection.
  private mutating func objects(
    at address: UInt64
  ) throws(FlywheelError) -> [UInt16: StoredBytes] {
    if let objects = collections[address] { return objects }
    let content = try collection(at: address)
    let objects = try read(content)
    unread -= content.count
    collections[address] = objects
    return objects
  }

  /// The part of a collection that its objects lie in.
  private mutating func collection(at address: UInt64) throws(FlywheelError) -> StoredBytes {
    let prefix = try image.bytes(at: address, UInt64(Self.prefixSize), "a text's heap")
    var fields = FieldReader(prefix, in: image)
    try fields.signature("GCOL", of: "a text's heap")
    try fields.version(1, of: "a text's heap")
    try fields.skip(3, "reserved bytes")
    let place = fields.place
    let size = try fields.length("the size of a text's heap")
    guard size >= UInt64(Self.prefixSize) else {
      throw fields.malformed("\(size) bytes", expected: "a text's heap", at: place)
    }
    let collection = try image.bytes(at: address, size, "a text's heap")
    guard collection.count <= unread else {
      throw fields.malformed(
        "heaps that overlap",
        expected: "texts each in a place of its own",
        at: collection.fileOffset
      )
    }
    return collection.part(Self.prefixSize..<collection.count)
  }

  private func read(_ content: StoredBytes) throws(FlywheelError) -> [UInt16: StoredBytes] {
    var fields = FieldReader(content, in: image)
    var objects: [UInt16: StoredBytes] = [:]
    // What is shorter than an object's prefix is free.
    while fields.remaining >= Self.prefixSize {
      let place = fields.place
      let index = try fields.uint16("an object's index")
      try fields.skip(6, "an object's reference count")
      let byteCount = Int(clamping: try fields.length("an object's size"))
      try fields.skip(Self.prefixSize - 8 - image.lengthSize, "padding")
      if index == 0 { break }  // the rest is free
      let start = fields.position
      try fields.skip(byteCount, "an object of a text's heap")
      try fields.skip(min(fields.remaining, -byteCount & 7), "padding")
      guard objects.updateValue(content.part(start..<start + byteCount), forKey: index) == nil
      else {
        throw fields.malformed(
          "another object \(index) in a text's heap",
          expected: "one of each index",
          at: place
        )
      }
    }
    return objects
  }
}
