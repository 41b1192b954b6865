public import OrderedCollections

/// What a file says besides its tensors.
public struct ArchiveMetadata: Sendable {
  /// Attributes by name, by the key of what they belong to: a tensor, a group of them, or the whole file,
  /// whose key is empty.
  public var attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>>
  /// The keys of groups that hold nothing.
  public var emptyGroups: [String]
  /// What only this kind of file can hold: links, say, or attributes of unusual types.
  public var obstacles: [Obstacle]

  /// A thing that cannot go into another file.
  public struct Obstacle: Sendable, Hashable {
    /// Its name, such as `the attribute 'units' of /x`.
    public var name: String
    /// Why not, such as `is a reference`.
    public var reason: String
    /// The key of the member that it belongs to; nil if it belongs to none.
    public var key: String?
    /// Whether it is a file of its own beside those of the archive: nothing is lost if it stays there.
    public var isFileBeside: Bool

    /// Names a thing.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - reason: Why it cannot go into another file.
    ///   - key: The key of the member that it belongs to; nil if it belongs to none.
    ///   - isFileBeside: Whether it is a file of its own beside those of the archive.
    public init(name: String, reason: String, key: String? = nil, isFileBeside: Bool = false) {
      self.name = name
      self.reason = reason
      self.key = key
      self.isFileBeside = isFileBeside
    }
  }

  /// Creates metadata; none if nothing is given.
  ///
  /// - Parameters:
  ///   - attributes: Attributes by name, by the key of what they belong to.
  ///   - emptyGroups: The keys of groups that hold nothing.
  ///   - obstacles: What only this kind of file can hold.
  public init(
    attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:],
    emptyGroups: [String] = [],
    obstacles: [Obstacle] = []
  ) {
    self.attributes = attributes
    self.emptyGroups = emptyGroups
    self.obstacles = obstacles
  }
}

extension ArchiveMetadata {
  /// The attribute of a whole file with the structure of an object that PyTorch saved, which no other program
  /// looks for.
  ///
  /// A long one goes on in others with numbers behind the name, from 1 on.
  package static let torchStructure = "torch.containers"

  /// Whether an attribute of a whole file has such a structure, or a part of one.
  ///
  /// - Parameter name: Its name.
  /// - Returns: Whether it has.
  package static func isTorchStructure(_ name: String) -> Bool {
    guard name != torchStructure else { return true }
    guard name.hasPrefix(torchStructure + ".") else { return false }
    return Int(name.dropFirst(torchStructure.count + 1)).map { $0 > 0 } ?? false
  }
}
