import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Elements of datasets, wherever and however they lie.
@Suite("Elements of datasets")
struct DatasetInputTests {
  static let int32 = Datatype(
    byteCount: 4,
    kind: .integer(bits: .init(isBigEndian: false, offset: 0, precision: 32), isSigned: true)
  )
  static let bigInt32 = Datatype(
    byteCount: 4,
    kind: .integer(bits: .init(isBigEndian: true, offset: 0, precision: 32), isSigned: true)
  )

  static func stored(_ bytes: [UInt8]) throws(FlywheelError) -> StoredBytes {
    let storage = try TensorStorage(byteCount: bytes.count) { (output) throws(FlywheelError) in
      for byte in bytes { output.append(byte) }
    }
    return StoredBytes(storage: storage, range: 0..<bytes.count, fileOffset: 70)
  }

  static func input(
    _ extents: [Int],
    _ layout: DataLayout,
    of type: Datatype = int32,
    as element: ElementType = .number(.int32),
    filters: FilterPipeline = FilterPipeline(),
    fill: [UInt8]? = nil,
    fileByteCount: Int = 100,
    fillLimit: Int = 1_000
  ) throws -> DatasetInput {
    let image = try StructureBytes.image((0..<fileByteCount).map { UInt8(truncatingIfNeeded: $0) })
    return try DatasetInput(
      type,
      as: element,
      extents.isEmpty ? .scalar : .simple(Shape(extents), limits: extents),
      layout,
      filters,
      FillValue(bytes: try fill.map { try stored($0) }),
      in: image,
      limit: ReadLimit(fileByteCount: fileByteCount, fillLimit: fillLimit)
    )
  }

  static func bytes(_ elements: HDF5Elements) -> [UInt8] {
    unsafe elements.bytes.withUnsafeBytes { unsafe Array($0) }
  }

  @Test("Elements in one piece are not copied, unless they must lie at multiples of their size")
  func mapped() throws {
    let input = try Self.input([5], .contiguous(address: 8, byteCount: 20))
    let elements = try input.elements(alignment: 4)
    #expect(Self.bytes(elements) == Array(8..<28))
    let part = try input.elements(of: HDF5Block(offset: [1], count: [2]), alignment: 4)
    #expect(Self.bytes(part) == Array(12..<20))
    let strided = try input.elements(of: HDF5Block(offset: [0], count: [3], stride: [2]))
    #expect(Self.bytes(strided) == [8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27])
    let odd = try Self.input([5], .contiguous(address: 9, byteCount: nil))
    #expect(Self.bytes(try odd.elements(alignment: 4)) == Array(9..<29))
    #expect(try odd.elements(alignment: 4).tensor().shape.extents == [5])
    let scalar = try Self.input([], .contiguous(address: 9, byteCount: 4))
    #expect(Self.bytes(try scalar.elements(alignment: 4)) == [9, 10, 11, 12])
  }

