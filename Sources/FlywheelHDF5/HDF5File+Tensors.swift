internal import CFlywheelHDF5
public import FlywheelCore

extension HDF5File {
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
      let tensor = try HDF5Library.call { () throws(FlywheelError) in try read(place, block) }
      try tensor.checkTruthValues()
      return tensor
    }
  }

  private func read(_ place: HDF5Path, _ block: HDF5Block?) throws(FlywheelError) -> Tensor {
    do throws(FlywheelError) {
      return try read(try open(place), block)
    } catch {
      guard let plain = try plainDataset(place, after: error) else { throw error }
      let region = block ?? HDF5Block(whole: plain.shape)
      try region.check(within: plain.shape)
      guard let start = region.start(within: plain.shape), let offset = plain.byteOffset else {
        throw error
      }
      // The file's own number; what is beyond every file is refused below.
      let (first, overflow) = offset.addingReportingOverflow(start * plain.dtype.byteCount)
      return try Tensor(
        dtype: plain.dtype,
        shape: Shape(region.count),
        storage: bytes,
        byteOffset: overflow ? .max : first
      )
    }
  }

  private func read(
    _ open: borrowing OpenDataset,
    _ block: HDF5Block?
  ) throws(FlywheelError) -> Tensor {
    let dtype = try open.dataset.readableType()
    let whole = open.dataset.shape
    if let block { try block.check(within: whole) }
    let shape = try block.map { (block) throws(FlywheelError) in try Shape(block.count) } ?? whole
    let byteCount = try shape.byteCount(of: dtype)
    guard byteCount > 0 else {
      let nothing = try unsafe TensorStorage(byteCount: 0, unsafeFilledBy: { _ in })
      return try Tensor(dtype: dtype, shape: shape, storage: nothing)
    }
    let region = block ?? HDF5Block(whole: whole)
    if let view = try view(of: region, in: open, dtype, shape) { return view }
    try check(open, reading: region, into: byteCount)
    let storage = try unsafe TensorStorage(byteCount: byteCount) {
      (buffer) throws(FlywheelError) in
      // The memory type has the size of the dtype, and `buffer` that of all elements of the block.
      let type = open.description.memory_type
      let status =
        if let block {
          unsafe fw_h5_read_block(
            open.handle.id,
            type,
            CInt(shape.rank),
            block.offset.map { hsize_t($0) },
            block.stride.map { hsize_t($0) },
            block.count.map { hsize_t($0) },
            buffer.baseAddress
          )
        } else {
          unsafe fw_h5_read_all(open.handle.id, type, buffer.baseAddress)
        }
      guard status >= 0 else { throw HDF5Library.damage("the dataset", path: path) }
    }
    return try Tensor(dtype: dtype, shape: shape, storage: storage)
  }

  /// The block as a view of the mapped file; nil if it does not lie there as tensors need it.
  private func view(
    of block: HDF5Block,
    in open: borrowing OpenDataset,
    _ dtype: DType,
    _ shape: Shape
  ) throws(FlywheelError) -> Tensor? {
    guard case .contiguous(let offset?) = open.dataset.storage, !open.dataset.isBigEndian,
      open.description.type_byte_count == dtype.byteCount,
      let start = block.start(within: open.dataset.shape)
    else { return nil }
    let first = try checkedOffset(offset, of: open) + start * dtype.byteCount
    guard first.isMultiple(of: dtype.alignment) else { return nil }
    return try Tensor(dtype: dtype, shape: shape, storage: bytes, byteOffset: first)
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

extension OpenDataset {
  /// The number of bytes of all elements as the file has them.
  func byteCountInFile() throws(FlywheelError) -> Int {
    let (byteCount, overflow) = dataset.shape.elementCount
      .multipliedReportingOverflow(by: description.type_byte_count)
    guard !overflow else { throw FlywheelError.overflow("the dataset") }
    return byteCount
  }
}
