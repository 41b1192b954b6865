import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Links, attributes and messages in heaps.
extension HDF5LieTests {
  // MARK: Links

  /// The leaf of the tree that finds the links of `d` by their names.
  private static func leaf(_ file: SealedFile, _ path: String, _ kind: MessageKind) throws -> Int {
    let info = try file.message(kind, of: path)
    let skipped = kind == .linkInfo ? 18 : 10
    return Int(file.number(at: Int(file.number(at: info + skipped)) + 16))
  }

  private static func heap(_ file: SealedFile, _ path: String, _ kind: MessageKind) throws -> Int {
    Int(file.number(at: try file.message(kind, of: path) + (kind == .linkInfo ? 10 : 2)))
  }

  private static func tree(_ file: SealedFile, _ path: String, _ kind: MessageKind) throws -> Int {
    Int(file.number(at: try file.message(kind, of: path) + (kind == .linkInfo ? 18 : 10)))
  }

  static let denseLinks: [Lie] = [
    Lie("a tree with more records than a node", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(tree + 24, 0xFFFF, 2)
      return Int(file.number(at: tree + 16))
    },
    Lie("a tree with fewer records than it says", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(tree + 26, 1_000)
      return Int(file.number(at: tree + 16))
    },
    Lie("a tree that is higher than it is", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(tree + 12, 1, 2)
      return Int(file.number(at: tree + 16))
    },
    Lie("a tree that is higher than any", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(tree + 12, 0xFFFF, 2)
      return tree + 6
    },
    Lie("records without bytes", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(tree + 10, 0, 2)
      return tree + 6
    },
    Lie("a root behind the file", "dense-links", .listing, .truncated) { file in
      file.set(try tree(file, "d", .linkInfo) + 16, far)
      return Int(far)
    },
    Lie("a root that is its header", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(tree + 16, UInt64(tree))
      return tree
    },
    Lie("no root for records", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(tree + 16, .max)
      return tree + 16
    },
    Lie("a leaf of other records", "dense-links", .listing, .malformed) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 5, 6, 1)
      return leaf + 5
    },
    Lie("a name with another's hash", "dense-links", .listing, .malformed) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 6, 12_345, 4)
      return leaf + 6
    },
    Lie("a link outside the heap", "dense-links", .listing, .malformed) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 11, 0xFFFF_FFF0, 4)
      return leaf + 11
    },
    Lie("a link longer than its block", "dense-links", .listing, .malformed) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 15, 0xFFF0, 2)
      return leaf + 11
    },
    Lie("a link shorter than it is", "dense-links", .listing, .truncated) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 15, 4, 2)
      return try file.find("FHDB") + Int(file.number(at: leaf + 11, 4)) + 3
    },
    Lie("a huge link that there is not", "dense-links", .listing, .malformed) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 10, 0x10, 1)
      return leaf + 11
    },
    Lie("a link of no kind", "dense-links", .listing, .malformed) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 10, 0xF0, 1)
      return leaf + 10
    },
    Lie("one link for two names", "dense-links", .listing, .malformed) { file in
      let leaf = try leaf(file, "d", .linkInfo)
      file.set(leaf + 17, Array(file.bytes[leaf + 6..<leaf + 17]))
      return try file.header("d")
    },
    Lie("a block of links behind the file", "dense-links", .listing, .truncated) { file in
      file.set(try heap(file, "d", .linkInfo) + 132, far)
      return Int(far)
    },
    Lie("a block of links that is a tree", "dense-links", .listing, .malformed) { file in
      let tree = try tree(file, "d", .linkInfo)
      file.set(try heap(file, "d", .linkInfo) + 132, UInt64(tree))
      return tree
    },
    Lie("a block that is a table", "dense-links", .listing, .malformed) { file in
      let heap = try heap(file, "d", .linkInfo)
      file.set(heap + 140, 1, 2)
      return try file.find("FHDB")
    },
    Lie("a heap of a newer version", "dense-links", .listing, .unsupported) { file in
      let heap = try heap(file, "d", .linkInfo)
      file.set(heap + 4, 1, 1)
      return heap + 4
    },
    Lie("a heap with rows of no blocks", "dense-links", .listing, .malformed) { file in
      let heap = try heap(file, "d", .linkInfo)
      file.set(heap + 110, 0, 2)
      return heap + 110
    },
    Lie("a heap of blocks larger than the file", "dense-links", .listing, .truncated) { file in
      let heap = try heap(file, "d", .linkInfo)
      file.set(heap + 112, 1 << 16)
      return try file.find("FHDB")
    },
    Lie("a heap's block in another's", "dense-links", .listing, .malformed) { file in
      let block = try file.find("FHDB")
      file.set(block + 5, 8)
      return block + 5
    },
    Lie("an inner node whose children are one", "deep-links", .listing, .malformed) { file in
      let child = try children(file)
      file.set(child + 9, Array(file.bytes[child..<child + 9]))
      return try leaf(file, "d", .linkInfo)
    },
    Lie("an inner node that is its own child", "deep-links", .listing, .malformed) { file in
      let node = try leaf(file, "d", .linkInfo)
      file.set(try children(file), UInt64(node))
      return node
    },
    Lie("a child with more records than it has", "deep-links", .listing, .corrupted) { file in
      let child = try children(file)
      file.set(child + 8, file.number(at: child + 8, 1) + 1, 1)
      return Int(file.number(at: child))
    },
    Lie("a child with more records than a node", "deep-links", .listing, .malformed) { file in
      let child = try children(file)
      file.set(child + 8, 255, 1)
      return Int(file.number(at: child))
    },
    Lie("a table that is its own block", "deep-links", .listing, .truncated) { file in
      let table = try file.find("FHIB")
      file.set(table + 17, UInt64(table))
      return table
    },
    Lie("blocks in each other's places", "deep-links", .listing, .malformed) { file in
      let table = try file.find("FHIB")
      let first = file.number(at: table + 17)
      file.set(table + 17, file.number(at: table + 25))
      file.set(table + 25, first)
      return Int(file.number(at: table + 17)) + 5
    },
  ]

  /// Where the root of the tree of links tells of its first child.
  private static func children(_ file: SealedFile) throws -> Int {
    let count = Int(file.number(at: try tree(file, "d", .linkInfo) + 24, 2))
    return try leaf(file, "d", .linkInfo) + 6 + 11 * count
  }

  // MARK: Attributes

  private static let one = Lie.Reading.attribute("one", of: "x")

  static let attributes: [Lie] = [
    Lie("attributes behind the file", "dense-attributes", .attributes, .truncated) { file in
      file.set(try file.message(.attributeInfo, of: "x") + 2, far)
      return Int(far)
    },
    Lie("attributes without a tree", "dense-attributes", .attributes, .malformed) { file in
      file.set(try file.message(.attributeInfo, of: "x") + 10, .max)
      return try file.header("x")
    },
    Lie("a tree of links for attributes", "dense-attributes", .attributes, .malformed) { file in
      let tree = try tree(file, "x", .attributeInfo)
      file.set(tree + 5, 5, 1)
      return tree
    },
    Lie("records of another size", "dense-attributes", .attributes, .corrupted) { file in
      let tree = try tree(file, "x", .attributeInfo)
      file.set(tree + 10, 3, 2)
      return Int(file.number(at: tree + 16))
    },
    Lie("an attribute with another's hash", "dense-attributes", .attributes, .malformed) { file in
      let leaf = try leaf(file, "x", .attributeInfo)
      file.set(leaf + 19, 1, 4)
      return leaf + 6
    },
    Lie("a shared attribute of a file without", "dense-attributes", .attributes, .malformed) {
      file in
      let leaf = try leaf(file, "x", .attributeInfo)
      file.set(leaf + 14, 2, 1)
      return leaf + 6
    },
    Lie("one attribute for two names", "dense-attributes", .attributes, .malformed) { file in
      let leaf = try leaf(file, "x", .attributeInfo)
      file.set(leaf + 23, Array(file.bytes[leaf + 6..<leaf + 23]))
      return try file.header("x")
    },
    Lie("an attribute of a newer version", "dense-attributes", one, .unsupported) { file in
      let place = try file.find("one\0") - 9
      file.set(place, 4, 1)
      return place
    },
    Lie("an attribute with unknown flags", "dense-attributes", .attributes, .malformed) { file in
      let place = try file.find("one\0") - 8
      file.set(place, 4, 1)
      return place
    },
    Lie("an attribute's name without an end", "dense-attributes", .attributes, .malformed) {
      file in
      let name = try file.find("one\0")
      file.set(name + 3, Array("x".utf8))
      return name
    },
    Lie("an attribute's type of another size", "dense-attributes", .attributes, .truncated) {
      file in
      let name = try file.find("one\0")
      file.set(name - 5, 0xFFFF, 2)
      return name + 4
    },
    Lie("an attribute of more elements", "dense-attributes", .attributes, .truncated) { file in
      // Its type has 20 bytes, its extents with those that it can grow to as many.
      let space = try file.find("two\0") + 4 + 20
      file.set(space + 4, 1 << 20)
      file.set(space + 12, 1 << 20)
      return space + 20
    },
    Lie("an attribute of too many elements", "dense-attributes", .attributes, .limitExceeded) {
      file in
      let space = try file.find("two\0") + 4 + 20
      file.set(space + 4, 1 << 62)
      file.set(space + 12, 1 << 62)
      return space
    },
    Lie("an attribute of a type of its own", "dense-attributes", .attributes, .malformed) { file in
      let name = try file.find("two\0")
      file.set(name - 8, 1, 1)
      return name + 4
    },
    Lie("a huge attribute behind the file", "huge-attribute", .attributes, .truncated) { file in
      let heap = try heap(file, "x", .attributeInfo)
      let leaf = Int(file.number(at: Int(file.number(at: heap + 22)) + 16))
      file.set(leaf + 6, far)
      return Int(far)
    },
    Lie("a huge attribute of any size", "huge-attribute", .attributes, .truncated) { file in
      let heap = try heap(file, "x", .attributeInfo)
      let leaf = Int(file.number(at: Int(file.number(at: heap + 22)) + 16))
      file.set(leaf + 14, .max)
      return Int(file.number(at: leaf + 6))
    },
    Lie("a huge attribute that is shorter", "huge-attribute", .attributes, .truncated) { file in
      let heap = try heap(file, "x", .attributeInfo)
      let leaf = Int(file.number(at: Int(file.number(at: heap + 22)) + 16))
      file.set(leaf + 14, 100)
      // Behind its name, type and extents.
      return Int(file.number(at: leaf + 6)) + 9 + 5 + 12 + 20
    },
    Lie("huge attributes in the tree of names", "huge-attribute", .attributes, .malformed) {
      file in
      let tree = try tree(file, "x", .attributeInfo)
      file.set(try heap(file, "x", .attributeInfo) + 22, UInt64(tree))
      return tree
    },
  ]

  // MARK: Shared messages

  static let sharedMessages: [Lie] = [
    Lie("more indexes than the table", "shared-messages", .open, .truncated) { file in
      let message = try tableMessage(file)
      file.set(message + 9, 255, 1)
      return try file.find("SMTB")
    },
    Lie("fewer indexes than the table", "shared-messages", .open, .corrupted) { file in
      let message = try tableMessage(file)
      file.set(message + 9, 1, 1)
      return try file.find("SMTB")
    },
    Lie("a table behind the file", "shared-messages", .open, .truncated) { file in
      file.set(try tableMessage(file) + 1, far)
      return Int(far)
    },
    Lie("a table that is a header", "shared-messages", .open, .malformed) { file in
      let header = try file.header("a")
      file.set(try tableMessage(file) + 1, UInt64(header))
      return header
    },
    Lie("an index of a newer version", "shared-messages", .open, .unsupported) { file in
      let table = try file.find("SMTB")
      file.set(table + 4, 1, 1)
      return table + 4
    },
    Lie("a heap of shared messages that is a table", "shared-messages", .open, .malformed) {
      file in
      let table = try file.find("SMTB")
      file.set(table + 4 + 22, UInt64(table))
      return table
    },
    Lie("messages of a kind that is not shared", "shared-messages", .listing, .malformed) {
      file in
      let table = try file.find("SMTB")
      file.set(table + 34 + 2, 0x0800, 2)
      return try file.message(.datatype, of: "b") + 2
    },
    Lie("a shared message that is not there", "shared-messages", .listing, .malformed) { file in
      let type = try file.message(.datatype, of: "b")
      file.set(type + 3, 0xFFFF_FF00, 4)
      return type + 3
    },
    Lie("a shared message of no place", "shared-messages", .listing, .malformed) { file in
      let type = try file.message(.datatype, of: "b")
      file.set(type + 1, 7, 1)
      return type
    },
    Lie("extents that are in another header", "shared-messages", .listing, .malformed) { file in
      let space = try file.message(.dataspace, of: "b")
      file.set(space + 1, 2, 1)
      return space + 2
    },
    Lie("a shared layout", "shared-messages", .listing, .malformed) { file in
      let layout = try file.message(.layout, of: "b")
      file.set(layout - 3, 2, 1)
      return layout - 6
    },
  ]

  /// Where the message in the superblock's extension begins that tells of the table.
  private static func tableMessage(_ file: SealedFile) throws -> Int {
    let table = UInt64(try file.find("SMTB"))
    let place = file.bytes.indices.dropLast(8).first { file.number(at: $0) == table }
    return try #require(place) - 1
  }
}
