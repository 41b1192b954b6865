internal import FlywheelCore

/// What the messages of a dataset's header say; one object, as many places look at it.
final class DatasetParts: Sendable {
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
    datatype = try Datatype(typeContent, in: image)
    dataspace = try Dataspace(spaceContent, in: image)
    layout = try DataLayout(layoutContent, in: image)
    filters =
      if let content = try structure.content(.filterPipeline, of: header) {
        try FilterPipeline(content, in: image)
      } else {
        FilterPipeline()
      }
    fillValue = try FillValue(of: header, in: structure)
    isExternal = header.first(.externalFiles) != nil
    element = try file.namedElement(of: object, datatype) ?? datatype.elementType
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
  /// - Throws: As `DatasetInput`.
  /// - Returns: The elements, not read yet.
  func input(
    as element: ElementType,
    in file: StructureFile
  ) throws(FlywheelError) -> DatasetInput {
    try DatasetInput(
      datatype,
      as: element,
      dataspace,
      layout,
      filters,
      fillValue,
      in: file.image,
      limit: file.limit
    )
  }
}
