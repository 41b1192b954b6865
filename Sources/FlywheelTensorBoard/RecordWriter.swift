/// Appends records as TensorFlow's files have them: length, checksum of the length, bytes, checksum of
/// the bytes; all numbers little-endian.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []

  /// Appends one record.
  mutating func append(_ record: [UInt8]) {
    let length = Self.littleEndian(UInt64(record.count))
    bytes += length
    bytes += Self.littleEndian(CRC32C.masked(length))
    bytes += record
    bytes += Self.littleEndian(CRC32C.masked(record))
  }

  private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }
}
