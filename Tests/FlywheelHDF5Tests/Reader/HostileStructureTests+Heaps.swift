import FlywheelCore
import FlywheelDeflate
import Testing

@testable import FlywheelHDF5

/// Heaps that lie.
extension HostileStructureTests {
  // MARK: Headers of fractal heaps

  private static let header: @Sendable (FileImage) throws -> Void = { image in
    _ = try FractalHeap(at: 0, in: image)
  }

  static let heapHeaders: [Case] = [
    Case("a heap", [(0, HandMade.heap(root: 512))], header),
    Case("a heap without blocks", [(0, HandMade.heap(root: .max))], header),
    Case("no heap", [(0, HandMade.text("FRHQ"))], header, .malformed, at: 0),
    Case("a newer heap", [(0, HandMade.heap(version: 1, root: 512))], header, .unsupported, at: 4),
    Case(
      "a changed heap",
      [(0, HandMade.heap(root: 512).enumerated().map { $0 == 130 ? $1 ^ 1 : $1 })],
      header,
      .corrupted,
      at: 0
    ),
    Case(
      "a heap cut off in its filters",
      [(3950, HandMade.heap(root: 512)), (3957, [0xFF, 0xFF])],
      { _ = try FractalHeap(at: 3950, in: $0) },
      .truncated,
      at: 3950
    ),
    Case(
      "IDs that hold no place",
      [(0, HandMade.heap(idByteCount: 6, root: 512))],
      header,
      .malformed,
      at: 5
    ),
    Case(
      "rows without blocks",
      [(0, HandMade.heap(width: 0, root: 512))],
      header,
      .malformed,
      at: 110
    ),
    Case(
      "rows of three blocks",
      [(0, HandMade.heap(width: 3, root: 512))],
      header,
      .malformed,
      at: 110
    ),
    Case(
      "blocks without bytes",
      [(0, HandMade.heap(first: 0, root: 512))],
      header,
      .malformed,
      at: 110
    ),
    Case(
      "blocks of odd sizes",
      [(0, HandMade.heap(first: 513, root: 512))],
      header,
      .malformed,
      at: 110
    ),
    Case(
      "blocks that shrink",
      [(0, HandMade.heap(last: 256, root: 512))],
      header,
      .malformed,
      at: 110
    ),
    Case(
      "blocks larger than their space",
      [(0, HandMade.heap(spaceBits: 10, root: 512))],
      header,
      .malformed,
      at: 110
    ),
    Case(
      "a space of any size",
      [(0, HandMade.heap(spaceBits: .max, root: 512))],
      header,
      .unsupported,
      at: 110
    ),
    Case(
      "more rows than the space has",
      [(0, HandMade.heap(root: 512, rows: 23))],
      header,
      .malformed,
      at: 140
    ),
  ]

  // MARK: Objects of fractal heaps

  /// Looks for an object; what names it lies at 4000.
  private static func find(_ count: Int = 7) -> @Sendable (FileImage) throws -> Void {
    { image in
      let heap = try FractalHeap(at: 0, in: image)
      let object = try heap.object(try image.bytes(at: 4000, UInt64(count), "an ID"))
      #expect(object.count > 0)
    }
  }

  private static func small(_ id: [UInt8], block: [UInt8]? = nil) -> [(Int, [UInt8])] {
    [(0, HandMade.heap(root: 512)), (512, block ?? HandMade.block(heap: 0)), (4000, id)]
  }

