internal import CFlywheelHDF5
internal import FlywheelCore

extension LibraryFile {
  func attribute(
    _ name: String,
    of place: HDF5Path
  ) throws(FlywheelError) -> AttributeContent? {
    try HDF5Library.call { () throws(FlywheelError) in
      try attribute(name, in: try openObject(at: place))
    }
  }

  func attributes(
    of object: LibraryObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> [(name: String, content: AttributeContent)] {
    try HDF5Library.call { () throws(FlywheelError) in
      let object = try openObject(at: place)
      let names = try unsafe names("the attributes", place) { (visit, names) in
        unsafe fw_h5_attribute_names(object.id, visit, names)
      }
      var contents: [(name: String, content: AttributeContent)] = []
      for name in names {
        if let content = try attribute(name, in: object) { contents.append((name, content)) }
      }
      return contents
    }
  }

  /// Opens a group or a dataset; the caller holds the lock.
  private func openObject(at place: HDF5Path) throws(FlywheelError) -> HDF5Handle {
    let parent = try group(place.parentPath)
    let opened = unsafe H5Oopen(parent, place.nameOrDot, hid_t(H5P_DEFAULT))
    guard let object = HDF5Handle(opened) else {
      throw failure(toOpen: "an object", at: place, in: parent)
    }
    return object
  }

  /// The content of an open object's attribute; nil if it has none of the name.
  ///
  /// The caller holds the lock.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - object: The object.
  /// - Throws: `malformed` or `corrupted` if it is damaged.
  /// - Returns: The content.
  func attribute(
    _ name: String,
    in object: borrowing HDF5Handle
  ) throws(FlywheelError) -> AttributeContent? {
    let exists = unsafe H5Aexists(object.id, name)
    guard exists != 0 else { return nil }
    guard exists > 0,
      let attribute = HDF5Handle(unsafe H5Aopen(object.id, name, hid_t(H5P_DEFAULT))),
      let content = try content(of: attribute)
    else { throw HDF5Library.damage("the attribute '\(name)'", path: path) }
    return content
  }

  /// The content of an open attribute; nil if libhdf5 cannot read it.
  private func content(
    of attribute: borrowing HDF5Handle
  ) throws(FlywheelError) -> AttributeContent? {
    var description = fw_h5_description()
    guard unsafe fw_h5_describe_attribute(attribute.id, &description) >= 0 else { return nil }
    guard description.rank >= 0 else { return .other("nothing") }
    let shape = try HDF5Dataset.shape(of: description)
    if description.type_class == H5T_STRING {
      let texts = try texts(description, count: shape.elementCount) { (type, bytes) in
        unsafe bytes.withUnsafeMutableBytes { unsafe H5Aread(attribute.id, type, $0.baseAddress) }
      }
      guard let texts else { return nil }
      let strings = texts.compactMap { $0 }
      guard strings.count == texts.count else { return .other("a text that is not UTF-8") }
      return AttributeContent(strings, shape)
    }
    guard let dtype = DType(description.element) else {
      return .other(HDF5Dataset.typeDescription(of: description))
    }
    let byteCount = try shape.byteCount(of: dtype)
    try limit.check(byteCount, "an attribute")
    var status: herr_t = 0
    let storage = try unsafe TensorStorage(byteCount: byteCount) {
      (buffer) throws(FlywheelError) in
      guard byteCount > 0 else { return }
      // The memory type has the size of the dtype. What is not filled is not looked at.
      status = unsafe H5Aread(attribute.id, description.memory_type, buffer.baseAddress)
    }
    guard status >= 0 else { return nil }
    return try AttributeContent(Tensor(dtype: dtype, shape: shape, storage: storage))
  }
}
