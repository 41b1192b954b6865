/// Where one buffer of a target comes from: v~ = s v + k w + z, with the weight w as it is between two
/// steps.
public struct BufferConversion: Sendable, Hashable {
  /// The target's slot.
  public var slot: String
  /// The source's slot, v; nil if the buffer is made of the weight and the constant alone.
  public var source: String?
  /// The scale s, 0 if there is no source, and the weight's share k.
  public var map: BufferMap
  /// The constant z that every element has besides.
  public var constant: Double

  /// Creates a conversion.
  public init(slot: String, source: String?, map: BufferMap, constant: Double = 0) {
    self.slot = slot
    self.source = source
    self.map = map
    self.constant = constant
  }
}
