import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Datasets and their elements.
extension HDF5LieTests {
  // MARK: What a header says

  /// Takes a message out of a header: makes it a gap.
  private static func remove(_ kind: MessageKind, _ path: String, _ file: inout SealedFile) throws {
    file.set(try file.message(kind, of: path) - 4, 0, 1)
  }

  static let datasets: [Lie] = [
    Lie("a dataset without a layout", "compact-links", .listing, .malformed) { file in
      try remove(.layout, "x", &file)
      return try file.header("x")
    },
    Lie("elements behind the file", "compact-links", .tensor("x"), .truncated) { file in
      file.set(try file.message(.layout, of: "x") + 2, far)
      return Int(far)
    },
    Lie("elements over the end of the file", "compact-links", .tensor("x"), .truncated) { file in
      let end = file.bytes.count - 5
      file.set(try file.message(.layout, of: "x") + 2, UInt64(end))
      return end
    },
    Lie("elements where addresses end", "compact-links", .tensor("x"), .truncated) { file in
      file.set(try file.message(.layout, of: "x") + 2, .max - 3)
      return -4  // as a number without a sign
    },
    Lie("fewer bytes than elements", "compact-links", .tensor("x"), .malformed) { file in
      let layout = try file.message(.layout, of: "x")
      file.set(layout + 10, 5)
      return Int(file.number(at: layout + 2))
    },
    Lie("a layout of no class", "compact-links", .listing, .malformed) { file in
      let layout = try file.message(.layout, of: "x")
      file.set(layout + 1, 9, 1)
      return layout + 1
    },
    Lie("extents that overflow", "compact-links", .listing, .limitExceeded) { file in
      let space = try file.message(.dataspace, of: "x")
      file.set(space + 4, .max)
      return space + 4
    },
    Lie("more elements than bytes", "compact-links", .tensor("x"), .malformed) { file in
      try file.stretch("x", to: 1 << 61)
      return Int(file.number(at: try file.message(.layout, of: "x") + 2))
    },
    Lie("elements of 2^63 bytes", "compact-links", .tensor("x"), .limitExceeded) { file in
      try file.stretch("x", to: 1 << 62)
      return nil
    },
    Lie("more axes than a message", "compact-links", .listing, .malformed) { file in
      let space = try file.message(.dataspace, of: "x")
      file.set(space + 1, 33, 1)
      return space + 1
    },
    Lie("more axes than extents", "compact-links", .listing, .truncated) { file in
      let space = try file.message(.dataspace, of: "x")
      file.set(space + 1, 9, 1)
      return space + 20
    },
    Lie("elements without bytes", "compact-links", .listing, .malformed) { file in
      let type = try file.message(.datatype, of: "x")
      file.set(type + 4, 0, 4)
      return type + 4
    },
    Lie("a truth that is neither", "compact-links", .tensor("group/truth"), .malformed) { file in
      let layout = try file.message(.layout, of: "group/truth")
      file.set(layout + 4, 2, 1)
      return nil
    },
    Lie("less in a header than elements", "compact-links", .tensor("group/truth"), .truncated) {
      file in
      try file.stretch("group/truth", to: 100)
      return try file.message(.layout, of: "group/truth") + 4
    },
    Lie("more in a header than it has", "compact-links", .listing, .truncated) { file in
      let layout = try file.message(.layout, of: "group/truth")
      file.set(layout + 2, 0xFFFF, 2)
      return layout + 4
    },
    Lie("an old layout in a heap", "old", .listing, .malformed) { file in
      let layout = try file.message(.layout, of: "a")
      file.set(layout + 1, 7, 1)
      return layout + 1
    },
    Lie("old elements behind the file", "old", .tensor("a"), .truncated) { file in
      file.set(try file.message(.layout, of: "a") + 2, far)
      return Int(far)
    },
    Lie("an old type of no class", "old", .listing, .malformed) { file in
      let type = try file.message(.datatype, of: "a")
      file.set(type, 0x1F, 1)
      return type
    },
    Lie("a type in no header", "types", .listing, .truncated) { file in
      file.set(try file.message(.datatype, of: "of type") + 2, far)
      return Int(far)
    },
    Lie("a type in a group's header", "types", .listing, .malformed) { file in
      let type = try file.message(.datatype, of: "of type")
      file.set(type + 2, file.number(at: 36))
      return type + 2
    },
    Lie("a type in its own header", "types", .listing, .malformed) { file in
      let type = try file.message(.datatype, of: "of type")
      file.set(type + 2, UInt64(try file.header("of type")))
      return type + 2
    },
    Lie("a record's member behind it", "types", .listing, .malformed) { file in
      let type = try file.message(.datatype, of: "record")
      file.set(type + 4, 3, 4)
      return type + 8
    },
  ]

