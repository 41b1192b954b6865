internal import FlywheelCore

/// What the elements of a dataset are that were never written.
///
/// Format specification, sections IV.A.2.e and IV.A.2.f.
struct FillValue: Sendable {
  /// One element as it is in the file; nil if it is all zeros, or nobody said what it is.
  let bytes: StoredBytes?

  /// Finds what the header of a dataset says.
  ///
  /// - Parameters:
  ///   - header: The header.
  ///   - structure: The file.
  /// - Throws: `malformed` or `truncated` if it says nothing that makes sense, `unsupported` for a newer version.
  init(of header: ObjectHeader, in structure: FileStructure) throws(FlywheelError) {
    if let content = try structure.content(.fillValue, of: header) {
      try self.init(content, in: structure.image)
    } else if let content = try structure.content(.fillValueOld, of: header) {
      try self.init(old: content, in: structure.image)
    } else {
      self.init(bytes: nil)
    }
  }

  /// Takes the bytes of an element.
  init(bytes: StoredBytes?) {
    self.bytes = bytes
  }

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `truncated` if it is no fill value, `unsupported` for a newer version.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    let version = try fields.version(1...3, of: "a fill value")
    let hasValue: Bool
    if version == 3 {
      hasValue = try fields.uint8("a fill value's flags") & 0x20 != 0
    } else {
      try fields.skip(2, "a fill value's times")
      let isDefined = try fields.uint8("whether there is a fill value") != 0
      hasValue = version == 1 || isDefined
    }
    bytes = hasValue ? try Self.value(&fields, content) : nil
  }

  /// Reads a message as old files have it.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `truncated` if it is no fill value.
  init(old content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    bytes = try Self.value(&fields, content)
  }

  private static func value(
    _ fields: inout FieldReader,
    _ content: StoredBytes
  ) throws(FlywheelError) -> StoredBytes? {
    // Negative if nobody said what it is, and 0 if it is all zeros.
    let byteCount = Int(Int32(bitPattern: try fields.uint32("the size of a fill value")))
    guard byteCount > 0 else { return nil }
    let start = fields.position
    try fields.skip(byteCount, "a fill value")
    return content.part(start..<fields.position)
  }
}
