package import FlywheelCheckpoint
package import FlywheelCore
package import FlywheelDialects
import OrderedCollections

/// What a source holds, understood: its tensors with their true dtypes, and its document.
package struct ConversionSource {
  /// The arrays, the document not among them.
  package var tensors: [ConvertedTensor] = []
  /// What cannot be read.
  package private(set) var unreadable: [(key: String, reason: String)] = []
  /// What is known of the arrays besides.
  package private(set) var facts: ArrayFacts
  /// What the source says besides.
  package private(set) var metadata: ArchiveMetadata
  /// What the document of a checkpoint or a trace says.
  package let training: TrainingDocument?
  /// The tensor that holds the document.
  let documentTensor: Tensor?

  package init(_ reader: any ArchiveReader) throws(FlywheelError) {
    let members = try reader.members()
    metadata = try reader.metadata()
    facts = ArrayFacts(origin: reader.origin)
    for member in members { facts.twins[member.key] = member.twin }
    documentTensor = try reader.document()
    var dtypes: OrderedDictionary<String, DType> = [:]
    training = try reader.trainingDocument()
    if let training {
      dtypes = training.index.entries.mapValues(\.dtype)
    } else if let document = try reader.archiveDocument() {
      dtypes = document.dtypes
      metadata.add(document.metadata)
    }
    var missing = Set((training?.index.entries.keys).map { Array($0) } ?? [])
    for member in members where member.key != CheckpointKey.document {
      let entry = training?.index.entries[member.key]
      missing.remove(member.key)
      do throws(FlywheelError) {
        let description = try Self.description(of: member, dtypes[member.key])
        try entry?.check(description, under: member.key)
        tensors.append(ConvertedTensor(member.key, description, entry))
      } catch {
        guard entry == nil, error.code == .unsupported else {
          throw error.located(path: reader.path)
        }
        unreadable.append((member.key, error.message))
      }
    }
    if let key = missing.min() { throw TensorIndex.missing(key).located(path: reader.path) }
  }

  /// Takes numbers of an optimizer's groups for what they say, although they are arrays: PyTorch's learning rate
  /// may be a tensor.
  ///
  /// - Parameter reader: The file.
  /// - Throws: What reading throws.
  package mutating func takeNumbersOfGroups(_ reader: any ArchiveReader) throws(FlywheelError) {
    var rest: [ConvertedTensor] = []
    for tensor in tensors {
      guard tensor.original.shape.rank == 0,
        let (owner, word) = FoundOptimizer.placeInGroups(tensor.source),
        metadata.attributes[owner] != nil, metadata.attributes[owner]?[word] == nil
      else {
        rest.append(tensor)
        continue
      }
      let number = try reader.tensor(tensor.source, as: tensor.original)
      metadata.attributes[owner]?[word] = .tensor(number)
    }
    tensors = rest
  }

  /// What an array is, with the dtype that the document knows where the container has no name for it.
  private static func description(
    of member: ArchiveMember,
    _ dtype: DType?
  ) throws(FlywheelError) -> TensorDescription {
    let found = try member.array()
    guard let dtype, found.element.isBytes(of: dtype) else { return found }
    return try TensorDescription(element: .number(dtype), shape: found.shape)
  }
}

extension ArchiveMetadata {
  /// Adds what a document says to what the container says itself.
  fileprivate mutating func add(_ other: ArchiveMetadata) {
    for (owner, values) in other.attributes {
      attributes[owner, default: [:]].merge(values) { _, documented in documented }
    }
    emptyGroups += other.emptyGroups.filter { !emptyGroups.contains($0) }
  }
}