  // MARK: Indexes of chunks

  /// Where the index of a dataset's chunks is, which its layout's last eight bytes say.
  private static func index(_ path: String, _ skipped: Int, _ file: SealedFile) throws -> Int {
    Int(file.number(at: try file.message(.layout, of: path) + skipped))
  }

  static let chunkIndexes: [Lie] = [
    Lie("a chunk behind the file", "chunk-indexes", .tensor("single"), .truncated) { file in
      file.set(try file.find("OHDR", 1), Array("OHDR".utf8))
      let layout = try file.message(.layout, of: "single")
      file.set(layout + 9, far)
      return Int(far)
    },
    Lie("chunks of another rank", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let layout = try file.message(.layout, of: "fixed")
      file.set(try file.message(.dataspace, of: "fixed") + 1, 1, 1)
      _ = layout
      return nil
    },
    Lie("chunks without elements", "chunk-indexes", .listing, .malformed) { file in
      let layout = try file.message(.layout, of: "fixed")
      file.set(layout + 5, 0, 1)
      return layout + 5
    },
    Lie("chunks of other elements", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      file.set(try file.message(.layout, of: "fixed") + 7, 2, 1)
      return nil
    },
    Lie("an index of no kind", "chunk-indexes", .listing, .malformed) { file in
      let layout = try file.message(.layout, of: "fixed")
      file.set(layout + 8, 6, 1)
      return layout + 8
    },
    Lie("an index behind the file", "chunk-indexes", .tensor("fixed"), .truncated) { file in
      file.set(try file.message(.layout, of: "fixed") + 10, far)
      return Int(far)
    },
    Lie("an index that is a header", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let header = try file.header("fixed")
      file.set(try file.message(.layout, of: "fixed") + 10, UInt64(header))
      return header
    },
    Lie("an index of another dataset", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let other = try index("fixed-packed", 10, file)
      file.set(try file.message(.layout, of: "fixed") + 10, UInt64(other))
      return other + 5
    },
    Lie("an array of fewer chunks", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let array = try index("fixed", 10, file)
      file.set(array + 8, 3)
      return array + 8
    },
    Lie("an array of odd elements", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let array = try index("fixed", 10, file)
      file.set(array + 6, 7, 1)
      return array + 5
    },
    Lie("an array behind the file", "chunk-indexes", .tensor("fixed"), .truncated) { file in
      file.set(try index("fixed", 10, file) + 16, far)
      return Int(far)
    },
    Lie("an array that is its header", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let array = try index("fixed", 10, file)
      file.set(array + 16, UInt64(array))
      return array
    },
    Lie("an array in pages that it has not", "chunk-indexes", .tensor("fixed"), .corrupted) {
      file in
      let array = try index("fixed", 10, file)
      file.set(array + 7, 0, 1)
      return Int(file.number(at: array + 16))
    },
    Lie("elements of another array", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let block = Int(file.number(at: try index("fixed", 10, file) + 16))
      file.set(block + 6, 48)
      return block + 5
    },
    Lie("an array's chunk behind the file", "chunk-indexes", .tensor("fixed"), .truncated) {
      file in
      let block = Int(file.number(at: try index("fixed", 10, file) + 16))
      file.set(block + 14, far)
      return Int(far)
    },
    Lie("one chunk in two places", "chunk-indexes", .tensor("fixed"), .malformed) { file in
      let block = Int(file.number(at: try index("fixed", 10, file) + 16))
      file.set(block + 14, file.number(at: block + 22))
      return Int(file.number(at: block + 22))
    },
    Lie("chunks without an index, too many", "chunk-indexes", .tensor("implicit"), .truncated) {
      file in
      try file.stretch("implicit", to: 1 << 40)
      return try index("implicit", 9, file)
    },
    Lie("one chunk for several", "chunk-indexes", .tensor("single"), .malformed) { file in
      try file.stretch("single", to: 300)
      return try index("single", 9, file)
    },
    Lie("an array that grows, of no size", "growing", .tensor("a"), .malformed) { file in
      let array = try file.find("EAHD")
      file.set(array + 9, 3, 1)
      return array + 7
    },
    Lie("an array that grows beyond numbers", "growing", .tensor("a"), .malformed) { file in
      let array = try file.find("EAHD")
      file.set(array + 7, 255, 1)
      return array + 7
    },
    Lie("an index block behind the file", "growing", .tensor("a"), .truncated) { file in
      file.set(try file.find("EAHD") + 60, far)
      return Int(far)
    },
    Lie("an index block of another array", "growing", .tensor("a"), .malformed) { file in
      let block = try file.find("EAIB")
      file.set(block + 6, 48)
      return block + 5
    },
    Lie("a data block behind the file", "growing", .tensor("a"), .truncated) { file in
      file.set(try file.find("EAIB") + 14 + 4 * 8, far)
      return Int(far)
    },
    Lie("a data block that is the index", "growing", .tensor("a"), .malformed) { file in
      let block = try file.find("EAIB")
      file.set(block + 14 + 4 * 8, UInt64(block))
      return block
    },
    Lie("a data block in another's place", "growing", .tensor("a"), .malformed) { file in
      let block = try file.find("EADB")
      file.set(block + 14, 99, 4)
      return block + 14
    },
    Lie("a chunk beyond the extents", "growing", .tensor("a"), .malformed) { file in
      let space = try file.message(.dataspace, of: "a")
      file.set(space + 4, 1)
      return try file.find("EAIB") + 14 + 2 * 8
    },
    Lie("a large block in another's place", "far", .tensor("a"), .malformed) { file in
      let block = try file.find("EADB")
      file.set(block + 14, 1, 4)
      return block + 14
    },
    Lie("a super block that is the header", "far", .tensor("a"), .malformed) { file in
      let header = try file.find("EAHD")
      file.set(try file.find("EAIB") + 14 + 4 * 8 + 6 * 8, UInt64(header))
      return header
    },
    Lie("a tree of chunks behind the file", "tree-chunks", .tensor("a"), .truncated) { file in
      file.set(try file.message(.layout, of: "a") + 15, far)
      return Int(far)
    },
    Lie("a tree of chunks with filters", "tree-chunks", .tensor("a"), .malformed) { file in
      let tree = try index("a", 15, file)
      file.set(tree + 5, 11, 1)
      return tree
    },
    Lie("a tree of links for chunks", "tree-chunks", .tensor("a"), .malformed) { file in
      let tree = try index("a", 15, file)
      file.set(tree + 5, 5, 1)
      return tree
    },
    Lie("records without coordinates", "tree-chunks", .tensor("a"), .malformed) { file in
      let tree = try index("a", 15, file)
      file.set(tree + 10, 16, 2)
      return tree
    },
    Lie("a tree's chunk beyond the extents", "tree-chunks", .tensor("a"), .malformed) { file in
      let leaf = Int(file.number(at: try index("a", 15, file) + 16))
      file.set(leaf + 6 + 8, 1_000)
      return leaf + 6
    },
    Lie("a chunk twice in a tree", "tree-chunks", .tensor("a"), .malformed) { file in
      let leaf = Int(file.number(at: try index("a", 15, file) + 16))
      file.set(leaf + 6 + 24 + 8, Array(file.bytes[leaf + 6 + 8..<leaf + 6 + 24]))
      return Int(file.number(at: leaf + 6 + 24))
    },
    Lie("an old tree behind the file", "old-chunks", .tensor("plain"), .truncated) { file in
      file.set(try file.message(.layout, of: "plain") + 3, far)
      return Int(far)
    },
    Lie("an old tree of links", "old-chunks", .tensor("plain"), .malformed) { file in
      let tree = try index("plain", 3, file)
      file.set(tree + 4, 0, 1)
      return tree + 4
    },
    Lie("an old tree that is its child", "old-chunks", .tensor("plain"), .malformed) { file in
      let tree = try index("plain", 3, file)
      file.set(tree + 24 + 32, UInt64(tree))
      return tree + 5
    },
    Lie("keys that do not ascend", "old-chunks", .tensor("plain"), .malformed) { file in
      let tree = try index("plain", 3, file)
      file.set(tree + 24 + 8, 1_000)
      return tree + 24 + 40
    },
    Lie("a chunk between chunks", "old-chunks", .tensor("plain"), .malformed) { file in
      let tree = try index("plain", 3, file)
      // The first key's second coordinate.
      file.set(tree + 24 + 16, 1)
      return Int(file.number(at: tree + 24 + 32)) + 24
    },
  ]

