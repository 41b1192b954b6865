/// A message of an object header.
///
/// Format specification, section IV.A.2.
struct HeaderMessage: Sendable {
  /// What it tells.
  let kind: MessageKind
  /// Whether the content says only where the real one is; `FileStructure.content(of:)` finds it.
  let isShared: Bool
  /// What it says.
  let content: StoredBytes
  /// When it was added, if the header knows it.
  let order: UInt16?
}
