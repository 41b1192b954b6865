internal import CFlywheelHDF5
public import FlywheelCore
internal import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension HDF5File {
  /// Reads an attribute.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - path: The group or dataset.
  /// - Returns: Its value; nil if there is no such attribute.
  /// - Throws: `notFound` if there is no such object, `unsupported` if the value is more than one number
  ///   or text, `malformed` or `corrupted` if it is damaged.
  public func attribute(
    _ name: String,
    of path: String = "/"
  ) throws(FlywheelError) -> AttributeValue? {
    let place = try located(path)
    _ = try located(name)
    return try HDF5Library.call { () throws(FlywheelError) in
      let parent = try group(place.parentPath)
      let none = hid_t(H5P_DEFAULT)
      guard let object = HDF5Handle(unsafe H5Oopen(parent, place.nameOrDot, none)) else {
        throw failure(toOpen: "an object", at: place, in: parent)
      }
      let exists = unsafe H5Aexists(object.id, name)
      guard exists != 0 else { return nil }
      guard exists > 0, let attribute = HDF5Handle(unsafe H5Aopen(object.id, name, none)),
        let value = Self.value(of: attribute)
      else {
        throw HDF5Library.damage(
          "the attribute '\(name)'",
          path: self.path,
          tensor: place.description
        )
      }
      switch value {
      case .readable(let value): return value
      case .other(let what):
        throw FlywheelError(
          .unsupported,
          "The attribute '\(name)' holds \(what); Flywheel reads one number or one text.",
          at: .init(path: self.path, tensor: place.description)
        )
      }
    }
  }

  /// What an attribute holds: a value, or something else in words.
  private enum Content {
    case readable(AttributeValue)
    case other(String)
  }

  /// The content of an open attribute; nil if libhdf5 cannot read it.
  private static func value(of attribute: borrowing HDF5Handle) -> Content? {
    var description = fw_h5_description()
    guard unsafe fw_h5_describe_attribute(attribute.id, &description) >= 0 else { return nil }
    guard description.rank == 0 else {
      return .other(description.rank < 0 ? "nothing" : "an array with \(description.rank) axes")
    }
    if description.type_class == H5T_STRING {
      return string(of: attribute, byteCount: description.type_byte_count)
    }
    switch HDF5Dataset.dtype(of: description) {
    case .int8, .int16, .int32, .int64:
      return bits(of: attribute, as: .int64).map { .readable(.integer(Int64(bitPattern: $0))) }
    case .uint8, .uint16, .uint32, .uint64:
      return bits(of: attribute, as: .uint64).map { number in
        Int64(exactly: number).map { .readable(.integer($0)) } ?? .other("the integer \(number)")
      }
    case .float32, .float64:
      return bits(of: attribute, as: .float64).map { .readable(.double(Double(bitPattern: $0))) }
    case nil:
      return .other(HDF5Dataset.typeDescription(of: description))
    }
  }

  /// Reads one number of eight bytes; libhdf5 widens narrower ones without loss.
  private static func bits(of attribute: borrowing HDF5Handle, as dtype: DType) -> UInt64? {
    var bits: UInt64 = 0
    let status = unsafe H5Aread(attribute.id, HDF5Library.type(of: dtype), &bits)
    return status < 0 ? nil : UInt64(littleEndian: bits)
  }

  private static func string(of attribute: borrowing HDF5Handle, byteCount: Int) -> Content? {
    let limit = 16 << 20
    guard byteCount <= limit else { return .other("a text of \(byteCount) bytes") }
    guard let text = unsafe fw_h5_read_string(attribute.id, byteCount) else { return nil }
    defer { unsafe free(text) }
    guard unsafe strnlen(text, limit) < limit else { return .other("a text without end") }
    guard let string = unsafe String(validatingCString: text) else {
      return .other("a text that is not UTF-8")
    }
    return .readable(.string(string))
  }
}
