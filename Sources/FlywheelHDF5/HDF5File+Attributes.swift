internal import CFlywheelHDF5
public import FlywheelCore
internal import SystemPackage

extension HDF5File {
  /// Reads an attribute.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - path: The group or dataset.
  /// - Returns: Its value; nil if there is no such attribute.
  /// - Throws: `notFound` if there is no such object, `unsupported` if the value is neither numbers
  ///   nor texts, `malformed` or `corrupted` if it is damaged.
  public func attribute(
    _ name: String,
    of path: String = "/"
  ) throws(FlywheelError) -> AttributeValue? {
    let place = try located(path)
    _ = try located(name)
    return try FlywheelError.locating(path: self.path, tensor: place.description) {
      () throws(FlywheelError) in
      try HDF5Library.call { () throws(FlywheelError) in try read(name, of: place) }
    }
  }

  private func read(
    _ name: String,
    of place: HDF5Path
  ) throws(FlywheelError) -> AttributeValue? {
    let parent = try group(place.parentPath)
    let none = hid_t(H5P_DEFAULT)
    guard let object = HDF5Handle(unsafe H5Oopen(parent, place.nameOrDot, none)) else {
      throw failure(toOpen: "an object", at: place, in: parent)
    }
    switch try attribute(name, in: object) {
    case nil: return nil
    case .readable(let value): return value
    case .other(let what):
      throw FlywheelError(
        .unsupported,
        "The attribute '\(name)' holds \(what); Flywheel reads numbers and texts."
      )
    }
  }

  /// What an attribute holds: a value, or something else in words.
  enum AttributeContent {
    case readable(AttributeValue)
    case other(String)
  }

  /// The content of an open object's attribute; nil if it has none of the name.
  ///
  /// The caller holds the lock.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - object: The object.
  ///   - isExact: Whether the value must say of which type it is in the file.
  /// - Throws: `malformed` or `corrupted` if it is damaged.
  /// - Returns: The content.
  func attribute(
    _ name: String,
    in object: borrowing HDF5Handle,
    isExact: Bool = false
  ) throws(FlywheelError) -> AttributeContent? {
    let exists = unsafe H5Aexists(object.id, name)
    guard exists != 0 else { return nil }
    guard exists > 0,
      let attribute = HDF5Handle(unsafe H5Aopen(object.id, name, hid_t(H5P_DEFAULT))),
      let content = try content(of: attribute, isExact: isExact)
    else { throw HDF5Library.damage("the attribute '\(name)'", path: path) }
    return content
  }

  /// The content of an open attribute; nil if libhdf5 cannot read it.
  private func content(
    of attribute: borrowing HDF5Handle,
    isExact: Bool
  ) throws(FlywheelError) -> AttributeContent? {
    var description = fw_h5_description()
    guard unsafe fw_h5_describe_attribute(attribute.id, &description) >= 0 else { return nil }
    guard description.rank >= 0 else { return .other("nothing") }
    let shape = try HDF5Dataset.shape(of: description)
    if description.type_class == H5T_STRING {
      guard description.rank < 2 || !isExact else { return .other("texts of shape \(shape)") }
      let texts = try texts(description, count: shape.elementCount) { (type, bytes) in
        unsafe bytes.withUnsafeMutableBytes { unsafe H5Aread(attribute.id, type, $0.baseAddress) }
      }
      guard let texts else { return nil }
      let strings = texts.compactMap { $0 }
      guard strings.count == texts.count else { return .other("a text that is not UTF-8") }
      return .readable(description.rank == 0 ? .string(strings[0]) : .strings(strings))
    }
    guard let dtype = DType(description.element) else {
      return .other(HDF5Dataset.typeDescription(of: description))
    }
    if description.rank == 0, !isExact || dtype == .int64 || dtype == .float64,
      let value = Self.number(of: attribute, dtype)
    {
      return .readable(value)
    }
    let byteCount = try shape.byteCount(of: dtype)
    try check(byteCount, "an attribute")
    var status: herr_t = 0
    let storage = try unsafe TensorStorage(byteCount: byteCount) {
      (buffer) throws(FlywheelError) in
      guard byteCount > 0 else { return }
      // The memory type has the size of the dtype. What is not filled is not looked at.
      status = unsafe H5Aread(attribute.id, description.memory_type, buffer.baseAddress)
    }
    guard status >= 0 else { return nil }
    let tensor = try Tensor(dtype: dtype, shape: shape, storage: storage)
    try tensor.checkTruthValues()
    return .readable(.tensor(tensor))
  }

  /// One number that 64 bits hold without loss; nil if they do not, or libhdf5 cannot read it.
  private static func number(
    of attribute: borrowing HDF5Handle,
    _ dtype: DType
  ) -> AttributeValue? {
    switch dtype {
    case .int8, .int16, .int32, .int64:
      bits(of: attribute, as: .int64).map { .integer(Int64(bitPattern: $0)) }
    case .uint8, .uint16, .uint32, .uint64:
      bits(of: attribute, as: .uint64).flatMap { Int64(exactly: $0).map { .integer($0) } }
    // libhdf5 takes the largest numbers of float8_e4m3fn for infinities.
    case .float8E5M2, .float16, .bfloat16, .float32, .float64:
      bits(of: attribute, as: .float64).map { .double(Double(bitPattern: $0)) }
    case .bool, .float8E4M3FN, .complex64, .complex128: nil
    }
  }

  /// Reads one number of eight bytes; libhdf5 widens narrower ones without loss.
  private static func bits(of attribute: borrowing HDF5Handle, as dtype: DType) -> UInt64? {
    var bits: UInt64 = 0
    let status = unsafe H5Aread(attribute.id, HDF5Library.type(of: dtype), &bits)
    return status < 0 ? nil : UInt64(littleEndian: bits)
  }
}
