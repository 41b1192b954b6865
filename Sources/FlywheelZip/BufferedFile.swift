import FlywheelCore
import SystemPackage

/// A new file that is written in large pieces, however small those are that come.
struct BufferedFile: ~Copyable {
  /// How many bytes it has.
  private(set) var byteCount = 0

  private let file: AtomicFile
  private var buffer: [UInt8] = []

  private static let bufferByteCount = 1 << 20
  /// From here on a piece is written as it is: the copy would cost more than the call.
  private static let largeByteCount = 1 << 16

  init(_ file: consuming AtomicFile) {
    self.file = file
    buffer.reserveCapacity(Self.bufferByteCount)
  }

  mutating func append(_ bytes: RawSpan) throws(FlywheelError) {
    if buffer.count + bytes.byteCount > Self.bufferByteCount
      || bytes.byteCount >= Self.largeByteCount
    {
      try flush()
    }
    if bytes.byteCount >= Self.largeByteCount {
      try file.write(bytes)
    } else {
      unsafe bytes.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
    }
    byteCount += bytes.byteCount
  }

  /// Writes bytes over others that were appended in one piece.
  mutating func overwrite(_ bytes: RawSpan, at offset: Int) throws(FlywheelError) {
    let flushed = byteCount - buffer.count
    guard offset >= flushed else {
      try file.overwrite(bytes, at: offset)
      return
    }
    let range = offset - flushed..<offset - flushed + bytes.byteCount
    unsafe bytes.withUnsafeBytes { unsafe buffer.replaceSubrange(range, with: $0) }
  }

  /// Makes the file durable and gives it its name.
  consuming func commit() throws(FlywheelError) {
    try flush()
    try file.commit()
  }

  private mutating func flush() throws(FlywheelError) {
    try file.write(buffer.rawBytes)
    buffer.removeAll(keepingCapacity: true)
  }
}
