import FlywheelCore
import FlywheelDeflate
import Testing

@testable import FlywheelHDF5

/// A small file with many datasets that name the same elements, each sound by itself.
struct SharedElements: Sendable {
  private typealias Build = StructureBuilder

  /// How many datasets there are, named d0, d1 and so on.
  var datasetCount: Int
  /// How many bytes the elements of each have in memory.
  let byteCount: Int
  /// What one of them is, for its bytes.
  private let messages: [UInt8]
  /// What all of them name, from byte 48 on.
  private let shared: [UInt8]

  private init(
    count: Int = 100,
    extent: Int,
    _ layout: [UInt8],
    filters: [UInt16] = [],
    limit: UInt64? = nil,
    _ shared: [UInt8]
  ) {
    datasetCount = count
    byteCount = extent
    let space = Build.space([UInt64(extent)], limits: limit.map { [$0] } ?? [])
    messages =
      Build.integers(1) + space + (filters.isEmpty ? [] : Build.filters(filters)) + layout
    self.shared = shared
  }

  /// The name of a dataset.
  static func key(_ number: Int) -> String { "d\(number)" }

  /// The file.
  func storage() throws -> TensorStorage {
    var builder = Build()
    builder.add(shared)
    var group = Build.emptyLinkInfo
    let header = Build.header(messages)
    for number in 0..<datasetCount {
      group += Build.link(Array(Self.key(number).utf8), builder.add(header))
    }
    let root = builder.add(Build.header(group))
    return try Build.storage(builder.build(root: root))
  }

  // MARK: Examples

  /// A way to share elements.
  struct Example: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Makes the file.
    let file: @Sendable () throws -> SharedElements

