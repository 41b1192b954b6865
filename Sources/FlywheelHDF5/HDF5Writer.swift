internal import CFlywheelHDF5
public import FlywheelCore
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a new HDF5 file.
///
/// The file has the checksummed headers of HDF5 1.8, no time stamps, and contiguous datasets at
/// multiples of 64 bytes: the same calls give the same bytes, and the bytes can be mapped. Write to
/// `AtomicFile.temporaryPath`, close, then commit. Dropped without `close`, it leaves an unusable file.
@safe public struct HDF5Writer: ~Copyable {
  private let path: FilePath
  private let file: OpenFile
  // libhdf5 writes through it, to the descriptor of `file`, until it is detached.
  private let store: OpaquePointer
  private var fileID: hid_t
  // Groups stay open, since opening one costs as much as writing a small dataset.
  private var groups: [String: hid_t] = [:]

  /// Starts a file.
  ///
  /// - Parameters:
  ///   - path: Its name; a file that has the name already must be empty.
  ///   - expectedByteCount: About how many bytes will be written, for example those of all tensors. The
  ///     space is taken at once: a full disk is known before the work, and large files are written faster.
  /// - Throws: `alreadyExists` if it has content, `notFound` or `inputOutput` if it cannot be created.
  public init(
    creating path: FilePath,
    expectedByteCount: Int = 0
  ) throws(FlywheelError) {
    let file = try OpenFile(path, flags: O_RDWR | O_CREAT | O_NONBLOCK, purpose: "create the file")
    let size = try OpenFile.size(of: file.descriptor, path: path)
    guard size == 0 else {
      throw FlywheelError(
        .alreadyExists,
        "The file has content already (\(size) bytes); delete it or choose another name.",
        at: .init(path: path)
      )
    }
    let (store, fileID) = try unsafe Self.create(file.descriptor, path, expectedByteCount)
    self.path = path
    self.file = file
    unsafe self.store = store
    self.fileID = fileID
  }

  private static func create(
    _ descriptor: CInt,
    _ path: FilePath,
    _ expectedByteCount: Int
  ) throws(FlywheelError) -> (OpaquePointer, hid_t) {
    try unsafe HDF5Library.call { () throws(FlywheelError) in
      guard let store = unsafe fw_h5_store_writing(descriptor) else {
        throw FlywheelError(.limitExceeded, "There is no memory to write a file.")
      }
      if expectedByteCount > 0 { unsafe fw_h5_store_reserve(store, expectedByteCount) }
      let number = unsafe fw_h5_store_error(store)
      guard number == 0 else {
        unsafe fw_h5_store_release(store)
        throw FlywheelError.system(
          "fallocate",
          to: "take space for \(expectedByteCount) bytes",
          path: path,
          errno: Errno(rawValue: number)
        )
      }
      let fileID = unsafe fw_h5_create(store)
      guard fileID >= 0 else {
        unsafe fw_h5_store_release(store)
        throw HDF5Library.failure(.libraryFailure, "libhdf5 could not start a file.", path: path)
      }
      return unsafe (store, fileID)
    }
  }

  deinit {
    fw_h5_enter()
    unsafe fw_h5_store_detach(store)
    if fileID >= 0 { H5Fclose(fileID) }
    unsafe fw_h5_store_release(store)
    fw_h5_leave()
  }

  /// Writes a tensor as a dataset.
  ///
  /// - Parameters:
  ///   - tensor: The elements.
  ///   - path: Where, with `/` between names; groups that are missing are created.
  ///   - layout: How its bytes lie; tensors with no axis or no elements are always contiguous.
  /// - Throws: `alreadyExists` if the path is taken, `inputOutput` if the bytes cannot be written,
  ///   `invalidArgument` if the path or the layout makes no sense.
  public mutating func write(
    _ tensor: Tensor,
    at path: String,
    layout: HDF5Layout = .contiguous
  ) throws(FlywheelError) {
    let place = try located(path)
    try HDF5Library.call { () throws(FlywheelError) in
      let group = try openGroup(place.parentPath)
      let dataset = try createDataset(for: tensor, layout, at: place, in: group)
      guard tensor.byteCount > 0 else { return }
      let status = unsafe tensor.bytes.withUnsafeBytes { bytes in
        unsafe H5Dwrite(
          dataset.id,
          HDF5Library.type(of: tensor.dtype),
          hid_t(H5S_ALL),
          hid_t(H5S_ALL),
          hid_t(H5P_DEFAULT),
          bytes.baseAddress
        )
      }
      guard status >= 0, unsafe fw_h5_store_error(store) == 0 else {
        throw failure("write the dataset", at: place)
      }
    }
  }

