package import FlywheelCheckpoint
public import FlywheelCore

/// One array on its way from one file to another.
public struct ConvertedTensor: Sendable {
  /// Its name in the source.
  public let source: String
  /// Its name in the target.
  public var target: String
  /// What it is in the source, its dtype the true one even where the container has no name for it.
  public let original: TensorDescription
  /// What it is in the target.
  public var result: TensorDescription
  /// What happens to its elements.
  public var change: TensorChange

  /// What the source's document says about it.
  let entry: TensorIndex.Entry?

  /// Whether name, shape and bytes stay as they are.
  public var isUnchanged: Bool { source == target && original == result && keepsBytes }

  /// Whether the bytes can go by without being held.
  var keepsBytes: Bool { change.keepsBytes(of: original) }

  package init(
    _ source: String,
    _ description: TensorDescription,
    _ entry: TensorIndex.Entry? = nil
  ) {
    self.source = source
    target = source
    original = description
    result = description
    change = TensorChange()
    self.entry = entry
  }
}
