internal import FlywheelCore

/// The bytes of an HDF5 file, and how its addresses and lengths are written.
///
/// Whatever an address leads to is taken from here, and nowhere else are addresses compared with the size of the
/// file. All that is read of a file refers to it, so that it is one object.
final class FileImage: Sendable {
  /// All bytes of the file, with what may lie in front of the file proper.
  let storage: TensorStorage
  /// Where addresses count from.
  let baseAddress: Int
  /// How many bytes an address takes: 2, 4 or 8.
  let offsetSize: Int
  /// How many bytes a length takes: 2, 4 or 8.
  let lengthSize: Int
  /// What counts the bytes that are looked at, where many structures may lead to the same ones.
  let meter: ReadMeter?
  /// The same file as nothing counts it; nil if this is it.
  private let origin: FileImage?

  /// The same file, of which nothing is counted.
  var unmetered: FileImage { origin ?? self }

  /// Says how a file is written.
  ///
  /// - Parameters:
  ///   - storage: All bytes of the file.
  ///   - baseAddress: Where addresses count from.
  ///   - offsetSize: How many bytes an address takes.
  ///   - lengthSize: How many bytes a length takes.
  init(storage: TensorStorage, baseAddress: Int, offsetSize: Int, lengthSize: Int) {
    self.storage = storage
    self.baseAddress = baseAddress
    self.offsetSize = offsetSize
    self.lengthSize = lengthSize
    meter = nil
    origin = nil
  }

  private init(_ origin: FileImage, meteredBy meter: ReadMeter) {
    storage = origin.storage
    baseAddress = origin.baseAddress
    offsetSize = origin.offsetSize
    lengthSize = origin.lengthSize
    self.meter = meter
    self.origin = origin
  }

  /// The same file, of which the bytes that are looked at are counted.
  func metered(by meter: ReadMeter) -> FileImage {
    FileImage(unmetered, meteredBy: meter)
  }

  /// Whether the file has all the bytes at an address.
  ///
  /// - Parameters:
  ///   - count: How many they are.
  ///   - address: Where they begin, as the file counts.
  /// - Returns: Whether it does not end before they do.
  func holds(_ count: UInt64, at address: UInt64) -> Bool {
    let (start, overflow) = address.addingReportingOverflow(UInt64(baseAddress))
    let size = UInt64(storage.byteCount)
    return !overflow && start <= size && count <= size - start
  }

  /// The bytes at an address.
  ///
  /// - Parameters:
  ///   - address: Where they begin, as the file counts.
  ///   - count: How many they are.
  ///   - what: What they are, for the error.
  /// - Throws: `truncated` if the file ends before they do.
  /// - Returns: The bytes.
  func bytes(
    at address: UInt64,
    _ count: UInt64,
    _ what: StaticString
  ) throws(FlywheelError) -> StoredBytes {
    let (start, overflow) = address.addingReportingOverflow(UInt64(baseAddress))
    let size = UInt64(storage.byteCount)
    guard !overflow, start <= size, count <= size - start else {
      throw FlywheelError.truncated(
        "\(what)",
        needed: count,
        available: overflow ? 0 : size - min(start, size),
        at: .init(byteOffset: overflow ? .max : start)
      )
    }
    try meter?.spend(Int(count))
    return StoredBytes(
      storage: storage,
      range: Int(start)..<Int(start + count),
      fileOffset: Int(start)
    )
  }

  /// The bytes from an address on: so many, or as many as the file has.
  ///
  /// - Parameters:
  ///   - address: Where they begin, as the file counts.
  ///   - limit: The most that are needed.
  ///   - what: What they are, for the error.
  /// - Throws: `truncated` if the file ends before the address.
  /// - Returns: The bytes; at least one.
  func bytes(
    at address: UInt64,
    upTo limit: Int,
    _ what: StaticString
  ) throws(FlywheelError) -> StoredBytes {
    let first = try bytes(at: address, 1, what).range.lowerBound
    return StoredBytes(
      storage: storage,
      range: first..<min(storage.byteCount, first + limit),
      fileOffset: first
    )
  }

  /// Where in the file an address leads, for errors.
  func place(of address: UInt64) -> UInt64 {
    let (place, overflow) = address.addingReportingOverflow(UInt64(baseAddress))
    return overflow ? .max : place
  }
}
