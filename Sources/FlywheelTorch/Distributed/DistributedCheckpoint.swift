public import FlywheelCore
import OrderedCollections
public import SystemPackage

/// A directory that `torch.distributed.checkpoint` wrote, open for reading: what was saved in parts by several
/// processes, as whole tensors.
///
/// Keys are the fully qualified names, such as `model.0.weight` or `optim.state.0.weight.exp_avg`; what is no tensor
/// is an attribute of the dictionary that holds it, as in `TorchFile`. The pickled `.metadata` is never
/// executed. Every chunk lies within its tensor, none overlaps another, and none is missing, or the tensor cannot be
/// read; nothing is filled in.
///
/// A tensor of one chunk that lies aligned in its file is used where it lies; others are put together in
/// memory. Byte offsets in errors count from the start of the file that they name.
public final class DistributedCheckpoint: ArchiveReader {
  /// The directory.
  public let path: FilePath

  private let verifiesChecksums: Bool
  private let files: [String: TensorStorage]
  private let listing: DistributedListing

  /// The name of the file that tells of all others.
  package static let metadataName = ".metadata"

  /// Opens a directory, reads its metadata and all that is no tensor.
  ///
  /// - Parameters:
  ///   - path: The directory.
  ///   - verifiesChecksums: Whether the checksum of each chunk is compared when elements of it are read.
  /// - Throws: `notFound` if it has no metadata, or not all files that these name; `inputOutput`; `malformed`,
  ///   `truncated` or `corrupted` if it is damaged; `unsupported` if it holds anything that is not read.
  public convenience init(path: FilePath, verifiesChecksums: Bool = true) throws(FlywheelError) {
    func map(_ path: FilePath) throws(FlywheelError) -> TensorStorage {
      TensorStorage(mapping: try MappedFile(path: path))
    }
    try self.init(
      map(path.appending(Self.metadataName)),
      path: path,
      verifiesChecksums: verifiesChecksums,
      opening: map
    )
  }

  /// Takes the bytes of the metadata, and those of the files that they name from wherever these are.
  ///
  /// - Parameters:
  ///   - metadata: All bytes of the file `.metadata`.
  ///   - path: The name of the directory, for errors.
  ///   - verifiesChecksums: Whether the checksum of each chunk is compared when elements of it are read.
  ///   - opening: Gives the bytes of a file in the directory.
  /// - Throws: As the other, and what `opening` throws.
  public init(
    _ metadata: TensorStorage,
    path: FilePath,
    verifiesChecksums: Bool = true,
    opening: (FilePath) throws(FlywheelError) -> TensorStorage
  ) throws(FlywheelError) {
    let metadata = try FlywheelError.locating(
      path: path.appending(Self.metadataName)
    ) { () throws(FlywheelError) in try DistributedMetadata(metadata) }
    files = try Self.open(metadata.usedPlaces, in: path, opening)
    listing = try DistributedListing(metadata, files, path, verifiesChecksums: verifiesChecksums)
    self.path = path
    self.verifiesChecksums = verifiesChecksums
  }

  /// Opens the files, and makes sure that all places lie in them, apart from each other.
  private static func open(
    _ places: [DistributedPlace],
    in directory: FilePath,
    _ opening: (FilePath) throws(FlywheelError) -> TensorStorage
  ) throws(FlywheelError) -> [String: TensorStorage] {
    var files: [String: TensorStorage] = [:]
    var last: DistributedPlace?
    let sorted = places.sorted {
      ($0.file, $0.range.lowerBound, $0.range.upperBound)
        < ($1.file, $1.range.lowerBound, $1.range.upperBound)
    }
    for place in sorted where !place.range.isEmpty {
      let path = directory.appending(place.file)
      let storage: TensorStorage
      if let known = files[place.file] {
        storage = known
      } else {
        storage = try opening(path)
        files[place.file] = storage
      }
      guard place.range.upperBound <= storage.byteCount else {
        throw FlywheelError.truncated(
          "what the metadata name",
          needed: UInt64(place.range.count),
          available: UInt64(max(0, storage.byteCount - place.range.lowerBound)),
          at: .init(path: path, byteOffset: UInt64(min(place.range.lowerBound, storage.byteCount)))
        )
      }
      if let last, last.file == place.file, place.range.lowerBound < last.range.upperBound {
        throw FlywheelError(
          .unsupported,
          "Two parts of the checkpoint share bytes of a file, as if it was written with "
            + "SerializationFormat.SAFETENSORS, which PyTorch cannot read back either; save it without.",
          at: .init(path: path, byteOffset: UInt64(place.range.lowerBound))
        )
      }
      last = place
    }
    return files
  }

