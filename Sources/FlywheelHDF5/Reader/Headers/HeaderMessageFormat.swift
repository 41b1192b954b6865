/// How the messages of an object header are written.
enum HeaderMessageFormat: Sendable {
  /// Each message with its size a multiple of eight; no checksums.
  case version1
  /// Packed, each block with a signature and a checksum.
  case version2(tracksOrder: Bool)

  /// The bytes in front of a message's content.
  var prefixSize: Int {
    switch self {
    case .version1: 8
    case .version2(tracksOrder: false): 4
    case .version2(tracksOrder: true): 6
    }
  }

  /// Whether a message says when it was added.
  var tracksOrder: Bool {
    switch self {
    case .version1: false
    case .version2(let tracksOrder): tracksOrder
    }
  }

  /// The bytes of the checksum at the end of a block.
  var checksumSize: Int {
    switch self {
    case .version1: 0
    case .version2: 4
    }
  }
}
