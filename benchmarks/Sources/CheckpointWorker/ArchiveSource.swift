import FlywheelCore
import FlywheelDeflate
import FlywheelFormats
import OrderedCollections
import SystemPackage

/// Arrays that are saved again and again, under their names.
struct ArchiveSource {
  let tensors: [(key: String, tensor: Tensor)]

  /// Reads all arrays of a file, every checksum confirmed.
  init(reading path: FilePath) throws(FlywheelError) {
    tensors = try Self.read(path, checking: .checksums)
  }

  /// Reads all arrays of a file.
  static func read(
    _ path: FilePath,
    checking checks: FileFormat.Checks
  ) throws(FlywheelError) -> [(key: String, tensor: Tensor)] {
    let file = try FileFormat.open(path, checking: checks)
    let keys = try file.members().map(\.key)
    return try zip(keys, file.tensors(keys)).compactMap { key, tensor in tensor.map { (key, $0) } }
  }

  /// Writes all arrays to a file, and leaves writing to the disk to the system.
  func write(to path: FilePath, compression: Compression) throws(FlywheelError) {
    let file = try FileFormat.of(name: path.string)
      .create(
        path,
        compression: compression,
        expectedByteCount: tensors.reduce(0) { $0 + $1.tensor.byteCount },
        durability: .cached
      )
    let arrays = OrderedDictionary(
      uniqueKeysWithValues: tensors.map { ($0.key, TensorDescription(of: $0.tensor)) }
    )
    try file.announce(arrays, ArchiveMetadata())
    for (key, tensor) in tensors { try file.write(tensor, under: key) }
    try file.finish()
  }
}
