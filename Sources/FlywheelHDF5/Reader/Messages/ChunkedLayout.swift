/// How the elements of a dataset lie in chunks.
///
/// Format specification, section IV.A.2.i, class 2.
struct ChunkedLayout: Sendable, Hashable {
  /// The shape of a chunk, without the size of an element.
  let chunk: [Int]
  /// The bytes of an element.
  let elementByteCount: Int
  /// What tells where the chunks are.
  let index: ChunkIndexKind
  /// Whether chunks that reach beyond the extents go through the filters too.
  let filtersPartialEdges: Bool
}
