import FlywheelCore

/// The arrays of a data set in one archive, under the names that people give them.
///
/// `x_train`, `y_train`, `x_test` and `y_test` are those of Keras' `mnist.npz`; `train_images`,
/// `train_labels`, `test_images` and `test_labels` are MedMNIST's, whose own validation set is not read.
struct ArchivedDataSet {
  private let archive: any ArchiveReader
  private let keys: [String]

  private typealias Names = (samples: String, labels: String)
  private typealias Convention = (training: Names, test: Names)

  private static let conventions: [Convention] = [
    (("x_train", "y_train"), ("x_test", "y_test")),
    (("train_images", "train_labels"), ("test_images", "test_labels")),
  ]

  /// Looks at what is in an archive.
  ///
  /// - Parameter archive: The archive.
  /// - Throws: What listing it throws.
  init(_ archive: any ArchiveReader) throws(FlywheelError) {
    self.archive = archive
    keys = try archive.members().map(\.key)
  }

  /// Reads the arrays.
  ///
  /// - Throws: `notFound` with the names that were looked for, `mismatch` for arrays of other shapes, and
  ///   what reading one of them throws.
  /// - Returns: The arrays; without a test part if the archive has none.
  func read() throws(FlywheelError) -> StoredDataSet {
    let convention = Self.conventions.first { names in
      keys.contains(names.training.samples) || keys.contains(names.training.labels)
    }
    guard let convention else { throw missing(nil) }
    let hasTest = keys.contains(convention.test.samples) || keys.contains(convention.test.labels)
    return StoredDataSet(
      training: try part(convention.training),
      test: hasTest ? try part(convention.test) : nil,
      location: .init(path: archive.path)
    )
  }

  private func part(_ names: Names) throws(FlywheelError) -> StoredDataSet.Part {
    .init(samples: try samples(names.samples), labels: try labels(names.labels))
  }

  private func samples(_ key: String) throws(FlywheelError) -> StoredArray {
    let tensor = try tensor(key)
    guard tensor.shape.rank > 0, tensor.shape.elementCount > 0 else {
      throw FlywheelError(
        .mismatch,
        "The samples have the shape \(tensor.shape); the first extent is their number, the others are "
          + "those of one sample, and none is 0.",
        at: .init(path: archive.path, tensor: key)
      )
    }
    return array(tensor, key)
  }

  /// The labels as a vector.
  private func labels(_ key: String) throws(FlywheelError) -> StoredArray {
    let tensor = try tensor(key)
    let extents = tensor.shape.extents
    guard extents.count == 1 || extents.count == 2 && extents[1] == 1 else {
      throw FlywheelError(
        .mismatch,
        "The labels have the shape \(tensor.shape); give the number of one class for each sample"
          + (extents.count == 2 ? ", which of one-hot rows is labels.argmax(axis=1)." : "."),
        at: .init(path: archive.path, tensor: key)
      )
    }
    let vector = try Tensor(
      dtype: tensor.dtype,
      shape: Shape(vector: extents[0]),
      storage: tensor.storage,
      byteOffset: tensor.byteOffset
    )
    return array(vector, key)
  }

  private func tensor(_ key: String) throws(FlywheelError) -> Tensor {
    try FlywheelError.locating(path: archive.path, tensor: key) { () throws(FlywheelError) in
      guard let tensor = try archive.tensor(key) else { throw missing(key) }
      return tensor
    }
  }

  private func array(_ tensor: Tensor, _ key: String) -> StoredArray {
    StoredArray(
      stored: tensor,
      isBigEndian: false,
      location: .init(path: archive.path, tensor: key),
      byteOffset: nil
    )
  }

  /// What is wrong if an array is not there, or none is.
  private func missing(_ key: String?) -> FlywheelError {
    let known = Self.conventions.map { names in
      [names.training.samples, names.training.labels, names.test.samples, names.test.labels]
        .joined(separator: ", ")
    }
    let found = keys.prefix(8).joined(separator: ", ") + (keys.count > 8 ? ", …" : "")
    return FlywheelError(
      .notFound,
      (key.map { "There is no '\($0)'. " } ?? "")
        + "Looked for arrays \(known.joined(separator: ", or ")); the archive "
        + (keys.isEmpty ? "is empty." : "holds \(found).")
        + " Save them under such names, those to test with or without.",
      at: .init(path: archive.path)
    )
  }
}