  static let heapObjects: [Case] = [
    Case("an object in a block", small(HandMade.id(21, 10)), find()),
    Case("an object up to the end of its block", small(HandMade.id(500, 12)), find()),
    Case("an object beyond its block", small(HandMade.id(500, 13)), find(), .malformed, at: 4001),
    Case("an object in front of objects", small(HandMade.id(20, 10)), find(), .malformed, at: 4001),
    Case("an object behind all blocks", small(HandMade.id(512, 1)), find(), .malformed, at: 4001),
    Case("an object far away", small(HandMade.id(.max, 10)), find(), .malformed, at: 4001),
    Case("an ID of another size", small(HandMade.id(21, 10)), find(6), .malformed, at: 4000),
    Case(
      "an ID of a newer version",
      small(HandMade.id(21, 10, kind: 0x40)),
      find(),
      .malformed,
      at: 4000
    ),
    Case(
      "an ID of another kind",
      small(HandMade.id(21, 10, kind: 0x30)),
      find(),
      .malformed,
      at: 4000
    ),
    Case("a tiny object", small(HandMade.id(21, 10, kind: 0x25)), find()),
    Case(
      "a tiny object beyond its ID",
      small(HandMade.id(21, 10, kind: 0x26)),
      find(),
      .truncated,
      at: 4001
    ),
    Case(
      "a huge object without a tree",
      small(HandMade.id(1, 0, kind: 0x10)),
      find(),
      .malformed,
      at: 4001
    ),
    Case(
      "a huge object",
      [
        (0, HandMade.heap(hugeTree: 1500, root: .max)), (4000, HandMade.id(9, 0, kind: 0x10)),
        (1500, HandMade.tree2(type: 1, recordByteCount: 24, root: 1600, ownCount: 1)),
        (
          1600,
          HandMade.leaf(
            type: 1,
            [HandMade.number(2000, 8) + HandMade.number(50, 8) + HandMade.number(9, 8)]
          )
        ),
      ],
      find()
    ),
    Case(
      "two huge objects of one number",
      [
        (0, HandMade.heap(hugeTree: 1500, root: .max)), (4000, HandMade.id(9, 0, kind: 0x10)),
        (1500, HandMade.tree2(type: 1, recordByteCount: 24, root: 1600, ownCount: 2)),
        (
          1600,
          HandMade.leaf(
            type: 1,
            Array(
              repeating: HandMade.number(2000, 8) + HandMade.number(50, 8) + HandMade.number(9, 8),
              count: 2
            )
          )
        ),
      ],
      find(),
      .malformed,
      at: 1630
    ),
    Case(
      "a huge object beyond the file",
      [
        (0, HandMade.heap(hugeTree: 1500, root: .max)), (4000, HandMade.id(9, 0, kind: 0x10)),
        (1500, HandMade.tree2(type: 1, recordByteCount: 24, root: 1600, ownCount: 1)),
        (
          1600,
          HandMade.leaf(
            type: 1,
            [HandMade.number(2000, 8) + HandMade.number(.max, 8) + HandMade.number(9, 8)]
          )
        ),
      ],
      find(),
      .truncated,
      at: 2000
    ),
    Case(
      "huge objects of a heap with filters",
      [
        (0, HandMade.heap(hugeTree: 1500, root: .max)), (4000, HandMade.id(9, 0, kind: 0x10)),
        (1500, HandMade.tree2(type: 2, recordByteCount: 36, root: .max, ownCount: 0)),
      ],
      find(),
      .malformed,
      at: 1500
    ),
    Case(
      "a changed block",
      small(
        HandMade.id(21, 10),
        block: HandMade.block(heap: 0).enumerated().map { $0 == 511 ? 1 : $1 }
      ),
      find(),
      .corrupted,
      at: 512
    ),
    Case("no block", small(HandMade.id(21, 10), block: []), find(), .malformed, at: 512),
    Case(
      "a block of another heap",
      small(HandMade.id(21, 10), block: HandMade.block(heap: 8)),
      find(),
      .malformed,
      at: 517
    ),
    Case(
      "a block for another place",
      small(HandMade.id(21, 10), block: HandMade.block(heap: 0, offset: 512)),
      find(),
      .malformed,
      at: 517
    ),
    Case(
      "a block beyond the file",
      [(0, HandMade.heap(root: 4000)), (4000, HandMade.id(21, 10))],
      find(),
      .truncated,
      at: 4000
    ),
    Case(
      "a block with a filter that is not known",
      [
        (0, HandMade.heap(filters: [2, 1, 5, 0, 0, 0, 0, 0], root: 512)),
        (512, HandMade.block(heap: 0)), (4000, HandMade.id(21, 10)),
      ],
      find(),
      .unsupported,
      at: nil
    ),
    Case(
      "a block that is no deflated one",
      [
        (0, HandMade.heap(filters: [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0], root: 512)),
        (512, HandMade.block(heap: 0)), (4000, HandMade.id(21, 10)),
      ],
      find(),
      .corrupted,
      at: 514
    ),
  ]

  // MARK: Tables of fractal heaps

  /// Two rows of blocks of 512 bytes, the second's first block at 1024.
  private static func wide(
    _ entries: [UInt64],
    rows: UInt16 = 2,
    last: UInt64 = 65536,
    table: [UInt8]? = nil
  ) -> [(Int, [UInt8])] {
    [
      (0, HandMade.heap(last: last, root: 200, rows: rows)),
      (200, table ?? HandMade.table(heap: 0, entries)),
      (1024, HandMade.block(heap: 0, offset: 2048)), (4000, HandMade.id(2100, 10)),
    ]
  }

  private static let none = UInt64.max

