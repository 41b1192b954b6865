internal import FlywheelCore

/// The elements of a dataset, found and read without libhdf5.
struct DatasetInput: Sendable {
  /// What an element is in memory.
  let element: ElementType
  /// The extents of the dataset.
  let shape: Shape

  private let form: ElementForm
  /// The number of bytes of an element in the file.
  private let storedByteCount: Int
  private let place: Place
  /// An element that was never written, as it would be in the file; nil if it is all zeros.
  private let fill: StoredBytes?
  private let limit: ReadLimit

  private enum Place: Sendable {
    /// In one piece.
    case piece(StoredBytes)
    case chunks(ChunkedElements)
    /// Nothing was ever written.
    case nowhere
  }

  /// Finds the elements.
  ///
  /// - Parameters:
  ///   - type: The type of the elements in the file.
  ///   - element: What they are in memory; opaque bytes can be numbers that an attribute names.
  ///   - space: The extents.
  ///   - layout: How the elements lie in the file.
  ///   - filters: What chunks went through.
  ///   - fill: What was never written.
  ///   - image: The file.
  ///   - limit: How much memory the file can justify.
  /// - Throws: `unsupported` for types, filters and storage that are not read; `truncated` or `limitExceeded` if the
  ///   file is too small for what it declares; `malformed` or `corrupted` if it is damaged.
  init(
    _ type: Datatype,
    as element: ElementType,
    _ space: Dataspace,
    _ layout: DataLayout,
    _ filters: FilterPipeline,
    _ fill: FillValue,
    in image: FileImage,
    limit: ReadLimit
  ) throws(FlywheelError) {
    guard let shape = space.shape else {
      throw FlywheelError(
        .unsupported,
        "The dataset is empty by declaration (a null dataspace); there is nothing to read."
      )
    }
    guard let form = ElementForm(of: type, as: element) else {
      throw FlywheelError(
        .unsupported,
        "The dataset holds \(type.words), which cannot be read as \(element)."
      )
    }
    self.element = element
    self.shape = shape
    self.form = form
    self.limit = limit
    storedByteCount = type.byteCount
    self.fill = try Self.fill(fill, storedByteCount)
    let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: storedByteCount)
    guard !overflow else { throw FlywheelError.overflow("the dataset") }
    guard byteCount > 0 else {
      place = .nowhere
      return
    }
    switch layout {
    case .compact(let bytes): place = .piece(try Self.compact(bytes, byteCount))
    case .contiguous(nil, _): place = .nowhere
    case .contiguous(let address?, let stored):
      place = .piece(try Self.contiguous(address, stored, byteCount, in: image))
    case .chunked(let layout):
      try Self.require(storedByteCount, in: layout)
      let chunks = try ChunkedElements(layout, shape, limits: space.limits, filters, in: image)
      try limit.check(chunks.chunkByteCount, "a chunk")
      place = .chunks(chunks)
    case .virtual: throw Self.virtualFailure
    }
  }

  private static var virtualFailure: FlywheelError {
    FlywheelError(
      .unsupported,
      "The dataset is virtual: its elements are in other datasets; 'h5repack -l CONTI' brings them in."
    )
  }

  /// Refuses chunks of elements that are not those of the type.
  private static func require(
    _ elementByteCount: Int,
    in layout: ChunkedLayout
  ) throws(FlywheelError) {
    guard layout.elementByteCount == elementByteCount else {
      throw FlywheelError.malformed(
        found: "chunks of elements of \(layout.elementByteCount) bytes",
        expected: "\(elementByteCount) bytes, as the type has"
      )
    }
  }

  private static func fill(
    _ fill: FillValue,
    _ elementByteCount: Int
  ) throws(FlywheelError) -> StoredBytes? {
    guard let bytes = fill.bytes else { return nil }
    guard bytes.count == elementByteCount else {
      throw FlywheelError.malformed(
        found: "a fill value of \(bytes.count) bytes",
        expected: "an element of \(elementByteCount)",
        at: .init(byteOffset: UInt64(bytes.fileOffset))
      )
    }
    return bytes
  }

  /// Elements in the dataset's own header.
  private static func compact(
    _ bytes: StoredBytes,
    _ byteCount: Int
  ) throws(FlywheelError) -> StoredBytes {
    guard byteCount <= bytes.count else {
      throw FlywheelError.truncated(
        "the dataset",
        needed: UInt64(byteCount),
        available: UInt64(bytes.count),
        at: .init(byteOffset: UInt64(bytes.fileOffset))
      )
    }
    return bytes.part(0..<byteCount)
  }

  /// Elements in one piece, of which the file says again how large it is.
  private static func contiguous(
    _ address: UInt64,
    _ stored: UInt64?,
    _ byteCount: Int,
    in image: FileImage
  ) throws(FlywheelError) -> StoredBytes {
    guard stored ?? .max >= UInt64(byteCount) else {
      throw FlywheelError.malformed(
        found: "\(stored ?? 0) bytes of storage",
        expected: "\(byteCount) for all elements",
        at: .init(byteOffset: image.place(of: address))
      )
    }
    return try image.bytes(at: address, UInt64(byteCount), "the dataset")
  }

  /// Reads elements; without copying them where they lie in one piece as they are to be.
  ///
  /// - Parameters:
  ///   - block: Which part of the dataset; nil for all of it.
  ///   - alignment: To what multiple in memory they must lie.
  /// - Throws: `invalidArgument` if the block does not lie within the dataset; `limitExceeded` if there is more to
  ///   read than the file can justify; `truncated`, `corrupted` or `malformed` if chunks are damaged; `unsupported`
  ///   for filters that are not read.
  /// - Returns: The elements, row-major and little-endian.
  func elements(
    of block: HDF5Block? = nil,
    alignment: Int = 1
  ) throws(FlywheelError) -> HDF5Elements {
    if let block { try block.check(within: shape) }
    let description = try TensorDescription(
      element: element,
      shape: block.map { (block) throws(FlywheelError) in try Shape(block.count) } ?? shape
    )
    guard description.byteCount > 0 else {
      let nothing = try unsafe TensorStorage(byteCount: 0, unsafeFilledBy: { _ in })
      return try HDF5Elements(description, nothing)
    }
    let piece = piece(block, description.shape.elementCount)
    if form == .same, let piece, piece.storage.isAligned(piece.range.lowerBound, to: alignment) {
      return try HDF5Elements(description, piece.storage, byteOffset: piece.range.lowerBound)
    }
    // Those in memory are not larger.
    let (byteCount, overflow) = description.shape.elementCount
      .multipliedReportingOverflow(by: storedByteCount)
    try limit.check(overflow ? .max : byteCount, "the elements to read")
    let storage = try unsafe TensorStorage(byteCount: byteCount) {
      (buffer) throws(FlywheelError) in
      // All of it is filled, or an error thrown.
      if let piece {
        let span = piece.span
        unsafe span.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
      } else {
        try unsafe read(block ?? HDF5Block(whole: shape), into: buffer)
      }
      var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer)
      form.convert(&bytes)
    }
    return try HDF5Elements(description, try narrowed(storage))
  }

  /// The bytes of a block, or of all elements, that follow each other in the file; nil if they do not.
  private func piece(_ block: HDF5Block?, _ count: Int) -> StoredBytes? {
    guard case .piece(let piece) = place else { return nil }
    guard let block else { return piece }
    guard let start = block.start(within: shape) else { return nil }
    // Within the piece, as the block is within the dataset.
    return piece.part(start * storedByteCount..<(start + count) * storedByteCount)
  }

  /// Reads elements as they are in the file.
  @unsafe private func read(
    _ block: HDF5Block,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(FlywheelError) {
    switch place {
    case .nowhere: unsafe fill(buffer)
    case .piece(let piece):
      let origin = [Int](repeating: 0, count: shape.rank)
      let copy = BlockCopy(from: shape.extents, at: origin, to: block, storedByteCount)
      unsafe copy.copy(piece.span, into: buffer)
    case .chunks(let chunks): try unsafe chunks.read(block, into: buffer, fill: fill)
    }
  }

  /// Fills memory with an element that was never written.
  @unsafe private func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    guard let fill else {
      unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    let span = fill.span
    unsafe span.withUnsafeBytes { element in
      // Whole elements fill the buffer, so that each of them is within it.
      for start in stride(from: 0, to: buffer.count, by: element.count) {
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + element.count])
          .copyMemory(from: element)
      }
    }
  }

  /// Truth values of one byte each, if they were larger.
  private func narrowed(_ storage: TensorStorage) throws(FlywheelError) -> TensorStorage {
    guard case .wideTruth(let byteCount, let isBigEndian) = form else { return storage }
    return try unsafe TensorStorage(byteCount: storage.byteCount / byteCount) { buffer in
      // A truth for each integer, which fill the storage.
      var truths = unsafe MutableRawSpan(_unsafeBytes: buffer)
      ElementForm.narrow(storage.bytes, byteCount, isBigEndian: isBigEndian, into: &truths)
    }
  }
}