    fileprivate init(_ description: String, _ file: @escaping @Sendable () throws -> SharedElements)
    {
      testDescription = description
      self.file = file
    }
  }

  /// Datasets that name the same chunks, or the same index of them.
  static let chunks = [
    Example("one chunk that was not filtered") { single },
    Example("one chunk that is compressed", deflated),
    Example("chunks without an index") { implicit },
    Example("a B-tree of version 1") { tree1 },
    Example("a B-tree of version 2") { tree2 },
    Example("a fixed array") { fixedArray },
    Example("an extensible array") { extensibleArray },
  ]

  /// Datasets that declare more together than the size of the file justifies.
  static let large = [
    Example("one piece") { contiguous },
    Example("fill values") { fill },
    Example("what one compressed chunk stands for", zeros),
  ]

  // MARK: Chunks

  private static let start = UInt64(Build.superblockSize)

  /// Bytes that do not become fewer.
  private static func noise(_ count: Int) -> [UInt8] {
    var random = HDF5CompressionTests.SplitMix(state: 1)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  /// A chunk layout of version 4 of one axis; the index is at byte 48 unless it is said.
  private static func layout(
    _ extent: UInt32,
    flags: UInt8 = 0,
    _ index: [UInt8]
  ) -> [UInt8] {
    let extents = Build.le(extent) + Build.le(UInt32(1))
    return Build.message(.layout, [4, 2, flags, 2, 4] + extents + index)
  }

  /// One chunk that is large, in datasets of one element.
  private static let single = SharedElements(
    extent: 1,
    layout(1 << 16, [1] + Build.le(start)),
    noise(1 << 16)
  )

  /// One chunk that has to be decompressed for each.
  private static func deflated() throws -> SharedElements {
    var stored: [UInt8] = []
    let plain = noise(1 << 16)
    try Deflate.shuffledZlib(plain.rawBytes, elementByteCount: 1, .level(6), to: &stored)
    let index = [1] + Build.le(UInt64(stored.count)) + Build.le(UInt32(0)) + Build.le(start)
    return SharedElements(
      extent: 1,
      layout(1 << 16, flags: 0x02, index),
      filters: [1],
      stored
    )
  }

  /// Chunks that follow each other.
  private static let implicit = SharedElements(
    extent: 4_000,
    layout(4, [2] + Build.le(start)),
    noise(4_000)
  )

  // MARK: Indexes

  /// How many chunks an index has; they are the first bytes of the file.
  private static let chunkCount = 400

  /// A B-tree of version 1.
  private static var tree1: SharedElements {
    var node = Array("TREE".utf8) + [1, 0] + Build.le(UInt16(chunkCount))
    node += Build.le(Build.nowhere) + Build.le(Build.nowhere)
    for number in 0..<chunkCount {
      node += Build.chunkKey(1, UInt64(number)) + Build.le(UInt64(number))
    }
    return SharedElements(
      extent: chunkCount,
      Build.chunked([1, 1], start),
      node + Build.chunkKey(0, UInt64(chunkCount))
    )
  }

  /// A B-tree of version 2.
  private static var tree2: SharedElements {
    let records = (0..<chunkCount).map { Build.le(UInt64($0)) + Build.le(UInt64($0)) }
    let leaf = HandMade.leaf(type: 10, records)
    let tree = HandMade.tree2(
      type: 10,
      nodeByteCount: 1 << 16,
      recordByteCount: 16,
      root: start,
      ownCount: UInt16(chunkCount)
    )
    let index = [5, 0, 0, 0, 0, 0, 0] + Build.le(start + UInt64(leaf.count))
    return SharedElements(
      extent: chunkCount,
      layout(1, index),
      leaf + tree
    )
  }

  private static func addresses(_ range: Range<Int>) -> [UInt8] {
    range.flatMap { Build.le($0 < chunkCount ? UInt64($0) : Build.nowhere) }
  }

  /// A fixed array.
  private static var fixedArray: SharedElements {
    let count = UInt64(chunkCount)
    func header(_ block: UInt64) -> [UInt8] {
      HandMade.sealed(Array("FAHD".utf8) + [0, 0, 8, 20] + Build.le(count) + Build.le(block))
    }
    let block = Array("FADB".utf8) + [0, 0] + Build.le(start) + addresses(0..<chunkCount)
    return SharedElements(
      extent: chunkCount,
      layout(1, [3, 20] + Build.le(start)),
      header(start + UInt64(header(0).count)) + HandMade.sealed(block)
    )
  }

  /// An extensible array with four chunks in its index block, and two blocks of 128 and 256.
  private static var extensibleArray: SharedElements {
    func header(_ index: UInt64) -> [UInt8] {
      let sizes: [UInt8] = [0, 0, 8, 32, 4, 128, 2, 20]
      let statistics = [UInt8](repeating: 0, count: 48)
      return HandMade.sealed(Array("EAHD".utf8) + sizes + statistics + Build.le(index))
    }
    func index(_ blocks: [UInt64]) -> [UInt8] {
      let content = addresses(0..<4) + blocks.flatMap { Build.le($0) }
      let rest = [UInt8](repeating: 0xFF, count: 24 * 8)
      return HandMade.sealed(Array("EAIB".utf8) + [0, 0] + Build.le(start) + content + rest)
    }
    func block(_ range: Range<Int>) -> [UInt8] {
      let place = Build.le(UInt32(range.lowerBound - 4))
      let head = Array("EADB".utf8) + [0, 0] + Build.le(start) + place
      return HandMade.sealed(head + addresses(range))
    }
    let (first, second) = (block(4..<132), block(132..<388))
    let indexAddress = start + UInt64(header(0).count)
    let firstAddress = indexAddress + UInt64(index([0, 0]).count)
    let blocks = [firstAddress, firstAddress + UInt64(first.count)]
    return SharedElements(
      extent: 388,
      layout(1, [4, 0, 0, 0, 0, 0] + Build.le(start)),
      limit: .max,
      header(indexAddress) + index(blocks) + first + second
    )
  }

  // MARK: Elements

  /// One range that all datasets lie in.
  private static let contiguous = SharedElements(
    extent: 1 << 16,
    Build.contiguous(start, 1 << 16),
    noise(1 << 16)
  )

  /// Elements that were never written, of which there is one in the file.
  private static let fill = SharedElements(
    count: 20,
    extent: 1 << 20,
    Build.message(.fillValue, [3, 0x20] + Build.le(UInt32(1)) + [7])
      + Build.contiguous(Build.nowhere, 0),
    []
  )

  /// Zeros that deflate makes of a thousandth.
  private static func zeros() throws -> SharedElements {
    var stored: [UInt8] = []
    let plain = [UInt8](repeating: 0, count: 1 << 20)
    try Deflate.shuffledZlib(plain.rawBytes, elementByteCount: 1, .level(9), to: &stored)
    // The chunk lies behind the tree.
    let place = start + 24 + 24 + 8 + 24
    var tree = Array("TREE".utf8) + [1, 0, 1, 0] + Build.le(Build.nowhere)
    tree += Build.le(Build.nowhere) + Build.chunkKey(UInt32(stored.count), 0) + Build.le(place)
    return SharedElements(
      count: 30,
      extent: 1 << 20,
      Build.chunked([1 << 20, 1], start),
      filters: [1],
      tree + Build.chunkKey(0, 1 << 20) + stored
    )
  }
}