  private func createDataset(
    for tensor: Tensor,
    _ layout: HDF5Layout,
    at place: HDF5Path,
    in group: hid_t
  ) throws(FlywheelError) -> HDF5Handle {
    guard let space = HDF5Handle(try space(of: tensor, at: place)) else {
      throw failure("describe the shape", at: place)
    }
    let properties = try creationProperties(of: tensor, layout, at: place)
    defer { if properties != fw_h5_contiguous_creation() { H5Pclose(properties) } }
    let created = unsafe H5Dcreate2(
      group,
      place.name,
      HDF5Library.type(of: tensor.dtype),
      space.id,
      hid_t(H5P_DEFAULT),
      properties,
      hid_t(H5P_DEFAULT)
    )
    guard let dataset = HDF5Handle(created) else {
      throw creationFailure("create the dataset", at: place)
    }
    return dataset
  }

  /// Adds an attribute to a group or dataset that exists.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - value: Its value; a string without NUL, of at most 60,000 bytes.
  ///   - path: The group or dataset.
  /// - Throws: `invalidArgument` if the value cannot be written, `notFound` if there is no such object,
  ///   `alreadyExists` if it has the attribute already.
  public mutating func setAttribute(
    _ name: String,
    _ value: AttributeValue,
    of path: String = "/"
  ) throws(FlywheelError) {
    let place = try located(path)
    guard try located(name).name == name, !name.isEmpty else {
      throw invalid("'\(name)' cannot be the name of an attribute; choose another.", at: place)
    }
    switch value {
    case .integer(let number):
      try setAttribute(name, .number(.int64), [number.littleEndian].rawBytes, place)
    case .double(let number):
      try setAttribute(name, .number(.float64), [number.bitPattern.littleEndian].rawBytes, place)
    case .string(let text):
      let bytes = Array(text.utf8)
      guard bytes.count <= 60_000, !bytes.contains(0) else {
        throw invalid(
          "The attribute '\(name)' must be text without NUL, of at most 60000 bytes.",
          at: place
        )
      }
      // HDF5 has no strings of no bytes; zeros at the end do not count.
      let padded = bytes.isEmpty ? [0] : bytes
      try setAttribute(name, .text(byteCount: padded.count), padded.rawBytes, place)
    }
  }

  private enum AttributeType {
    case number(DType)
    case text(byteCount: Int)
  }

  private func setAttribute(
    _ name: String,
    _ type: AttributeType,
    _ bytes: RawSpan,
    _ place: HDF5Path
  ) throws(FlywheelError) {
    try HDF5Library.call { () throws(FlywheelError) in
      let none = hid_t(H5P_DEFAULT)
      let copy =
        switch type {
        case .number(let dtype): H5Tcopy(HDF5Library.type(of: dtype))
        case .text(let byteCount): fw_h5_new_string_type(byteCount)
        }
      guard let type = HDF5Handle(copy), let space = HDF5Handle(H5Screate(H5S_SCALAR)),
        let object = HDF5Handle(unsafe H5Oopen(fileID, place.description, none))
      else {
        throw failure("find the object for the attribute '\(name)'", .notFound, at: place)
      }
      guard unsafe H5Aexists(object.id, name) <= 0 else {
        throw FlywheelError(
          .alreadyExists,
          "'\(place.description)' has an attribute '\(name)' already; it is written once.",
          at: .init(path: path, tensor: place.description)
        )
      }
      let created = unsafe H5Acreate2(object.id, name, type.id, space.id, none, none)
      guard let attribute = HDF5Handle(created),
        unsafe bytes.withUnsafeBytes({ unsafe H5Awrite(attribute.id, type.id, $0.baseAddress) })
          >= 0
      else {
        throw failure("write the attribute '\(name)'", at: place)
      }
    }
  }

  /// Creates a group, and those above it that are missing; one that exists is fine.
  ///
  /// - Parameter path: The group.
  /// - Throws: `alreadyExists` if a dataset is in the way.
  public mutating func createGroup(_ path: String) throws(FlywheelError) {
    let place = try located(path)
    _ = try HDF5Library.call { () throws(FlywheelError) in try openGroup(place) }
  }

