internal import CFlywheelKernels
import FlywheelCore

/// Elements that arrive in pieces of any size, checked and turned to little-endian on the way.
struct NPYPieces {
  private let isTruth: Bool
  /// The size of what is swapped, 1 if nothing is.
  private let partByteCount: Int
  /// Where in the file the first byte lies, and the next one.
  private let firstOffset: Int
  private var byteOffset: Int
  /// How many bytes are still to come.
  private var remaining: Int
  /// Elements in the file's order that wait to be swapped, and then the same in ours.
  private var waiting: [UInt8] = []
  private var swapped: [UInt8] = []

  /// How many bytes are swapped at once; whole elements of any type.
  private static let blockByteCount = 64 << 10

  init(_ elements: NPYElements) {
    isTruth = elements.array.element == .number(.bool)
    firstOffset = elements.byteOffset
    byteOffset = elements.byteOffset
    remaining = elements.array.byteCount
    partByteCount =
      switch elements.array.element {
      case .number(let dtype) where elements.isBigEndian:
        dtype.kind == .complex ? dtype.byteCount / 2 : dtype.byteCount
      default: 1
      }
  }

  /// Takes the next piece of all elements; none is waiting any more after the last.
  mutating func take(
    _ piece: RawSpan,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    if isTruth {
      try piece.checkTruthValues(firstIndex: byteOffset - firstOffset, fileOffset: byteOffset)
    }
    byteOffset += piece.byteCount
    remaining -= piece.byteCount
    guard partByteCount > 1 else {
      try body(piece)
      return
    }
    var rest = piece
    while rest.byteCount > 0 {
      let count = min(rest.byteCount, Self.blockByteCount - waiting.count)
      unsafe rest.extracting(first: count).withUnsafeBytes { unsafe waiting.append(contentsOf: $0) }
      rest = rest.extracting(droppingFirst: count)
      if waiting.count == Self.blockByteCount || remaining == 0 && rest.byteCount == 0 {
        try flush(body)
      }
    }
  }

  private mutating func flush(
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    if swapped.count != waiting.count { swapped = Array(repeating: 0, count: waiting.count) }
    unsafe waiting.withUnsafeBytes { source in
      unsafe swapped.withUnsafeMutableBytes { target in
        // Both have as many bytes.
        unsafe fw_swap_bytes(
          source.baseAddress,
          target.baseAddress,
          source.count / partByteCount,
          partByteCount
        )
      }
    }
    waiting.removeAll(keepingCapacity: true)
    try body(swapped.rawBytes)
  }
}
