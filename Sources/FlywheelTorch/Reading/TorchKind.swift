/// What kind of file of PyTorch some bytes are the front of.
package enum TorchKind: Sendable, Hashable {
  /// A zip archive, as PyTorch 1.6 and later write it, or of anybody else.
  case archive
  /// The pickles and storages of PyTorch 0.2 to 1.5.
  case stream
  /// The tar archive of PyTorch 0.1.
  case tape
  /// What previews of PyTorch 1.0 wrote.
  case preview

  /// Looks at the front of a file.
  ///
  /// - Parameter bytes: Its first bytes; 512 or more, if it has so many.
  package init?(_ bytes: RawSpan) {
    func begins(_ signature: [UInt8], at offset: Int = 0) -> Bool {
      guard bytes.byteCount >= offset + signature.count else { return false }
      let found = bytes.extracting(offset..<offset + signature.count)
      return unsafe found.withUnsafeBytes { unsafe $0.elementsEqual(signature) }
    }
    if begins(Array("PK\u{3}\u{4}".utf8)) {
      self = .archive
    } else if begins(TorchStream.magic) {
      self = .stream
    } else if begins(Array("PYTORCH1".utf8)) {
      self = .preview
    } else if begins(Array("ustar".utf8), at: 257),
      Self.tapeMembers.contains(where: { begins(Array($0.utf8) + [0]) })
    {
      self = .tape
    } else {
      return nil
    }
  }

  /// The names of the members of a tar archive of PyTorch 0.1, any of which may be the first.
  private static let tapeMembers = ["sys_info", "pickle", "tensors", "storages"]
}
