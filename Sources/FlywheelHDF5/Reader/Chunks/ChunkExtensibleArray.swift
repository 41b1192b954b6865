internal import FlywheelCore

/// The array that indexes the chunks of datasets that grow without end along one axis.
///
/// Its first elements lie in an index block, those after them in data blocks that become larger. They are grouped:
/// group n has 2^(n / 2) blocks of 2^((n + 1) / 2) times the smallest number of elements. The index block has the
/// addresses of the blocks of the first groups; each of the others has a super block for them.
///
/// Format specification, section VII.D.
struct ChunkExtensibleArray {
  private let form: Form
  private let indexAddress: UInt64?
  private var blocks: ChunkArrayBlocks

  /// How elements are shared out to blocks.
  private struct Form {
    /// How many elements are in the index block.
    let indexLength: UInt64
    /// The binary logarithm of how many elements the smallest data block has.
    let smallestBits: Int
    /// How many groups there can be.
    let groupCount: Int
    /// How many groups have no super block.
    let directGroupCount: Int
    /// How many bytes of a block tell where in the array it begins.
    let placeByteCount: UInt64
  }

  /// Data blocks of one size.
  private struct Group {
    let blockCount: UInt64
    /// The number of elements of each.
    let length: UInt64
    /// The place of the first element.
    let first: UInt64
    /// How many blocks are in the groups before it.
    let blocksBefore: UInt64

    /// Knows a group by its number; nil if it begins beyond what 64 bits count.
    init?(_ number: Int, _ form: Form) {
      guard number + form.smallestBits < 62 else { return nil }
      blockCount = 1 << UInt64(number / 2)
      length = 1 << UInt64((number + 1) / 2 + form.smallestBits)
      first = form.indexLength + ((1 << UInt64(number)) - 1) << UInt64(form.smallestBits)
      // 0, 1, 2, 4, 6, 10, 14, 22 …
      blocksBefore = (number.isMultiple(of: 2) ? 2 : 3) * blockCount - 2
    }
  }

  /// Reads the header of an array.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - order: Which chunk is at which place of it.
  ///   - isFiltered: Whether chunks go through filters.
  ///   - image: The file.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if it is of another version.
  init(
    at address: UInt64,
    _ order: ChunkOrder,
    isFiltered: Bool,
    in image: FileImage
  ) throws(FlywheelError) {
    let size = 12 + 6 * image.lengthSize + image.offsetSize + 4
    let header = try image.bytes(at: address, UInt64(size), "an extensible array's header")
    var fields = FieldReader(header, in: image)
    try fields.signature("EAHD", of: "an extensible array's header")
    try header.requireChecksum("an extensible array's header")
    try fields.version(0, of: "an extensible array")
    let element = try ChunkArrayElement(
      &fields,
      of: "an extensible array",
      isFiltered: isFiltered,
      in: image
    )
    form = try Self.form(&fields)
    let pageBits = try fields.uint8("the size of an extensible array's pages")
    // How many blocks and elements there are, which the blocks tell too.
    try fields.skip(6 * image.lengthSize, "an extensible array's statistics")
    indexAddress = try fields.address("the address of an index block")
    blocks = ChunkArrayBlocks(
      ofArrayAt: address,
      element,
      pageBits: pageBits,
      order,
      isFiltered: isFiltered,
      in: image
    )
  }

  private static func form(_ fields: inout FieldReader) throws(FlywheelError) -> Form {
    let start = fields.place
    let bits = Int(try fields.uint8("the logarithm of the largest number of elements"))
    let indexLength = try fields.uint8("the number of elements in an index block")
    let smallest = try fields.uint8("the number of elements in the smallest data block")
    let pointers = try fields.uint8("the number of addresses in the smallest super block")
    let smallestBits = smallest.trailingZeroBitCount
    let directGroupCount = 2 * pointers.trailingZeroBitCount
    let groupCount = 1 + bits - smallestBits
    guard smallest.nonzeroBitCount == 1, pointers.nonzeroBitCount == 1, pointers >= 2, bits <= 64,
      groupCount >= directGroupCount
    else {
      throw fields.malformed(
        "an extensible array of 2^\(bits) elements in blocks of \(smallest), \(pointers) of them and more",
        expected: "powers of two that fit each other",
        at: start
      )
    }
    return Form(
      indexLength: UInt64(indexLength),
      smallestBits: smallestBits,
      groupCount: groupCount,
      directGroupCount: directGroupCount,
      placeByteCount: UInt64((bits + 7) / 8)
    )
  }

