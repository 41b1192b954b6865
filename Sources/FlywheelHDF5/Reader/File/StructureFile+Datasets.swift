internal import FlywheelCore

extension StructureFile {
  func dataset(at place: HDF5Path) throws(FlywheelError) -> HDF5Dataset {
    try listed(try object(at: place, .dataset), at: place).dataset
  }

  func listed(
    _ object: StructureObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> ListedDataset {
    do throws(FlywheelError) {
      let parts = try parts(of: object)
      return ListedDataset(
        dataset: HDF5Dataset(parts, at: place, in: image),
        liesAsInMemory: parts.liesAsInMemory
      )
    } catch  where error.code == .unsupported {
      return ListedDataset(unknownAt: place, to: readerDescription)
    }
  }

  func mapped(_ listed: ListedDataset) -> Tensor? {
    let dataset = listed.dataset
    guard listed.liesAsInMemory, let dtype = dataset.dtype,
      case .contiguous(let offset?) = dataset.storage, let byteOffset = Int(exactly: offset),
      image.storage.isAligned(byteOffset, to: dtype.alignment),
      let tensor = try? Tensor(
        dtype: dtype,
        shape: dataset.shape,
        storage: image.storage,
        byteOffset: byteOffset
      ), (try? tensor.checkTruthValues()) != nil
    else { return nil }
    return tensor
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
    guard case .value(.string(let name))? = try attribute(HDF5Writer.typeAttribute, in: object),
      let dtype = DType(rawValue: name), dtype.isNamedByAttribute,
      dtype.byteCount == datatype.byteCount
    else { return nil }
    return .number(dtype)
  }
}
