public import FlywheelCore
import OrderedCollections
public import SystemPackage

/// Archives as HDF5 files: a key is the path of a dataset.
public enum HDF5Archive {
  /// Writes an archive so that the file is there whole or not at all.
  ///
  /// - Parameters:
  ///   - archive: What to write; datasets lie in the file in its order.
  ///   - path: The file; one that has the name already stays until the new one is complete.
  ///   - durability: What to wait for.
  /// - Throws: `inputOutput` or `libraryFailure`, with the path.
  public static func write(
    _ archive: Archive,
    to path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    let file = try AtomicFile(replacing: path, durability: durability)
    var writer = try HDF5Writer(creating: file, expectedByteCount: archive.byteCount)
    for (key, tensor) in archive.tensors { try writer.write(tensor, at: key) }
    for (name, value) in archive.attributes { try writer.setAttribute(name, value) }
    try writer.close()
    try file.commit()
  }
}
