import FlywheelCore

/// A new file whose parts come in any order; small ones that follow each other are written together.
struct PlacedOutput: ~Copyable {
  private let file: AtomicFile
  /// Bytes that wait to be written, and where in the file they go.
  private var waiting: [UInt8] = []
  private var offset = 0

  /// The most bytes that wait.
  private static let capacity = 256 << 10

  init(_ file: consuming AtomicFile) {
    self.file = file
  }

  /// Takes a part of the file.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - place: Where in the file they go.
  /// - Throws: `inputOutput` if the system refuses.
  mutating func write(_ bytes: RawSpan, at place: Int) throws(FlywheelError) {
    if place != offset + waiting.count || waiting.count + bytes.byteCount > Self.capacity {
      try flush()
      offset = place
    }
    guard bytes.byteCount <= Self.capacity else {
      try file.overwrite(bytes, at: place)
      offset = place + bytes.byteCount
      return
    }
    unsafe bytes.withUnsafeBytes { unsafe waiting.append(contentsOf: $0) }
  }

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `inputOutput`.
  consuming func commit() throws(FlywheelError) {
    try flush()
    try file.commit()
  }

  private mutating func flush() throws(FlywheelError) {
    guard !waiting.isEmpty else { return }
    try file.overwrite(waiting.rawBytes, at: offset)
    offset += waiting.count
    waiting.removeAll(keepingCapacity: true)
  }
}
