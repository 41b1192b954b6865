import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Files that lie behind right checksums, read as a whole.
@Suite("HDF5 files that lie")
struct HDF5LieTests {
  @Test(
    "A lie is refused where it is told",
    arguments: beginnings + links + symbolTables + denseLinks + attributes + sharedMessages
      + datasets + chunkIndexes + chunks + texts
  )
  func lie(lie: Lie) throws {
    try lie.check()
  }

  /// An address behind every file.
  static let far: UInt64 = 1 << 40

  // MARK: Superblocks and the root

  static let beginnings: [Lie] = [
    Lie("the root is behind the file", "compact-links", .open, .truncated) { file in
      file.set(file.rootPlace, far)
      return Int(far)
    },
    Lie("the root is where addresses end", "compact-links", .open, .truncated) { file in
      file.set(file.rootPlace, .max - 1)
      return -2  // as a number without a sign
    },
    Lie("the root is the superblock", "compact-links", .open, .malformed) { file in
      file.set(file.rootPlace, 0)
      return 0
    },
    Lie("the root is a dataset", "compact-links", .open, .malformed) { file in
      file.set(file.rootPlace, UInt64(try file.header("x")))
      return nil
    },
    Lie("the root is a datatype", "compact-links", .open, .malformed) { file in
      file.set(file.rootPlace, UInt64(try file.header("type")))
      return nil
    },
    Lie("the root's header is a heap", "dense-links", .open, .malformed) { file in
      let heap = try file.find("FRHP")
      file.set(file.rootPlace, UInt64(heap))
      return heap
    },
    Lie("the extension is behind the file", "compact-links", .open, .truncated) { file in
      file.set(20, far)
      return Int(far)
    },
    Lie("the extension is no header", "dense-links", .open, .malformed) { file in
      let tree = try file.find("BTHD")
      file.set(20, UInt64(tree))
      return tree
    },
    Lie("an old root is a heap of names", "old", .open, .malformed) { file in
      let heap = try file.find("HEAP")
      file.set(file.rootPlace, UInt64(heap))
      return heap
    },
    Lie("an old root has no messages", "many-names", .open, .malformed) { file in
      let root = try file.header("")
      file.set(root + 8, 0, 4)
      return nil
    },
    Lie("addresses of another size", "many-names", .open, .malformed) { file in
      file.set(13, 4, 1)
      return 52
    },
  ]

  // MARK: Links in headers

  static let links: [Lie] = [
    Lie("a link behind the file", "compact-links", .listing, .truncated) { file in
      let place = try file.find("complex") + 7
      file.set(place, far)
      return Int(far)
    },
    Lie("a link into a header", "compact-links", .listing, .malformed) { file in
      let target = try file.header("x") + 4
      file.set(try file.find("complex") + 7, UInt64(target))
      return target
    },
    Lie("a link to the superblock", "compact-links", .listing, .malformed) { file in
      file.set(try file.find("complex") + 7, 0)
      return 0
    },
    Lie("a link nowhere", "compact-links", .listing, .malformed) { file in
      let place = try file.find("complex") + 7
      file.set(place, .max)
      return place
    },
    Lie("a name that means the group itself", "compact-links", .listing, .malformed) { file in
      let place = try file.message(.link, of: "") + 3
      file.set(place, Array(".".utf8))
      return try file.header("")
    },
    Lie("a name with a slash", "compact-links", .listing, .malformed) { file in
      file.set(try file.find("complex"), Array("com/lex".utf8))
      return try file.header("group")
    },
    Lie("a name with a zero", "compact-links", .listing, .malformed) { file in
      let place = try file.find("complex")
      file.set(place, Array("com\0lex".utf8))
      return place
    },
    Lie("a name that is no text", "compact-links", .listing, .malformed) { file in
      let place = try file.find("complex")
      file.set(place, [0xC3])
      return place
    },
    Lie("two links of one name", "shared-messages", .listing, .malformed) { file in
      file.set(try file.message(.link, of: "", 1) + 3, Array("a".utf8))
      return try file.header("")
    },
    Lie("a name longer than its message", "compact-links", .listing, .truncated) { file in
      let place = try file.find("complex")
      file.set(place - 1, 200, 1)
      return place
    },
    Lie("links in a heap behind the file", "dense-links", .listing, .truncated) { file in
      file.set(try file.message(.linkInfo, of: "d") + 10, far)
      return Int(far)
    },
    Lie("links in a heap that is a tree", "dense-links", .listing, .malformed) { file in
      let tree = try file.find("BTHD")
      file.set(try file.message(.linkInfo, of: "d") + 10, UInt64(tree))
      return tree
    },
    Lie("links in a heap without a tree", "dense-links", .listing, .malformed) { file in
      file.set(try file.message(.linkInfo, of: "d") + 18, .max)
      return try file.header("d")
    },
    Lie("a tree of links that is a heap", "dense-links", .listing, .malformed) { file in
      let heap = try file.find("FRHP")
      file.set(try file.message(.linkInfo, of: "d") + 18, UInt64(heap))
      return heap
    },
    Lie("a tree of links in another order", "dense-links", .listing, .malformed) { file in
      let info = try file.message(.linkInfo, of: "d")
      let other = file.number(at: info + 26)
      file.set(info + 18, other)
      return Int(other)
    },
    Lie("link info of a newer version", "dense-links", .listing, .unsupported) { file in
      let info = try file.message(.linkInfo, of: "d")
      file.set(info, 1, 1)
      return info
    },
  ]

