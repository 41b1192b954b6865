internal import FlywheelCore

/// The objects of a fractal heap that are too large for its blocks.
///
/// Format specification, sections III.G ("Huge Objects") and III.A.2 (records of types 1 and 2).
struct FractalHeapHugeObjects {
  private let header: FractalHeapHeader
  private let image: FileImage
  /// Where the objects are, by their numbers; nil before one is first asked for.
  private var places: Result<[UInt64: Object], FlywheelError>?

  /// An object.
  private struct Object {
    let stored: FractalHeapHeader.StoredBlock
    /// Its size, whatever it went through.
    let byteCount: UInt64
  }

  /// Looks for the huge objects of a heap; nothing is read yet.
  ///
  /// - Parameters:
  ///   - header: What the heap says about itself.
  ///   - image: The file.
  init(of header: FractalHeapHeader, in image: FileImage) {
    self.header = header
    self.image = image
  }

  /// Finds an object.
  ///
  /// - Parameters:
  ///   - number: Its number.
  ///   - place: Where in the file that is said, for the error.
  /// - Throws: `malformed` if there is none; `truncated`, `corrupted` or `malformed` if it or the tree is
  ///   damaged.
  /// - Returns: Its bytes.
  mutating func object(
    _ number: UInt64,
    saidAt place: Int
  ) throws(FlywheelError) -> StoredBytes {
    guard let object = try objects()[number] else {
      throw FlywheelError.malformed(
        found: "no huge object \(number) in a heap",
        expected: "one",
        at: .init(byteOffset: UInt64(place))
      )
    }
    let stored = object.stored
    let bytes = try image.bytes(at: stored.address, stored.byteCount, "a huge object")
    guard let filters = header.filters else { return bytes }
    return try FilteredBlock.undone(
      bytes,
      filters,
      skipped: stored.skippedFilters,
      byteCount: object.byteCount,
      in: image
    )
  }

  /// Where all objects are; the tree is read once.
  private mutating func objects() throws(FlywheelError) -> [UInt64: Object] {
    if let places { return try places.get() }
    let result = Result { () throws(FlywheelError) in try readTree() }
    places = result
    return try result.get()
  }

  private func readTree() throws(FlywheelError) -> [UInt64: Object] {
    guard let address = header.hugeTreeAddress else { return [:] }
    let tree = try BTree2(at: address, in: image)
    try tree.require(header.filters == nil ? .hugeObject : .filteredHugeObject, at: address)
    var objects: [UInt64: Object] = [:]
    try tree.forEachRecord { (fields) throws(FlywheelError) in
      let place = fields.place
      let (number, object) = try Self.read(&fields, isFiltered: header.filters != nil)
      guard objects.updateValue(object, forKey: number) == nil else {
        throw fields.malformed(
          "another huge object \(number)",
          expected: "one of each number",
          at: place
        )
      }
    }
    return objects
  }

  private static func read(
    _ fields: inout FieldReader,
    isFiltered: Bool
  ) throws(FlywheelError) -> (number: UInt64, object: Object) {
    let place = fields.place
    guard let address = try fields.address("a huge object") else {
      throw fields.malformed("no address", expected: "a huge object", at: place)
    }
    let storedByteCount = try fields.length("the size of a huge object")
    var (skipped, byteCount) = (UInt32(0), storedByteCount)
    if isFiltered {
      skipped = try fields.uint32("the filters of a huge object")
      byteCount = try fields.length("the size of a huge object")
    }
    let number = try fields.length("the number of a huge object")
    let stored = FractalHeapHeader.StoredBlock(
      address: address,
      byteCount: storedByteCount,
      skippedFilters: skipped
    )
    return (number, Object(stored: stored, byteCount: byteCount))
  }
}