  static let heapTables: [Case] = [
    Case("a block in a table", wide([none, none, none, none, 1024, none, none, none]), find()),
    Case(
      "an object between blocks",
      wide([none, none, none, 1024, none, none, none, none]),
      find(),
      .malformed,
      at: 4001
    ),
    Case(
      "an object in a table without blocks",
      wide(Array(repeating: none, count: 8)),
      find(),
      .malformed,
      at: 4001
    ),
    Case(
      "a block in another's place",
      wide([none, none, none, 1024, 1024, none, none, none]),
      find()
    ),
    Case(
      "a changed table",
      wide(
        [],
        table: HandMade.table(heap: 0, [1, 2, 3, 4, 5, 6, 7, 8]).enumerated().map {
          $0 == 30 ? 9 : $1
        }
      ),
      find(),
      .corrupted,
      at: 200
    ),
    Case("no table", wide([], table: []), find(), .malformed, at: 200),
    Case(
      "a table of another heap",
      wide([], table: HandMade.table(heap: 8, Array(repeating: none, count: 8))),
      find(),
      .malformed,
      at: 205
    ),
    Case(
      "a table for another place",
      wide([], table: HandMade.table(heap: 0, offset: 512, Array(repeating: none, count: 8))),
      find(),
      .malformed,
      at: 205
    ),
    Case(
      "a table with more rows than the file has",
      wide([none], rows: 22, table: []),
      find(),
      .malformed,
      at: 200
    ),
    Case(
      "a table in a table that is too small for any row",
      // The third row is the first of tables, of 1024 bytes: half as many as a row has.
      wide(Array(repeating: none, count: 8) + [200, none, none, none], rows: 3, last: 512),
      find(),
      .malformed,
      at: 281
    ),
    Case(
      "a table that is its own part",
      // The fifth row has tables of one row, which are shorter than this one.
      wide(Array(repeating: none, count: 16) + [200, none, none, none], rows: 5, last: 512),
      find(),
      .corrupted,
      at: 200
    ),
  ]

