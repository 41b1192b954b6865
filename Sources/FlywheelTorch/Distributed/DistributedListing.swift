import FlywheelCore
import FlywheelPickle
import OrderedCollections
import SystemPackage

/// What a distributed checkpoint contains: its tensors under their keys, and all that is none, which is read.
struct DistributedListing {
  /// What is under each key.
  private(set) var members: OrderedDictionary<String, Member> = [:]
  /// What there is besides.
  private(set) var metadata = ArchiveMetadata()
  /// Whether all that was read has checksums, which were compared.
  private(set) var objectsHaveChecksums = true

  private var budget: DistributedBudget

  /// What is under a key.
  enum Member {
    case chunks(TensorDescription, [DistributedChunk])
    /// A tensor in an object that was saved as one.
    case inner(TorchFile, key: String, DistributedPlace)
    case values(Tensor)
    case unreadable(type: String, Shape, FlywheelError)
  }

  /// Lists all tensors, and reads all that is none.
  ///
  /// - Parameters:
  ///   - metadata: What the checkpoint says of itself.
  ///   - files: The bytes of the files that it names.
  ///   - directory: Its path, for errors.
  ///   - verifiesChecksums: Whether checksums are compared.
  /// - Throws: `limitExceeded` if names are repeated too often for the size of it all, and what is wrong with an
  ///   object.
  init(
    _ metadata: DistributedMetadata,
    _ files: [String: TensorStorage],
    _ directory: FilePath,
    verifiesChecksums: Bool
  ) throws(FlywheelError) {
    let metadataPath = directory.appending(DistributedCheckpoint.metadataName)
    budget = DistributedBudget(of: metadata.byteCount)
    for (name, entry) in metadata.entries {
      switch entry {
      case .tensor(let tensor, let chunks): add(.chunks(tensor, chunks), name)
      case .unreadable(let type, let shape, let reason):
        add(.unreadable(type: type, shape, reason.located(path: metadataPath, tensor: name)), name)
      case .object(let place, let path):
        guard let whole = files[place.file] else {
          throw FlywheelError.malformed(
            found: "no bytes of a value",
            expected: "what was saved under its name",
            at: .init(path: metadataPath, tensor: name)
          )
        }
        do throws(FlywheelError) {
          let file = try TorchFile(
            TensorStorage(place.range, of: whole),
            path: directory.appending(place.file),
            verifiesChecksums: verifiesChecksums
          )
          try add(file, place, name, path, isSlot: metadata.isSlot(path))
        } catch {
          guard error.code == .unsupported else { throw error.moved(by: place, tensor: name) }
          add(obstacle: error.message, name)
        }
      }
    }
  }

  // MARK: Adding

  private mutating func add(_ member: Member, _ key: String) {
    guard members[key] == nil else { return add(obstacle: .sameName, key) }
    members[key] = member
  }

  private mutating func add(_ value: AttributeValue, _ name: String, of owner: String) {
    guard metadata.attributes[owner]?[name] == nil else {
      let key = owner.isEmpty ? name : "\(owner).\(name)"
      return add(obstacle: .sameName, key)
    }
    metadata.attributes[owner, default: [:]][name] = value
  }

  private mutating func add(obstacle reason: String, _ key: String) {
    metadata.obstacles.append(.init(name: "the value '\(key)'", reason: reason))
  }

  /// Adds what an object holds, under its own name.
  private mutating func add(
    _ file: TorchFile,
    _ place: DistributedPlace,
    _ key: String,
    _ path: [String],
    isSlot: Bool
  ) throws(FlywheelError) {
    objectsHaveChecksums = objectsHaveChecksums && file.hasChecksums
    for member in try file.members() {
      let isWhole = member.key == "tensor" && !file.isDictionary
      add(
        .inner(file, key: member.key, place),
        isWhole ? key : try self.key(member.key, in: key)
      )
    }
    let inner = file.contents
    for obstacle in inner.obstacles {
      try budget.spend(key.utf8.count + obstacle.name.utf8.count)
      metadata.obstacles.append(
        .init(name: "\(obstacle.name) in '\(key)'", reason: obstacle.reason)
      )
    }
    for group in inner.emptyGroups { metadata.emptyGroups.append(try self.key(group, in: key)) }
    if file.isEmptyContainer { metadata.emptyGroups.append(key) }
    for (owner, attributes) in inner.attributes {
      for (name, value) in attributes {
        if !owner.isEmpty || name != "value" || file.isDictionary {
          add(value, name, of: owner.isEmpty ? key : try self.key(owner, in: key))
        } else if isSlot, let number = value.number {
          add(.values(number), key)
        } else {
          add(value, path.last ?? key, of: path.dropLast().joined(separator: "."))
        }
      }
    }
  }

  /// The name that something in an object has, of which there may not be too many long ones.
  private mutating func key(_ name: String, in key: String) throws(FlywheelError) -> String {
    try budget.spend(key.utf8.count + name.utf8.count)
    return "\(key).\(name)"
  }
}

extension TorchFile {
  /// Whether the object is a dictionary.
  fileprivate var isDictionary: Bool {
    switch container.graph[container.graph.root] {
    case .dictionary: true
    default: false
    }
  }

  /// Whether the object is a dictionary, a list or a tuple of nothing.
  fileprivate var isEmptyContainer: Bool {
    switch container.graph[container.graph.root] {
    case .dictionary(let entries): entries.isEmpty
    case .list(let items): items.isEmpty
    case .tuple(let items): items.isEmpty
    default: false
    }
  }
}

extension AttributeValue {
  /// One number, as a tensor of no axes.
  fileprivate var number: Tensor? {
    switch self {
    case .integer(let number): try? Tensor([number], shape: .scalar)
    case .double(let number): try? Tensor([number], shape: .scalar)
    default: nil
    }
  }
}
