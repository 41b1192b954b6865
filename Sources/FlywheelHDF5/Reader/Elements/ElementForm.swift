internal import FlywheelCore

/// How the elements of a file become those in memory, which are little-endian, and text filled up with zeros.
enum ElementForm: Sendable, Hashable {
  /// As they are.
  case same
  /// With the bytes of each number of this size in the other order; complex numbers are two of them.
  case swapped(numberByteCount: Int)
  /// Text up to the first zero, whatever follows it.
  case nullTerminatedText(byteCount: Int)
  /// Text without the spaces at its end.
  case spacePaddedText(byteCount: Int)
  /// Truth values that are larger integers in the file.
  case wideTruth(byteCount: Int, isBigEndian: Bool)

  /// Knows what is to be done; nil if the elements of a type cannot become others.
  ///
  /// - Parameters:
  ///   - type: The type in the file.
  ///   - element: The type in memory; opaque bytes in the file can be numbers.
  init?(of type: Datatype, as element: ElementType) {
    let byteCount = element.byteCount
    if element == .number(.bool), type.byteCount > 1 {
      guard case .enumeration = type.kind, type.byteCount <= 8 else { return nil }
      self = .wideTruth(byteCount: type.byteCount, isBigEndian: type.isBigEndian)
      return
    }
    guard type.byteCount == byteCount, byteCount > 0 else { return nil }
    switch type.kind {
    case .text(let format):
      switch format.padding {
      case .nullPadded: self = .same
      case .nullTerminated: self = .nullTerminatedText(byteCount: byteCount)
      case .spacePadded: self = .spacePaddedText(byteCount: byteCount)
      }
    default:
      guard type.isBigEndian, case .number(let dtype) = element else {
        self = .same
        return
      }
      self = .swapped(numberByteCount: dtype.alignment)
    }
  }

  /// Changes elements where they are; truth values become smaller, and are not changed here.
  ///
  /// - Parameter bytes: The elements, of the size that they have in memory, aligned to it.
  func convert(_ bytes: inout MutableRawSpan) {
    switch self {
    case .same, .wideTruth: break
    case .swapped(2): Self.swap(&bytes, UInt16.self)
    case .swapped(4): Self.swap(&bytes, UInt32.self)
    case .swapped(8): Self.swap(&bytes, UInt64.self)
    case .swapped: break
    case .nullTerminatedText(let byteCount):
      unsafe Self.clear(&bytes, byteCount) { text in unsafe text.firstIndex(of: 0) ?? text.count }
    case .spacePaddedText(let byteCount):
      unsafe Self.clear(&bytes, byteCount) { text in
        unsafe text.lastIndex { $0 != UInt8(ascii: " ") }.map { $0 + 1 } ?? 0
      }
    }
  }

  /// Makes truth values of larger integers: what is neither 0 nor 1 becomes 2, which is neither.
  ///
  /// - Parameters:
  ///   - bytes: The integers.
  ///   - byteCount: The size of one.
  ///   - isBigEndian: The order of their bytes.
  ///   - truths: Takes a byte for each.
  static func narrow(
    _ bytes: RawSpan,
    _ byteCount: Int,
    isBigEndian: Bool,
    into truths: inout MutableRawSpan
  ) {
    precondition(bytes.byteCount == truths.byteCount * byteCount, "one truth for each integer")
    unsafe bytes.withUnsafeBytes { integers in
      unsafe truths.withUnsafeMutableBytes { truths in
        for index in truths.indices {
          // All integers are within the bytes, by the check above.
          let start = index * byteCount
          let last = isBigEndian ? start + byteCount - 1 : start
          var others: UInt8 = 0
          for place in start..<start + byteCount where place != last {
            others |= unsafe integers[place]
          }
          unsafe truths[index] = others == 0 ? min(2, integers[last]) : 2
        }
      }
    }
  }

  private static func swap<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: inout MutableRawSpan,
    _ type: Integer.Type
  ) {
    unsafe bytes.withUnsafeMutableBytes { bytes in
      let numbers = unsafe bytes.bindMemory(to: Integer.self)
      for index in numbers.indices {
        unsafe numbers[index] = unsafe numbers[index].byteSwapped
      }
    }
  }

  /// Puts zeros after the end of each text.
  private static func clear(
    _ bytes: inout MutableRawSpan,
    _ byteCount: Int,
    end: (UnsafeMutableBufferPointer<UInt8>) -> Int
  ) {
    unsafe bytes.withUnsafeMutableBytes { bytes in
      let all = unsafe bytes.bindMemory(to: UInt8.self)
      for start in stride(from: 0, to: all.count, by: byteCount) {
        // Whole texts, so that each of them is within the bytes.
        let text = unsafe UnsafeMutableBufferPointer(rebasing: all[start..<start + byteCount])
        for index in unsafe end(text)..<byteCount { unsafe text[index] = 0 }
      }
    }
  }
}