  // MARK: Chunks

  static let chunks: [Lie] = [
    Lie("a chunk that is larger than the file", "chunk-indexes", .tensor("single"), .truncated) {
      file in
      let layout = try file.message(.layout, of: "single")
      file.set(layout + 5, 255, 1)
      return Int(file.number(at: layout + 9))
    },
    Lie("a deflated chunk of any size", "chunk-indexes", .tensor("single-packed"), .truncated) {
      file in
      let layout = try file.message(.layout, of: "single-packed")
      file.set(layout + 9, .max)
      return Int(file.number(at: layout + 21))
    },
    Lie("a deflated chunk without bytes", "chunk-indexes", .tensor("single-packed"), .truncated) {
      file in
      let layout = try file.message(.layout, of: "single-packed")
      file.set(layout + 9, 0)
      return Int(file.number(at: layout + 21))
    },
    Lie("a deflated chunk that is shorter", "chunk-indexes", .tensor("single-packed"), .truncated) {
      file in
      let layout = try file.message(.layout, of: "single-packed")
      file.set(layout + 9, file.number(at: layout + 9) - 5)
      return Int(file.number(at: layout + 21) + file.number(at: layout + 9))
    },
    Lie("a deflated chunk that is not", "chunk-indexes", .tensor("single-packed"), .malformed) {
      file in
      let layout = try file.message(.layout, of: "single-packed")
      file.set(layout + 17, 1, 4)
      return Int(file.number(at: layout + 21))
    },
    Lie("a chunk with another checksum", "chunk-indexes", .tensor("fixed-packed"), .corrupted) {
      file in
      let block = Int(file.number(at: try index("fixed-packed", 10, file) + 16))
      let chunk = Int(file.number(at: block + 14))
      file.set(chunk, file.number(at: chunk, 1) ^ 1, 1)
      return chunk
    },
    Lie("a chunk shorter than its checksum", "chunk-indexes", .tensor("fixed-packed"), .malformed) {
      file in
      let block = Int(file.number(at: try index("fixed-packed", 10, file) + 16))
      file.set(block + 22, 3, 1)
      return Int(file.number(at: block + 14))
    },
    Lie("a filter that nobody knows", "chunk-indexes", .tensor("single-packed"), .unsupported) {
      file in
      file.set(try file.message(.filterPipeline, of: "single-packed") + 2, 77, 2)
      return nil
    },
    Lie("more filters than there can be", "chunk-indexes", .listing, .malformed) { file in
      let filters = try file.message(.filterPipeline, of: "single-packed")
      file.set(filters + 1, 33, 1)
      return filters + 1
    },
    Lie("more filters than are told", "chunk-indexes", .listing, .truncated) { file in
      let filters = try file.message(.filterPipeline, of: "single-packed")
      file.set(filters + 1, 9, 1)
      return filters + 12
    },
    Lie("a filter with more values", "chunk-indexes", .listing, .truncated) { file in
      let filters = try file.message(.filterPipeline, of: "single-packed")
      file.set(filters + 6, 0xFFFF, 2)
      return filters + 12
    },
    Lie("LZF that is told to be deflated", "tree-chunks", .tensor("b"), .corrupted) { file in
      let leaf = Int(file.number(at: try index("b", 15, file) + 16))
      let filters = try file.message(.filterPipeline, of: "b")
      file.set(filters, [2, 1, 1, 0, 1, 0, 1, 0, 6, 0, 0, 0])
      return Int(file.number(at: leaf + 6)) + 2
    },
    Lie("a damaged deflated chunk", "old-chunks", .tensor("packed"), .corrupted) { file in
      let leaf = Int(file.number(at: try index("packed", 3, file) + 24 + 32))
      let chunk = Int(file.number(at: leaf + 24 + 32))
      file.set(chunk + 4, file.number(at: chunk + 4, 1) ^ 0xFF, 1)
      return chunk
    },
    Lie("LZF that leads in front of itself", "tree-chunks", .tensor("b"), .corrupted) { file in
      let leaf = Int(file.number(at: try index("b", 15, file) + 16))
      let chunk = Int(file.number(at: leaf + 6))
      file.set(chunk, 0xFF, 1)
      return chunk
    },
  ]

