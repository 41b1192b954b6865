internal import CFlywheelHDF5
public import FlywheelCore

extension HDF5File {
  /// The most bytes that are read at once of a dataset that goes by in pieces.
  private static let pieceLimit = 32 << 20
  /// The most bytes that one byte of deflate can stand for.
  private static let largestExpansion = 1_032
  /// libhdf5 keeps about a kibibyte for each chunk that a read touches.
  private static let chunkLimit = 65_536

  /// Reads a dataset; without copying it where its bytes lie in one piece as tensors need them.
  ///
  /// - Parameter path: Where it is.
  /// - Returns: The elements, little-endian.
  /// - Throws: As `dataset(_:)`; `unsupported` for element types, filters or storage that Flywheel does
  ///   not read, `truncated` or `limitExceeded` if the file is too small for what it declares,
  ///   `malformed` for truth values that are neither true nor false.
  public func tensor(_ path: String) throws(FlywheelError) -> Tensor {
    try read(path, nil)
  }

  /// Reads a part of a dataset, and nothing else of it; without copying it where its bytes lie in one
  /// piece as tensors need them.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - block: Which part.
  /// - Returns: The elements of the block, little-endian, in its shape.
  /// - Throws: As `tensor(_:)`, and `invalidArgument` if the block does not lie within the dataset.
  public func tensor(_ path: String, block: HDF5Block) throws(FlywheelError) -> Tensor {
    try read(path, block)
  }

  private func read(_ path: String, _ block: HDF5Block?) throws(FlywheelError) -> Tensor {
    let place = try located(path)
    return try FlywheelError.locating(path: self.path, tensor: place.description) {
      () throws(FlywheelError) in
      try elements(at: place, block, asTensor: true).tensor()
    }
  }

  /// Reads a dataset of any type that can be read or carried, piece by piece.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - body: Takes the elements' bytes, row-major and little-endian; libhdf5 is free meanwhile.
  /// - Throws: As `tensor(_:)`, and what `body` throws.
  func read(
    _ path: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let place = try located(path)
    let pieces = try FlywheelError.locating(path: self.path, tensor: place.description) {
      () throws(FlywheelError) in
      let dataset = try dataset(path)
      let element = try dataset.readableElement()
      let whole = try TensorDescription(element: element, shape: dataset.shape)
      try check(whole.byteCount, "the elements to read")
      return HDF5Block.pieces(
        of: dataset.shape,
        elementByteCount: element.byteCount,
        chunk: dataset.chunk,
        limit: Self.pieceLimit
      )
    }
    for piece in pieces {
      let part = try FlywheelError.locating(path: self.path, tensor: place.description) {
        () throws(FlywheelError) in
        let part = try elements(at: place, piece, asTensor: false)
        if part.description.element == .number(.bool) { _ = try part.tensor() }
        return part
      }
      try body(part.bytes)
    }
  }

  /// Reads elements; those of a tensor are numbers and aligned to their size.
  private func elements(
    at place: HDF5Path,
    _ block: HDF5Block?,
    asTensor: Bool
  ) throws(FlywheelError) -> HDF5Elements {
    try find(place, block, asTensor: asTensor).elements()
  }

  /// Where elements are.
  enum Found {
    /// In the mapped file, or read by libhdf5.
    case elements(HDF5Elements)
    /// In chunks that libhdf5 has found.
    case chunks(ChunkedInput)

    /// Reads what is not read yet, without libhdf5.
    func elements() throws(FlywheelError) -> HDF5Elements {
      switch self {
      case .elements(let elements): elements
      case .chunks(let chunks): try chunks.elements()
      }
    }
  }

  /// Finds the elements of a tensor, so that several can be read at once.
  func find(_ path: String) throws(FlywheelError) -> Found {
    let place = try located(path)
    return try FlywheelError.locating(path: self.path, tensor: place.description) {
      () throws(FlywheelError) in
      try find(place, nil, asTensor: true)
    }
  }