  /// Whether every chunk and every object has a checksum that is compared.
  public var hasChecksums: Bool {
    listing.objectsHaveChecksums
      && listing.members.allSatisfy { key, member in
        guard case .chunks(let tensor, let chunks) = member else { return true }
        return chunks.allSatisfy { chunk in
          if chunk.shape.elementCount == 0 { return true }
          let file = (try? file(of: chunk, of: tensor, key)) ?? nil
          return file?.hasChecksums == true
        }
      }
  }

  // MARK: Listing

  /// One process lists what it saves in its own order; of several each adds what it was left to save.
  public var origin: ArchiveOrigin {
    ArchiveOrigin(order: files.count > 1 ? .lost : .written, dialect: "pytorch")
  }

  /// Lists the tensors, in the order of the metadata.
  ///
  /// - Throws: Nothing; what is wrong with a tensor is in its entry.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    members.reserveCapacity(listing.members.count)
    for (key, member) in listing.members { members.append(try listed(member, key)) }
    return members
  }

  /// Looks at one tensor.
  ///
  /// - Parameter key: Its name.
  /// - Throws: Nothing; what is wrong with it is in the answer.
  /// - Returns: What it is; nil if there is none of this name.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    guard let member = listing.members[key] else { return nil }
    return try listed(member, key)
  }

  private func listed(
    _ member: DistributedListing.Member,
    _ key: String
  ) throws(FlywheelError) -> ArchiveMember {
    switch member {
    case .chunks(let tensor, let chunks):
      let storage = chunks.count == 1 ? "" : "\(chunks.count) chunks"
      return ArchiveMember(key: key, content: .array(tensor), storage: storage)
    case .values(let tensor):
      return ArchiveMember(key: key, content: .array(TensorDescription(of: tensor)))
    case .unreadable(let type, let shape, let reason):
      return ArchiveMember(
        key: key,
        content: .unreadable(type: type, shape: shape, reason: reason)
      )
    case .inner(let file, let name, let place):
      guard let inner = try file.member(name) else {
        throw FlywheelError(.notFound, "There is no tensor \(quoted(name)) in the object.")
      }
      var content = inner.content
      if case .unreadable(let type, let shape, let reason) = content {
        let reason = reason.moved(by: place, tensor: key)
        content = .unreadable(type: type, shape: shape, reason: reason)
      }
      return ArchiveMember(key: key, content: content, storage: inner.storage)
    }
  }

  /// What was saved besides tensors: numbers and texts, lists of them, and empty dictionaries.
  ///
  /// - Throws: Nothing.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata { listing.metadata }

  // MARK: Reading

  /// Reads a tensor as a whole, whatever parts it was saved in.
  ///
  /// - Parameter key: Its name.
  /// - Throws: `unsupported` if it is of a kind that is not read, or one of opaque elements; `corrupted`,
  ///   `malformed`, `mismatch` or `truncated` if it is damaged, which names the chunk; `limitExceeded` if there is
  ///   no memory.
  /// - Returns: The elements; nil if there is no tensor of this name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    switch listing.members[key] {
    case nil: return nil
    case .values(let tensor): return tensor
    case .unreadable(_, _, let reason): throw reason.located(path: path, tensor: key)
    case .inner(let file, let name, let place):
      return try locating(place, key) { () throws(FlywheelError) in try file.tensor(name) }
    case .chunks(let tensor, let chunks):
      guard let dtype = tensor.element.dtype else {
        throw FlywheelError(
          .unsupported,
          "The elements are of type \(tensor.element): they can be converted to another file, but they are no "
            + "numbers that Flywheel computes with.",
          at: .init(path: path, tensor: key)
        )
      }
      if chunks.count == 1, let chunk = chunks.first, chunk.shape == tensor.shape,
        chunk.place.range.lowerBound.isMultiple(of: TensorStorage.alignment)
      {
        let file = try file(of: chunk, of: tensor, key)
        return try locating(chunk.place, key) { () throws(FlywheelError) in
          try file?.tensor(Self.chunkKey)
        }
      }
      let storage = try assembled(tensor, chunks, key)
      return try Tensor(dtype: dtype, shape: tensor.shape, storage: storage)
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

  /// Reads a tensor piece by piece; but one whose chunks do not follow each other is put together first.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the elements' bytes, row-major and little-endian.
  /// - Throws: `notFound` if there is no tensor of this name, and as `tensor(_:)`.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    switch listing.members[key] {
    case nil:
      throw FlywheelError(
        .notFound,
        "There is no tensor '\(key)' here; `flywheel inspect` lists them.",
        at: .init(path: path, tensor: key)
      )
    case .values(let tensor): try body(tensor.bytes)
    case .unreadable(_, _, let reason): throw reason.located(path: path, tensor: key)
    case .inner(let file, let name, let place):
      try locating(place, key) { () throws(FlywheelError) in try file.read(name, body) }
    case .chunks(let tensor, let chunks):
      let slabs = chunks.filter { $0.shape.elementCount > 0 }
      guard slabs.allSatisfy({ $0.isSlab(of: tensor.shape) }) else {
        let storage = try assembled(tensor, chunks, key)
        return try body(storage.bytes)
      }
      for chunk in slabs.sorted(by: { $0.offsets.lexicographicallyPrecedes($1.offsets) }) {
        try read(chunk, of: tensor, key, body)
      }
    }
  }

  /// The key of the one tensor that a chunk's file holds.
  private static let chunkKey = "tensor"

  /// All bytes of a tensor, which its chunks cover.
  private func assembled(
    _ tensor: TensorDescription,
    _ chunks: [DistributedChunk],
    _ key: String
  ) throws(FlywheelError) -> TensorStorage {
    // The chunks' files have as many bytes.
    try unsafe TensorStorage(byteCount: tensor.byteCount) { (target) throws(FlywheelError) in
      for chunk in chunks where chunk.shape.elementCount > 0 {
        let placement = DistributedPlacement(of: chunk, in: tensor)
        var position = 0
        try read(chunk, of: tensor, key) { (piece) throws(FlywheelError) in
          unsafe placement.copy(piece, from: position, into: target)
          position += piece.byteCount
        }
      }
    }
  }

  private func read(
    _ chunk: DistributedChunk,
    of tensor: TensorDescription,
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let file = try file(of: chunk, of: tensor, key)
    try locating(chunk.place, key) { () throws(FlywheelError) in
      try file?.read(Self.chunkKey, body)
    }
  }

  /// The file within a file that holds a chunk, which must be what the metadata say.
  private func file(
    of chunk: DistributedChunk,
    of tensor: TensorDescription,
    _ key: String
  ) throws(FlywheelError) -> TorchFile? {
    guard let whole = files[chunk.place.file] else { return nil }
    do throws(FlywheelError) {
      let file = try TorchFile(
        TensorStorage(chunk.place.range, of: whole),
        path: path.appending(chunk.place.file),
        verifiesChecksums: verifiesChecksums
      )
      try Self.requireTensor(file, tensor.element, chunk.shape)
      return file
    } catch {
      var error = error.moved(by: chunk.place, tensor: key)
      error.message += " This is \(chunk)."
      throw error
    }
  }

  /// Makes sure that a file holds one tensor, of a type and a shape.
  private static func requireTensor(
    _ file: TorchFile,
    _ element: ElementType,
    _ shape: Shape
  ) throws(FlywheelError) {
    let found = try file.member(chunkKey)?.array()
    if let found, found.element == element, found.shape == shape { return }
    var words = "no tensor"
    if let found { words = "\(found.element) \(found.shape)" }
    throw FlywheelError(
      .mismatch,
      "Found \(words) where the metadata have \(element) \(shape); the files are of different checkpoints, or "
        + "damaged.",
      at: .init(path: file.path, byteOffset: 0)
    )
  }

  /// Runs `body`, and says of damage that it finds where in the checkpoint it is.
  private func locating<Value>(
    _ place: DistributedPlace,
    _ key: String,
    _ body: () throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value {
    do throws(FlywheelError) {
      return try body()
    } catch {
      // Others may come from whoever takes the elements.
      guard error.isDamage else { throw error }
      throw error.moved(by: place, tensor: key)
    }
  }
}

extension FlywheelError {
  /// The error as one about the file that a part of a checkpoint lies in, rather than about the part.
  func moved(by place: DistributedPlace, tensor: String) -> FlywheelError {
    var error = self
    error.location.byteOffset = location.byteOffset.map { $0 + UInt64(place.range.lowerBound) }
    error.location.tensor = tensor
    return error
  }
}
