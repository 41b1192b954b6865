internal import CFlywheelHDF5
internal import FlywheelCore

extension OpaqueType {
  /// How HDF5 holds elements that are only carried.
  enum Storing {
    /// Text of fixed length, filled up with zeros.
    case text
    /// Opaque bytes, with a tag that names them to h5py; an empty one for bytes without more.
    case bytes(tag: String)
  }

  /// What h5py puts before numpy's name of a type that HDF5 has no name for.
  private static let tagPrefix = "NUMPY:"

  /// The type of elements in a file; nil if they are none that are carried.
  init?(_ description: fw_h5_description) {
    let byteCount = description.type_byte_count
    switch description.type_class {
    case H5T_STRING where description.is_variable_text == 0:
      self.init(name: "|S\(byteCount)", byteCount: byteCount)
    case H5T_OPAQUE:
      self.init(tag: Self.tag(of: description), byteCount: byteCount)
    default: return nil
    }
  }

  /// The type of opaque bytes in a file: what their tag names, or bytes without more.
  init(tag: String, byteCount: Int) {
    let name = tag.hasPrefix(Self.tagPrefix) ? String(tag.dropFirst(Self.tagPrefix.count)) : ""
    let isNamed = Self.isTagged(name, byteCount: byteCount)
    self.init(name: isNamed ? name : "|V\(byteCount)", byteCount: byteCount)
  }

  /// How a file holds the elements so that h5py gives back the same type; nil if it cannot.
  var storing: Storing? {
    // HDF5 has no elements without bytes.
    guard byteCount > 0 else { return nil }
    if name == "|S\(byteCount)" { return .text }
    if name == "|V\(byteCount)" { return .bytes(tag: "") }
    return Self.isTagged(name, byteCount: byteCount) ? .bytes(tag: Self.tagPrefix + name) : nil
  }

  /// Whether a type of dates, spans of time or text in UTF-32 has a name, such as `<M8[ns]` or `<U3`, and a
  /// number of bytes that agree.
  private static func isTagged(_ name: String, byteCount: Int) -> Bool {
    var rest = Substring(name)
    guard let order = rest.popFirst(), order == "<" || order == ">",
      let kind = rest.popFirst()
    else { return false }
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    let unit = rest.dropFirst(digits.count)
    guard let count = Int(digits), String(count) == digits else { return false }
    switch kind {
    case "U":
      let (size, overflow) = count.multipliedReportingOverflow(by: 4)
      return unit.isEmpty && !overflow && size == byteCount
    case "M", "m":
      let isUnit =
        unit.first == "[" && unit.last == "]"
        && unit.dropFirst().dropLast().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
      return isUnit && count == 8 && byteCount == 8
    default: return false
    }
  }

  private static func tag(of description: fw_h5_description) -> String {
    unsafe withUnsafeBytes(of: description.tag) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
