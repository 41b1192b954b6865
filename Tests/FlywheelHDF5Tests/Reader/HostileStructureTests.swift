import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Structures that lie, and where the reader must see it.
@Suite("Hostile heaps and trees of HDF5 files")
struct HostileStructureTests {
  /// A file with a structure in it, and what must become of reading it.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let parts: [(Int, [UInt8])]
    let read: @Sendable (FileImage) throws -> Void
    /// Why it is refused; nil if it is sound.
    let code: FlywheelError.Code?
    /// The byte of the file that is named.
    let place: UInt64?

    init(
      _ name: String,
      _ parts: [(Int, [UInt8])],
      _ read: @escaping @Sendable (FileImage) throws -> Void,
      _ code: FlywheelError.Code? = nil,
      at place: UInt64? = nil
    ) {
      testDescription = name
      self.parts = parts
      self.read = read
      self.code = code
      self.place = place
    }
  }

  @Test(
    "What lies is refused, with the place that is wrong",
    arguments: localHeaps + groupTrees + trees + heapHeaders + heapObjects + heapTables
      + collections
      + sharedTables
  )
  func hostile(_ hostile: Case) throws {
    let image = try HandMade.image(hostile.parts)
    guard let code = hostile.code else { return try hostile.read(image) }
    let error = #expect(throws: FlywheelError.self) { try hostile.read(image) }
    #expect(error?.code == code, "\(error?.description ?? "")")
    #expect(error?.location.byteOffset == hostile.place, "\(error?.description ?? "")")
  }

  // MARK: Local heaps

  private static let names: (Int, [UInt8]) = (100, HandMade.text("\0first\0second\0"))

  private static func take(_ offsets: UInt64...) -> @Sendable (FileImage) throws -> Void {
    { image in
      var heap = try LocalHeap(at: 0, in: image)
      for offset in offsets { _ = try heap.takeText(at: offset, saidAt: 77) }
    }
  }

  static let localHeaps: [Case] = [
    Case("a local heap", [(0, HandMade.localHeap(data: 100)), names], take(1, 7)),
    Case(
      "no local heap",
      [(0, HandMade.localHeap(signature: "HEAR", data: 100))],
      take(1),
      .malformed,
      at: 0
    ),
    Case(
      "a newer local heap",
      [(0, HandMade.localHeap(version: 1, data: 100))],
      take(1),
      .unsupported,
      at: 4
    ),
    Case(
      "names nowhere",
      [(0, HandMade.localHeap(data: HandMade.nowhere))],
      take(1),
      .malformed,
      at: 24
    ),
    Case(
      "names beyond the file",
      [(0, HandMade.localHeap(data: 5000))],
      take(1),
      .truncated,
      at: 5000
    ),
    Case(
      "more names than the file has",
      [(0, HandMade.localHeap(byteCount: .max - 1, data: 100))],
      take(1),
      .truncated,
      at: 100
    ),
    Case(
      "a name beyond its heap",
      [(0, HandMade.localHeap(data: 100)), names],
      take(64),
      .malformed,
      at: 77
    ),
    Case(
      "a name far away",
      [(0, HandMade.localHeap(data: 100)), names],
      take(.max),
      .malformed,
      at: 77
    ),
    Case(
      "a name without an end",
      [(0, HandMade.localHeap(byteCount: 6, data: 100)), names],
      take(1),
      .malformed,
      at: 77
    ),
    Case(
      "names within names",
      [(0, HandMade.localHeap(byteCount: 14, data: 100)), names],
      take(1, 7, 8),
      .malformed,
      at: 77
    ),
  ]

  // MARK: B-trees of version 1

  private static let entries: @Sendable (FileImage) throws -> Void = { image in
    var tree = GroupTree(in: image)
    try tree.forEachEntry(at: 0) { _ in }
  }
  private static let twoSymbols: (Int, [UInt8]) =
    (1000, HandMade.symbols([HandMade.symbol(name: 1), HandMade.symbol(name: 7, softPath: 9)]))

  static let groupTrees: [Case] = [
    Case("a group's tree", [(0, HandMade.tree1(children: [1000])), twoSymbols], entries),
    Case(
      "a group's tree of two levels",
      [
        (0, HandMade.tree1(level: 1, children: [200])), (200, HandMade.tree1(children: [1000])),
        twoSymbols,
      ],
      entries
    ),
    Case("an empty tree", [(0, HandMade.tree1(children: []))], entries),
    Case(
      "chunks instead of links",
      [(0, HandMade.tree1(type: 1, children: [1000]))],
      entries,
      .malformed,
      at: 4
    ),
    Case(
      "more children than the file has",
      [(0, HandMade.tree1(count: .max, children: [1000]))],
      entries,
      .truncated,
      at: 0
    ),
    Case("a child nowhere", [(0, HandMade.tree1(children: [.max]))], entries, .malformed, at: 32),
    Case(
      "a child beyond the file",
      [(0, HandMade.tree1(children: [4090]))],
      entries,
      .truncated,
      at: 4090
    ),
    Case(
      "a node that is its own child",
      [(0, HandMade.tree1(level: 1, children: [0]))],
      entries,
      .malformed,
      at: 5
    ),
    Case(
      "a node at a level that skips one",
      [
        (0, HandMade.tree1(level: 2, children: [200])), (200, HandMade.tree1(children: [1000])),
        twoSymbols,
      ],
      entries,
      .malformed,
      at: 205
    ),
    Case(
      "a leaf that many share",
      [(0, HandMade.tree1(children: Array(repeating: 1000, count: 40))), twoSymbols],
      entries,
      .malformed,
      at: 1000
    ),
    Case(
      "more symbols than the file has",
      [(0, HandMade.tree1(children: [1000])), (1000, HandMade.symbols(count: 5000, []))],
      entries,
      .truncated,
      at: 1000
    ),
    Case(
      "newer symbols",
      [(0, HandMade.tree1(children: [1000])), (1000, HandMade.symbols(version: 2, []))],
      entries,
      .unsupported,
      at: 1004
    ),
    Case("no symbols", [(0, HandMade.tree1(children: [1000]))], entries, .malformed, at: 1000),
    Case(
      "a link to nowhere",
      [
        (0, HandMade.tree1(children: [1000])),
        (1000, HandMade.symbols([HandMade.symbol(name: 1, address: .max)])),
      ],
      entries,
      .malformed,
      at: 1016
    ),
  ]

  // MARK: B-trees of version 2

  private static let records: @Sendable (FileImage) throws -> Void = { image in
    let tree = try BTree2(at: 0, in: image)
    var count: UInt64 = 0
    try tree.forEachRecord { (fields) throws(FlywheelError) in
      try fields.skip(tree.recordByteCount, "a record")
      count += 1
    }
    #expect(count == tree.recordCount)
  }
  private static let record = [UInt8](repeating: 7, count: 11)
  private static let oneLeaf: (Int, [UInt8]) = (500, HandMade.leaf([record, record]))

  private static func flipped(_ bytes: [UInt8], _ index: Int) -> [UInt8] {
    var bytes = bytes
    bytes[index] ^= 0x10
    return bytes
  }

  /// A tree of one inner node with three children.
  private static func deep(
    depth: UInt16 = 1,
    ownCount: UInt16 = 2,
    total: UInt64 = 8,
    type: UInt8 = 5,
    _ pointers: [[UInt8]]
  ) -> [(Int, [UInt8])] {
    [
      (0, HandMade.tree2(depth: depth, root: 200, ownCount: ownCount, totalCount: total)),
      (200, HandMade.innerNode(type: type, [record, record], pointers)), oneLeaf,
      (600, HandMade.leaf([record, record])), (700, HandMade.leaf([record, record])),
    ]
  }

  private static let threeLeaves = [
    HandMade.pointer(500, 2), HandMade.pointer(600, 2), HandMade.pointer(700, 2),
  ]

  static let trees: [Case] = [
    Case("a tree of one leaf", [(0, HandMade.tree2(root: 500, ownCount: 2)), oneLeaf], records),
    Case("a tree of two levels", deep(threeLeaves), records),
    Case("a tree without records", [(0, HandMade.tree2(root: .max, ownCount: 0))], records),
    Case(
      "a changed tree",
      [(0, flipped(HandMade.tree2(root: 500, ownCount: 2), 6)), oneLeaf],
      records,
      .corrupted,
      at: 0
    ),
    Case(
      "a newer tree",
      [(0, HandMade.tree2(version: 1, root: 500, ownCount: 2))],
      records,
      .unsupported,
      at: 4
    ),
    Case(
      "a tree cut off",
      [(4090, HandMade.text("BTHD"))],
      { _ = try BTree2(at: 4090, in: $0) },
      .truncated,
      at: 4090
    ),
    Case(
      "records without bytes",
      [(0, HandMade.tree2(recordByteCount: 0, root: 500, ownCount: 2))],
      records,
      .malformed,
      at: 6
    ),
    Case(
      "nodes without room",
      [(0, HandMade.tree2(nodeByteCount: 20, root: 500, ownCount: 2))],
      records,
      .malformed,
      at: 6
    ),
    Case(
      "nodes without bytes",
      [(0, HandMade.tree2(nodeByteCount: 0, root: 500, ownCount: 2))],
      records,
      .malformed,
      at: 6
    ),
    Case(
      "more levels than 64 bits of records have",
      [(0, HandMade.tree2(depth: .max, root: 500, ownCount: 2))],
      records,
      .malformed,
      at: 6
    ),
    Case(
      "records without a root",
      [(0, HandMade.tree2(root: .max, ownCount: 2))],
      records,
      .malformed,
      at: 16
    ),
    Case(
      "a root beyond the file",
      [(0, HandMade.tree2(root: 4094, ownCount: 2))],
      records,
      .truncated,
      at: 4094
    ),
    Case(
      "a root far away",
      [(0, HandMade.tree2(root: .max - 5, ownCount: 2))],
      records,
      .truncated,
      at: .max - 5
    ),
    Case(
      "more records than a node holds",
      [(0, HandMade.tree2(root: 500, ownCount: 60)), oneLeaf],
      records,
      .malformed,
      at: 500
    ),
    Case(
      "another number of records in all",
      [(0, HandMade.tree2(root: 500, ownCount: 2, totalCount: 3)), oneLeaf],
      records,
      .malformed,
      at: 500
    ),
    Case(
      "a changed leaf",
      [
        (0, HandMade.tree2(root: 500, ownCount: 2)),
        (500, flipped(HandMade.leaf([record, record]), 9)),
      ],
      records,
      .corrupted,
      at: 500
    ),
    Case(
      "a leaf of other records",
      [(0, HandMade.tree2(root: 500, ownCount: 1)), (500, HandMade.leaf(type: 6, [record]))],
      records,
      .malformed,
      at: 505
    ),
    Case(
      "an inner node where a leaf should be",
      [(0, HandMade.tree2(root: 500, ownCount: 1)), (500, HandMade.innerNode([record], []))],
      records,
      .malformed,
      at: 500
    ),
    Case(
      "a changed inner node",
      deep(threeLeaves).map { $0.0 == 200 ? (200, flipped($0.1, 30)) : $0 },
      records,
      .corrupted,
      at: 200
    ),
    Case(
      "a node that is its own child",
      deep([HandMade.pointer(200, 2), HandMade.pointer(600, 2), HandMade.pointer(700, 2)]),
      records,
      .malformed,
      at: 200
    ),
    Case(
      "a child nowhere",
      deep([HandMade.pointer(.max, 2), HandMade.pointer(600, 2), HandMade.pointer(700, 2)]),
      records,
      .malformed,
      at: 228
    ),
    Case(
      "a child with more records than fit",
      deep([HandMade.pointer(500, 46), HandMade.pointer(600, 2), HandMade.pointer(700, 2)]),
      records,
      .malformed,
      at: 500
    ),
    Case("another total below a node", deep(total: 9, threeLeaves), records, .malformed, at: 200),
    Case(
      "a total that overflows",
      [
        (0, HandMade.tree2(depth: 2, root: 200, ownCount: 1, totalCount: 4)),
        (
          200,
          HandMade.innerNode(
            [record],
            [HandMade.pointer(300, 0, total: .max), HandMade.pointer(300, 0, total: .max)]
          )
        ), (300, HandMade.innerNode([], [HandMade.pointer(500, 2)])), oneLeaf,
      ],
      records,
      .malformed,
      at: 300
    ),
    Case(
      "leaves that share their bytes",
      [
        (0, HandMade.tree2(depth: 1, root: 200, ownCount: 20, totalCount: 965)),
        (
          200,
          HandMade.innerNode(
            Array(repeating: record, count: 20),
            Array(repeating: HandMade.pointer(1000, 45), count: 21)
          )
        ), (1000, HandMade.leaf(Array(repeating: record, count: 45))),
      ],
      records,
      .malformed,
      at: 1000
    ),
  ]
}
