internal import CFlywheelHDF5
internal import FlywheelCore
internal import Synchronization
internal import SystemPackage

/// An HDF5 file that libhdf5 reads, from the bytes that were mapped; threads take turns.
@safe final class LibraryFile: HDF5Source {
  /// The file's name.
  let path: FilePath
  /// What its size justifies.
  let limit: ReadLimit

  let bytes: TensorStorage
  /// Where the file proper begins, after what another program may have put in front of it.
  let signatureOffset: Int
  // Set once; libhdf5 touches it only under its lock.
  nonisolated(unsafe) let store: OpaquePointer
  private let fileID: hid_t
  // Groups stay open: a dataset's path would be walked from the root each time otherwise.
  private let groups = Mutex<[ByteName: hid_t]>([:])

  var readerDescription: String { "libhdf5 \(HDF5Library.version)" }

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for errors.
  ///   - limit: What its size justifies.
  /// - Throws: As `HDF5File.init(opening:)`.
  init(_ bytes: TensorStorage, path: FilePath, _ limit: ReadLimit) throws(FlywheelError) {
    // Stays where it is while `bytes` lives.
    let buffer = unsafe bytes.bytes.withUnsafeBytes { unsafe $0 }
    let signatureOffset = try Superblock.findSignature(in: bytes)
    let (store, fileID) = try unsafe Self.open(buffer, path)
    self.path = path
    self.limit = limit
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

  func dataset(at place: HDF5Path) throws(FlywheelError) -> HDF5Dataset {
    try HDF5Library.call { () throws(FlywheelError) in try describe(place) }
  }

  /// Looks at the dataset at a path; the caller holds the lock.
  func describe(_ place: HDF5Path) throws(FlywheelError) -> HDF5Dataset {
    do throws(FlywheelError) {
      return try open(place).dataset
    } catch {
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
      case .value(.string(let name)) = try attribute(HDF5Writer.typeAttribute, in: dataset),
      let dtype = DType(rawValue: name), dtype.isNamedByAttribute,
      dtype.byteCount == description.type_byte_count
    else { return nil }
    return dtype
  }

  /// The open group at a path; the caller holds the lock.
  func group(_ place: HDF5Path) throws(FlywheelError) -> hid_t {
    if place.key.isEmpty { return fileID }
    if let group = groups.withLock({ $0[ByteName(text: place.key)] }) { return group }
    let group = unsafe H5Gopen2(fileID, place.key, hid_t(H5P_DEFAULT))
    guard group >= 0 else {
      // One step at a time, so that the error names the first one that fails.
      let parent = try self.group(place.parentPath)
      _ = unsafe H5Gopen2(parent, place.name, hid_t(H5P_DEFAULT))
      throw failure(toOpen: "a group", at: place, in: parent)
    }
    groups.withLock { $0[ByteName(text: place.key)] = group }
    return group
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
