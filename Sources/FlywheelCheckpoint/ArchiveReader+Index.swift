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
    var keys = Array(index.entries.keys)
    var untyped: [Int: Tensor] = [:]
    for (place, (key, entry)) in index.entries.enumerated() where entry.dtype.isOnlyBytesInNumPy {
      if let tensor = try untypedTensor(key, of: entry.dtype) { untyped[place] = tensor }
    }
    guard !untyped.isEmpty else { return try tensors(keys) }
    keys = keys.indices.filter { untyped[$0] == nil }.map { keys[$0] }
    var others = try tensors(keys)[...]
    return index.entries.keys.indices.map { untyped[$0] ?? others.popFirst() ?? nil }
  }

  /// A tensor whose dtype the file does not know; nil if it does, or there is no such member.
  private func untypedTensor(_ key: String, of dtype: DType) throws(FlywheelError) -> Tensor? {
    guard let member = try member(key), case .array(let description) = member.content,
      description.element.isBytes(of: dtype)
    else { return nil }
    return try tensor(key, as: TensorDescription(element: .number(dtype), shape: description.shape))
  }
}
