public import FlywheelCore
import FlywheelPickle
import OrderedCollections
import Synchronization
public import SystemPackage

/// A file that `torch.save` wrote, open for reading: `.pt`, `.pth`, `.ckpt` or `.bin`, as PyTorch 1.6 and later
/// write it, a zip archive, or as earlier versions did.
///
/// The pickle in it is never executed: what it names is held against a list of what tensors, containers and
/// numbers are written with, and anything else is refused with its place. Keys are paths through dictionaries
/// and lists, joined by dots, as in `optimizer.state.0.exp_avg`; what is no tensor is an attribute of
/// the dictionary that holds it. An object that is one tensor has the key `tensor`.
///
/// Tensors are used where they lie in the file if their elements lie there one behind the other, aligned and
/// without compression, as PyTorch writes most; views with other strides are gathered. A compressed storage that
/// several tensors view is inflated once, and kept as long as the file is open. All tensors of a file together
/// have at most 1,032 times its bytes, or 64 MiB. Byte offsets in errors count from the start of the file; those
/// of a pickle that is compressed from its own.
public final class TorchFile: ArchiveReader {
  /// The file.
  public let path: FilePath

  let container: any TorchContainer
  private let flattening: TorchFlattening
  private var found: OrderedDictionary<String, TorchMember> { flattening.members }
  /// The keys of storages that several tensors view.
  private let shared: Set<String>

  /// What `metadata()` says, once it was asked for: holding names against the structure takes a while.
  private let described = Mutex<ArchiveMetadata?>(nil)

  /// What the object says besides tensors, without what it is to Python.
  var contents: ArchiveMetadata { flattening.metadata }

  /// Opens a file, and reads its pickle.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - verifiesChecksums: Whether the checksum of each storage is compared when elements of it are read. Files
  ///     of the old format have none, and neither have those for which PyTorch was told to compute none.
  /// - Throws: `notFound`, `inputOutput`, and as the other.
  public convenience init(
    path: FilePath,
    verifiesChecksums: Bool = true
  ) throws(FlywheelError) {
    let bytes = TensorStorage(mapping: try MappedFile(path: path))
    try self.init(bytes, path: path, verifiesChecksums: verifiesChecksums)
  }

  /// Takes the bytes of a file that is in memory.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for errors.
  ///   - verifiesChecksums: Whether the checksum of each storage is compared when elements of it are read.
  /// - Throws: `malformed`, `truncated` or `corrupted` if it is no whole file of PyTorch; `unsupported` if it
  ///   holds anything that is not read, code above all; `limitExceeded` if its object is nested too deep or says
  ///   too much for its size.
  public init(
    _ bytes: TensorStorage,
    path: FilePath,
    verifiesChecksums: Bool = true
  ) throws(FlywheelError) {
    self.path = path
    do throws(FlywheelError) {
      container = try Self.container(bytes, path, verifiesChecksums)
      flattening = try TorchFlattening(container)
      shared = Self.sharedStorages(of: flattening.members.values)
    } catch {
      throw error.located(path: path)
    }
  }

  private static func sharedStorages(of members: some Sequence<TorchMember>) -> Set<String> {
    var seen: Set<String> = []
    var shared: Set<String> = []
    for case .view(let tensor) in members.lazy.map(\.content)
    where !seen.insert(tensor.storage.key).inserted {
      shared.insert(tensor.storage.key)
    }
    return shared
  }

  private static func container(
    _ bytes: TensorStorage,
    _ path: FilePath,
    _ verifiesChecksums: Bool
  ) throws(FlywheelError) -> any TorchContainer {
    switch TorchKind(bytes.bytes) {
    case .stream: return try TorchStream(bytes, path: path)
    case .archive, nil:
      return try TorchArchive(bytes, path: path, verifiesChecksums: verifiesChecksums)
    case .tape:
      throw FlywheelError(
        .unsupported,
        "This is a file of PyTorch 0.1, a tar archive, which no version reads safely. In Python, load it with "
          + "weights_only=False if you trust it, and save it anew."
      )
    case .preview:
      throw FlywheelError(
        .unsupported,
        "This is a file of a preview of PyTorch 1.0, which no release reads; make it anew."
      )
    }
  }

  /// Whether the file has checksums, and they are compared; those of before PyTorch 1.6 have none.
  public var hasChecksums: Bool { container.hasChecksums }

