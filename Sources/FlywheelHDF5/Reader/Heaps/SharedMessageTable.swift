internal import FlywheelCore

/// The messages that objects of a file share: a heap for each few kinds of them.
///
/// The lists and trees that find a message by its hash are for programs that add some, and are not read.
/// Format specification, sections IV.A.2.p and III.I ("Shared Object Header Message Table").
struct SharedMessageTable: Sendable {
  private let indexes: [Index]

  /// The messages of some kinds.
  private struct Index {
    /// A bit for each kind.
    let kinds: UInt16
    /// Where they are; nil if there are none.
    let heap: FractalHeap?
  }

  /// Reads the table that a file has.
  ///
  /// - Parameters:
  ///   - content: The message that says where it is.
  ///   - image: The file.
  /// - Throws: `truncated`, `corrupted`, `malformed`; `unsupported` if it is of another version.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var message = FieldReader(content, in: image)
    try message.version(0, of: "a table of shared messages")
    let place = message.place
    guard let address = try message.address("a table of shared messages") else {
      throw message.malformed("no address", expected: "a table of shared messages", at: place)
    }
    let count = Int(try message.uint8("the number of shared indexes"))
    let size = 4 + count * (14 + 2 * image.offsetSize) + 4
    let table = try image.bytes(at: address, UInt64(size), "a table of shared messages")
    var fields = FieldReader(table, in: image)
    try fields.signature("SMTB", of: "a table of shared messages")
    try table.requireChecksum("a table of shared messages")
    var indexes: [Index] = []
    for _ in 0..<count { indexes.append(try Self.index(&fields, in: image)) }
    self.indexes = indexes
  }

  private init(_ indexes: [Index]) { self.indexes = indexes }

  /// The same table, of which the bytes that are looked at are counted.
  ///
  /// - Parameter image: The file, with what counts them.
  /// - Returns: The table; nothing of its heaps was read yet.
  func metered(in image: FileImage) -> SharedMessageTable {
    SharedMessageTable(
      indexes.map { index in
        Index(kinds: index.kinds, heap: index.heap.map { FractalHeap(of: $0.header, in: image) })
      }
    )
  }

  private static func index(
    _ fields: inout FieldReader,
    in image: FileImage
  ) throws(FlywheelError) -> Index {
    try fields.version(0, of: "an index of shared messages")
    try fields.skip(1, "the type of an index")
    let kinds = try fields.uint16("the kinds of shared messages")
    // The least size to share, two limits for the index's form, and the number of messages.
    try fields.skip(4 + 2 + 2 + 2, "the limits of an index")
    _ = try fields.address("an index of shared messages")
    let heap = try fields.address("the heap of shared messages")
    guard let heap else { return Index(kinds: kinds, heap: nil) }
    return Index(kinds: kinds, heap: try FractalHeap(at: heap, in: image))
  }

  /// Finds a message.
  ///
  /// - Parameters:
  ///   - kind: What it tells.
  ///   - id: What names it in the heap.
  /// - Throws: `malformed` if messages of this kind are not shared, and as `FractalHeap.object(_:)`.
  /// - Returns: What it says.
  func content(
    of kind: MessageKind,
    _ id: StoredBytes
  ) throws(FlywheelError) -> StoredBytes {
    // Both kinds of fill value lie together.
    let number = kind == .fillValueOld ? MessageKind.fillValue.rawValue : kind.rawValue
    let index = indexes.first { $0.kinds & (1 << number) != 0 }
    guard let heap = index?.heap else {
      throw FlywheelError.malformed(
        found: "a shared message of kind \(kind.rawValue)",
        expected: "one that the file shares",
        at: .init(byteOffset: UInt64(id.fileOffset))
      )
    }
    return try heap.object(id)
  }
}
