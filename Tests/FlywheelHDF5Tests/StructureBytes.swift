import FlywheelCore

@testable import FlywheelHDF5

/// The bytes of a structure of an HDF5 file, put together field by field; addresses and lengths have 8 bytes.
struct StructureBytes {
  private(set) var bytes: [UInt8]

  /// Starts after so many zeros.
  init(at offset: Int = 0) { bytes = [UInt8](repeating: 0, count: offset) }

  mutating func letters(_ text: String) { bytes += Array(text.utf8) }

  mutating func number(_ value: UInt64, _ size: Int = 8) {
    for place in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
  }

  mutating func numbers(_ values: [UInt64], _ size: Int = 8) {
    for value in values { number(value, size) }
  }

  /// Zeros up to an offset.
  mutating func pad(to offset: Int) {
    bytes += [UInt8](repeating: 0, count: offset - bytes.count)
  }

  /// The checksum of everything from an offset on.
  mutating func checksum(from start: Int) {
    let part = Array(bytes[start...])
    number(UInt64(MetadataChecksum.checksum(part.rawBytes)), 4)
  }

  /// The bytes as a file.
  func image() throws -> FileImage { try Self.image(bytes) }

  static func image(_ bytes: [UInt8]) throws -> FileImage {
    let storage = try TensorStorage(byteCount: bytes.count) { (output) throws(FlywheelError) in
      for byte in bytes { output.append(byte) }
    }
    return FileImage(storage: storage, baseAddress: 0, offsetSize: 8, lengthSize: 8)
  }
}
