/// What tells where the chunks of a dataset are; without an address nothing was ever written.
///
/// Format specification, sections IV.A.2.i and VII.
enum ChunkIndexKind: Sendable, Hashable {
  /// A B-tree of version 1.
  case btree1(address: UInt64?)
  /// Nothing, for there is one chunk; the number of its bytes is told if it went through filters.
  case single(address: UInt64?, byteCount: UInt64?, skippedFilters: UInt32)
  /// Nothing, for all chunks have one size and follow each other.
  case implicit(address: UInt64?)
  /// An array that never grows.
  case fixedArray(address: UInt64?, pageBits: UInt8)
  /// An array that grows along one axis.
  case extensibleArray(address: UInt64?)
  /// A B-tree of version 2.
  case btree2(address: UInt64?)
}
