import FlywheelCheckpoint
package import FlywheelCore
import FlywheelFormats
package import OrderedCollections
import SystemPackage

extension FileFormat {
  /// Writes an archive in the format that a name asks for.
  ///
  /// - Parameters:
  ///   - archive: What to write.
  ///   - index: The checksums of its tensors, so that none is computed twice.
  ///   - path: The file; one that has the name already stays until the new one is complete.
  ///   - durability: What to wait for.
  /// - Throws: `invalidArgument` if the name asks for no format, and what its writer throws.
  static func write(
    _ archive: Archive,
    _ index: TensorIndex,
    to path: FilePath,
    durability: AtomicFile.Durability
  ) throws(FlywheelError) {
    let writer = try FileFormat.of(name: path.string).create(
      path,
      expectedByteCount: archive.byteCount,
      durability: durability
    )
    try writer.write(archive) { index.entries[$0]?.crc32 }
  }
}

extension ArchiveWriter {
  /// Writes a whole archive, and finishes the file.
  ///
  /// - Parameters:
  ///   - archive: What to write.
  ///   - attributes: Attributes of parts of it, by what they belong to, where the format has any.
  ///   - crc32: The checksum of the tensor under a key, if it is known; asked before each is written.
  /// - Throws: What writing throws, and what `crc32` does.
  package func write(
    _ archive: Archive,
    _ attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:],
    crc32: (String) throws(FlywheelError) -> UInt32?
  ) throws(FlywheelError) {
    var metadata = ArchiveMetadata(attributes: attributes)
    metadata.attributes[""] = archive.attributes
    try announce(
      archive.tensors.mapValues { TensorDescription(of: $0) },
      hasRoom(for: metadata) ? metadata : ArchiveMetadata()
    )
    for (key, tensor) in archive.tensors {
      try write(tensor, under: key, crc32: try crc32(key))
    }
    if holdsMetadata { try write(metadata) }
    try finish()
  }
}
