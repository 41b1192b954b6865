import FlywheelCheckpoint
package import FlywheelCore
package import FlywheelHDF5
import OrderedCollections

extension HDF5File {
  /// The tensor under a key; nil if there is none.
  ///
  /// - Throws: `limitExceeded` for a document that is too long to be read, and what reading throws.
  package func tensorIfPresent(_ key: String) throws(FlywheelError) -> Tensor? {
    do throws(FlywheelError) {
      if key == CheckpointKey.document {
        // Compressed, a small file could ask for a gigabyte here.
        try CheckpointKey.requireReadableDocument(elementCount: dataset(key).shape.elementCount)
      }
      return try tensor(key)
    } catch {
      if error.code == .notFound { return nil }
      throw error.located(path: path)
    }
  }

  /// Checks that nothing was added to the file, and that the attributes for people say what its
  /// document says.
  ///
  /// - Parameters:
  ///   - keys: The keys of all tensors that the document lists.
  ///   - attributes: The attributes as they are written.
  /// - Throws: `mismatch` for what was added or edited.
  func requireOnly(
    _ keys: [String],
    _ attributes: OrderedDictionary<String, AttributeValue>
  ) throws(FlywheelError) {
    let keys = Set(keys)
    for dataset in try allDatasets() {
      let key = String(dataset.path.drop { $0 == "/" })
      guard keys.contains(key) else {
        throw FlywheelError(
          .mismatch,
          "The file holds a dataset that its document's index does not list; it was added later.",
          at: .init(path: path, tensor: key)
        )
      }
    }
    for (name, value) in attributes {
      guard let found = try attribute(name) else { continue }
      guard found == value else {
        throw FlywheelError(
          .mismatch,
          "The attribute '\(name)' is \(found), the document says \(value); it was edited.",
          at: .init(path: path)
        )
      }
    }
  }
}
