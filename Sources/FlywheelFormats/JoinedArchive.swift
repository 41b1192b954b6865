import FlywheelCore
import OrderedCollections
import SystemPackage

/// Several files as one archive: each one's keys behind a prefix of its own.
final class JoinedArchive: ArchiveReader {
  let path: FilePath

  private let parts: [Part]
  /// What the whole says that no file of tensors does.
  private let extras: ArchiveMetadata
  /// Which part each key belongs to, and its name there.
  private let places: OrderedDictionary<String, (part: Int, key: String)>

  /// One of the files.
  struct Part: Sendable {
    /// What its keys begin with here: `model`, with a dot behind it; empty for nothing.
    let prefix: String
    let reader: any ArchiveReader

    func key(_ inner: String) -> String {
      if prefix.isEmpty { return inner }
      return inner.isEmpty ? prefix : prefix + "." + inner
    }
  }

  /// - Parameters:
  ///   - path: The directory.
  ///   - parts: The files.
  ///   - extras: What the whole says that no file of tensors does.
  /// - Throws: What the files throw when they are listed; `malformed` if two have a key.
  init(
    path: FilePath,
    _ parts: [Part],
    extras: ArchiveMetadata
  ) throws(FlywheelError) {
    self.path = path
    self.parts = parts
    self.extras = extras
    var places: OrderedDictionary<String, (part: Int, key: String)> = [:]
    for (index, part) in parts.enumerated() {
      for member in try part.reader.members() {
        let key = part.key(member.key)
        guard let other = places.updateValue((index, member.key), forKey: key) else { continue }
        throw FlywheelError.malformed(
          found: "the tensor in '\(Self.name(parts[other.part]))' and in '\(Self.name(part))'",
          expected: "it in one of them",
          at: .init(path: path, tensor: key)
        )
      }
    }
    self.places = places
  }

  private static func name(_ part: Part) -> String {
    part.reader.path.lastComponent?.string ?? part.reader.path.string
  }

  var hasChecksums: Bool { parts.allSatisfy(\.reader.hasChecksums) }

  /// What all of the files tell alike.
  var origin: ArchiveOrigin {
    let origins = Set(parts.map(\.reader.origin))
    let orders = [ArchiveOrigin.Order.lost, .written, .kept]
    let dialects = Set(origins.compactMap(\.dialect))
    return ArchiveOrigin(
      order: orders.first { order in origins.contains { $0.order == order } } ?? .written,
      dialect: dialects.count == 1 ? dialects.first : nil
    )
  }

  func members() throws(FlywheelError) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    members.reserveCapacity(places.count)
    for part in parts {
      for member in try part.reader.members() { members.append(member.inside(part)) }
    }
    return members
  }

  func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    guard let place = places[key] else { return nil }
    return try parts[place.part].reader.member(place.key)?
      .inside(parts[place.part])
  }

  func metadata() throws(FlywheelError) -> ArchiveMetadata {
    var metadata = extras
    for part in parts {
      let found = try part.reader.metadata()
      for (owner, var attributes) in found.attributes {
        // One part's structure is not that of the whole.
        if owner.isEmpty { attributes.removeAll { ArchiveMetadata.isTorchStructure($0.key) } }
        guard !attributes.isEmpty else { continue }
        metadata.attributes[part.key(owner), default: [:]].merge(attributes) { known, _ in known }
      }
      metadata.emptyGroups += found.emptyGroups.map { part.key($0) }
      metadata.obstacles += found.obstacles.map { obstacle in
        .init(
          name: "\(obstacle.name) in '\(Self.name(part))'",
          reason: obstacle.reason,
          key: obstacle.key.map { part.key($0) }
        )
      }
    }
    return metadata
  }

  func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    guard let place = places[key] else { return nil }
    return try parts[place.part].reader.tensor(place.key)
  }

  func tensors(_ keys: [String]) throws(FlywheelError) -> [Tensor?] {
    var tensors = [Tensor?](repeating: nil, count: keys.count)
    // Each file reads its own at once.
    for (part, found) in parts.enumerated() {
      let wanted = keys.indices.filter { places[keys[$0]]?.part == part }
      let inner = wanted.compactMap { places[keys[$0]]?.key }
      for (index, tensor) in zip(wanted, try found.reader.tensors(inner)) {
        tensors[index] = tensor
      }
    }
    return tensors
  }

  func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let place = places[key] else { throw FlywheelError.noArray(key, in: path) }
    try parts[place.part].reader.read(place.key, body)
  }
}

extension ArchiveMember {
  /// The same under the names that a part has in the whole.
  fileprivate func inside(_ part: JoinedArchive.Part) -> ArchiveMember {
    ArchiveMember(
      key: part.key(key),
      content: content,
      storage: storage,
      twin: twin.map { part.key($0) }
    )
  }
}
