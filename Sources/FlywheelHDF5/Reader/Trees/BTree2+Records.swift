internal import FlywheelCore

extension BTree2 {
  /// What the records of a tree describe.
  ///
  /// Format specification, section III.A.2.
  enum RecordType: UInt8 {
    /// A huge object of a heap, found by its number.
    case hugeObject = 1
    /// The same, of a heap with filters.
    case filteredHugeObject = 2
    /// A link of a group, found by its name.
    case linkName = 5
    /// An attribute of an object, found by its name.
    case attributeName = 8
    /// A chunk of a dataset without filters.
    case chunk = 10
    /// A chunk of a dataset with filters.
    case filteredChunk = 11
  }

  /// Refuses a tree of other records.
  ///
  /// - Parameters:
  ///   - type: What its records must describe.
  ///   - address: Where the tree is, for the error.
  /// - Throws: `malformed`.
  func require(_ type: RecordType, at address: UInt64) throws(FlywheelError) {
    guard recordType == type.rawValue else {
      throw FlywheelError.malformed(
        found: "a B-tree of type \(recordType)",
        expected: "type \(type.rawValue)",
        at: .init(byteOffset: image.place(of: address))
      )
    }
  }

  /// What is left of a record, as bytes of the file.
  ///
  /// - Parameter record: A record of this tree, as `forEachRecord` gives it.
  /// - Returns: The bytes behind what was read of it.
  func rest(of record: borrowing FieldReader) -> StoredBytes {
    StoredBytes(
      storage: image.storage,
      range: record.place..<record.place + record.remaining,
      fileOffset: record.place
    )
  }
}
