internal import FlywheelCore

extension StructureFile {
  func dataset(at place: HDF5Path) throws(FlywheelError) -> HDF5Dataset {
    try dataset(try object(at: place, .dataset), at: place)
  }

  func dataset(
    _ object: StructureObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> HDF5Dataset {
    do throws(FlywheelError) {
      return HDF5Dataset(try parts(of: object), at: place, in: image)
    } catch  where error.code == .unsupported {
      return HDF5Dataset(unknownAt: place, to: readerDescription)
    }
  }

  func input(at place: HDF5Path) throws(FlywheelError) -> any HDF5Input {
    let parts = try parts(of: try object(at: place, .dataset))
    return try StructureInput(parts, at: place, in: self)
  }

  /// What the messages of a dataset say.
  ///
  /// - Parameter object: The dataset.
  /// - Throws: `malformed` or `truncated` if one is damaged, `unsupported` if one is too new.
  /// - Returns: What they say.
  func parts(of object: StructureObject) throws(FlywheelError) -> DatasetParts {
    try DatasetParts(object, in: self)
  }

  /// The type of opaque elements that an attribute names, as Keras does.
  ///
  /// - Parameters:
  ///   - object: The dataset.
  ///   - datatype: The type of its elements in the file.
  /// - Throws: As `attribute(_:in:)`.
  /// - Returns: The type; nil if nothing names it.
  func namedElement(
    of object: StructureObject,
    _ datatype: Datatype
  ) throws(FlywheelError) -> ElementType? {
    guard case .opaque("") = datatype.kind, datatype.byteCount <= 2 else { return nil }
    guard case .value(.string(let name))? = try attribute("dtype", in: object),
      let dtype = DType(rawValue: name), dtype.isNamedByAttribute,
      dtype.byteCount == datatype.byteCount
    else { return nil }
    return .number(dtype)
  }
}
