/// A message of an object header.
///
/// Format specification, section IV.A.2.
struct HeaderMessage: Sendable {
  /// What it tells.
  let kind: MessageKind
  /// Whether the content says only where the real one is; `FileStructure.content(of:)` finds it.
  let isShared: Bool
  /// Which bytes of the file say it.
  let range: Range<Int>
  /// When it was added, if the header knows it.
  let order: UInt16?

  /// What it says.
  ///
  /// - Parameter image: The file that it was read from.
  /// - Returns: The bytes.
  func content(in image: FileImage) -> StoredBytes {
    StoredBytes(storage: image.storage, range: range, fileOffset: range.lowerBound)
  }
}
