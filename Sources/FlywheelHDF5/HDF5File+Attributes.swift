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
  /// - Throws: `notFound` if there is no such object, `unsupported` if the value is more than one number
  ///   or text, `malformed` or `corrupted` if it is damaged.
  public func attribute(
    _ name: String,
    of path: String = "/"
  ) throws(FlywheelError) -> AttributeValue? {
    let place = try located(path)
    _ = try located(name)
    do throws(FlywheelError) {
      return try HDF5Library.call { () throws(FlywheelError) in try read(name, of: place) }
    } catch {
      throw error.located(path: self.path, tensor: place.description)
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
    let exists = unsafe H5Aexists(object.id, name)
    guard exists != 0 else { return nil }
    guard exists > 0, let attribute = HDF5Handle(unsafe H5Aopen(object.id, name, none)),
      let content = try content(of: attribute)
    else { throw HDF5Library.damage("the attribute '\(name)'", path: path) }
    switch content {
    case .readable(let value): return value
    case .other(let what):
      throw FlywheelError(
        .unsupported,
        "The attribute '\(name)' holds \(what); Flywheel reads one number or one text."
      )
    }
  }

  /// What an attribute holds: a value, or something else in words.
  private enum Content {
    case readable(AttributeValue)
    case other(String)
  }

  /// The content of an open attribute; nil if libhdf5 cannot read it.
  private func content(
    of attribute: borrowing HDF5Handle
  ) throws(FlywheelError) -> Content? {
    var description = fw_h5_description()
    guard unsafe fw_h5_describe_attribute(attribute.id, &description) >= 0 else { return nil }
    guard description.rank == 0 else {
      return .other(description.rank < 0 ? "nothing" : "an array with \(description.rank) axes")
    }
    if description.type_class == H5T_STRING {
      return try text(of: attribute, description)
    }
    switch HDF5Dataset.dtype(of: description) {
    case .int8, .int16, .int32, .int64:
      return Self.bits(of: attribute, as: .int64).map { .readable(.integer(Int64(bitPattern: $0))) }
    case .uint8, .uint16, .uint32, .uint64:
      return Self.bits(of: attribute, as: .uint64).map { number in
        Int64(exactly: number).map { .readable(.integer($0)) } ?? .other("the integer \(number)")
      }
    case .float32, .float64:
      return Self.bits(of: attribute, as: .float64).map { bits in
        .readable(.double(Double(bitPattern: bits)))
      }
    default:
      return .other(HDF5Dataset.typeDescription(of: description))
    }
  }

  /// Reads one number of eight bytes; libhdf5 widens narrower ones without loss.
  private static func bits(of attribute: borrowing HDF5Handle, as dtype: DType) -> UInt64? {
    var bits: UInt64 = 0
    let status = unsafe H5Aread(attribute.id, HDF5Library.type(of: dtype), &bits)
    return status < 0 ? nil : UInt64(littleEndian: bits)
  }

  /// The text of an attribute, from its own bytes or from where they say it is.
  private func text(
    of attribute: borrowing HDF5Handle,
    _ description: fw_h5_description
  ) throws(FlywheelError) -> Content? {
    let limit = 16 << 20
    var text: [UInt8]
    if description.is_variable_text != 0 {
      var reference = [UInt8](repeating: 0, count: FW_H5_REFERENCE_SIZE)
      guard unsafe fw_h5_read_text_reference(attribute.id, &reference) >= 0 else { return nil }
      text = try heapObject(at: reference.rawBytes)
    } else {
      let byteCount = description.type_byte_count
      guard byteCount <= limit else { return .other("a text of \(byteCount) bytes") }
      text = [UInt8](repeating: 0, count: byteCount)
      let status = unsafe text.withUnsafeMutableBytes { buffer in
        unsafe fw_h5_read_text(attribute.id, byteCount, buffer.baseAddress)
      }
      guard status >= 0 else { return nil }
    }
    text = Array(text.prefix { $0 != 0 })
    guard let string = String(validating: text, as: UTF8.self) else {
      return .other("a text that is not UTF-8")
    }
    return .readable(.string(string))
  }

  /// The bytes of an object in the file's global heap, which has no checksums: each number is checked.
  private func heapObject(at reference: RawSpan) throws(FlywheelError) -> [UInt8] {
    var reference = ByteReader(reference)
    let length = try reference.readLittleEndian(UInt32.self, "a text's length")
    let address = try reference.readLittleEndian(UInt64.self, "a text's address")
    let index = try reference.readLittleEndian(UInt32.self, "a text's index")
    guard length > 0 else { return [] }
    var file = ByteReader(bytes.bytes)
    _ = try file.take(signatureOffset, "the user block")
    _ = try file.take(Int(clamping: address), "the way to a text")
    let signature = try file.readLittleEndian(UInt32.self, "a heap's signature")
    _ = try file.take(4, "a heap's version")
    let size = try file.readLittleEndian(UInt64.self, "a heap's size")
    let (headerSize, gcol) = (UInt64(16), UInt32(0x4C4F_4347))
    guard signature == gcol, size >= headerSize else {
      throw FlywheelError.malformed(found: "other bytes", expected: "a text's heap (GCOL)")
    }
    var heap = ByteReader(try file.take(Int(clamping: size - headerSize), "a heap"))
    while heap.remaining >= headerSize {
      let number = try heap.readLittleEndian(UInt16.self, "an object's index")
      _ = try heap.take(6, "an object's reference count")
      let byteCount = Int(clamping: try heap.readLittleEndian(UInt64.self, "an object's size"))
      if number == 0 { break }  // the rest is free
      let object = try heap.take(byteCount, "an object of the heap")
      if number == index && byteCount >= length {
        return unsafe object.extracting(first: Int(length)).withUnsafeBytes { unsafe Array($0) }
      }
      _ = try heap.take(min(heap.remaining, -byteCount & 7), "padding")
    }
    throw FlywheelError.malformed(
      found: "a heap without object \(index) of \(length) bytes",
      expected: "a text there"
    )
  }
}