  private func find(
    _ place: HDF5Path,
    _ block: HDF5Block?,
    asTensor: Bool
  ) throws(FlywheelError) -> Found {
    try HDF5Library.call { () throws(FlywheelError) in
      do throws(FlywheelError) {
        return try find(try open(place), block, asTensor: asTensor)
      } catch {
        guard let plain = try plainDataset(place, after: error) else { throw error }
        let region = block ?? HDF5Block(whole: plain.shape)
        try region.check(within: plain.shape)
        guard let start = region.start(within: plain.shape), let offset = plain.byteOffset else {
          throw error
        }
        let shape = try Shape(region.count)
        // The file's own number; what is beyond every file is refused when the bytes are looked for.
        let (first, overflow) = offset.addingReportingOverflow(start * plain.dtype.byteCount)
        let elements = try HDF5Elements(
          TensorDescription(element: .number(plain.dtype), shape: shape),
          bytes,
          byteOffset: overflow ? .max : first
        )
        return .elements(elements)
      }
    }
  }

  private func find(
    _ open: borrowing OpenDataset,
    _ block: HDF5Block?,
    asTensor: Bool
  ) throws(FlywheelError) -> Found {
    let element =
      asTensor ? .number(try open.dataset.readableType()) : try open.dataset.readableElement()
    let whole = open.dataset.shape
    if let block { try block.check(within: whole) }
    let shape = try block.map { (block) throws(FlywheelError) in try Shape(block.count) } ?? whole
    let description = try TensorDescription(element: element, shape: shape)
    guard description.byteCount > 0 else {
      let nothing = try unsafe TensorStorage(byteCount: 0, unsafeFilledBy: { _ in })
      return .elements(try HDF5Elements(description, nothing))
    }
    let region = block ?? HDF5Block(whole: whole)
    let alignment = asTensor ? element.dtype?.alignment ?? 1 : 1
    if let start = try start(of: region, in: open, element, alignment: alignment) {
      return .elements(try HDF5Elements(description, bytes, byteOffset: start))
    }
    try check(open, reading: region, into: description.byteCount)
    if let chunks = chunks(of: region, in: open, description) { return .chunks(chunks) }
    guard let type = open.memoryType() else {
      throw HDF5Library.damage("the type of the dataset", path: path)
    }
    let storage = try unsafe TensorStorage(byteCount: description.byteCount) {
      (buffer) throws(FlywheelError) in
      // The memory type has the size of the element, and `buffer` that of all elements of the block.
      let status =
        if let block {
          unsafe fw_h5_read_block(
            open.handle.id,
            type.id,
            CInt(shape.rank),
            block.offset.map { hsize_t($0) },
            block.stride.map { hsize_t($0) },
            block.count.map { hsize_t($0) },
            buffer.baseAddress
          )
        } else {
          unsafe fw_h5_read_all(open.handle.id, type.id, buffer.baseAddress)
        }
      guard status >= 0 else { throw HDF5Library.damage("the dataset", path: path) }
    }
    return .elements(try HDF5Elements(description, storage))
  }

  /// The chunks that hold a block; nil if libhdf5 has to read them.
  ///
  /// Those that were never written are left to it, and what is damaged in their index.
  private func chunks(
    of block: HDF5Block,
    in open: borrowing OpenDataset,
    _ description: TensorDescription
  ) -> ChunkedInput? {
    let shuffled = open.description.shuffled_byte_count
    guard case .chunked(let chunk, let filters) = open.dataset.storage,
      open.isAsInMemory(description.element), open.description.has_plain_edges == 0,
      shuffled == 0 || shuffled == description.element.byteCount,
      var chunks = ChunkedInput(description, block, chunk: chunk, filters: filters, in: bytes)
    else { return nil }
    let areFound = chunks.locate { origin in
      var place = ChunkedInput.Place()
      let status = unsafe fw_h5_find_chunk(
        store,
        open.handle.id,
        origin.map { hsize_t($0) },
        &place.offset,
        &place.byteCount,
        &place.skippedFilters
      )
      return status < 0 ? nil : place
    }
    return areFound ? chunks : nil
  }

