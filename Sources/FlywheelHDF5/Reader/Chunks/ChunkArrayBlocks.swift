internal import FlywheelCore

/// The blocks that the arrays of chunks are made of, each with a checksum of its own.
///
/// Every block begins with four letters, a version, what the elements are, and the address of the array's header.
/// The elements of large blocks lie in pages, which are written when the first of their elements is.
///
/// Format specification, sections VII.C and VII.D.
struct ChunkArrayBlocks {
  /// How elements are written.
  let element: ChunkArrayElement
  /// Which chunk is at which place of the array.
  let order: ChunkOrder
  /// Where the array's header is.
  private let headerAddress: UInt64
  /// How many elements a page has; nil if it is more than any block has.
  private let pageLength: UInt64?
  private let isFiltered: Bool
  private let image: FileImage
  private var budget: ReadingBudget

  /// Knows what the header of an array says.
  ///
  /// - Parameters:
  ///   - headerAddress: Where the header is.
  ///   - element: How elements are written.
  ///   - pageBits: The binary logarithm of the number of elements in a page.
  ///   - order: Which chunk is at which place of the array.
  ///   - isFiltered: Whether chunks go through filters.
  ///   - image: The file.
  init(
    ofArrayAt headerAddress: UInt64,
    _ element: ChunkArrayElement,
    pageBits: UInt8,
    _ order: ChunkOrder,
    isFiltered: Bool,
    in image: FileImage
  ) {
    self.headerAddress = headerAddress
    self.element = element
    self.order = order
    self.isFiltered = isFiltered
    self.image = image
    pageLength = pageBits < 63 ? 1 << UInt64(pageBits) : nil
    budget = ReadingBudget(of: image)
  }

  /// How many pages a block has; nil if it has none.
  func pageCount(ofBlockWith elementCount: UInt64) -> UInt64? {
    guard let pageLength, elementCount > pageLength else { return nil }
    return (elementCount - 1) / pageLength + 1
  }

  /// How many bytes elements take; at most `UInt64.max`, which no file has.
  func byteCount(ofElements count: UInt64) -> UInt64 {
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: UInt64(element.byteCount))
    return overflow ? .max : byteCount
  }

  /// What every block and page ends with.
  static let checksumByteCount = 4

  /// A sum; at most `UInt64.max`, which no file has.
  static func sum(_ first: UInt64, _ second: UInt64) -> UInt64 {
    let (sum, overflow) = first.addingReportingOverflow(second)
    return overflow ? .max : sum
  }

  /// Opens a block.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - letters: What it begins with.
  ///   - what: What it is, for errors.
  ///   - byteCount: How many bytes there are between the header's address and the checksum.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if it is of another version.
  /// - Returns: These bytes.
  mutating func content(
    ofBlockAt address: UInt64,
    _ letters: StaticString,
    _ what: StaticString,
    byteCount: UInt64
  ) throws(FlywheelError) -> StoredBytes {
    let prefixByteCount = 6 + image.offsetSize
    let overhead = UInt64(prefixByteCount + Self.checksumByteCount)
    let block = try budget.bytes(at: address, Self.sum(byteCount, overhead), what, in: image)
    var fields = FieldReader(block, in: image)
    try fields.signature(letters, of: what)
    try block.requireChecksum(what)
    try fields.version(0, of: what)
    let place = fields.place
    let client = try fields.uint8("what an array holds")
    let header = try fields.address("the address of an array's header")
    guard client == ChunkArrayElement.client(isFiltered: isFiltered), header == headerAddress else {
      throw fields.malformed(
        "a block of another array",
        expected: "a block of the one at \(headerAddress)",
        at: place
      )
    }
    return block.part(prefixByteCount..<block.count - Self.checksumByteCount)
  }

  /// Adds the chunks whose places elements say.
  ///
  /// - Parameters:
  ///   - elements: The elements, one after the other.
  ///   - first: The place of the first in the array.
  ///   - chunks: Takes the chunks.
  /// - Throws: `malformed` if a chunk is beyond the dataset.
  func add(
    _ elements: StoredBytes,
    from first: UInt64,
    to chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    var fields = FieldReader(elements, in: image)
    var place = first
    while fields.remaining > 0 {
      let start = fields.place
      let found = try element.read(&fields, plainByteCount: chunks.plainByteCount)
      if let found {
        guard let number = order.number(at: place) else {
          throw fields.malformed(
            "a chunk beyond the dataset",
            expected: "none at place \(place) of the array",
            at: start
          )
        }
        chunks.add(number, found)
      }
      // Only a hostile array has places that overflow, and no chunks there.
      place &+= 1
    }
  }

  /// Adds the chunks of a block's pages.
  ///
  /// - Parameters:
  ///   - content: What else the block holds: which pages were written, or nothing.
  ///   - elementCount: The number of elements of the block.
  ///   - first: The place of its first element in the array.
  ///   - isWritten: Whether a page has elements.
  ///   - chunks: Takes the chunks.
  /// - Throws: `truncated`, `corrupted`, `malformed`.
  mutating func addPages(
    behind content: StoredBytes,
    _ elementCount: UInt64,
    from first: UInt64,
    isWritten: (UInt64) -> Bool,
    to chunks: inout ChunkIndexBuilder
  ) throws(FlywheelError) {
    guard let pageLength, let pageCount = pageCount(ofBlockWith: elementCount) else { return }
    // Behind the block's own checksum; all that is within the file.
    let contentEnd = content.fileOffset + content.count
    let address = UInt64(contentEnd + Self.checksumByteCount - image.baseAddress)
    for page in 0..<pageCount where isWritten(page) {
      let start = page * pageLength
      let length = min(pageLength, elementCount - start)
      // All pages but the last have the same size, and a checksum each; what is too far is beyond the file.
      let checksums = page.multipliedReportingOverflow(by: UInt64(Self.checksumByteCount))
      let distance = Self.sum(byteCount(ofElements: start), checksums.partialValue)
      let bytes = try budget.bytes(
        at: checksums.overflow ? .max : Self.sum(address, distance),
        Self.sum(byteCount(ofElements: length), UInt64(Self.checksumByteCount)),
        "a page of an array of chunks",
        in: image
      )
      try bytes.requireChecksum("a page of an array of chunks")
      let elements = bytes.part(0..<bytes.count - Self.checksumByteCount)
      try add(elements, from: first &+ start, to: &chunks)
    }
  }
}
