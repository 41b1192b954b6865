import FlywheelCore
import OrderedCollections
import Synchronization
import SystemPackage

/// An archive in memory, to read from.
final class MemoryArchive: ArchiveReader {
  let path: FilePath = "memory"
  private let contents: OrderedDictionary<String, Tensor>
  private let untyped: Set<String>
  private let unreadable: OrderedDictionary<String, String>
  private let said: ArchiveMetadata
  private let twins: [String: String]
  let origin: ArchiveOrigin

  /// - Parameters:
  ///   - contents: The tensors.
  ///   - untyped: Those whose dtype the container has no name for.
  ///   - unreadable: What cannot be read, and why not.
  ///   - metadata: What it says besides.
  ///   - twins: Those that are others under another name, with the first name.
  ///   - origin: What its kind tells.
  init(
    _ contents: OrderedDictionary<String, Tensor>,
    untyped: Set<String> = [],
    unreadable: OrderedDictionary<String, String> = [:],
    metadata: ArchiveMetadata = ArchiveMetadata(),
    twins: [String: String] = [:],
    origin: ArchiveOrigin = ArchiveOrigin()
  ) {
    self.contents = contents
    self.untyped = untyped
    self.unreadable = unreadable
    said = metadata
    self.twins = twins
    self.origin = origin
  }

  /// The same with other tensors behind its own.
  func adding(
    _ others: OrderedDictionary<String, Tensor>,
    twins: [String: String] = [:]
  ) -> MemoryArchive {
    let all = contents.merging(others) { own, _ in own }
    return MemoryArchive(all, metadata: said, twins: twins, origin: origin)
  }

  /// The same with another word in each dictionary.
  func saying(_ word: String, _ value: AttributeValue) -> MemoryArchive {
    var metadata = said
    for owner in metadata.attributes.keys { metadata.attributes[owner]?[word] = value }
    return MemoryArchive(contents, metadata: metadata, twins: twins, origin: origin)
  }

  func members() -> [ArchiveMember] {
    contents.keys.compactMap { member($0) }
      + unreadable.map { key, reason in
        ArchiveMember(
          key: key,
          content: .unreadable(
            type: "a reference",
            shape: nil,
            reason: FlywheelError(.unsupported, reason)
          )
        )
      }
  }

  func member(_ key: String) -> ArchiveMember? {
    guard let tensor = contents[key] else { return nil }
    let size = tensor.dtype.byteCount
    guard untyped.contains(key),
      let description = try? TensorDescription(
        element: .opaque(OpaqueType(name: "|V\(size)", byteCount: size)),
        shape: tensor.shape
      )
    else {
      return ArchiveMember(
        key: key,
        content: .array(TensorDescription(of: tensor)),
        twin: twins[key]
      )
    }
    return ArchiveMember(key: key, content: .array(description))
  }

  func metadata() -> ArchiveMetadata { said }

  func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    guard !untyped.contains(key) else {
      throw FlywheelError(.unsupported, "The container does not know the dtype.")
    }
    return contents[key]
  }

  func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let tensor = contents[key] else {
      throw FlywheelError(.notFound, "There is no '\(key)'.")
    }
    // In small pieces, as a large file would come.
    var rest = tensor.bytes
    while rest.byteCount > 0 {
      try body(rest.extracting(first: 3))
      rest = rest.extracting(droppingFirst: 3)
    }
  }
}

/// An archive in memory, to write to.
final class MemoryWriter: ArchiveWriter {
  let holdsMetadata: Bool
  /// Keys that it cannot hold.
  let refused: Set<String>
  private(set) var contents: OrderedDictionary<String, Tensor> = [:]
  private(set) var checksums: [String: UInt32] = [:]
  /// What was announced, which is all that may be written.
  private(set) var announced: OrderedDictionary<String, TensorDescription> = [:]
  private(set) var metadata = ArchiveMetadata()
  private(set) var isFinished = false

  init(holdsMetadata: Bool, refusing refused: Set<String> = []) {
    self.holdsMetadata = holdsMetadata
    self.refused = refused
  }

  func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    guard !refused.contains(key) else { throw FlywheelError(.unsupported, "is not held here") }
  }

  func announce(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) {
    announced = arrays
  }

  func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    try requireRoom(for: description, under: key)
    guard announced[key] == description else {
      throw FlywheelError(.invalidArgument, "'\(key)' was not announced.")
    }
    guard contents[key] == nil else { throw FlywheelError(.alreadyExists, "'\(key)' twice.") }
    var bytes: [UInt8] = []
    try elements { (piece) in unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) } }
    let storage = try TensorStorage(byteCount: bytes.count) { output in
      for byte in bytes { output.append(byte) }
    }
    guard let dtype = description.element.dtype else {
      throw FlywheelError(.unsupported, "The tests carry no opaque elements.")
    }
    contents[key] = try Tensor(dtype: dtype, shape: description.shape, storage: storage)
    checksums[key] = crc32
  }

  func write(_ metadata: ArchiveMetadata) { self.metadata = metadata }

  func finish() { isFinished = announced.keys == contents.keys }
}