  // MARK: Texts

  /// Where the first reference of `v` lies.
  private static func reference(_ file: SealedFile) throws -> Int {
    Int(file.number(at: try file.message(.layout, of: "v") + 2))
  }

  static let texts: [Lie] = [
    Lie("a text of 4 GiB", "texts", .texts("v"), .malformed) { file in
      let place = try reference(file)
      file.set(place, 0xFFFF_FFFF, 4)
      return place
    },
    Lie("a text behind the file", "texts", .texts("v"), .truncated) { file in
      file.set(try reference(file) + 4, far)
      return Int(far)
    },
    Lie("a text in no heap", "texts", .texts("v"), .malformed) { file in
      let place = try reference(file)
      file.set(place + 4, 96)
      return 96
    },
    Lie("a text of no number", "texts", .texts("v"), .malformed) { file in
      let place = try reference(file)
      file.set(place + 12, 0, 4)
      return place
    },
    Lie("a text of a number beyond any", "texts", .texts("v"), .malformed) { file in
      let place = try reference(file)
      file.set(place + 12, 0x1_0001, 4)
      return place
    },
    Lie("a heap of texts of any size", "texts", .texts("v"), .truncated) { file in
      let heap = try file.find("GCOL")
      file.set(heap + 8, .max)
      return heap
    },
    Lie("a heap of texts without bytes", "texts", .texts("v"), .malformed) { file in
      let heap = try file.find("GCOL")
      file.set(heap + 8, 0)
      return heap + 8
    },
    Lie("a text larger than its heap", "texts", .texts("v"), .truncated) { file in
      let heap = try file.find("GCOL")
      file.set(heap + 24, .max)
      return heap + 32
    },
    Lie("a text that is no UTF-8", "texts", .texts("v"), .unsupported) { file in
      let place = try reference(file)
      let text = try file.find("long enough")
      file.set(text, 0xFF, 1)
      _ = place
      return nil
    },
    Lie("more texts than bytes", "texts", .texts("v"), .malformed) { file in
      let space = try file.message(.dataspace, of: "v")
      file.set(space + 8, 1 << 20)
      file.set(space + 16, 1 << 20)
      return try reference(file)
    },
    Lie("references of another size", "texts", .texts("v"), .malformed) { file in
      file.set(try file.message(.datatype, of: "v") + 4, 8, 4)
      return try reference(file)
    },
    Lie("texts without bytes", "texts", .texts("f"), .malformed) { file in
      let type = try file.message(.datatype, of: "f")
      file.set(type + 4, 0, 4)
      return type + 4
    },
    Lie("texts of no kind", "texts", .texts("v"), .malformed) { file in
      let type = try file.message(.datatype, of: "v")
      file.set(type + 1, 2, 1)
      return type
    },
  ]
}
