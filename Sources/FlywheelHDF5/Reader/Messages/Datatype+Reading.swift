internal import FlywheelCore

extension Datatype {
  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it is no datatype, `unsupported` for a newer version,
  ///   `limitExceeded` for types that lie in one another too deep.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    var reader = DatatypeReader()
    self = try reader.read(&fields)
  }
}