  // MARK: Listing

  /// Members in the order of the object, under PyTorch's names: that of the module, but of dictionaries that were
  /// filled from a file that sorts them.
  public var origin: ArchiveOrigin { ArchiveOrigin(order: .written, dialect: "pytorch") }

  /// Lists the tensors, in the order of the object.
  ///
  /// - Throws: Nothing; what is wrong with a tensor is in its entry.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    found.map { $0.value.listed($0.key, in: path, isBigEndian: container.isBigEndian) }
  }

  /// Looks at one tensor.
  ///
  /// - Parameter key: Its name.
  /// - Throws: Nothing; what is wrong with it is in the answer.
  /// - Returns: What it is; nil if there is none of this name.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    found[key]?.listed(key, in: path, isBigEndian: container.isBigEndian)
  }

  /// What the object says besides tensors: numbers and texts, lists of them, and empty dictionaries; and, unless
  /// writing it finds the same without, what it is to Python, which is an attribute of the whole.
  ///
  /// Objects that are nothing of that are obstacles.
  ///
  /// - Throws: Nothing.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata {
    described.withLock { known in
      if let known { return known }
      let metadata = describe()
      known = metadata
      return metadata
    }
  }

  private func describe() -> ArchiveMetadata {
    var metadata = contents
    guard let structure = flattening.structure else { return metadata }
    for (name, value) in structure.attributes {
      if metadata.attributes[""]?[name] != nil {
        metadata.obstacles.append(
          .init(
            name: "the value '\(name)'",
            reason: "has a name of what Flywheel says of the object; rename it"
          )
        )
      }
      metadata.attributes["", default: [:]][name] = value
    }
    return metadata
  }

  // MARK: Reading

  /// Reads a tensor; without a copy if its elements lie in the file as tensors need them.
  ///
  /// - Parameter key: Its name.
  /// - Throws: `unsupported` if it is of a kind that is not read, or one of opaque elements; `corrupted`,
  ///   `malformed`, `mismatch` or `notFound` if it is damaged or its bytes are missing; `limitExceeded` if there
  ///   is no memory.
  /// - Returns: The elements; nil if there is no tensor of this name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    guard let member = found[key] else { return nil }
    return try locating(key) { () throws(FlywheelError) in
      switch member.content {
      case .values(let tensor): return tensor
      case .view(let tensor):
        let (storage, offset) = try contents(of: tensor.storage)
        return try TorchElements(tensor, isBigEndian: container.isBigEndian)
          .tensor(in: storage, at: offset)
      case .unreadable(_, _, let reason): throw reason
      }
    }
  }

  /// Reads several tensors, with all processors.
  ///
  /// - Parameter keys: Their names.
  /// - Throws: As `tensor(_:)`, for the first that cannot be read.
  /// - Returns: A tensor for each key; nil where there is no tensor of that name.
  public func tensors(_ keys: [String]) throws(FlywheelError) -> [Tensor?] {
    try tensorsInParallel(keys) { (key) throws(FlywheelError) in try tensor(key) }
  }

  /// Reads a tensor piece by piece; but a storage that is compressed is inflated as a whole.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the elements' bytes, row-major and little-endian.
  /// - Throws: `notFound` if there is no tensor of this name, and as `tensor(_:)`.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let member = found[key] else { throw FlywheelError.noArray(key, in: path) }
    try locating(key) { () throws(FlywheelError) in
      switch member.content {
      case .values(let tensor): try body(tensor.bytes)
      case .view(let tensor):
        let (storage, offset) = try contents(of: tensor.storage)
        try TorchElements(tensor, isBigEndian: container.isBigEndian)
          .read(storage, at: offset, body)
      case .unreadable(_, _, let reason): throw reason
      }
    }
  }

  private func contents(
    of storage: TorchStorage
  ) throws(FlywheelError) -> (TensorStorage, offset: Int) {
    try container.contents(of: storage, isShared: shared.contains(storage.key))
  }

  /// Completes errors about a tensor: they name it, rather than the storage that it is a view of.
  private func locating<Value>(
    _ key: String,
    _ body: () throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value {
    do throws(FlywheelError) {
      return try body()
    } catch {
      throw error.located(path: path).about(tensor: key)
    }
  }
}