  /// Where in the mapped file the block begins; nil if it does not lie there as it is to be.
  private func start(
    of block: HDF5Block,
    in open: borrowing OpenDataset,
    _ element: ElementType,
    alignment: Int
  ) throws(FlywheelError) -> Int? {
    guard case .contiguous(let offset?) = open.dataset.storage, open.isAsInMemory(element),
      let start = block.start(within: open.dataset.shape)
    else { return nil }
    let first = try checkedOffset(offset, of: open) + start * element.byteCount
    return bytes.isAligned(first, to: alignment) ? first : nil
  }

  /// Where a dataset in one piece begins; throws if the file ends before it does.
  private func checkedOffset(
    _ offset: UInt64,
    of open: borrowing OpenDataset
  ) throws(FlywheelError) -> Int {
    let byteCount = try open.byteCountInFile()
    guard offset <= UInt64(bytes.byteCount), byteCount <= bytes.byteCount - Int(offset) else {
      throw FlywheelError.truncated(
        "the dataset",
        needed: UInt64(byteCount),
        available: UInt64(bytes.byteCount) - min(offset, UInt64(bytes.byteCount)),
        at: .init(byteOffset: offset)
      )
    }
    return Int(offset)
  }

  /// Refuses what the file cannot hold, before memory is asked for it: the elements, or one chunk.
  func check(
    _ open: borrowing OpenDataset,
    reading block: HDF5Block,
    into byteCount: Int
  ) throws(FlywheelError) {
    switch open.dataset.storage {
    case .contiguous(let offset?): _ = try checkedOffset(offset, of: open)
    case .compact(let available):
      // libhdf5 would read on beyond the header.
      let needed = try open.byteCountInFile()
      guard needed <= available else {
        throw FlywheelError.truncated(
          "the dataset",
          needed: UInt64(needed),
          available: UInt64(available)
        )
      }
    case .chunked(let chunk, _): try check(chunk, of: open, reading: block)
    default: break
    }
    try check(byteCount, "the elements to read")
  }

  /// Refuses chunks that libhdf5 would take memory for without end.
  private func check(
    _ chunk: [Int],
    of open: borrowing OpenDataset,
    reading block: HDF5Block
  ) throws(FlywheelError) {
    guard chunk.count == open.dataset.shape.rank, chunk.allSatisfy({ $0 > 0 }) else {
      throw FlywheelError.malformed(
        found: "chunks of shape \(chunk) in a dataset of shape \(open.dataset.shape)",
        expected: "chunks that divide it"
      )
    }
    let count = try Shape(block.chunkCounts(chunk)).elementCount
    // The index of chunks has at least an address for each.
    guard count <= max(Self.chunkLimit, bytes.byteCount / 8) else {
      throw FlywheelError(
        .limitExceeded,
        "\(count) chunks would have to be read, and a file of \(bytes.byteCount) bytes cannot hold "
          + "them; read it block by block."
      )
    }
    let (size, overflow) = try Shape(chunk).elementCount
      .multipliedReportingOverflow(by: open.description.type_byte_count)
    try check(overflow ? .max : size, "a chunk")
  }

  /// Refuses more bytes than the file, or what the caller allows, can justify.
  func check(_ byteCount: Int, _ what: String) throws(FlywheelError) {
    guard byteCount <= fillLimit || byteCount / Self.largestExpansion <= bytes.byteCount else {
      throw FlywheelError(
        .limitExceeded,
        "The file declares \(byteCount) bytes for \(what). That is more than "
          + "\(Self.largestExpansion) times its own \(bytes.byteCount), and more than \(fillLimit) of "
          + "fill values: it is damaged or nearly empty. Read it block by block, or raise the limit."
      )
    }
  }
}
