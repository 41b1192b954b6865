/// Where something lies in a distributed checkpoint.
struct DistributedPlace: Sendable, Hashable {
  /// The name of the file, relative to the directory.
  let file: String
  /// The bytes of the file.
  let range: Range<Int>
}
