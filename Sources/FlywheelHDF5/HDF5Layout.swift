public import FlywheelDeflate

/// How the bytes of a dataset lie in an HDF5 file.
public enum HDF5Layout: Sendable, Hashable {
  /// In one piece, uncompressed: what can be mapped into memory.
  case contiguous
  /// In chunks of about a mebibyte that are shuffled and compressed by all processors; in one piece where
  /// that would not be smaller. Every HDF5 library reads them.
  case compressed(Compression)
  /// In blocks of this shape, each of which libhdf5 sends through the filters.
  case chunked([Int], HDF5Filters = .none)
}
