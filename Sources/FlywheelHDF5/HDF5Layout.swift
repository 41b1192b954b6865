/// How the bytes of a dataset lie in an HDF5 file.
public enum HDF5Layout: Sendable, Hashable {
  /// In one piece, uncompressed: what can be mapped into memory.
  case contiguous
  /// In blocks of this shape, each of which goes through the filters.
  case chunked([Int], HDF5Filters = .none)
}
