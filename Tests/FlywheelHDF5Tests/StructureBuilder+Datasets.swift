import FlywheelCore

@testable import FlywheelHDF5

extension StructureBuilder {
  /// Whole numbers without a sign, of so many bytes.
  static func integers(_ byteCount: UInt8 = 4) -> [UInt8] {
    message(.datatype, [0x10, 0, 0, 0, byteCount, 0, 0, 0, 0, 0, 8 * byteCount, 0])
  }

  /// Extents, and how large they may become.
  static func space(_ extents: [UInt64], limits: [UInt64] = []) -> [UInt8] {
    var content: [UInt8] = [2, UInt8(extents.count), limits.isEmpty ? 0 : 1, 1]
    for extent in extents + limits { content += le(extent) }
    return message(.dataspace, content)
  }

  /// Elements in one piece.
  static func contiguous(_ address: UInt64, _ byteCount: UInt64) -> [UInt8] {
    message(.layout, [3, 1] + le(address) + le(byteCount))
  }

  /// Chunks with an index of version 1.
  static func chunked(_ extents: [UInt32], _ address: UInt64) -> [UInt8] {
    var content: [UInt8] = [3, 2, UInt8(extents.count)] + le(address)
    for extent in extents { content += le(extent) }
    return message(.layout, content)
  }

  /// What chunks go through, by the numbers of the filters; each is set up with 6.
  static func filters(_ ids: [UInt16]) -> [UInt8] {
    var content: [UInt8] = [2, UInt8(ids.count)]
    for id in ids {
      content += le(id)
      content += [0, 0, 1, 0, 6, 0, 0, 0]
    }
    return message(.filterPipeline, content)
  }

  /// A key of a tree of chunks of one axis, or more.
  static func chunkKey(_ byteCount: UInt32, _ origin: UInt64...) -> [UInt8] {
    le(byteCount) + [0, 0, 0, 0] + origin.flatMap { le($0) } + le(UInt64(0))
  }
}
