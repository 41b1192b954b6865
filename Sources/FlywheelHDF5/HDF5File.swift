internal import CFlywheelHDF5
public import FlywheelCore
internal import Synchronization
public import SystemPackage

/// An HDF5 file open for reading.
///
/// The file is mapped once, and libhdf5 reads its structure from that mapping: tensors that lie in one
/// piece are views of the same bytes, whatever happens to the file's name meanwhile, and stay valid
/// after the file is closed. Safe to use from several threads; they take turns.
@safe public struct HDF5File: ~Copyable, Sendable {
  /// The file's name.
  public let path: FilePath

  let bytes: TensorStorage
  /// Where the file proper begins, after what another program may have put in front of it.
  let signatureOffset: Int
  // Set once; libhdf5 touches it only under its lock.
  nonisolated(unsafe) let store: OpaquePointer
  private let fileID: hid_t
  // Groups stay open: a dataset's path would be walked from the root each time otherwise.
  private let groups = Mutex<[String: hid_t]>([:])

  /// The most bytes of a tensor that the size of its file cannot justify.
  let fillLimit: Int

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - fillLimit: The most bytes that reading a tensor may take although the size of the file cannot
  ///     justify them: chunks that were never written are all fill value. 1032 bytes per byte of the file
  ///     are always fine, since that is the most that gzip can do.
  /// - Throws: `notFound`; `invalidArgument` if it is a directory; `truncated` if it is empty or cut off;
  ///   `malformed` if it is not HDF5, or `corrupted` if its structure is damaged.
  public init(opening path: FilePath, fillLimit: Int = 64 << 20) throws(FlywheelError) {
    let bytes = TensorStorage(mapping: try MappedFile(path: path))
    try self.init(bytes, path: path, fillLimit: fillLimit)
  }

  /// Opens a file that is in memory, or part of another one.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for errors.
  ///   - fillLimit: As in the general function.
  /// - Throws: As the general function.
  package init(
    _ bytes: TensorStorage,
    path: FilePath,
    fillLimit: Int = 64 << 20
  ) throws(FlywheelError) {
    // Stays where it is while `bytes` lives.
    let buffer = unsafe bytes.bytes.withUnsafeBytes { unsafe $0 }
    let signatureOffset = try Self.findSignature(in: bytes.bytes, path: path)
    let (store, fileID) = try unsafe Self.open(buffer, path)
    self.path = path
    self.fillLimit = fillLimit
    self.bytes = bytes
    self.signatureOffset = signatureOffset
    unsafe self.store = store
    self.fileID = fileID
  }

  deinit {
    fw_h5_enter()
    H5Fclose(fileID)
    unsafe fw_h5_store_detach(store)
    unsafe fw_h5_store_release(store)
    fw_h5_leave()
  }

  private static func open(
    _ buffer: UnsafeRawBufferPointer,
    _ path: FilePath
  ) throws(FlywheelError) -> (OpaquePointer, hid_t) {
    try unsafe HDF5Library.call { () throws(FlywheelError) in
      guard let store = unsafe fw_h5_store_reading(buffer.baseAddress, buffer.count) else {
        throw FlywheelError(.limitExceeded, "There is no memory to open a file.")
      }
      let fileID = unsafe fw_h5_open(store)
      guard fileID < 0 else { return unsafe (store, fileID) }
      unsafe fw_h5_store_release(store)
      throw HDF5Library.damage("the file", path: path)
    }
  }

  /// Looks for what every HDF5 file has at byte 0, 512, 1024, 2048…, so that other files get a clear word.
  private static func findSignature(
    in bytes: RawSpan,
    path: FilePath
  ) throws(FlywheelError) -> Int {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    let smallest = 48  // a superblock of version 2
    var offset = 0
    while offset < bytes.byteCount {
      let start = bytes.extracting(offset...).extracting(first: signature.count)
      let found = unsafe start.withUnsafeBytes { unsafe Array($0) }
      let available = bytes.byteCount - offset
      if found == signature && available >= smallest { return offset }
      if found == signature || offset == 0 && signature.starts(with: found) {
        throw FlywheelError.truncated(
          "an HDF5 superblock",
          needed: UInt64(smallest),
          available: UInt64(available),
          at: .init(path: path, byteOffset: UInt64(offset))
        )
      }
      offset = max(512, offset * 2)
    }
    guard bytes.byteCount > 0 else {
      throw FlywheelError(
        .truncated,
        "The file is empty; an HDF5 file was expected. Writing it was not finished.",
        at: .init(path: path)
      )
    }
    let start = bytes.extracting(first: signature.count)
    let found = unsafe start.withUnsafeBytes { unsafe Array($0) }
    let shown = found.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
    throw FlywheelError(
      .malformed,
      "This is no HDF5 file: it begins with '\(shown)', not with HDF5's signature. Name another file; "
        + "if it was one, its first bytes are damaged.",
      at: .init(path: path)
    )
  }

