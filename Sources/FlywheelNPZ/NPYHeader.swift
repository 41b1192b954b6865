public import FlywheelCore

/// What the front of a .npy file says: the type and extents of the array, and how its elements lie.
///
/// The format is numpy's, versions 1.0, 2.0 and 3.0
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). For the same array, the bytes of
/// a header are numpy's own.
public struct NPYHeader: Sendable, Hashable {
  /// What the array is; numbers are described without their byte order.
  public let array: TensorDescription
  /// Whether the first axis varies fastest in the file, as Fortran and MATLAB have it.
  public let isFortranOrder: Bool
  /// Whether the elements are numbers with their most significant byte first.
  public let isBigEndian: Bool
  /// The number of bytes of the header; the elements follow.
  public let byteCount: Int

  let type: NPYType

  /// Describes an array whose elements follow row-major and little-endian.
  ///
  /// - Parameter array: What it is.
  /// - Throws: `unsupported` if no .npy file can hold it: its type has no name there, or it has more axes
  ///   than numpy's 64.
  public init(_ array: TensorDescription) throws(FlywheelError) {
    guard array.shape.rank <= Self.rankLimit else {
      throw FlywheelError(
        .unsupported,
        "The array has \(array.shape.rank) axes; numpy has at most \(Self.rankLimit)."
      )
    }
    type = try NPYType(naming: array.element)
    self.array = array
    isFortranOrder = false
    isBigEndian = false
    byteCount = Self.bytes(type, array.shape, isFortranOrder: false).count
  }

  /// Reads a header.
  ///
  /// - Parameter bytes: The front of a .npy file, at least all of its header.
  /// - Throws: With the byte's offset: `malformed` if it is no header, `truncated` if there are fewer bytes
  ///   than it needs, `unsupported` if the elements are Python objects or numpy has a newer version,
  ///   `limitExceeded` if its numbers cannot be true.
  public init(parsing bytes: RawSpan) throws(FlywheelError) {
    try self.init(NPYDictionary(parsing: bytes))
  }

  init(_ dictionary: NPYDictionary) throws(FlywheelError) {
    type = try NPYType(dictionary.descr)
    do throws(FlywheelError) {
      array = try TensorDescription(element: type.element, shape: dictionary.shape)
    } catch {
      throw error.located(byteOffset: dictionary.shapeOffset)
    }
    isFortranOrder = dictionary.isFortranOrder
    isBigEndian = type.isBigEndian
    byteCount = dictionary.byteCount
  }

  /// The header as numpy writes it, in the lowest version that can say it.
  public var bytes: [UInt8] { Self.bytes(type, array.shape, isFortranOrder: isFortranOrder) }

  /// The number of bytes of header and elements.
  ///
  /// - Throws: `limitExceeded` if it overflows.
  func totalByteCount() throws(FlywheelError) -> Int {
    let (total, overflow) = byteCount.addingReportingOverflow(array.byteCount)
    guard !overflow else { throw FlywheelError.overflow("the array") }
    return total
  }

  /// Whether a file starts as .npy files do.
  ///
  /// - Parameter bytes: The file, or its first six bytes.
  /// - Returns: Whether the signature stands there.
  public static func recognizes(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount >= magic.count else { return false }
    let front = bytes.extracting(first: magic.count)
    return unsafe front.withUnsafeBytes { unsafe $0.elementsEqual(magic) }
  }

  /// How many bytes a header has.
  ///
  /// - Parameter prefix: The front of a file.
  /// - Returns: The number; 0 if these bytes do not tell, and are no header.
  static func byteCount(announcedBy prefix: [UInt8]) -> Int {
    (try? NPYDictionary.text(in: prefix.rawBytes))?.range.upperBound ?? 0
  }

  // MARK: The form

  /// `\x93NUMPY`.
  static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
  /// numpy's limit of axes.
  static let rankLimit = 64
  /// Where the elements begin is a multiple of this.
  private static let alignment = 64
  /// The room for the growing axis' extent, so that a file can be appended to in place.
  private static let growthDigits = 21

  private static func bytes(_ type: NPYType, _ shape: Shape, isFortranOrder: Bool) -> [UInt8] {
    let order = isFortranOrder ? "True" : "False"
    var text = "{'descr': \(type.descr), 'fortran_order': \(order), 'shape': \(shape), }"
    if let growing = isFortranOrder ? shape.extents.last : shape.extents.first {
      text += String(repeating: " ", count: growthDigits - String(growing).utf8.count)
    }
    let isLatin1 = text.unicodeScalars.allSatisfy { $0.value <= 0xFF }
    let body = isLatin1 ? text.unicodeScalars.map { UInt8($0.value) } : Array(text.utf8)
    if isLatin1, let short = UInt16(exactly: length(body.count, after: 10)) {
      return wrap(body, version: 1, length: Int(short), lengthByteCount: 2)
    }
    let length = length(body.count, after: 12)
    return wrap(body, version: isLatin1 ? 2 : 3, length: length, lengthByteCount: 4)
  }

  /// The length of a text with its padding and line end, which begins after so many bytes.
  private static func length(_ count: Int, after prefix: Int) -> Int {
    // numpy adds a whole line of padding where none is needed.
    count + 1 + alignment - (prefix + count + 1) % alignment
  }

  private static func wrap(
    _ body: [UInt8],
    version: UInt8,
    length: Int,
    lengthByteCount: Int
  ) -> [UInt8] {
    var bytes = magic + [version, 0]
    for place in 0..<lengthByteCount {
      bytes.append(UInt8(truncatingIfNeeded: length >> (8 * place)))
    }
    bytes += body
    bytes += repeatElement(UInt8(ascii: " "), count: length - body.count - 1)
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }
}
