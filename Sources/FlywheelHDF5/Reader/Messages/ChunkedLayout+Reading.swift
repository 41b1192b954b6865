internal import FlywheelCore

extension ChunkedLayout {
  /// The most axes of a chunk, which has one more than the dataset: that of an element's bytes.
  static let rankLimit = Dataspace.rankLimit + 1

  /// Reads what versions 1 and 2 say after the class.
  ///
  /// - Parameters:
  ///   - fields: Where it is.
  ///   - rank: The axes of a chunk, one for the bytes of an element included.
  ///   - place: Where in the file that number is.
  /// - Throws: As `DataLayout`.
  init(
    _ fields: inout FieldReader,
    rank: Int,
    at place: Int
  ) throws(FlywheelError) {
    let address = try fields.address("the address of a chunk index")
    let extents = try Self.extents(&fields, rank: rank, size: 4, at: place)
    self.init(extents: extents, index: .btree1(address: address), filtersPartialEdges: true)
  }

  /// Reads what version 3 says after the class.
  ///
  /// - Parameter fields: Where it is.
  /// - Throws: As `DataLayout`.
  init(version3 fields: inout FieldReader) throws(FlywheelError) {
    let place = fields.place
    let rank = Int(try fields.uint8("a chunk's rank"))
    try self.init(&fields, rank: rank, at: place)
  }

  /// Reads what versions 4 and 5 say after the class.
  ///
  /// - Parameter fields: Where it is.
  /// - Throws: As `DataLayout`.
  init(version4 fields: inout FieldReader) throws(FlywheelError) {
    let flags = try fields.uint8("the flags of a chunked layout")
    let place = fields.place
    let rank = Int(try fields.uint8("a chunk's rank"))
    let extentSize = Int(try fields.uint8("the size of a chunk's extents"))
    let extents = try Self.extents(&fields, rank: rank, size: extentSize, at: place)
    let index = try ChunkIndexKind(&fields, isSingleFiltered: flags & 0x02 != 0)
    self.init(extents: extents, index: index, filtersPartialEdges: flags & 0x01 == 0)
  }

  /// Takes extents that were checked, the last of them the bytes of an element.
  private init(extents: [Int], index: ChunkIndexKind, filtersPartialEdges: Bool) {
    chunk = Array(extents.dropLast())
    elementByteCount = extents.last ?? 0
    self.index = index
    self.filtersPartialEdges = filtersPartialEdges
  }

  /// Reads the extents of a chunk, the bytes of an element included.
  private static func extents(
    _ fields: inout FieldReader,
    rank: Int,
    size: Int,
    at place: Int
  ) throws(FlywheelError) -> [Int] {
    guard (2...rankLimit).contains(rank) else {
      throw fields.malformed("a chunk with \(rank) axes", expected: "2 to 33", at: place)
    }
    var extents: [Int] = []
    extents.reserveCapacity(rank)
    var byteCount = 1
    for _ in 0..<rank {
      let place = fields.place
      let extent = try fields.uint(size, "a chunk's extent")
      guard extent > 0 else {
        throw fields.malformed("a chunk with an extent of 0", expected: "elements", at: place)
      }
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: Int(clamping: extent))
      guard !overflow else {
        throw FlywheelError.overflow("a chunk", at: .init(byteOffset: UInt64(place)))
      }
      byteCount = product
      extents.append(Int(clamping: extent))
    }
    return extents
  }
}

extension ChunkIndexKind {
  /// Reads which index there is, how it was set up, and where it is.
  ///
  /// Format specification, section VII.
  fileprivate init(
    _ fields: inout FieldReader,
    isSingleFiltered: Bool
  ) throws(FlywheelError) {
    let place = fields.place
    switch try fields.uint8("the kind of a chunk index") {
    case 1:
      self = try Self.single(&fields, isFiltered: isSingleFiltered)
    case 2:
      self = .implicit(address: try fields.address("the address of chunks"))
    case 3:
      let pageBits = try fields.uint8("the page size of a chunk index")
      let address = try fields.address("the address of a chunk index")
      self = .fixedArray(address: address, pageBits: pageBits)
    case 4:
      // The index says these itself.
      try fields.skip(5, "the sizes of a chunk index")
      self = .extensibleArray(address: try fields.address("the address of a chunk index"))
    case 5:
      try fields.skip(6, "the sizes of a chunk index")
      self = .btree2(address: try fields.address("the address of a chunk index"))
    case let kind:
      throw fields.malformed("a chunk index of kind \(kind)", expected: "1 to 5", at: place)
    }
  }

  private static func single(
    _ fields: inout FieldReader,
    isFiltered: Bool
  ) throws(FlywheelError) -> ChunkIndexKind {
    guard isFiltered else {
      let address = try fields.address("the address of a chunk")
      return .single(address: address, byteCount: nil, skippedFilters: 0)
    }
    let byteCount = try fields.length("the size of a chunk")
    let skippedFilters = try fields.uint32("the skipped filters of a chunk")
    let address = try fields.address("the address of a chunk")
    return .single(address: address, byteCount: byteCount, skippedFilters: skippedFilters)
  }
}
