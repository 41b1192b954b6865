package import FlywheelCore
package import OrderedCollections

/// The document of a checkpoint or a trace, understood as far as is possible without a tensor.
package struct TrainingDocument {
  /// Whose document it is: `checkpoint` or `trace`.
  package let noun: String
  /// The tensors that belong to it.
  package let index: TensorIndex
  /// The attributes that repeat it for people in containers that have attributes.
  package let attributes: OrderedDictionary<String, AttributeValue>
  /// The optimizer without its buffers, and the group of each parameter by its key; nil for a trace.
  package let optimizer: (state: OptimizerState, groups: OrderedDictionary<String, Int>)?

  /// Reads the document that a tensor holds; nil if it is of a plain archive, or there is none.
  ///
  /// - Parameter tensor: The tensor under `CheckpointKey.document`.
  /// - Throws: As `Checkpoint.init(verification:reading:)`.
  package init?(_ tensor: Tensor?) throws(FlywheelError) {
    guard let tensor else { return nil }
    let kind = CheckpointDocument.kind(of: tensor) ?? .checkpoint
    if kind == .archive { return nil }
    let document = try CheckpointDocument(tensor, as: kind)
    let (index, attributes, optimizer) = try FlywheelError.locating(tensor: CheckpointKey.document)
    {
      () throws(FlywheelError) in
      var root = try JSONObject(.object(document.members))
      return (
        try TensorIndex(try root.object("tensors")),
        kind == .trace
          ? try Trace.attributes(of: document) : try Checkpoint.attributes(of: document),
        kind == .trace ? nil : try Checkpoint.optimizer(of: document)
      )
    }
    noun = kind.noun
    self.index = index
    self.attributes = attributes
    self.optimizer = optimizer
  }
}