  /// Looks at a dataset without reading its elements.
  ///
  /// - Parameter path: Where it is.
  /// - Returns: Its type, shape and storage.
  /// - Throws: `notFound`, `mismatch` if it is no dataset, `unsupported` behind an external link,
  ///   `malformed` or `corrupted` if it is damaged.
  public func dataset(_ path: String) throws(FlywheelError) -> HDF5Dataset {
    let place = try located(path)
    return try HDF5Library.call { () throws(FlywheelError) in try describe(place) }
  }

  /// Looks at the dataset at a path; the caller holds the lock.
  func describe(_ place: HDF5Path) throws(FlywheelError) -> HDF5Dataset {
    do throws(FlywheelError) {
      return try open(place).dataset
    } catch {
      if let plain = try plainDataset(place, after: error) {
        return HDF5Dataset(plain, at: place)
      }
      throw error.located(path: path, tensor: place.description)
    }
  }

  /// Opens the dataset at a path; the caller holds the lock.
  func open(_ place: HDF5Path) throws(FlywheelError) -> OpenDataset {
    let parent = try group(place.parentPath)
    let opened = unsafe H5Dopen2(parent, place.nameOrDot, hid_t(H5P_DEFAULT))
    guard let handle = HDF5Handle(opened) else {
      throw failure(toOpen: "a dataset", at: place, in: parent)
    }
    var description = fw_h5_description()
    guard unsafe fw_h5_describe(handle.id, &description) >= 0 else {
      throw HDF5Library.damage("a dataset", path: path, tensor: place.description)
    }
    var dtype = DType(description.element)
    if dtype == nil { dtype = try namedType(of: handle, description) }
    let element = dtype.map(ElementType.number) ?? OpaqueType(description).map(ElementType.opaque)
    let dataset = try HDF5Dataset(description, element, at: place)
    return OpenDataset(handle: handle, dataset: dataset, description: description)
  }

  /// The type of opaque elements that an attribute names.
  private func namedType(
    of dataset: borrowing HDF5Handle,
    _ description: fw_h5_description
  ) throws(FlywheelError) -> DType? {
    guard description.type_class == H5T_OPAQUE, description.memory_type != 0,
      case .readable(.string(let name)) = try attribute("dtype", in: dataset),
      let dtype = DType(rawValue: name), dtype.isNamedByAttribute,
      dtype.byteCount == description.type_byte_count
    else { return nil }
    return dtype
  }

  /// A dataset that libhdf5 failed to open because it is too old for it, read without its help.
  ///
  /// Nil if it failed for another reason, or the dataset is not plain. The caller holds the lock.
  func plainDataset(
    _ place: HDF5Path,
    after error: FlywheelError
  ) throws(FlywheelError) -> PlainDataset? {
    guard error.code == .unsupported, signatureOffset == 0,
      case (.dataset, let address?)? = kind(of: place.nameOrDot, in: try group(place.parentPath)),
      let address = Int(exactly: address)
    else { return nil }
    return try? PlainDataset(bytes, at: address)
  }

  /// The open group at a path; the caller holds the lock.
  func group(_ place: HDF5Path) throws(FlywheelError) -> hid_t {
    if place.key.isEmpty { return fileID }
    if let group = groups.withLock({ $0[place.key] }) { return group }
    let group = unsafe H5Gopen2(fileID, place.key, hid_t(H5P_DEFAULT))
    guard group >= 0 else {
      // One step at a time, so that the error names the first one that fails.
      let parent = try self.group(place.parentPath)
      _ = unsafe H5Gopen2(parent, place.name, hid_t(H5P_DEFAULT))
      throw failure(toOpen: "a group", at: place, in: parent)
    }
    groups.withLock { $0[place.key] = group }
    return group
  }

  func located(_ path: String) throws(FlywheelError) -> HDF5Path {
    try FlywheelError.locating(path: self.path) { () throws(FlywheelError) in try HDF5Path(path) }
  }

  /// Why the last call could not open something: it is not there, something else, elsewhere, or damaged.
  func failure(
    toOpen what: String,
    at place: HDF5Path,
    in parent: hid_t
  ) -> FlywheelError {
    var error = HDF5Library.damage(what, path: path, tensor: place.description)
    // Of a header whose checksum did not match, libhdf5 keeps what it has got, and would say that the rest
    // is not there.
    guard error.code == .malformed else { return error }
    let name = place.name
    guard unsafe place.key.isEmpty || H5Lexists(parent, name, hid_t(H5P_DEFAULT)) != 0 else {
      error.code = .notFound
      error.message =
        "There is no '\(name)' in the group '\(place.parentPath.description)'; "
        + "'flywheel inspect' lists what there is."
      return error
    }
    switch place.key.isEmpty ? .group : kind(of: name, in: parent)?.kind {
    case .group where what != "a group", .dataset where what != "a dataset", .namedType:
      // It can be there and be damaged; then its kind is not known either.
      error.code = .mismatch
      error.message = "'\(place.description)' is not \(what); 'flywheel inspect' shows what it is."
    case .externalLink:
      error.code = .unsupported
      error.message = "'\(name)' leads into another file and is not followed; open that file."
    case .softLink:
      error.code = .notFound
      error.message =
        "'\(name)' is a link to something that is not \(what) in this file, or links lead on from there "
        + "more than 16 times."
    default: break
    }
    return error
  }
}
