import FlywheelCore
import OrderedCollections

extension ArchiveReader {
  /// Checks that nothing was added to the file, and that the attributes for people say what its
  /// document says.
  ///
  /// - Parameters:
  ///   - keys: The keys of all tensors that the document lists.
  ///   - attributes: The attributes as they are written into containers that have attributes.
  /// - Throws: `mismatch` for what was added or edited.
  func requireOnly(
    _ keys: [String],
    _ attributes: OrderedDictionary<String, AttributeValue>
  ) throws(FlywheelError) {
    let keys = Set(keys)
    for member in try members() where !keys.contains(member.key) {
      throw FlywheelError(
        .mismatch,
        "The file holds an array that its document's index does not list; it was added later.",
        at: .init(path: path, tensor: member.key)
      )
    }
    let stated = try metadata().attributes[""] ?? [:]
    for (name, value) in attributes {
      guard let found = stated[name], !found.saysTheSame(as: value) else { continue }
      throw FlywheelError(
        .mismatch,
        "The attribute '\(name)' is \(found), the document says \(value); it was edited.",
        at: .init(path: path)
      )
    }
  }
}
