internal import FlywheelCore

/// Collects the messages of an object header, block by block.
///
/// A header with blocks that lead to each other ends here: each block is read once, and all together they
/// have no more bytes than the file.
struct HeaderMessageReader {
  /// The messages that were found.
  private(set) var messages: [HeaderMessage] = []
  /// How many bytes the blocks have that the header goes on in.
  private(set) var continuationByteCount = 0
  private let image: FileImage
  private let format: HeaderMessageFormat
  /// Blocks that messages tell of.
  private var continuations: [Continuation] = []

  /// Where a header goes on.
  private struct Continuation {
    var address: UInt64
    var byteCount: UInt64
    /// Where in the file it is said.
    var place: Int
  }

  /// Starts without messages.
  ///
  /// - Parameters:
  ///   - image: The file.
  ///   - format: How the messages are written.
  init(_ image: FileImage, _ format: HeaderMessageFormat) {
    self.image = image
    self.format = format
    // A dataset has about so many.
    messages.reserveCapacity(8)
  }

  /// Reads the messages of a block.
  ///
  /// - Parameter block: The messages, without what is around them.
  /// - Throws: `truncated` if one reaches beyond the block, `malformed` for flags or a size that no message
  ///   has, `unsupported` as `ObjectHeader`.
  mutating func read(_ block: StoredBytes) throws(FlywheelError) {
    let first = block.range.lowerBound
    var fields = FieldReader(block, in: image)
    // What is shorter than a message's prefix is a gap, of which version 1 has none.
    while fields.remaining >= format.prefixSize {
      let place = fields.place
      let prefix = try prefix(&fields)
      let start = fields.position
      try fields.skip(prefix.byteCount, "a header message")
      switch prefix.kind {
      case .null: break
      case .continuation: try addContinuation(block.part(start..<fields.position), place)
      default:
        try Self.check(prefix, at: place)
        messages.append(
          HeaderMessage(
            kind: prefix.kind,
            isShared: prefix.isShared,
            range: first + start..<first + fields.position,
            order: prefix.order
          )
        )
      }
    }
    if case .version1 = format, fields.remaining > 0 {
      throw fields.malformed("\(fields.remaining) bytes", expected: "a header message or none")
    }
  }

  /// Reads all blocks that the header goes on in.
  ///
  /// - Parameter first: Where in the file the first block begins.
  /// - Throws: As `read(_:)`; `corrupted` if a block's checksum does not match.
  mutating func readContinuations(of first: Int) throws(FlywheelError) {
    guard !continuations.isEmpty else { return }
    var places = BlockPlaces(first)
    var budget = image.storage.byteCount
    var next = 0
    while next < continuations.count {
      let continuation = continuations[next]
      let block = try image.bytes(
        at: continuation.address,
        continuation.byteCount,
        "an object header's continuation"
      )
      guard places.insert(block.fileOffset), block.count <= budget else {
        throw FlywheelError.malformed(
          found: "an object header that goes on where it was",
          expected: "another block",
          at: .init(byteOffset: UInt64(continuation.place))
        )
      }
      budget -= block.count
      continuationByteCount += block.count
      try read(try unwrapped(block))
      next += 1
    }
  }

  /// The messages of a block that a header goes on in.
  private func unwrapped(_ block: StoredBytes) throws(FlywheelError) -> StoredBytes {
    guard format.checksumSize > 0 else { return block }
    var fields = FieldReader(block, in: image)
    try fields.signature("OCHK", of: "an object header's continuation")
    let start = fields.position
    try fields.skip(format.checksumSize, "an object header's continuation")
    try block.requireChecksum("an object header's continuation")
    return block.part(start..<block.count - format.checksumSize)
  }

  private mutating func addContinuation(
    _ content: StoredBytes,
    _ place: Int
  ) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    let address = try fields.uint(image.offsetSize, "a continuation's address")
    let byteCount = try fields.length("a continuation's length")
    continuations.append(Continuation(address: address, byteCount: byteCount, place: place))
  }

  /// What there is in front of a message's content.
  private struct Prefix {
    var kind: MessageKind
    var byteCount: Int
    var flags: UInt8
    var order: UInt16?

    var isShared: Bool { flags & 0x02 != 0 }
    var mustNotBeShared: Bool { flags & 0x04 != 0 }
    var mustBeKnown: Bool { flags & 0x80 != 0 }
  }

  private func prefix(_ fields: inout FieldReader) throws(FlywheelError) -> Prefix {
    switch format {
    case .version1:
      let kind = try fields.uint16("a message's kind")
      let byteCount = Int(try fields.uint16("a message's size"))
      guard byteCount.isMultiple(of: 8) else {
        throw fields.malformed(
          "a message of \(byteCount) bytes",
          expected: "a multiple of 8",
          at: fields.place - 2
        )
      }
      let flags = try fields.uint8("a message's flags")
      try fields.skip(3, "a message's padding")
      return Prefix(kind: MessageKind(rawValue: kind), byteCount: byteCount, flags: flags)
    case .version2(let tracksOrder):
      let kind = try fields.uint8("a message's kind")
      let byteCount = Int(try fields.uint16("a message's size"))
      let flags = try fields.uint8("a message's flags")
      let order = tracksOrder ? try fields.uint16("a message's order") : nil
      return Prefix(
        kind: MessageKind(rawValue: UInt16(kind)),
        byteCount: byteCount,
        flags: flags,
        order: order
      )
    }
  }

  private static func check(_ prefix: Prefix, at place: Int) throws(FlywheelError) {
    let kind = prefix.kind
    guard kind.isKnown || !prefix.mustBeKnown else {
      throw FlywheelError(
        .unsupported,
        "An object has a message of kind \(kind.rawValue), without which it must not be read. A newer "
          + "Flywheel may know it.",
        at: .init(byteOffset: UInt64(place))
      )
    }
    guard !prefix.isShared || !kind.isKnown || (kind.isShareable && !prefix.mustNotBeShared) else {
      throw FlywheelError.malformed(
        found: "a shared message of kind \(kind.rawValue)",
        expected: "one that can be shared",
        at: .init(byteOffset: UInt64(place))
      )
    }
  }
}
