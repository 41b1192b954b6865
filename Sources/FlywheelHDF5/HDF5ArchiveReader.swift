public import FlywheelCore
internal import Synchronization
public import SystemPackage

/// An HDF5 file as an archive: a key is the path of a dataset.
///
/// Links are followed where a key leads through one, and listed as obstacles: the arrays that they lead to
/// are listed under their own names.
public final class HDF5ArchiveReader: ArchiveReader {
  private let file: HDF5File
  /// What there is in the file, once it was asked for: that takes a walk through all of it.
  private let listing = Mutex<Listing?>(nil)
  /// What was read of a file whose datasets declare too much.
  private let elements: ElementMeter

  private struct Listing {
    let datasets: [ListedDataset]
    let members: [ArchiveMember]
    let metadata: ArchiveMetadata
    /// Which datasets lie in the file as they do in memory, once the first was asked for.
    private lazy var indices: [ByteName: Int] = {
      var indices: [ByteName: Int] = [:]
      for (index, dataset) in datasets.enumerated() where dataset.liesAsInMemory {
        indices[ByteName(text: dataset.dataset.key)] = index
      }
      return indices
    }()

    init(_ datasets: [ListedDataset], _ members: [ArchiveMember], _ metadata: ArchiveMetadata) {
      self.datasets = datasets
      self.members = members
      self.metadata = metadata
    }

    /// A dataset that lies in the file as it does in memory; nil if there is none at the path.
    mutating func dataset(_ key: String) -> ListedDataset? {
      indices[ByteName(text: key)].map { datasets[$0] }
    }

    /// How many bytes some datasets have, where they go through filters; empty if none do.
    func work(_ keys: [String]) -> [Int] {
      var byteCounts: [ByteName: Int] = [:]
      for (listed, member) in zip(datasets, members) where listed.dataset.isFiltered {
        guard case .array(let description) = member.content else { continue }
        byteCounts[ByteName(text: member.key)] = description.byteCount
      }
      return byteCounts.isEmpty ? [] : keys.map { byteCounts[ByteName(text: $0)] ?? 0 }
    }
  }

  /// The file.
  public var path: FilePath { file.path }

  /// What reads it, with its version: `flywheel`, or for example `libhdf5 1.10.8`.
  public var readerDescription: String? { file.readerDescription }

  /// Opens a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: As `HDF5File.init(opening:)`.
  public init(opening path: FilePath) throws(FlywheelError) {
    file = try HDF5File(opening: path)
    elements = ElementMeter(file.limit)
  }

  /// Opens a file that is in memory, or part of another one.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for errors.
  ///   - fillLimit: As in `HDF5File.init(opening:fillLimit:)`, of one tensor or of several that are asked for
  ///     together; sixteen times as much of all that are read after they were listed.
  /// - Throws: As `HDF5File.init(opening:)`.
  public convenience init(
    _ bytes: TensorStorage,
    path: FilePath,
    fillLimit: Int = 64 << 20
  ) throws(FlywheelError) {
    try self.init(
      bytes,
      path: path,
      ReadLimit(fileByteCount: bytes.byteCount, fillLimit: fillLimit)
    )
  }

  /// Opens a file that was inflated.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - storedByteCount: How many they were before.
  ///   - path: Its name, for errors.
  /// - Throws: As `HDF5File.init(opening:)`.
  package convenience init(
    inflated bytes: TensorStorage,
    from storedByteCount: Int,
    path: FilePath
  ) throws(FlywheelError) {
    let limit = ReadLimit(
      fileByteCount: bytes.byteCount,
      fillLimit: 64 << 20,
      storedByteCount: storedByteCount
    )
    try self.init(bytes, path: path, limit)
  }

  private init(
    _ bytes: TensorStorage,
    path: FilePath,
    _ limit: ReadLimit
  ) throws(FlywheelError) {
    file = try HDF5File(bytes, path: path, limit)
    elements = ElementMeter(limit)
  }

