internal import CFlywheelHDF5
internal import FlywheelCore

extension LibraryFile {
  /// libhdf5 keeps about a kibibyte for each chunk that a read touches.
  private static let chunkLimit = 65_536

  func mapped(_ dataset: ListedDataset) -> Tensor? { nil }

  func input(at place: HDF5Path) throws(FlywheelError) -> any HDF5Input {
    try HDF5Library.call { () throws(FlywheelError) in LibraryInput(self, try open(place)) }
  }

  /// Reads elements into memory of their own; the caller holds the lock.
  func read(
    _ open: borrowing OpenDataset,
    _ block: HDF5Block?,
    asTensor: Bool
  ) throws(FlywheelError) -> HDF5Elements {
    let element =
      asTensor ? .number(try open.dataset.readableType()) : try open.dataset.readableElement()
    let whole = open.dataset.shape
    if let block { try block.check(within: whole) }
    let shape = try block.map { (block) throws(FlywheelError) in try Shape(block.count) } ?? whole
    let description = try TensorDescription(element: element, shape: shape)
    let all = HDF5Block(whole: whole)
    if description.byteCount > 0 {
      try check(open, reading: block ?? all, into: description.byteCount)
    }
    guard let type = open.memoryType() else {
      throw HDF5Library.damage("the type of the dataset", path: path)
    }
    let storage = try unsafe TensorStorage(byteCount: description.byteCount) {
      (buffer) throws(FlywheelError) in
      guard buffer.count > 0 else { return }
      // libhdf5 leaves alone what was never written, if the file says that it is not to be filled.
      unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
      // The memory type has the size of the element, and `buffer` that of all elements of the block.
      let status =
        if let block, block != all {
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
    return try HDF5Elements(description, storage)
  }

  /// Refuses a dataset in one piece that the file ends within.
  private func check(
    _ offset: UInt64,
    of open: borrowing OpenDataset
  ) throws(FlywheelError) {
    let byteCount = try open.byteCountInFile()
    guard offset <= UInt64(bytes.byteCount), byteCount <= bytes.byteCount - Int(offset) else {
      throw FlywheelError.truncated(
        "the dataset",
        needed: UInt64(byteCount),
        available: UInt64(bytes.byteCount) - min(offset, UInt64(bytes.byteCount)),
        at: .init(byteOffset: offset)
      )
    }
  }

  /// Refuses what the file cannot hold, before memory is asked for it: the elements, or one chunk.
  func check(
    _ open: borrowing OpenDataset,
    reading block: HDF5Block,
    into byteCount: Int
  ) throws(FlywheelError) {
    switch open.dataset.storage {
    case .contiguous(let offset?): try check(offset, of: open)
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
    case .chunked(let chunk, let filters):
      guard !filters.contains(.lzf) else {
        throw FlywheelError(
          .unsupported,
          "The dataset went through the filter \(HDF5Dataset.Filter.lzf), which libhdf5 does not have; "
            + "Flywheel's own reader has it."
        )
      }
      try check(chunk, of: open, reading: block)
    default: break
    }
    try limit.check(byteCount, "the elements to read")
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
    try limit.check(overflow ? .max : size, "a chunk")
  }
}
