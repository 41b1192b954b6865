/// How one rule's buffer becomes another's: v~ = s v + k w, with the weight as it is between two steps.
public struct BufferMap: Sendable, Hashable {
  /// s, what the buffer is multiplied by.
  public var scale: Double
  /// k, how much of the weight is added.
  public var weightShare: Double

  /// Creates a map.
  public init(scale: Double, weightShare: Double = 0) {
    self.scale = scale
    self.weightShare = weightShare
  }

  /// The buffer as it is.
  public static let identity = BufferMap(scale: 1)

  /// The way back; nil if a buffer is lost on the way there.
  public var inverse: BufferMap? {
    guard scale != 0 else { return nil }
    return BufferMap(scale: 1 / scale, weightShare: -weightShare / scale)
  }
}
