/// One named thing in a file of tensors, as a listing shows it.
public struct ArchiveMember: Sendable {
  /// Its name, without a slash in front, such as `model/layers.0.weight`.
  public let key: String
  /// What it is.
  public let content: Content
  /// How its bytes lie in the file, for people: `deflate`, `chunks of (64, 784), gzip (1)`; empty if they lie
  /// there as they are.
  public let storage: String
  /// The name of an earlier member that is the same array under another name; nil if there is none.
  public let twin: String?

  /// What a member is.
  public enum Content: Sendable {
    /// An array that can be read.
    case array(TensorDescription)
    /// Something that cannot: what it is, its extents if they are known, and why not, as a sentence that
    /// says what to do.
    case unreadable(type: String, shape: Shape?, reason: FlywheelError)
  }

  /// Describes a member.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - content: What it is.
  ///   - storage: How its bytes lie in the file; empty if they lie there as they are.
  ///   - twin: The name of an earlier member that is the same array.
  public init(key: String, content: Content, storage: String = "", twin: String? = nil) {
    self.key = key
    self.content = content
    self.storage = storage
    self.twin = twin
  }

  /// The array that it is.
  ///
  /// - Throws: Why it cannot be read, if it is none.
  /// - Returns: Its description.
  public func array() throws(FlywheelError) -> TensorDescription {
    switch content {
    case .array(let description): return description
    case .unreadable(_, _, let reason): throw reason.located(tensor: key)
    }
  }
}