  /// Lists the datasets, group by group.
  ///
  /// - Throws: `malformed` or `corrupted` if the file is damaged, `limitExceeded` for groups nested more
  ///   than 64 deep.
  /// - Returns: The datasets, each under its first path.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    try listed().members
  }

  private func listed() throws(FlywheelError) -> Listing {
    if let known = listing.withLock({ $0 }) { return known }
    // Others may load arrays meanwhile.
    let contents = try file.contents()
    let members = contents.datasets.map { member($0.dataset) }
    var declared = DeclaredBytes()
    for (listed, member) in zip(contents.datasets, members) {
      guard case .array(let description) = member.content else { continue }
      declared.add(description.byteCount, isPiece: listed.dataset.isPiece)
    }
    elements.begin(declaring: declared)
    let found = Listing(contents.datasets, members, contents.metadata)
    listing.withLock { $0 = $0 ?? found }
    return found
  }

  /// Looks at a dataset without reading its elements.
  ///
  /// - Parameter key: Its path.
  /// - Throws: `malformed` or `corrupted` if it is damaged.
  /// - Returns: What it is; nil if there is no dataset at the path.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    let dataset = try ifPresent(key) { (place) throws(FlywheelError) in
      try file.dataset(at: place)
    }
    guard let dataset else { return nil }
    return member(dataset)
  }

  private func member(_ dataset: HDF5Dataset) -> ArchiveMember {
    let content: ArchiveMember.Content
    do throws(FlywheelError) {
      let element = try dataset.readableElement()
      content = .array(try TensorDescription(element: element, shape: dataset.shape))
    } catch {
      content = .unreadable(
        type: dataset.typeDescription,
        shape: dataset.isShapeKnown ? dataset.shape : nil,
        reason: error.located(path: path, tensor: dataset.path)
      )
    }
    return ArchiveMember(key: dataset.key, content: content, storage: dataset.storageDescription)
  }

  /// The attributes of the groups and datasets; links, further names of objects, and attributes that are
  /// not numbers or texts are obstacles.
  ///
  /// - Throws: As `members()`.
  /// - Returns: The metadata.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata {
    try listed().metadata
  }

  /// Reads a dataset of numbers; without copying it where its bytes lie in one piece as tensors need them.
  ///
  /// If the file was listed, and its datasets declare more bytes together than its size justifies, as those of a
  /// nearly empty file do, what is read is counted as long as this reader is there, however often it is the same.
  ///
  /// - Parameter key: Its path.
  /// - Throws: As `HDF5File.tensor(_:)`; `limitExceeded` if that is more than the size of the file justifies.
  /// - Returns: The elements; nil if there is no dataset at the path.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    try tensor(key) { _ in }
  }

  /// As the general function; `admit` is told how many bytes there are before they take memory, and throws if those
  /// are too many.
  private func tensor(
    _ key: String,
    _ admit: (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) -> Tensor? {
    if elements.isCounting { try count(key) }
    // What was listed need not be looked for again.
    let listed = listing.withLock { $0?.dataset(key) }
    if let listed, let tensor = file.mapped(listed) {
      try FlywheelError.locating(path: path, tensor: listed.dataset.path) {
        () throws(FlywheelError) in try admit(tensor.byteCount)
      }
      return tensor
    }
    return try ifPresent(key) { (place) throws(FlywheelError) in
      try file.tensor(at: place, admit)
    }
  }

  /// Counts a dataset before it is read; what cannot be read, or is too large by itself, says so then.
  private func count(_ key: String) throws(FlywheelError) {
    guard let place = place(of: key), let dataset = try? file.dataset(at: place),
      let byteCount = dataset.byteCount, byteCount <= file.limit.elementLimit
    else { return }
    try FlywheelError.locating(path: path, tensor: dataset.path) { () throws(FlywheelError) in
      try elements.spend(byteCount, isPiece: dataset.isPiece)
    }
  }

  /// Reads several datasets of numbers; compressed ones with all processors.
  ///
  /// What is read is counted as by `tensor(_:)`. Whether the file was listed or not, all of them together may not have
  /// more bytes than one dataset may.
  ///
  /// - Parameter keys: Their paths.
  /// - Throws: As `tensor(_:)`, for the first that cannot be read; `limitExceeded` if they are too many bytes at once.
  /// - Returns: The elements of each; nil where there is no dataset at the path.
  public func tensors(_ keys: [String]) throws(FlywheelError) -> [Tensor?] {
    let held = ByteCounter(limit: file.limit.elementLimit)
    let work = listing.withLock(\.self)?.work(keys) ?? []
    return try tensorsInParallel(keys, work: work) { (key) throws(FlywheelError) in
      try tensor(key) { (byteCount) throws(FlywheelError) in
        guard held.spend(byteCount) else { throw Self.failure(holding: held.limit) }
      }
    }
  }

  private static func failure(holding limit: Int) -> FlywheelError {
    FlywheelError(
      .limitExceeded,
      "The arrays that are read at once have more than \(limit) bytes together, which the size of the file does not "
        + "justify: it is damaged, made to take up memory, or nearly empty. Read fewer of them, as 'flywheel convert "
        + "--only' does."
    )
  }

  /// Reads a dataset of any type that can be read or carried, piece by piece.
  ///
  /// What is read is counted as by `tensor(_:)`.
  ///
  /// - Parameters:
  ///   - key: Its path.
  ///   - body: Takes the elements' bytes.
  /// - Throws: `notFound`, as `tensor(_:)`, and what `body` throws.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard place(of: key) != nil else {
      throw FlywheelError(
        .notFound,
        "There is no dataset of this name; 'flywheel inspect' lists what there is.",
        at: .init(path: path, tensor: key)
      )
    }
    if elements.isCounting { try count(key) }
    try file.read(key, body)
  }

  /// Where a member of the name would be; nil for other spellings of a path, which no member has.
  private func place(of key: String) -> HDF5Path? {
    guard !key.isEmpty, let place = try? HDF5Path(key), place.key == key else { return nil }
    return place
  }

  /// Looks for a dataset; nil if there is none at the path.
  private func ifPresent<Value>(
    _ key: String,
    _ body: (HDF5Path) throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value? {
    guard let place = place(of: key) else { return nil }
    do throws(FlywheelError) {
      return try body(place)
    } catch {
      guard error.code == .notFound || error.code == .mismatch else { throw error }
      return nil
    }
  }
}
