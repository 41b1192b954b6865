internal import FlywheelCore

extension StructureFile {
  func attribute(
    _ name: String,
    of place: HDF5Path
  ) throws(FlywheelError) -> AttributeContent? {
    try attribute(name, in: try object(at: place, .any))
  }

  /// What an attribute of an object holds; nil if the object has none of the name.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - object: The object.
  /// - Throws: `malformed`, `truncated` or `corrupted` if the attributes are damaged.
  /// - Returns: The content.
  func attribute(
    _ name: String,
    in object: StructureObject
  ) throws(FlywheelError) -> AttributeContent? {
    let attributes = try ObjectAttributes.attributes(of: object.header, in: structure)
    guard let found = attributes.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
      return nil
    }
    return try content(of: found)
  }

  func attributes(
    of object: StructureObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> [(name: String, content: AttributeContent)] {
    let attributes = try ObjectAttributes.attributes(of: object.header, in: structure)
    var contents: [(name: String, content: AttributeContent)] = []
    for attribute in attributes { contents.append((attribute.name, try content(of: attribute))) }
    return contents
  }

  private func content(
    of attribute: AttributeMessage
  ) throws(FlywheelError) -> AttributeContent {
    guard let shape = attribute.dataspace.shape else { return .other("nothing") }
    let datatype = attribute.datatype
    if let stored = StoredTexts(datatype, in: self) {
      let texts = try stored.texts(try elements(of: attribute, as: stored.element).stored)
      let strings = texts.compactMap { $0 }
      guard strings.count == texts.count else { return .other("a text that is not UTF-8") }
      return AttributeContent(strings, shape)
    }
    guard let element = datatype.elementType, element.dtype != nil else {
      return .other(datatype.words)
    }
    return try AttributeContent(try elements(of: attribute, as: element).uncheckedTensor())
  }

  /// The elements of an attribute, which are like those of a compact dataset.
  private func elements(
    of attribute: AttributeMessage,
    as element: ElementType
  ) throws(FlywheelError) -> HDF5Elements {
    let input = try DatasetInput(
      attribute.datatype,
      as: element,
      attribute.dataspace,
      .compact(attribute.data),
      FilterPipeline(),
      FillValue(bytes: nil),
      in: image,
      limit: limit
    )
    return try input.elements(alignment: element.dtype?.alignment ?? 1)
  }
}
