internal import CFlywheelHDF5
public import FlywheelCore

extension HDF5Writer {
  /// The attribute that says what the elements of a dataset are, where HDF5 has no type for them.
  static let typeAttribute = "dtype"

  /// The most bytes that are written as an attribute.
  ///
  /// It is a limit of ours: libhdf5 would take more, since what is too long for an object's header, its name
  /// included, goes into a heap. But attributes are read whole with their object, and data belong into datasets.
  private static let attributeByteLimit = 60_000

  /// The most bytes of an attribute's name: the format counts them, and a zero behind them, in 16 bits.
  static let attributeNameLimit = 65_534

  /// Why there cannot be an attribute, as what it does; nil if there can.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - value: Its value.
  /// - Returns: The reason, to be said of it.
  static func obstacle(to name: String, _ value: AttributeValue) -> String? {
    // A name is no path: slashes and dots are characters like others.
    guard !name.isEmpty, !name.utf8.contains(0) else {
      return "has a name that HDF5 cannot hold; choose another"
    }
    guard name.utf8.count <= attributeNameLimit else {
      return "has a name of \(name.utf8.count) bytes, and HDF5 has room for "
        + "\(attributeNameLimit); choose another"
    }
    switch value {
    case .integer, .double: return nil
    case .string(let text): return obstacle(to: [text])
    case .strings(let texts): return obstacle(to: texts)
    case .tensor(let tensor):
      if tensor.dtype.isNamedByAttribute {
        return "holds \(tensor.dtype.rawValue), which HDF5 has no name for; write a dataset"
      }
      if tensor.shape.rank > largestRank {
        return "has \(tensor.shape.rank) axes; HDF5 has at most \(largestRank)"
      }
      return obstacle(toByteCount: tensor.byteCount)
    }
  }

  private static func obstacle(to texts: [String]) -> String? {
    if texts.contains(where: { $0.utf8.contains(0) }) {
      return "holds a NUL character, which ends texts in HDF5; remove it"
    }
    let (byteCount, overflow) = texts.count.multipliedReportingOverflow(by: width(of: texts))
    return obstacle(toByteCount: overflow ? .max : byteCount)
  }

  private static func obstacle(toByteCount byteCount: Int) -> String? {
    guard byteCount > attributeByteLimit else { return nil }
    return "has \(byteCount) bytes, and at most \(attributeByteLimit) are written; write a dataset"
  }

  /// Adds an attribute to a group or dataset that exists.
  ///
  /// - Parameters:
  ///   - name: The attribute's name, of 1 to 65,534 bytes without NUL.
  ///   - value: Its value, of at most 60,000 bytes; strings without NUL.
  ///   - path: The group or dataset.
  /// - Throws: `invalidArgument` if the value cannot be written, `notFound` if there is no such object,
  ///   `alreadyExists` if it has the attribute already.
  public mutating func setAttribute(
    _ name: String,
    _ value: AttributeValue,
    of path: String = "/"
  ) throws(FlywheelError) {
    let place = try located(path)
    if let obstacle = Self.obstacle(to: name, value) {
      throw invalid("The attribute '\(FlywheelError.oneLine(name))' \(obstacle).", at: place)
    }
    switch value {
    case .integer(let number):
      let type = AttributeType.number(.int64)
      try setAttribute(name, type, .scalar, [number.littleEndian].rawBytes, place)
    case .double(let number):
      let bits = [number.bitPattern.littleEndian]
      try setAttribute(name, .number(.float64), .scalar, bits.rawBytes, place)
    case .string(let text):
      let (bytes, byteCount) = try padded([text], at: place)
      try setAttribute(name, .text(byteCount: byteCount), .scalar, bytes.rawBytes, place)
    case .strings(let texts):
      let (bytes, byteCount) = try padded(texts, at: place)
      let shape = Shape(vector: texts.count)
      try setAttribute(name, .text(byteCount: byteCount), shape, bytes.rawBytes, place)
    case .tensor(let tensor):
      try checkTruth(tensor, at: place)
      try setAttribute(name, .number(tensor.dtype), tensor.shape, tensor.bytes, place)
    }
  }

  private enum AttributeType {
    case number(DType)
    case text(byteCount: Int)
  }

  private func setAttribute(
    _ name: String,
    _ type: AttributeType,
    _ shape: Shape,
    _ bytes: RawSpan,
    _ place: HDF5Path
  ) throws(FlywheelError) {
    let shownName = FlywheelError.oneLine(name)
    try HDF5Library.call { () throws(FlywheelError) in
      let none = hid_t(H5P_DEFAULT)
      let copy =
        switch type {
        case .number(let dtype): H5Tcopy(HDF5Library.type(of: dtype))
        case .text(let byteCount): fw_h5_new_string_type(byteCount)
        }
      guard let type = HDF5Handle(copy), let space = HDF5Handle(try space(of: shape, at: place)),
        let object = HDF5Handle(unsafe H5Oopen(fileID, place.description, none))
      else {
        throw failure("find the object for the attribute '\(shownName)'", .notFound, at: place)
      }
      guard unsafe H5Aexists(object.id, name) <= 0 else {
        throw FlywheelError(
          .alreadyExists,
          "'\(FlywheelError.oneLine(place.description))' has an attribute '\(shownName)' already; "
            + "it is written once.",
          at: .init(path: path, tensor: place.description)
        )
      }
      let created = unsafe H5Acreate2(object.id, name, type.id, space.id, none, none)
      guard let attribute = HDF5Handle(created),
        unsafe bytes.withUnsafeBytes({ bytes in
          unsafe bytes.isEmpty ? 0 : H5Awrite(attribute.id, type.id, bytes.baseAddress)
        }) >= 0
      else {
        throw failure("write the attribute '\(shownName)'", at: place)
      }
    }
  }
}
