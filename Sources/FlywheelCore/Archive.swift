public import OrderedCollections

/// An ordered set of named tensors, with a few attributes: what every file format reads and writes.
public struct Archive: Sendable {
  /// The tensors under their keys, such as `model/layers.0.weight`, in the order they are written.
  public var tensors: OrderedDictionary<String, Tensor>
  /// Small facts about the whole, for formats that can show them.
  public var attributes: OrderedDictionary<String, AttributeValue>

  /// Creates an archive.
  ///
  /// - Parameters:
  ///   - tensors: The tensors under their keys.
  ///   - attributes: Small facts about the whole.
  public init(
    tensors: OrderedDictionary<String, Tensor> = [:],
    attributes: OrderedDictionary<String, AttributeValue> = [:]
  ) {
    self.tensors = tensors
    self.attributes = attributes
  }

  /// The number of bytes of all tensors.
  public var byteCount: Int {
    tensors.values.reduce(0) { $0 &+ $1.byteCount }
  }
}