  @Test("Big-endian elements are turned round")
  func swapped() throws {
    let layout = DataLayout.contiguous(address: 8, byteCount: 20)
    let input = try Self.input([2, 2], layout, of: Self.bigInt32)
    #expect(
      Self.bytes(try input.elements())
        == [11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16, 23, 22, 21, 20]
    )
    let filled = try Self.input(
      [2],
      .contiguous(address: nil, byteCount: 8),
      of: Self.bigInt32,
      fill: [1, 2, 3, 4]
    )
    #expect(Self.bytes(try filled.elements()) == [4, 3, 2, 1, 4, 3, 2, 1])
  }

  @Test("Large truth values become bytes, and those that are neither become neither")
  func truths() throws {
    let base = Self.bigInt32
    let type = Datatype(byteCount: 4, kind: .enumeration(base: base, names: []))
    let stored: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 255]
    let input = try Self.input([5], .compact(Self.stored(stored)), of: type, as: .number(.bool))
    #expect(Self.bytes(try input.elements()) == [0, 1, 2, 2, 2])
    #expect(throws: FlywheelError.self) { try input.elements().tensor() }
  }

  @Test("Nothing that was never written is zeros, and no elements are none")
  func nowhere() throws {
    let input = try Self.input([2, 3], .contiguous(address: nil, byteCount: nil))
    #expect(Self.bytes(try input.elements()) == [UInt8](repeating: 0, count: 24))
    let empty = try Self.input([0, 3], .contiguous(address: 1 << 50, byteCount: 0))
    #expect(try empty.elements().description.byteCount == 0)
    let none = try input.elements(of: HDF5Block(offset: [0, 0], count: [0, 3]))
    #expect(none.description.shape.extents == [0, 3])
  }

  static func chunked(
    _ chunk: [Int],
    _ index: ChunkIndexKind,
    elementByteCount: Int = 4
  ) -> DataLayout {
    .chunked(
      ChunkedLayout(
        chunk: chunk,
        elementByteCount: elementByteCount,
        index: index,
        filtersPartialEdges: true
      )
    )
  }

  static let faults: [(extents: [Int], layout: DataLayout, code: FlywheelError.Code)] = [
    ([26], .contiguous(address: 0, byteCount: nil), .truncated),
    ([1], .contiguous(address: 97, byteCount: 4), .truncated),
    ([1], .contiguous(address: .max, byteCount: 4), .truncated),
    ([5], .contiguous(address: 0, byteCount: 19), .malformed),
    ([1 << 61], .contiguous(address: 0, byteCount: nil), .limitExceeded),
    ([1 << 40], .contiguous(address: nil, byteCount: nil), .limitExceeded),
    ([2], chunked([2], .single(address: 98, byteCount: nil, skippedFilters: 0)), .truncated),
    ([2], chunked([2], .single(address: 9, byteCount: 7, skippedFilters: 0)), .malformed),
    ([2], chunked([2, 1], .btree1(address: nil)), .malformed),
    ([], chunked([], .btree1(address: nil)), .malformed),
    ([2], chunked([2], .btree1(address: nil), elementByteCount: 2), .malformed),
    ([2], chunked([1 << 40], .btree1(address: nil)), .limitExceeded),
    ([2], chunked([1 << 62], .btree1(address: nil)), .limitExceeded),
    ([1 << 40], chunked([1], .btree1(address: nil)), .limitExceeded),
    ([2], .virtual, .unsupported),
  ]

  @Test("What the file cannot hold is refused before memory is asked for", arguments: faults)
  func fault(fault: (extents: [Int], layout: DataLayout, code: FlywheelError.Code)) throws {
    let error = #expect(throws: FlywheelError.self) {
      try Self.input(fault.extents, fault.layout).elements()
    }
    #expect(error?.code == fault.code)
  }

  @Test("Compact elements and fill values of other sizes are refused, and types of other sizes")
  func sizes() throws {
    let compact = DataLayout.compact(try Self.stored([1, 2, 3, 4, 5]))
    #expect(Self.bytes(try Self.input([1], compact).elements()) == [1, 2, 3, 4])
    let error = #expect(throws: FlywheelError.self) { try Self.input([2], compact) }
    #expect(error?.code == .truncated)
    #expect(error?.location.byteOffset == 70)
    #expect(throws: FlywheelError.self) { try Self.input([1], compact, fill: [1, 2]) }
    #expect(throws: FlywheelError.self) { try Self.input([1], compact, as: .number(.int64)) }
    #expect(throws: FlywheelError.self) {
      try Self.input([1], compact).elements(of: HDF5Block(offset: [1], count: [1]))
    }
  }

  @Test("A block reads far fewer chunks than there are, however many were never written")
  func sparse() throws {
    let layout = Self.chunked([1], .btree1(address: nil))
    let input = try Self.input([1 << 40], layout, fill: [1, 0, 0, 0])
    let block = HDF5Block(offset: [1 << 39], count: [3], stride: [1 << 37])
    #expect(try input.elements(of: block).tensor().elements(as: Int32.self) == [1, 1, 1])
  }

  @Test("Chunks at the edges that were not filtered are read as they are")
  func plainEdges() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("edges.h5")
    let values = (0..<35).map { Int32($0 * 3) }
    do {
      let file = ForeignFile(path, isNewest: true)
      let type = HDF5Library.type(of: .int32)
      let bytes = values.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      }
      for (name, shuffles) in [("gzip", CInt(0)), ("shuffle-gzip", 1)] {
        let properties = unsafe fw_h5_new_chunked_creation(2, [2, 3], shuffles, 6, 1)
        H5Pset_chunk_opts(properties, 2)  // H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS
        file.add(name, type, [5, 7], bytes, creation: properties)
        H5Pclose(properties)
      }
    }
    let file = try ReaderFile(path)
    for name in ["gzip", "shuffle-gzip"] {
      guard case .chunked(let layout) = try file.layout(name) else {
        Issue.record("no chunks")
        continue
      }
      #expect(!layout.filtersPartialEdges)
      #expect(try file.input(name).elements().tensor().elements(as: Int32.self) == values)
    }
  }

  @Test("So is the only one that was written", arguments: [CInt(0), 1])
  func loneEdge(shuffles: CInt) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("edge.h5")
    do {
      let file = ForeignFile(path, isNewest: true)
      let type = HDF5Library.type(of: .int32)
      let properties = unsafe fw_h5_new_chunked_creation(1, [4], shuffles, 1 - shuffles, 0)
      H5Pset_chunk_opts(properties, 2)  // H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS
      file.add("data", type, [10], creation: properties)
      let data = unsafe H5Dopen2(file.id, "data", 0)
      let space = H5Dget_space(data)
      unsafe H5Sselect_hyperslab(space, H5S_SELECT_SET, [8], nil, [2], nil)
      let memory = unsafe H5Screate_simple(1, [2], nil)
      precondition(unsafe H5Dwrite(data, type, memory, space, 0, [Int32(70_000), -2]) >= 0)
      H5Sclose(memory)
      H5Sclose(space)
      H5Dclose(data)
      H5Pclose(properties)
    }
    let tensor = try HDF5File(opening: path).tensor("data")
    #expect(try tensor.elements(as: Int32.self) == [0, 0, 0, 0, 0, 0, 0, 0, 70_000, -2])
  }
}
