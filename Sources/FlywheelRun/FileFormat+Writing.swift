import FlywheelCheckpoint
import FlywheelCore
import FlywheelFormats
import OrderedCollections
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
    for (key, tensor) in archive.tensors {
      try writer.write(tensor, under: key, crc32: index.entries[key]?.crc32)
    }
    if writer.holdsMetadata {
      try writer.write(ArchiveMetadata(attributes: ["": archive.attributes]))
    }
    try writer.finish()
  }
}
