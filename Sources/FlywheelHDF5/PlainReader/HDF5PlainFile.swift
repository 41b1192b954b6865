public import FlywheelCore
public import SystemPackage

/// A fast way into HDF5 files as Flywheel writes them, without libhdf5.
///
/// It reads checksummed headers, compact groups and contiguous little-endian numbers, and gives nil for
/// everything else, damage included: what is not plain is libhdf5's to read, or to explain. Every offset
/// is checked against the mapping, and every structure against its checksum.
public struct HDF5PlainFile {
  private let bytes: TensorStorage
  private let rootAddress: Int
  private var groups: [Substring: PlainGroup] = [:]

  /// Maps a file; nil if it is not plain.
  ///
  /// - Parameter path: The file.
  /// - Throws: `notFound` or `inputOutput` if it cannot be mapped.
  public init?(opening path: FilePath) throws(FlywheelError) {
    let bytes = TensorStorage(mapping: try MappedFile(path: path))
    guard let superblock = try? PlainSuperblock(bytes.bytes) else { return nil }
    self.bytes = bytes
    rootAddress = superblock.rootAddress
  }

  /// The tensor at a path, as a view of the mapping; nil if it is not plain, or not there.
  ///
  /// - Parameter path: Where it is, without a leading slash.
  /// - Returns: The tensor.
  public mutating func tensor(_ path: String) -> Tensor? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last, !parts.contains(""),
      let address = group(parts.dropLast())?.addresses[String(name)],
      let dataset = try? PlainDataset(bytes, at: address),
      // A typed view needs elements at their own alignment.
      dataset.byteOffset.map({ $0.isMultiple(of: dataset.dtype.alignment) }) ?? true
    else { return nil }
    let tensor = try? Tensor(
      dtype: dataset.dtype,
      shape: dataset.shape,
      storage: bytes,
      byteOffset: dataset.byteOffset ?? 0
    )
    guard let tensor, (try? tensor.checkTruthValues()) != nil else { return nil }
    return tensor
  }

  /// Whether there is a plain group of this name.
  ///
  /// - Parameter name: The name of a group in the root.
  /// - Returns: Whether it is there; false if the root is not plain.
  package mutating func hasGroup(_ name: String) -> Bool {
    group([name[...]]) != nil
  }

  private mutating func group(_ parts: ArraySlice<Substring>) -> PlainGroup? {
    let key = parts.joined(separator: "/")[...]
    if let group = groups[key] { return group }
    var address: Int? = rootAddress
    if let name = parts.last { address = group(parts.dropLast())?.addresses[String(name)] }
    guard let address, let group = try? PlainGroup(bytes.bytes, at: address) else { return nil }
    groups[key] = group
    return group
  }
}
