import FlywheelCore

/// A dataset of numbers that lie in the file in one piece, little-endian and unfiltered.
///
/// Format specification, sections IV.A.2.b (dataspace), d (datatype) and i (layout).
struct PlainDataset {
  /// The type of its elements.
  let dtype: DType
  /// Its extents.
  let shape: Shape
  /// Where its bytes begin; nil if it has none.
  let byteOffset: Int?

  /// Reads the dataset at an address; nil if it is not plain, or damaged.
  init?(_ file: RawSpan, at address: Int) throws(FlywheelError) {
    var dtype: DType?
    var shape: Shape?
    var place: (offset: UInt64, count: UInt64)?
    let isPlain = try PlainObjectHeader.visit(file, at: address) {
      (message, content) throws(FlywheelError) in
      switch message {
      case .dataspace:
        shape = try Self.shape(content)
        return shape != nil
      case .datatype:
        dtype = try Self.dtype(content)
        return dtype != nil
      case .layout:
        place = try Self.place(content)
        return place != nil
      case .link, .linkInfo, .groupInfo: return false  // a group
      default: return true
      }
    }
    guard isPlain, let dtype, let shape, let place,
      place.count == UInt64(try shape.byteCount(of: dtype))
    else { return nil }
    if place.offset == .max {
      guard place.count == 0 else { return nil }
      byteOffset = nil
    } else {
      guard let offset = Int(exactly: place.offset) else { return nil }
      byteOffset = offset
    }
    self.dtype = dtype
    self.shape = shape
  }

  private static func shape(_ content: RawSpan) throws(FlywheelError) -> Shape? {
    var reader = ByteReader(content)
    let version = try reader.readLittleEndian(UInt8.self, "the version")
    let rank = try reader.readLittleEndian(UInt8.self, "the rank")
    _ = try reader.readLittleEndian(UInt8.self, "the flags")
    let kind = try reader.readLittleEndian(UInt8.self, "the kind")
    // Scalars and simple spaces; a null space has no elements at all.
    guard version == 2, kind == (rank == 0 ? 0 : 1) else { return nil }
    var extents: [Int] = []
    for _ in 0..<rank {
      let extent = try reader.readLittleEndian(UInt64.self, "an extent")
      guard let extent = Int(exactly: extent) else { return nil }
      extents.append(extent)
    }
    return try Shape(extents)
  }

  private static func place(
    _ content: RawSpan
  ) throws(FlywheelError) -> (offset: UInt64, count: UInt64)? {
    var reader = ByteReader(content)
    let version = try reader.readLittleEndian(UInt8.self, "the version")
    let kind = try reader.readLittleEndian(UInt8.self, "the kind")
    guard version == 3 || version == 4, kind == 1 else { return nil }
    return (
      try reader.readLittleEndian(UInt64.self, "the offset"),
      try reader.readLittleEndian(UInt64.self, "the size")
    )
  }

  private static func dtype(_ content: RawSpan) throws(FlywheelError) -> DType? {
    var reader = ByteReader(content)
    let kind = try reader.readLittleEndian(UInt8.self, "the class and version")
    let bits = try reader.readLittleEndian(UInt16.self, "the class's bits")
    let moreBits = try reader.readLittleEndian(UInt8.self, "the class's bits")
    let size = try reader.readLittleEndian(UInt32.self, "the size")
    let bitOffset = try reader.readLittleEndian(UInt16.self, "the bit offset")
    let precision = try reader.readLittleEndian(UInt16.self, "the precision")
    guard moreBits == 0, bitOffset == 0, UInt32(precision) == 8 * size else { return nil }
    switch kind & 0x0F {
    case 0: return integer(bits, size)
    case 1: return try float(bits, size, &reader)
    default: return nil
    }
  }

  /// Little-endian, nothing but significant bits; bit 3 is the sign.
  private static func integer(_ bits: UInt16, _ size: UInt32) -> DType? {
    switch (bits, size) {
    case (0x08, 1): .int8
    case (0x08, 2): .int16
    case (0x08, 4): .int32
    case (0x08, 8): .int64
    case (0x00, 1): .uint8
    case (0x00, 2): .uint16
    case (0x00, 4): .uint32
    case (0x00, 8): .uint64
    default: nil
    }
  }

  /// IEEE 754, little-endian, with an implied leading one.
  private static func float(
    _ bits: UInt16,
    _ size: UInt32,
    _ reader: inout ByteReader
  ) throws(FlywheelError) -> DType? {
    let exponentStart = try reader.readLittleEndian(UInt8.self, "the exponent's place")
    let exponentSize = try reader.readLittleEndian(UInt8.self, "the exponent's size")
    let mantissaStart = try reader.readLittleEndian(UInt8.self, "the mantissa's place")
    let mantissaSize = try reader.readLittleEndian(UInt8.self, "the mantissa's size")
    let bias = try reader.readLittleEndian(UInt32.self, "the exponent's bias")
    let fields = [exponentStart, exponentSize, mantissaStart, mantissaSize]
    // The sign's place is in the high byte; 0x20 is the normalisation.
    switch (bits, size, bias) {
    case (0x1F20, 4, 127) where fields == [23, 8, 0, 23]: return .float32
    case (0x3F20, 8, 1023) where fields == [52, 11, 0, 52]: return .float64
    default: return nil
    }
  }
}