  @Test("Large blocks of a heap are made of few bytes only up to a limit")
  func filteredBlocks() throws {
    // Eight blocks of 16 MiB, each of some kilobytes in the file.
    let (byteCount, count) = (1 << 24, 8)
    var (table, blocks): ([UInt8], [UInt8]) = (HandMade.text("FHIB") + [0], [])
    table += HandMade.number(0, 8) + HandMade.number(0, 4)
    for index in 0..<count {
      var block = [UInt8](repeating: 0, count: byteCount)
      let head = HandMade.text("FHDB") + [0] + HandMade.number(0, 8)
      block.replaceSubrange(0..<17, with: head + HandMade.number(UInt64(index * byteCount), 4))
      var stored: [UInt8] = []
      try Deflate.shuffledZlib(block.rawBytes, elementByteCount: 1, .level(6), to: &stored)
      table += HandMade.number(UInt64(1024 + blocks.count), 8)
      table += HandMade.number(UInt64(stored.count), 8) + HandMade.number(0, 4)
      blocks += stored
    }
    let size = UInt64(byteCount)
    let header = HandMade.heap(
      filters: [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0],
      first: size,
      last: size,
      root: 512,
      rows: 2,
      hasBlockChecksums: false
    )
    let ids = (0..<count).flatMap { HandMade.id(UInt64($0 * byteCount + 17), 9) }
    let image = try HandMade.image(
      [(0, header), (200, ids), (512, HandMade.sealed(table)), (1024, blocks)],
      byteCount: 1024 + blocks.count
    )
    let heap = try FractalHeap(at: 0, in: image)
    var found = 0
    let error = #expect(throws: FlywheelError.self) {
      for index in 0..<count {
        let id = try image.bytes(at: UInt64(200 + 7 * index), 7, "an ID")
        found += try heap.object(id).count / 9
      }
    }
    #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
    #expect(error?.message.contains("again and again") == true)
    // 64 MiB, with the header.
    #expect(found == 3)
  }

  // MARK: Values of variable length

  private static func text(_ length: UInt64, index: UInt64 = 1) -> [UInt8] {
    HandMade.number(length, 4) + HandMade.number(1000, 8) + HandMade.number(index, 4)
  }

  /// Looks for texts whose references lie at 0.
  private static func findTexts(_ count: Int = 1) -> @Sendable (FileImage) throws -> Void {
    { image in
      var heap = GlobalHeapCollections(in: image)
      let references = try image.bytes(at: 0, UInt64(16 * count), "references")
      var fields = FieldReader(references, in: image)
      for _ in 0..<count { _ = try heap.text(&fields) }
    }
  }

  private static let word = (index: UInt16(1), byteCount: UInt64(5), bytes: HandMade.text("hello"))

  static let collections: [Case] = [
    Case("a text", [(0, text(5)), (1000, HandMade.collection([word]))], findTexts()),
    Case("a text without bytes", [(0, text(0))], findTexts()),
    Case(
      "a text that is not there",
      [(0, text(5, index: 2)), (1000, HandMade.collection([word]))],
      findTexts(),
      .malformed,
      at: 0
    ),
    Case(
      "a text of a large number",
      [(0, text(5, index: 65537)), (1000, HandMade.collection([word]))],
      findTexts(),
      .malformed,
      at: 0
    ),
    Case(
      "a text that is longer",
      [(0, text(6)), (1000, HandMade.collection([word]))],
      findTexts(),
      .malformed,
      at: 0
    ),
    Case(
      "a text nowhere",
      [(0, HandMade.number(5, 4) + HandMade.number(.max, 8))],
      findTexts(),
      .malformed,
      at: 0
    ),
    Case("no heap of texts", [(0, text(5))], findTexts(), .malformed, at: 1000),
    Case(
      "a newer heap of texts",
      [(0, text(5)), (1000, HandMade.collection(version: 2, [word]))],
      findTexts(),
      .unsupported,
      at: 1004
    ),
    Case(
      "a heap without bytes",
      [(0, text(5)), (1000, HandMade.collection(byteCount: 15, [word]))],
      findTexts(),
      .malformed,
      at: 1008
    ),
    Case(
      "a heap larger than the file",
      [(0, text(5)), (1000, HandMade.collection(byteCount: .max, [word]))],
      findTexts(),
      .truncated,
      at: 1000
    ),
    Case(
      "an object larger than its heap",
      [(0, text(5)), (1000, HandMade.collection([(1, .max, [])]))],
      findTexts(),
      .truncated,
      at: 1032
    ),
    Case(
      "two objects of one number",
      [(0, text(5)), (1000, HandMade.collection([word, word]))],
      findTexts(),
      .malformed,
      at: 1040
    ),
    Case(
      "heaps that overlap",
      [
        (0, text(5) + HandMade.number(5, 4) + HandMade.number(1040, 8) + HandMade.number(1, 4)),
        (1000, HandMade.collection(byteCount: 3000, [(1, 2000, [])])),
        (1040, HandMade.collection(byteCount: 3000, [word])),
      ],
      findTexts(2),
      .malformed,
      at: 1040
    ),
  ]

  // MARK: Shared messages

  /// Looks for a shared message of kind 3, whose ID lies at 4000.
  private static func findMessage(_ count: UInt8 = 1) -> @Sendable (FileImage) throws -> Void {
    { image in
      let message = try HandMade.image(
        [(0, [0] + HandMade.number(2000, 8) + [count])],
        byteCount: 10
      )
      let content = try message.bytes(at: 0, 10, "a message")
      let table = try SharedMessageTable(content, in: image)
      _ = try table.content(of: .datatype, try image.bytes(at: 4000, 7, "an ID"))
    }
  }

  private static func sharedTable(kinds: UInt64, heap: UInt64 = 0) -> [UInt8] {
    HandMade.sealed(
      HandMade.text("SMTB") + [0, 0] + HandMade.number(kinds, 2) + HandMade.number(0, 10)
        + HandMade.number(.max, 8) + HandMade.number(heap, 8)
    )
  }

  static let sharedTables: [Case] = [
    Case(
      "a shared message",
      small(HandMade.id(21, 10)) + [(2000, sharedTable(kinds: 8))],
      findMessage()
    ),
    Case(
      "a message of a kind that is not shared",
      small(HandMade.id(21, 10)) + [(2000, sharedTable(kinds: 2))],
      findMessage(),
      .malformed,
      at: 4000
    ),
    Case(
      "a table of shared messages without a heap",
      small(HandMade.id(21, 10)) + [(2000, sharedTable(kinds: 8, heap: .max))],
      findMessage(),
      .malformed,
      at: 4000
    ),
    Case(
      "a changed table of shared messages",
      small(HandMade.id(21, 10)) + [
        (2000, sharedTable(kinds: 8).enumerated().map { $0 == 6 ? 9 : $1 })
      ],
      findMessage(),
      .corrupted,
      at: 2000
    ),
    Case(
      "no table of shared messages",
      small(HandMade.id(21, 10)),
      findMessage(),
      .malformed,
      at: 2000
    ),
    Case(
      "more tables than the file has",
      small(HandMade.id(21, 10)),
      findMessage(255),
      .truncated,
      at: 2000
    ),
  ]
}
