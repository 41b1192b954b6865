package import FlywheelCore
import OrderedCollections

extension ArchiveReader {
  /// The document; nil if the file has none.
  ///
  /// - Throws: `limitExceeded` for one that is too long to be read, and what reading throws.
  package func document() throws(FlywheelError) -> Tensor? {
    guard let member = try member(CheckpointKey.document) else { return nil }
    // Compressed, a small file could ask for a gigabyte here.
    let description = try member.array()
    try CheckpointKey.requireReadableDocument(elementCount: description.shape.elementCount)
    return try tensor(CheckpointKey.document)
  }

  /// What the document of a checkpoint or a trace says; nil if the file is neither.
  ///
  /// - Throws: As `Checkpoint.init(from:verification:)`, with the path.
  package func trainingDocument() throws(FlywheelError) -> TrainingDocument? {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      try TrainingDocument(try document())
    }
  }

  /// What the document of a plain archive says; nil if it has none.
  ///
  /// - Throws: As `ArchiveDocument.init`, with the path.
  package func archiveDocument() throws(FlywheelError) -> ArchiveDocument? {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      let document = try document()
      return try document == nil ? nil : ArchiveDocument(document)
    }
  }

  /// The tensors that an index lists, in its order; nil for one that is not there.
  func tensors(of index: TensorIndex) throws(FlywheelError) -> [Tensor?] {
    let keys = Array(index.entries.keys)
    let untyped = try untypedDescriptions(of: index)
    guard !untyped.isEmpty else { return try tensors(keys) }
    // Once it was listed, no more is read of a file than its size justifies, if each array is read by its own name.
    let listed = Set(try members().map { $0.key })
    var others = try tensors(keys.indices.filter { untyped[$0] == nil }.map { keys[$0] })[...]
    var found: [Tensor?] = []
    for (place, key) in keys.enumerated() {
      if let description = untyped[place] {
        found.append(listed.contains(key) ? try tensor(key, as: description) : nil)
      } else {
        found.append(others.popFirst() ?? nil)
      }
    }
    return found
  }

  /// What the tensors are whose dtypes the file does not know, by their places in an index.
  private func untypedDescriptions(
    of index: TensorIndex
  ) throws(FlywheelError) -> [Int: TensorDescription] {
    var descriptions: [Int: TensorDescription] = [:]
    for (place, (key, entry)) in index.entries.enumerated() where entry.dtype.isOnlyBytesInNumPy {
      guard let member = try member(key), case .array(let bytes) = member.content,
        bytes.element.isBytes(of: entry.dtype)
      else { continue }
      descriptions[place] = try TensorDescription(
        element: .number(entry.dtype),
        shape: bytes.shape
      )
    }
    return descriptions
  }
}
