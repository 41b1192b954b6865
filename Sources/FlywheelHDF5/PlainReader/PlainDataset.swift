internal import CFlywheelHDF5
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
  init?(_ file: TensorStorage, at address: Int) throws(FlywheelError) {
    var type: PlainDType?
    var typeName: [UInt8]?
    var shape: Shape?
    var place: (offset: UInt64, count: UInt64)?
    let isPlain = try PlainObjectHeader.visit(file.bytes, at: address) {
      (message, content) throws(FlywheelError) in
      switch message {
      case .dataspace:
        shape = try Self.shape(content)
        return shape != nil
      case .datatype:
        type = try PlainDType(content)
        return type != nil
      case .layout:
        place = try Self.place(content)
        return place != nil
      case .attribute:
        if case .opaque = type, typeName == nil { typeName = try Self.typeName(content) }
        return true
      case .link, .linkInfo, .groupInfo: return false  // a group
      default: return true
      }
    }
    var dtype: DType?
    switch type {
    case .known(let known): dtype = known
    case .opaque(let byteCount):
      if let typeName { dtype = try Self.namedType(typeName, byteCount, file) }
    case nil: break
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

  /// Where the text is that an attribute `dtype` holds; nil if it is another attribute, or no such text.
  ///
  /// Format specification, section IV.A.2.m, version 3.
  private static func typeName(_ content: RawSpan) throws(FlywheelError) -> [UInt8]? {
    var reader = ByteReader(content)
    let version = try reader.readLittleEndian(UInt8.self, "the version")
    let flags = try reader.readLittleEndian(UInt8.self, "the flags")
    guard version == 3, flags == 0 else { return nil }
    let nameSize = try reader.readLittleEndian(UInt16.self, "the name's size")
    let typeSize = try reader.readLittleEndian(UInt16.self, "the type's size")
    let spaceSize = try reader.readLittleEndian(UInt16.self, "the space's size")
    _ = try reader.take(1, "the character set")
    let name = try reader.take(Int(nameSize), "the name")
    var type = ByteReader(try reader.take(Int(typeSize), "the type"))
    let space = try reader.take(Int(spaceSize), "the space")
    guard unsafe name.withUnsafeBytes({ unsafe $0.elementsEqual(Array("dtype\0".utf8)) }),
      try shape(space)?.rank == 0,
      try type.readLittleEndian(UInt8.self, "the class") & 0x0F == 9,  // variable length
      try type.readLittleEndian(UInt8.self, "the kind") & 0x0F == 1,  // text
      reader.remaining == FW_H5_REFERENCE_SIZE
    else { return nil }
    let reference = try reader.take(reader.remaining, "the text's place")
    return unsafe reference.withUnsafeBytes { unsafe Array($0) }
  }

  /// The dtype that the text at a place names.
  private static func namedType(
    _ reference: [UInt8],
    _ byteCount: Int,
    _ file: TensorStorage
  ) throws(FlywheelError) -> DType? {
    var heap = GlobalHeap(file, baseOffset: 0)
    var reader = ByteReader(reference.rawBytes)
    guard let place = try heap.find(&reader) else { return nil }
    let text = file.bytes.extracting(place)
    let name = unsafe text.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    guard let name, let dtype = DType(rawValue: name), dtype.isNamedByAttribute,
      dtype.byteCount == byteCount
    else { return nil }
    return dtype
  }
}
