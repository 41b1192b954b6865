internal import FlywheelCore

/// An object of a file: its header, and what its messages make it.
final class StructureObject: HDF5SourceObject, Sendable {
  /// The header.
  let header: ObjectHeader
  /// A group, a dataset, a datatype with a name, or something that this version does not know.
  let kind: HDF5Member.Kind

  var address: UInt64 { header.address }

  /// Reads the header of an object.
  ///
  /// - Parameters:
  ///   - address: Where it is.
  ///   - image: The file.
  /// - Throws: `malformed`, `truncated` or `corrupted` if it is damaged, `unsupported` if it is too new.
  init(at address: UInt64, in image: FileImage) throws(FlywheelError) {
    header = try ObjectHeader(at: address, in: image)
    let hasType = header.first(.datatype) != nil
    if header.first(.symbolTable) != nil || header.first(.linkInfo) != nil {
      kind = .group
    } else if hasType, header.first(.dataspace) != nil {
      kind = .dataset
    } else {
      kind = hasType ? .namedType : .other
    }
  }
}