  /// Collects all chunks.
  ///
  /// - Parameter chunks: Takes the chunks.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if the array is of another version.
  mutating func collect(into chunks: inout ChunkIndexBuilder) throws(FlywheelError) {
    guard let indexAddress else { return }
    let elements = blocks.byteCount(ofElements: form.indexLength)
    // Two groups of one block, two of two, and so on.
    let directBlockCount = 2 * ((1 << (form.directGroupCount / 2)) - 1)
    let addressCount = directBlockCount + form.groupCount - form.directGroupCount
    let content = try blocks.content(
      ofBlockAt: indexAddress,
      "EAIB",
      "an extensible array's index block",
      byteCount: elements + UInt64(addressCount * chunks.image.offsetSize)
    )
    let split = Int(elements)
    try blocks.add(content.part(0..<split), from: 0, to: &chunks)
    let addresses = content.part(split..<content.count)
    var fields = FieldReader(addresses, in: chunks.image)
    for number in 0..<form.directGroupCount {
      guard let group = Group(number, form) else { throw tooLarge(fields) }
      try collect(group, &fields, pages: nil, into: &chunks)
    }
    for number in form.directGroupCount..<form.groupCount {
      guard let address = try fields.address("the address of a super block") else { continue }
      guard let group = Group(number, form) else { throw tooLarge(fields) }
      try collect(group, superBlockAt: address, into: &chunks)
    }
  }

  /// Collects the chunks of a group that has a super block.
  private mutating func collect(
    _ group: Group,
    superBlockAt address: UInt64,
    into chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    let pageCount = blocks.pageCount(ofBlockWith: group.length) ?? 0
    let bitmapByteCount = ChunkArrayBitmap.byteCount(ofPages: pageCount) * group.blockCount
    let addressByteCount = UInt64(chunks.image.offsetSize) * group.blockCount
    let content = try blocks.content(
      ofBlockAt: address,
      "EASB",
      "an extensible array's super block",
      byteCount: form.placeByteCount + bitmapByteCount + addressByteCount
    )
    var fields = FieldReader(content, in: chunks.image)
    let start = fields.place
    let place = try fields.uint(Int(form.placeByteCount), "the place of a super block")
    guard place == group.first - form.indexLength else {
      throw wrongPlace(place, group.first - form.indexLength, fields, at: start)
    }
    // All that fits the file, so that the sizes fit integers.
    let bits = Int(form.placeByteCount)..<content.count - Int(addressByteCount)
    try fields.skip(bits.count, "which pages were written")
    try collect(group, &fields, pages: content.part(bits), into: &chunks)
  }

  /// Collects the chunks of a group's data blocks.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - addresses: Where the data blocks are.
  ///   - pages: Which of all their pages were written; nil if they cannot have pages.
  ///   - chunks: Takes the chunks.
  /// - Throws: `truncated`, `corrupted`, `malformed`.
  private mutating func collect(
    _ group: Group,
    _ addresses: inout FieldReader,
    pages: StoredBytes?,
    into chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    let pageCount = blocks.pageCount(ofBlockWith: group.length)
    for number in 0..<group.blockCount {
      let place = addresses.place
      guard let address = try addresses.address("the address of a data block") else { continue }
      guard pageCount == nil || pages != nil else {
        throw addresses.malformed(
          "pages in a small data block",
          expected: "pages in blocks that have a super block",
          at: place
        )
      }
      let content = try block(number, of: group, isDirect: pages == nil, at: address, chunks.image)
      let first = group.first + number * group.length
      if let pageCount, let pages {
        let bitmap = ChunkArrayBitmap(pages, firstPage: number * pageCount)
        try blocks.addPages(
          behind: content,
          group.length,
          from: first,
          isWritten: bitmap.isSet,
          to: &chunks
        )
      } else {
        try blocks.add(content, from: first, to: &chunks)
      }
    }
  }

  /// The elements of a data block; none if they are in pages, which follow it.
  private mutating func block(
    _ number: UInt64,
    of group: Group,
    isDirect: Bool,
    at address: UInt64,
    _ image: FileImage
  ) throws(FlywheelError) -> StoredBytes {
    let isPaged = blocks.pageCount(ofBlockWith: group.length) != nil
    let elements = isPaged ? 0 : blocks.byteCount(ofElements: group.length)
    let content = try blocks.content(
      ofBlockAt: address,
      "EADB",
      "an extensible array's data block",
      byteCount: ChunkArrayBlocks.sum(elements, form.placeByteCount)
    )
    var fields = FieldReader(content, in: image)
    let start = fields.place
    let place = try fields.uint(Int(form.placeByteCount), "the place of a block")
    // libhdf5 counts the blocks of all groups before where there is no super block.
    let expected = group.first - form.indexLength + number * group.length
    let shifted = expected + group.blocksBefore * group.length
    guard place == expected || (isDirect && place == shifted) else {
      throw wrongPlace(place, expected, fields, at: start)
    }
    return content.part(Int(form.placeByteCount)..<content.count)
  }

  /// Where in the array a block begins is counted from the end of the index block.
  private func wrongPlace(
    _ found: UInt64,
    _ expected: UInt64,
    _ fields: borrowing FieldReader,
    at place: Int
  ) -> FlywheelError {
    fields.malformed(
      "a block of elements from \(found) on",
      expected: "those from \(expected) on",
      at: place
    )
  }

  private func tooLarge(_ fields: borrowing FieldReader) -> FlywheelError {
    fields.malformed("an extensible array beyond 2^62 elements", expected: "fewer")
  }
}
