/// A cursor over bytes that never reads past their end.
///
/// Every read throws with the offset at which the bytes ended, so that parsers need no checks of
/// their own.
public struct ByteReader: ~Escapable {
  private let bytes: RawSpan
  /// The number of bytes read so far.
  public private(set) var offset = 0

  /// Starts at the front of bytes.
  ///
  /// - Parameter bytes: The bytes.
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) {
    self.bytes = bytes
  }

  /// The number of bytes that are left.
  public var remaining: Int { bytes.byteCount - offset }

  /// Reads a big-endian integer.
  ///
  /// - Parameters:
  ///   - type: Its type.
  ///   - what: What it is, for the error.
  /// - Throws: `truncated`, with the offset.
  /// - Returns: The integer.
  @_lifetime(self: copy self)
  public mutating func readBigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type,
    _ what: String
  ) throws(FlywheelError) -> Integer {
    Integer(bigEndian: try read(type, what))
  }

  /// Reads a little-endian integer.
  ///
  /// - Parameters:
  ///   - type: Its type.
  ///   - what: What it is, for the error.
  /// - Throws: `truncated`, with the offset.
  /// - Returns: The integer.
  @_lifetime(self: copy self)
  public mutating func readLittleEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type,
    _ what: String
  ) throws(FlywheelError) -> Integer {
    Integer(littleEndian: try read(type, what))
  }

  /// Takes the next bytes.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - what: What they are, for the error.
  /// - Throws: `truncated`, with the offset.
  /// - Returns: The bytes.
  @_lifetime(self: copy self)
  @_lifetime(copy self)
  public mutating func take(_ count: Int, _ what: String) throws(FlywheelError) -> RawSpan {
    guard count >= 0, count <= remaining else {
      throw FlywheelError.truncated(
        what,
        needed: UInt64(max(0, count)),
        available: UInt64(remaining),
        at: .init(byteOffset: UInt64(offset))
      )
    }
    let taken = bytes.extracting(offset..<offset + count)
    offset += count
    return taken
  }

  @_lifetime(self: copy self)
  private mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type,
    _ what: String
  ) throws(FlywheelError) -> Integer {
    let field = try take(MemoryLayout<Integer>.size, what)
    return unsafe field.unsafeLoadUnaligned(as: Integer.self)
  }
}
