internal import FlywheelCore
internal import Synchronization

/// An HDF5 file that Flywheel reads itself.
///
/// Opening it reads the superblock and the root's header; everything else is read when it is asked for, and of
/// groups the links are kept.
final class StructureFile: HDF5Source {
  /// The file.
  let structure: FileStructure
  /// What its size justifies.
  let limit: ReadLimit

  private let rootObject: StructureObject
  /// Texts of variable length, in collections of many.
  private let heap: Mutex<GlobalHeapCollections>
  private let objects: ObjectReader
  /// The links of groups that were read.
  private let groups: GroupIndexes
  /// Where the groups are whose members were asked for, by their paths.
  private let groupAddresses = Mutex<[ByteName: UInt64]>([:])
  /// What was counted of datasets in chunks.
  let chunks: ChunkMeter

  var readerDescription: String { HDF5Implementation.flywheel.rawValue }

  /// The bytes of the file.
  var image: FileImage { structure.image }

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - limit: What its size justifies.
  /// - Throws: As `HDF5File.init(opening:)`.
  convenience init(_ bytes: TensorStorage, _ limit: ReadLimit) throws(FlywheelError) {
    try self.init(try FileStructure(of: bytes), limit)
  }

  private init(_ structure: FileStructure, _ limit: ReadLimit) throws(FlywheelError) {
    let objects = ObjectReader(in: structure.image)
    let root = try objects.object(at: structure.superblock.rootAddress)
    guard root.kind == .group else {
      throw FlywheelError.malformed(
        found: "a root that is no group",
        expected: "a group",
        at: .init(tensor: HDF5Path.root.description)
      )
    }
    self.structure = structure
    self.limit = limit
    self.objects = objects
    rootObject = root
    groups = GroupIndexes(in: structure)
    chunks = ChunkMeter(in: structure.image)
    heap = Mutex(GlobalHeapCollections(in: structure.image))
  }

  /// The same file with the bytes counted that are looked at.
  private init(toWalk file: StructureFile) {
    let meter = ReadMeter(fileByteCount: file.limit.fileByteCount)
    structure = file.structure.metered(by: meter)
    limit = file.limit
    objects = ObjectReader(in: structure.image)
    rootObject = file.rootObject
    groups = file.groups
    chunks = file.chunks
    heap = Mutex(GlobalHeapCollections(in: structure.image))
  }

  var forWalk: StructureFile { StructureFile(toWalk: self) }

  /// Finds the bytes of texts of variable length, one after the other, as all of them would take more memory than
  /// the texts.
  ///
  /// - Parameters:
  ///   - references: Where they are.
  ///   - body: Takes the bytes of each; nil if it has none.
  /// - Throws: As `GlobalHeapCollections.text(_:)`, and what `body` throws.
  func referredTexts(
    _ references: StoredBytes,
    _ body: (StoredBytes?) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    try heap.withLock { (heap) throws(FlywheelError) in
      var fields = FieldReader(references, in: image)
      while fields.remaining > 0 { try body(try heap.text(&fields)) }
    }
  }

  func root() throws(FlywheelError) -> StructureObject { rootObject }

  /// The object at an address.
  ///
  /// - Parameter address: Where its header is.
  /// - Throws: As `ObjectReader`.
  /// - Returns: The object.
  func object(at address: UInt64) throws(FlywheelError) -> StructureObject {
    try objects.object(at: address)
  }

  /// The object at a path.
  ///
  /// - Parameters:
  ///   - place: The path.
  ///   - what: What is looked for, for the error: a group, a dataset or an object.
  /// - Throws: As `PathResolver`, and `mismatch` if it is something else.
  /// - Returns: The object.
  func object(
    at place: HDF5Path,
    _ what: SoughtObject
  ) throws(FlywheelError) -> StructureObject {
    guard !place.key.isEmpty else {
      guard what.includes(rootObject.kind) else { throw PathResolver.isNot(what, place) }
      return rootObject
    }
    var resolver = PathResolver(self)
    let parent = ByteName(text: place.parent)
    var group = groupAddresses.withLock { $0[parent] }
    if group == nil {
      group = try resolver.group(at: place.parentPath)
      groupAddresses.withLock { $0[parent] = group }
    }
    let address = try resolver.step(to: place, from: group ?? rootObject.address, what)
    let object = try object(at: address)
    guard what.includes(object.kind) else { throw PathResolver.isNot(what, place) }
    return object
  }

  /// The links of a group by name; nil if the object is no group.
  ///
  /// - Parameter address: Where the object's header is.
  /// - Throws: `malformed`, `truncated` or `corrupted` if the object is damaged.
  /// - Returns: The links.
  func groupIndex(at address: UInt64) throws(FlywheelError) -> GroupIndex? {
    if let index = groups.index(at: address) { return index }
    let object = try object(at: address)
    guard object.kind == .group else { return nil }
    return try groupIndex(of: object)
  }

  /// The links of a group.
  ///
  /// - Parameter group: The group.
  /// - Throws: `malformed`, `truncated` or `corrupted` if it is damaged.
  /// - Returns: The links.
  func groupIndex(of group: StructureObject) throws(FlywheelError) -> GroupIndex {
    try groups.index(of: group)
  }
}
