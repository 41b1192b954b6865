internal import FlywheelCore

/// What the messages of a dataset's header say; not copied, as there is much of it and nobody keeps the whole.
struct DatasetParts: ~Copyable {
  /// Where the header is.
  let address: UInt64
  /// The type of its elements in the file.
  let datatype: Datatype
  /// Its extents.
  let dataspace: Dataspace
  /// Where its elements are.
  let layout: DataLayout
  /// What its chunks went through.
  let filters: FilterPipeline
  /// What elements are that were never written.
  let fillValue: FillValue
  /// Whether other files hold its elements.
  let isExternal: Bool
  /// What its elements are; nil if Flywheel does not read them.
  let element: ElementType?

  /// Reads the messages of a header.
  ///
  /// - Parameters:
  ///   - object: The dataset.
  ///   - file: The file.
  /// - Throws: `malformed` or `truncated` if one is damaged or missing, `unsupported` if one is too new.
  init(_ object: StructureObject, in file: StructureFile) throws(FlywheelError) {
    let (header, structure) = (object.header, file.structure)
    let image = structure.image
    guard let typeContent = try structure.content(.datatype, of: header),
      let spaceContent = try structure.content(.dataspace, of: header),
      let layoutContent = try structure.content(.layout, of: header)
    else {
      throw FlywheelError.malformed(
        found: "a header without a type, extents or a layout",
        expected: "a dataset's",
        at: .init(byteOffset: image.place(of: header.address))
      )
    }
    let datatype = try Datatype(typeContent, in: image)
    let dataspace = try Dataspace(spaceContent, in: image)
    let layout = try DataLayout(layoutContent, in: image)
    let filters =
      if let content = try structure.content(.filterPipeline, of: header) {
        try FilterPipeline(content, in: image)
      } else {
        FilterPipeline()
      }
    let fillValue = try FillValue(of: header, in: structure)
    let element = try file.namedElement(of: object, datatype) ?? datatype.elementType
    // Nothing throws from here on, so that all is there or nothing.
    address = header.address
    self.datatype = datatype
    self.dataspace = dataspace
    self.layout = layout
    self.filters = filters
    self.fillValue = fillValue
    self.element = element
    isExternal = header.first(.externalFiles) != nil
  }

  /// Whether the elements lie in the file in one piece, and as they do in memory: `DatasetInput` would find nothing
  /// to do, and nothing wrong, but maybe the end of the file.
  var liesAsInMemory: Bool {
    guard case .contiguous(.some, let storedByteCount) = layout, !isExternal, let element,
      let shape = dataspace.shape, ElementForm(of: datatype, as: element) == .same,
      (fillValue.bytes?.count ?? element.byteCount) == element.byteCount
    else { return false }
    let (byteCount, overflow) = shape.elementCount
      .multipliedReportingOverflow(by: element.byteCount)
    return !overflow && UInt64(byteCount) <= storedByteCount ?? .max
  }

  /// Finds the elements.
  ///
  /// - Parameters:
  ///   - element: What they are in memory.
  ///   - file: The file.
  /// - Throws: As `DatasetInput`; `limitExceeded` if more datasets than this one name its chunks, and too many of
  ///   them were read.
  /// - Returns: The elements, not read yet.
  func input(
    as element: ElementType,
    in file: StructureFile
  ) throws(FlywheelError) -> DatasetInput {
    guard case .chunked = layout else { return try input(as: element, in: file.image, file.limit) }
    return try file.chunks.find(ofDatasetAt: address) { (image) throws(FlywheelError) in
      try input(as: element, in: image, file.limit)
    }
  }

  private func input(
    as element: ElementType,
    in image: FileImage,
    _ limit: ReadLimit
  ) throws(FlywheelError) -> DatasetInput {
    try DatasetInput(
      datatype,
      as: element,
      dataspace,
      layout,
      filters,
      fillValue,
      in: image,
      limit: limit
    )
  }
}
