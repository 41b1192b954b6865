internal import CFlywheelHDF5
internal import FlywheelCore
internal import FlywheelDeflate

extension HDF5Writer {
  /// Writes an array of any type, piece by piece.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - path: Where, with `/` between names; groups that are missing are created.
  ///   - compression: How hard to compress; without, the dataset is contiguous.
  ///   - elements: Hands out its bytes; libhdf5 is free meanwhile.
  /// - Throws: `unsupported` for elements that HDF5 cannot hold, `mismatch` if there are more or fewer bytes
  ///   than described, `invalidArgument` for a compression that there is not, and as the general function.
  mutating func write(
    _ description: TensorDescription,
    at path: String,
    _ compression: Compression,
    _ elements: ArchiveWriter.Elements
  ) throws(FlywheelError) {
    let place = try located(path)
    let smallest = ChunkedOutput.indexByteCount(rank: description.shape.rank)
    guard compression != .none, description.byteCount > smallest,
      let plan = ChunkPlan(description)
    else { return try write(description, at: place, elements) }
    var output = ChunkedOutput(description, at: place, plan, compression)
    var count = ByteCount(description, .init(path: self.path, tensor: place.description))
    try elements { (piece) throws(FlywheelError) in
      try count.add(piece)
      try output.append(piece, to: &self)
    }
    try count.finish()
  }

  /// Writes an array of any type as a contiguous dataset.
  mutating func write(
    _ description: TensorDescription,
    at place: HDF5Path,
    _ elements: ArchiveWriter.Elements
  ) throws(FlywheelError) {
    let offset = try HDF5Library.call { () throws(FlywheelError) in
      let dataset = try create(description, at: place, fw_h5_contiguous_creation())
      let offset = UInt64(H5Dget_offset(dataset.id))
      guard offset != .max || description.byteCount == 0 else {
        throw failure("find the place of the dataset", at: place)
      }
      return offset
    }
    var count = ByteCount(description, .init(path: path, tensor: place.description))
    try elements { (piece) throws(FlywheelError) in
      let start = offset + UInt64(count.value)
      try count.add(piece)
      try HDF5Library.call { () throws(FlywheelError) in
        unsafe piece.withUnsafeBytes { bytes in
          unsafe fw_h5_store_write(store, start, bytes.baseAddress, bytes.count)
        }
        guard unsafe fw_h5_store_error(store) == 0 else {
          throw failure("write the dataset", at: place)
        }
      }
    }
    try count.finish()
  }

  /// Counts an array's bytes as they come; throws if they are more or fewer than described, or no truth
  /// values.
  private struct ByteCount {
    private(set) var value = 0
    private let description: TensorDescription
    private let location: FlywheelError.Location

    init(_ description: TensorDescription, _ location: FlywheelError.Location) {
      self.description = description
      self.location = location
    }

    mutating func add(_ piece: RawSpan) throws(FlywheelError) {
      guard piece.byteCount <= description.byteCount - value else { throw misfit("more") }
      if description.element == .number(.bool) {
        try FlywheelError.locating(path: location.path, tensor: location.tensor) {
          () throws(FlywheelError) in
          try piece.checkTruthValues(firstIndex: value)
        }
      }
      value += piece.byteCount
    }

    func finish() throws(FlywheelError) {
      guard value == description.byteCount else { throw misfit("only \(value)") }
    }

    private func misfit(_ found: String) -> FlywheelError {
      FlywheelError(
        .mismatch,
        "There are \(found) bytes where an array of shape \(description.shape) and type "
          + "\(description.element) has \(description.byteCount).",
        at: location
      )
    }
  }

  /// Creates a dataset of chunks that are written one by one.
  mutating func createChunked(
    _ description: TensorDescription,
    at place: HDF5Path,
    chunk: [Int],
    _ filters: HDF5Filters
  ) throws(FlywheelError) -> HDF5Handle {
    let layout = HDF5Layout.chunked(chunk, filters)
    let properties = try creationProperties(of: description.shape, layout, at: place)
    return try HDF5Library.call { () throws(FlywheelError) in
      try create(description, at: place, properties.id)
    }
  }

  /// Creates a dataset of elements of any type; the caller holds the lock.
  private mutating func create(
    _ description: TensorDescription,
    at place: HDF5Path,
    _ properties: hid_t
  ) throws(FlywheelError) -> HDF5Handle {
    let type = try type(of: description.element, at: place)
    let typeName = description.element.dtype.flatMap { $0.isNamedByAttribute ? $0.rawValue : nil }
    return try create(type.id, description.shape, at: place, properties, typeName: typeName)
  }

  /// What HDF5 calls elements.
  private func type(
    of element: ElementType,
    at place: HDF5Path
  ) throws(FlywheelError) -> HDF5Handle {
    let type: hid_t
    switch element {
    case .number(let dtype):
      let shared = HDF5Library.type(of: dtype)
      type = H5Iinc_ref(shared) < 0 ? -1 : shared
    case .opaque(let opaque):
      switch opaque.storing {
      case .text: type = fw_h5_new_byte_string_type(opaque.byteCount)
      case .bytes(let tag): type = unsafe fw_h5_new_opaque_type(opaque.byteCount, tag)
      case nil:
        throw FlywheelError(
          .unsupported,
          "HDF5 cannot hold elements of type \(opaque.name) so that they come back as they are.",
          at: .init(path: path, tensor: place.description)
        )
      }
    }
    guard let type = HDF5Handle(type) else { throw failure("describe the elements", at: place) }
    return type
  }

  /// Writes a chunk as it is to be in the file, with a bit for each filter that it did not go through.
  func writeChunk(
    _ chunk: RawSpan,
    of dataset: hid_t,
    offset: [Int],
    _ skippedFilters: UInt32,
    at place: HDF5Path
  ) throws(FlywheelError) {
    try HDF5Library.call { () throws(FlywheelError) in
      let status = unsafe chunk.withUnsafeBytes { bytes in
        unsafe fw_h5_write_chunk(
          dataset,
          offset.map { hsize_t($0) },
          skippedFilters,
          bytes.baseAddress,
          bytes.count
        )
      }
      guard status >= 0, unsafe fw_h5_store_error(store) == 0 else {
        throw failure("write the dataset", at: place)
      }
    }
  }
}