  /// Writes what libhdf5 still holds and closes the file; the bytes are then with the system.
  ///
  /// - Throws: `inputOutput` if they cannot be written; the file is then of no use.
  public consuming func close() throws(FlywheelError) {
    try HDF5Library.call { () throws(FlywheelError) in
      let status = H5Fclose(fileID)
      fileID = -1
      guard status >= 0, unsafe fw_h5_store_error(store) == 0 else {
        throw failure("finish the file", at: nil)
      }
    }
  }

  private mutating func openGroup(_ place: HDF5Path) throws(FlywheelError) -> hid_t {
    if place.key.isEmpty { return fileID }
    if let group = groups[place.key] { return group }
    let parent = try openGroup(place.parentPath)
    let none = hid_t(H5P_DEFAULT)
    let group = unsafe H5Gcreate2(parent, place.name, none, fw_h5_group_creation(), none)
    guard group >= 0 else { throw creationFailure("create the group", at: place) }
    groups[place.key] = group
    return group
  }

  private func located(_ path: String) throws(FlywheelError) -> HDF5Path {
    do throws(FlywheelError) {
      return try HDF5Path(path)
    } catch {
      throw error.located(path: self.path)
    }
  }

  private func space(of tensor: Tensor, at place: HDF5Path) throws(FlywheelError) -> hid_t {
    guard !place.key.isEmpty else {
      throw invalid("A tensor cannot be the root of a file; give it a name.", at: place)
    }
    guard tensor.shape.rank <= FW_H5_MAX_RANK else {
      throw invalid("HDF5 holds at most 32 axes; the tensor has \(tensor.shape.rank).", at: place)
    }
    if tensor.shape.rank == 0 { return H5Screate(H5S_SCALAR) }
    let extents = tensor.shape.extents.map { hsize_t($0) }
    return unsafe H5Screate_simple(CInt(extents.count), extents, nil)
  }

  private func creationProperties(
    of tensor: Tensor,
    _ layout: HDF5Layout,
    at place: HDF5Path
  ) throws(FlywheelError) -> hid_t {
    guard case .chunked(let chunk) = layout, tensor.shape.rank > 0, tensor.shape.elementCount > 0
    else { return fw_h5_contiguous_creation() }
    let extents = tensor.shape.extents
    guard chunk.count == extents.count, zip(chunk, extents).allSatisfy({ $0 >= 1 && $0 <= $1 })
    else {
      throw invalid("Chunks of \(chunk) do not fit a tensor of shape \(tensor.shape).", at: place)
    }
    let properties = unsafe fw_h5_new_chunked_creation(
      CInt(chunk.count),
      chunk.map { hsize_t($0) }
    )
    guard properties >= 0 else { throw failure("describe the chunks", at: place) }
    return properties
  }

  private func invalid(_ message: String, at place: HDF5Path) -> FlywheelError {
    FlywheelError(.invalidArgument, message, at: .init(path: path, tensor: place.description))
  }

  /// Why the last call failed: the system refused a write, or libhdf5's own reason.
  private func failure(
    _ purpose: String,
    _ code: FlywheelError.Code = .libraryFailure,
    at place: HDF5Path?
  ) -> FlywheelError {
    let tensor = place?.description
    let number = unsafe fw_h5_store_error(store)
    guard number == 0 else {
      return FlywheelError.system("pwrite", to: purpose, path: path, errno: Errno(rawValue: number))
        .located(tensor: tensor)
    }
    return HDF5Library.failure(code, "libhdf5 could not \(purpose).", path: path, tensor: tensor)
  }

  /// Why an object could not be created; mostly because its name, or one above it, is taken.
  private func creationFailure(_ purpose: String, at place: HDF5Path) -> FlywheelError {
    var error = failure(purpose, at: place)
    // Groups are created from the root down, so that all above `place` are there.
    if unsafe H5Lexists(fileID, place.key, hid_t(H5P_DEFAULT)) > 0 {
      error.code = .alreadyExists
      error.message =
        "Could not \(purpose): '\(place.description)' is there already. Every path is written once, "
        + "and nothing lies below a dataset."
    }
    return error
  }
}
