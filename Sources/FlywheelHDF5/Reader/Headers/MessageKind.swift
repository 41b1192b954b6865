/// What a message of an object header tells.
///
/// Format specification, section IV.A.2.
struct MessageKind: RawRepresentable, Sendable, Hashable {
  /// The number in the file.
  let rawValue: UInt16

  /// A message that was taken away.
  static let null = MessageKind(rawValue: 0x00)
  /// The extents of a dataset or an attribute.
  static let dataspace = MessageKind(rawValue: 0x01)
  /// Where the links of a group are.
  static let linkInfo = MessageKind(rawValue: 0x02)
  /// The type of elements.
  static let datatype = MessageKind(rawValue: 0x03)
  /// What elements are that were never written, as old files say it.
  static let fillValueOld = MessageKind(rawValue: 0x04)
  /// What elements are that were never written.
  static let fillValue = MessageKind(rawValue: 0x05)
  /// A link of a group.
  static let link = MessageKind(rawValue: 0x06)
  /// Files that hold the elements.
  static let externalFiles = MessageKind(rawValue: 0x07)
  /// How the elements lie in the file.
  static let layout = MessageKind(rawValue: 0x08)
  /// Sizes that a group was tuned with.
  static let groupInfo = MessageKind(rawValue: 0x0A)
  /// The filters that chunks go through.
  static let filterPipeline = MessageKind(rawValue: 0x0B)
  /// An attribute.
  static let attribute = MessageKind(rawValue: 0x0C)
  /// A remark about the object.
  static let comment = MessageKind(rawValue: 0x0D)
  /// When the object was changed, as old files say it.
  static let modificationTimeOld = MessageKind(rawValue: 0x0E)
  /// Where messages are that objects share.
  static let sharedMessageTable = MessageKind(rawValue: 0x0F)
  /// Where the header goes on.
  static let continuation = MessageKind(rawValue: 0x10)
  /// Where the links of an old group are.
  static let symbolTable = MessageKind(rawValue: 0x11)
  /// When the object was changed.
  static let modificationTime = MessageKind(rawValue: 0x12)
  /// Sizes of the file's old trees.
  static let treeSizes = MessageKind(rawValue: 0x13)
  /// What a driver of libhdf5 says.
  static let driverInfo = MessageKind(rawValue: 0x14)
  /// Where the attributes of an object are.
  static let attributeInfo = MessageKind(rawValue: 0x15)
  /// How many links lead to the object.
  static let referenceCount = MessageKind(rawValue: 0x16)
  /// How the file's free space is kept.
  static let fileSpaceInfo = MessageKind(rawValue: 0x17)
  /// Where the structures are that libhdf5 had not put in their places when it closed the file.
  static let cacheImage = MessageKind(rawValue: 0x18)

  /// Whether the format tells what it means.
  var isKnown: Bool { rawValue <= Self.cacheImage.rawValue }

  /// Whether the message may stand for one that lies elsewhere.
  var isShareable: Bool {
    switch self {
    case .dataspace, .datatype, .fillValueOld, .fillValue, .filterPipeline, .attribute: true
    default: false
    }
  }
}
