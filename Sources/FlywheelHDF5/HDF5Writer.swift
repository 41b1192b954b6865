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
  /// The most axes of a dataset.
  static let largestRank = Int(FW_H5_MAX_RANK)

  let path: FilePath
  private let file: OpenFile
  // libhdf5 writes through it, to the descriptor of `file`, until it is detached.
  let store: OpaquePointer
  var fileID: hid_t
  // Groups stay open, since opening one costs as much as writing a small dataset.
  private var groups: [ByteName: hid_t] = [:]

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
    try self.init(creating: path, shownAs: path, expectedByteCount)
  }

  /// Starts the file that is to become another one, whose name errors then have: the temporary one means
  /// nothing to whoever reads them.
  ///
  /// - Parameters:
  ///   - target: The file that it is to become.
  ///   - expectedByteCount: As in the general function.
  /// - Throws: As the general function.
  init(creating target: borrowing AtomicFile, expectedByteCount: Int) throws(FlywheelError) {
    try self.init(creating: target.temporaryPath, shownAs: target.path, expectedByteCount)
  }

  private init(
    creating path: FilePath,
    shownAs shownPath: FilePath,
    _ expectedByteCount: Int
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      let file = try OpenFile(
        path,
        flags: O_RDWR | O_CREAT | O_NONBLOCK,
        purpose: "create the file"
      )
      let size = try OpenFile.size(of: file.descriptor, path: path)
      guard size == 0 else {
        throw FlywheelError(
          .alreadyExists,
          "The file has content already (\(size) bytes); delete it or choose another name.",
          at: .init(path: path)
        )
      }
      let (store, fileID) = try unsafe Self.create(file.descriptor, path, expectedByteCount)
      self.path = shownPath
      self.file = file
      unsafe self.store = store
      self.fileID = fileID
    } catch {
      var error = error
      error.location.path = shownPath
      throw error
    }
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
  ///   `invalidArgument` if the path or the layout makes no sense, `malformed` for truth values that are
  ///   neither true nor false.
  public mutating func write(
    _ tensor: Tensor,
    at path: String,
    layout: HDF5Layout = .contiguous
  ) throws(FlywheelError) {
    let place = try located(path)
    try checkTruth(tensor, at: place)
    if case .compressed(let compression) = layout {
      let description = TensorDescription(of: tensor)
      return try write(description, at: path, compression) { (body) throws(FlywheelError) in
        try body(tensor.bytes)
      }
    }
    let properties = try creationProperties(of: tensor.shape, layout, at: place)
    let type = HDF5Library.type(of: tensor.dtype)
    let typeName = tensor.dtype.isNamedByAttribute ? tensor.dtype.rawValue : nil
    try write(tensor.bytes, type, tensor.shape, at: place, properties.id, typeName: typeName)
  }

  /// Writes texts as a dataset, in UTF-8, all of one length and filled up with zeros.
  ///
  /// - Parameters:
  ///   - texts: The texts in row-major order, without NUL.
  ///   - path: Where, with `/` between names; groups that are missing are created.
  ///   - shape: The extents; those of a vector if left out.
  /// - Throws: `alreadyExists` if the path is taken, `inputOutput` if the bytes cannot be written,
  ///   `invalidArgument` if the path or a text cannot be written, `mismatch` if the shape has another
  ///   number of elements.
  public mutating func write(
    _ texts: [String],
    at path: String,
    shape: Shape? = nil
  ) throws(FlywheelError) {
    let place = try located(path)
    let shape = shape ?? Shape(vector: texts.count)
    guard shape.elementCount == texts.count else {
      throw FlywheelError(
        .mismatch,
        "\(texts.count) texts do not fill shape \(shape), which has \(shape.elementCount).",
        at: .init(path: self.path, tensor: place.description)
      )
    }
    let (bytes, byteCount) = try padded(texts, at: place)
    guard let type = HDF5Handle(fw_h5_new_string_type(byteCount)) else {
      throw failure("describe texts of \(byteCount) bytes", at: place)
    }
    let properties = fw_h5_contiguous_creation()
    try write(bytes.rawBytes, type.id, shape, at: place, properties)
  }

  private mutating func write(
    _ bytes: RawSpan,
    _ type: hid_t,
    _ shape: Shape,
    at place: HDF5Path,
    _ properties: hid_t,
    typeName: String? = nil
  ) throws(FlywheelError) {
    try HDF5Library.call { () throws(FlywheelError) in
      let dataset = try create(type, shape, at: place, properties, typeName: typeName)
      guard bytes.byteCount > 0 else { return }
      let all = hid_t(H5S_ALL)
      let status = unsafe bytes.withUnsafeBytes { bytes in
        unsafe H5Dwrite(dataset.id, type, all, all, hid_t(H5P_DEFAULT), bytes.baseAddress)
      }
      guard status >= 0, unsafe fw_h5_store_error(store) == 0 else {
        throw failure("write the dataset", at: place)
      }
    }
  }

  /// Creates a dataset; the caller holds the lock.
  mutating func create(
    _ type: hid_t,
    _ shape: Shape,
    at place: HDF5Path,
    _ properties: hid_t,
    typeName: String?
  ) throws(FlywheelError) -> HDF5Handle {
    let group = try openGroup(place.parentPath)
    guard !place.key.isEmpty else {
      throw invalid("A tensor cannot be the root of a file; give it a name.", at: place)
    }
    guard let space = HDF5Handle(try space(of: shape, at: place)) else {
      throw failure("describe the shape", at: place)
    }
    let none = hid_t(H5P_DEFAULT)
    let created = unsafe H5Dcreate2(group, place.name, type, space.id, none, properties, none)
    guard let dataset = HDF5Handle(created) else {
      throw creationFailure("create the dataset", at: place)
    }
    if let typeName, unsafe fw_h5_add_variable_text(dataset.id, Self.typeAttribute, typeName) < 0 {
      throw failure("name the type of the dataset", at: place)
    }
    return dataset
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
    if let group = groups[ByteName(text: place.key)] { return group }
    let parent = try openGroup(place.parentPath)
    let none = hid_t(H5P_DEFAULT)
    let group = unsafe H5Gcreate2(parent, place.name, none, fw_h5_group_creation(), none)
    guard group >= 0 else { throw creationFailure("create the group", at: place) }
    groups[ByteName(text: place.key)] = group
    return group
  }

  func located(_ path: String) throws(FlywheelError) -> HDF5Path {
    try FlywheelError.locating(path: self.path) { () throws(FlywheelError) in try HDF5Path(path) }
  }

  func space(of shape: Shape, at place: HDF5Path) throws(FlywheelError) -> hid_t {
    guard shape.rank <= Self.largestRank else {
      throw invalid(
        "HDF5 holds at most \(Self.largestRank) axes; the tensor has \(shape.rank).",
        at: place
      )
    }
    if shape.rank == 0 { return H5Screate(H5S_SCALAR) }
    let extents = shape.extents.map { hsize_t($0) }
    return unsafe H5Screate_simple(CInt(extents.count), extents, nil)
  }

  func creationProperties(
    of shape: Shape,
    _ layout: HDF5Layout,
    at place: HDF5Path
  ) throws(FlywheelError) -> HDF5Handle {
    guard case .chunked(let chunk, let filters) = layout, shape.rank > 0, shape.elementCount > 0
    else { return try handle(to: HDF5Library.contiguousCreation(), at: place) }
    try FlywheelError.locating(path: path, tensor: place.description) { () throws(FlywheelError) in
      try filters.check()
    }
    guard chunk.count == shape.rank, zip(chunk, shape.extents).allSatisfy({ $0 >= 1 && $0 <= $1 })
    else {
      throw invalid("Chunks of \(chunk) do not fit a tensor of shape \(shape).", at: place)
    }
    return try HDF5Library.call { () throws(FlywheelError) in
      let properties = unsafe fw_h5_new_chunked_creation(
        CInt(chunk.count),
        chunk.map { hsize_t($0) },
        filters.shuffles ? 1 : 0,
        CInt(filters.gzipLevel ?? 0),
        filters.hasChecksums ? 1 : 0
      )
      return try handle(to: properties, at: place)
    }
  }

  /// The bytes of texts, all of one length, which is the second value.
  func padded(
    _ texts: [String],
    at place: HDF5Path
  ) throws(FlywheelError) -> ([UInt8], Int) {
    let byteCount = Self.width(of: texts)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(texts.count * byteCount)
    for text in texts {
      guard !text.utf8.contains(0) else {
        throw invalid("A text holds a NUL character, which ends texts in HDF5.", at: place)
      }
      bytes.append(contentsOf: text.utf8)
      bytes.append(contentsOf: repeatElement(0, count: byteCount - text.utf8.count))
    }
    return (bytes, byteCount)
  }

  /// How many bytes each of some texts takes.
  ///
  /// - Parameter texts: The texts.
  /// - Returns: The bytes of the longest, and one at least: HDF5 has no strings of no bytes, and zeros at the end do
  ///   not count.
  static func width(of texts: [String]) -> Int {
    max(1, texts.map(\.utf8.count).max() ?? 1)
  }

  func checkTruth(_ tensor: Tensor, at place: HDF5Path) throws(FlywheelError) {
    try FlywheelError.locating(path: path, tensor: place.description) { () throws(FlywheelError) in
      try tensor.checkTruthValues()
    }
  }

  private func handle(to properties: hid_t, at place: HDF5Path) throws(FlywheelError) -> HDF5Handle
  {
    guard let handle = HDF5Handle(properties) else {
      throw failure("describe the layout", at: place)
    }
    return handle
  }

  func invalid(_ message: String, at place: HDF5Path) -> FlywheelError {
    FlywheelError(.invalidArgument, message, at: .init(path: path, tensor: place.description))
  }

  /// Why the last call failed: the system refused a write, or libhdf5's own reason.
  func failure(
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
        "Could not \(purpose): '\(FlywheelError.oneLine(place.description))' is there already. "
        + "Every path is written once, and nothing lies below a dataset."
    }
    return error
  }
}
