internal import FlywheelCore

/// A cursor over the fields of one structure, which never reads past its end.
///
/// Numbers are little-endian. An error names the field and where in the file it is; no text is put together
/// before there is one.
struct FieldReader: ~Escapable {
  private let bytes: RawSpan
  /// The number of bytes read so far.
  private(set) var position = 0
  /// Where in the file the first byte is.
  private let fileOffset: Int
  private let offsetSize: Int
  private let lengthSize: Int

  /// Starts at the front of bytes.
  ///
  /// - Parameters:
  ///   - bytes: The bytes of the structure.
  ///   - fileOffset: Where in the file they begin.
  ///   - image: The file, for the size of its addresses and lengths.
  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, fileOffset: Int, in image: borrowing FileImage) {
    self.bytes = bytes
    self.fileOffset = fileOffset
    offsetSize = image.offsetSize
    lengthSize = image.lengthSize
  }

  /// Starts at the front of bytes.
  ///
  /// - Parameters:
  ///   - bytes: The bytes of the structure.
  ///   - image: The file, for the size of its addresses and lengths.
  @_lifetime(borrow bytes)
  init(_ bytes: borrowing StoredBytes, in image: borrowing FileImage) {
    self.bytes = bytes.span
    fileOffset = bytes.fileOffset
    offsetSize = image.offsetSize
    lengthSize = image.lengthSize
  }

  /// The number of bytes that are left.
  var remaining: Int { bytes.byteCount - position }

  /// Where in the file the next field is.
  var place: Int { fileOffset + position }

  // Those of one size are read in place: a header is some hundred of them, and a call takes longer than the read.

  /// Reads a byte.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func uint8(_ what: StaticString) throws(FlywheelError) -> UInt8 {
    try read(UInt8.self, what)
  }

  /// Reads two bytes.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func uint16(_ what: StaticString) throws(FlywheelError) -> UInt16 {
    UInt16(littleEndian: try read(UInt16.self, what))
  }

  /// Reads four bytes.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func uint32(_ what: StaticString) throws(FlywheelError) -> UInt32 {
    UInt32(littleEndian: try read(UInt32.self, what))
  }

  /// Reads eight bytes.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func uint64(_ what: StaticString) throws(FlywheelError) -> UInt64 {
    UInt64(littleEndian: try read(UInt64.self, what))
  }

  /// Reads a number of any size.
  ///
  /// - Parameters:
  ///   - size: How many bytes it has, from 0 to 8.
  ///   - what: What it is, for the error.
  /// - Throws: `truncated`; `malformed` if there is no number of this size.
  /// - Returns: The number.
  @_lifetime(self: copy self)
  mutating func uint(
    _ size: Int,
    _ what: StaticString
  ) throws(FlywheelError) -> UInt64 {
    switch size {
    case 8: return try uint64(what)
    case 4: return UInt64(try uint32(what))
    case 2: return UInt64(try uint16(what))
    case 0...7:
      try require(size, what)
      var number: UInt64 = 0
      for index in 0..<size {
        // Within the bytes, by the check above.
        let byte = unsafe bytes.unsafeLoad(fromByteOffset: position + index, as: UInt8.self)
        number |= UInt64(byte) << UInt64(8 * index)
      }
      position += size
      return number
    default:
      throw malformed("a number of \(size) bytes for \(what)", expected: "at most 8")
    }
  }

  /// Reads an address.
  ///
  /// - Parameter what: What is there, for the error.
  /// - Throws: `truncated`.
  /// - Returns: The address, as the file counts; nil if it is the one that leads nowhere.
  @_lifetime(self: copy self)
  mutating func address(_ what: StaticString) throws(FlywheelError) -> UInt64? {
    let address = try uint(offsetSize, what)
    return address == UInt64.max >> UInt64(64 - 8 * offsetSize) ? nil : address
  }

  /// Reads a length.
  @_lifetime(self: copy self)
  mutating func length(_ what: StaticString) throws(FlywheelError) -> UInt64 {
    try uint(lengthSize, what)
  }

  /// Takes the next bytes.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - what: What they are, for the error.
  /// - Throws: `truncated`.
  /// - Returns: The bytes.
  @_lifetime(self: copy self)
  @_lifetime(copy self)
  mutating func take(_ count: Int, _ what: StaticString) throws(FlywheelError) -> RawSpan {
    try require(count, what)
    let taken = bytes.extracting(position..<position + count)
    position += count
    return taken
  }

  /// Passes over bytes.
  @_lifetime(self: copy self)
  mutating func skip(_ count: Int, _ what: StaticString) throws(FlywheelError) {
    try require(count, what)
    position += count
  }

  /// Passes over the four letters that a structure begins with.
  ///
  /// - Parameters:
  ///   - letters: The letters, such as `OHDR`.
  ///   - what: What structure it is, for the error.
  /// - Throws: `truncated`; `malformed` if they are others.
  @_lifetime(self: copy self)
  mutating func signature(
    _ letters: StaticString,
    of what: StaticString
  ) throws(FlywheelError) {
    let start = position
    let found = try read(UInt32.self, what)
    let expected = unsafe UnsafeRawPointer(letters.utf8Start).loadUnaligned(as: UInt32.self)
    guard found == expected else {
      position = start
      throw malformed("other bytes", expected: "\(what) (\(letters))")
    }
  }

  /// The error that something at the next field, or at another place, is not what the format demands.
  func malformed(
    _ found: String,
    expected: String,
    at place: Int? = nil
  ) -> FlywheelError {
    FlywheelError.malformed(
      found: found,
      expected: expected,
      at: .init(byteOffset: UInt64(place ?? self.place))
    )
  }

  @inline(__always)
  private func require(_ count: Int, _ what: StaticString) throws(FlywheelError) {
    guard count >= 0, count <= remaining else { throw shortage(count, what) }
  }

  /// The error that so many bytes are not there; by itself, so that the check is but two comparisons.
  @inline(never)
  private func shortage(_ count: Int, _ what: StaticString) -> FlywheelError {
    FlywheelError.truncated(
      "\(what)",
      needed: UInt64(max(0, count)),
      available: UInt64(remaining),
      at: .init(byteOffset: UInt64(place))
    )
  }

  @inline(__always)
  @_lifetime(self: copy self)
  private mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type,
    _ what: StaticString
  ) throws(FlywheelError) -> Integer {
    let size = MemoryLayout<Integer>.size
    try require(size, what)
    // Within the bytes, by the check above.
    let number = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: position, as: Integer.self)
    position += size
    return number
  }
}