  // MARK: Symbol tables

  static let symbolTables: [Lie] = [
    Lie("a tree behind the file", "many-names", .listing, .truncated) { file in
      file.set(try file.message(.symbolTable, of: ""), far)
      return Int(far)
    },
    Lie("a tree that is a heap", "many-names", .listing, .malformed) { file in
      let heap = try file.find("HEAP")
      file.set(try file.message(.symbolTable, of: ""), UInt64(heap))
      return heap
    },
    Lie("a heap that is a tree", "many-names", .listing, .malformed) { file in
      let tree = try file.find("TREE")
      file.set(try file.message(.symbolTable, of: "") + 8, UInt64(tree))
      return tree
    },
    Lie("no heap", "many-names", .listing, .malformed) { file in
      let place = try file.message(.symbolTable, of: "")
      file.set(place + 8, .max)
      return place
    },
    Lie("a tree that says it is higher", "many-names", .listing, .malformed) { file in
      let tree = try file.find("TREE")
      file.set(tree + 5, 200, 1)
      return Int(file.number(at: tree + 32)) + 5
    },
    Lie("a node with more children than the file", "many-names", .listing, .truncated) { file in
      let tree = try file.find("TREE")
      file.set(tree + 6, 0xFFFF, 2)
      return tree
    },
    Lie("more symbols than the file", "many-names", .listing, .truncated) { file in
      let node = try file.find("SNOD")
      file.set(node + 6, 0xFFFF, 2)
      return node
    },
    Lie("symbols of a newer version", "many-names", .listing, .unsupported) { file in
      let node = try file.find("SNOD")
      file.set(node + 4, 2, 1)
      return node + 4
    },
    Lie("a child that is its own parent", "many-names", .listing, .malformed) { file in
      let tree = try file.find("TREE")
      file.set(tree + 32, UInt64(tree))
      return tree + 5
    },
    Lie("a node that is there twice", "many-names", .listing, .malformed) { file in
      let tree = try file.find("TREE")
      file.set(tree + 48, file.number(at: tree + 32))
      return try file.header("")
    },
    Lie("a name behind its heap", "many-names", .listing, .malformed) { file in
      let symbol = try file.find("SNOD") + 8
      file.set(symbol, 100_000)
      return symbol
    },
    Lie("a link that is not told of", "many-names", .listing, .malformed) { file in
      let symbol = try file.find("SNOD") + 8
      file.set(symbol + 24, 100_000, 4)
      return symbol
    },
    Lie("a heap with less than its names", "many-names", .listing, .malformed) { file in
      let heap = try file.find("HEAP")
      file.set(heap + 8, 8)
      return try file.find("SNOD") + 8
    },
    Lie("names behind the file", "many-names", .listing, .truncated) { file in
      file.set(try file.find("HEAP") + 24, far)
      return Int(far)
    },
    Lie("an object behind the file", "old", .listing, .truncated) { file in
      file.set(try file.find("SNOD", 1) + 16, far)
      return Int(far)
    },
    Lie("an object that is a node", "old", .listing, .malformed) { file in
      let node = try file.find("SNOD", 1)
      file.set(node + 16, UInt64(node))
      return node
    },
  ]
}
