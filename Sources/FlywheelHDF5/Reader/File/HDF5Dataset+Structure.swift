internal import FlywheelCore

extension HDF5Dataset {
  /// Says what the messages of a dataset say.
  ///
  /// - Parameters:
  ///   - parts: What they say.
  ///   - place: Where the dataset is.
  ///   - image: The file.
  init(_ parts: borrowing DatasetParts, at place: HDF5Path, in image: FileImage) {
    self.init(
      key: place.key,
      element: parts.element,
      typeDescription: parts.element?.dtype?.rawValue ?? parts.datatype.words,
      isBigEndian: parts.datatype.isBigEndian,
      shape: parts.dataspace.shape ?? .scalar,
      storage: Self.storage(parts, in: image)
    )
  }

  private static func storage(_ parts: borrowing DatasetParts, in image: FileImage) -> Storage {
    switch parts.layout {
    case .virtual: return .virtual
    case _ where parts.dataspace.shape == nil: return .none
    case .contiguous where parts.isExternal: return .external
    case .contiguous(let address, _):
      return .contiguous(byteOffset: address.map { image.place(of: $0) })
    case .compact(let bytes): return .compact(byteCount: bytes.count)
    case .chunked(let layout):
      return .chunked(layout.chunk, filters: parts.filters.filters.map { Filter(id: $0.id) })
    }
  }
}
