internal import CFlywheelKernels
import FlywheelCore

/// The elements of an array as a .npy file has them, on their way to row-major and little-endian.
struct NPYElements {
  let array: TensorDescription
  let isFortranOrder: Bool
  let isBigEndian: Bool
  /// Where in the file they begin, for errors.
  let byteOffset: Int

  /// - Parameters:
  ///   - header: The header in front of them.
  ///   - array: What they really are, of the same size as the header says.
  init(_ header: NPYHeader, array: TensorDescription) {
    self.array = array
    isFortranOrder = header.isFortranOrder
    isBigEndian = header.isBigEndian
    byteOffset = header.byteCount
  }

  /// The most bytes that are reordered at once when elements are handed out in pieces.
  private static let pieceByteCount = 4 << 20

  /// The extents that have anything to do with how the elements lie.
  private var axes: [Int] { array.shape.extents.filter { $0 > 1 } }

  /// Whether the elements lie in another order than row-major.
  var needReordering: Bool { isFortranOrder && array.byteCount > 0 && axes.count > 1 }

  // MARK: Tensors

  /// The elements as a tensor: a view of them where they lie as tensors need them.
  ///
  /// - Parameters:
  ///   - storage: What holds them.
  ///   - offset: Where in it they begin.
  /// - Throws: `unsupported` if they are opaque, `malformed` for truth values that are neither true nor
  ///   false, `limitExceeded` if there is no memory.
  /// - Returns: The tensor.
  func tensor(in storage: TensorStorage, at offset: Int) throws(FlywheelError) -> Tensor {
    guard let dtype = array.element.dtype else { throw FlywheelError.onlyCarried(array.element) }
    let bytes = storage.bytes.extracting(offset..<offset + array.byteCount)
    if dtype == .bool { try bytes.checkTruthValues(fileOffset: byteOffset) }
    let tensor: Tensor
    if needReordering {
      tensor = try Tensor(dtype: dtype, shape: array.shape, storage: rowMajor(bytes))
    } else if isBigEndian {
      tensor = try Tensor(dtype: dtype, shape: array.shape, storage: storage, byteOffset: offset)
    } else {
      tensor = try Tensor(aligned: dtype, shape: array.shape, in: storage, at: offset)
    }
    return isBigEndian ? try tensor.byteSwapped() : tensor
  }

  /// The elements in row-major order.
  private func rowMajor(_ bytes: RawSpan) throws(FlywheelError) -> TensorStorage {
    let axes = axes
    // As square as the axes allow, so that lines of both orders are long.
    let splits = (1..<axes.count).map { split in
      (split, max(axes[..<split].reduce(1, *), axes[split...].reduce(1, *)))
    }
    let split = splits.min { $0.1 < $1.1 }?.0 ?? 1
    let rowCount = axes[..<split].reduce(1, *)
    let columnCount = axes[split...].reduce(1, *)
    return try unsafe TensorStorage(byteCount: array.byteCount) {
      (target) throws(FlywheelError) in
      // All rows and columns: as many bytes as the elements have, here and there.
      unsafe reorder(
        bytes,
        axes,
        split,
        rows: 0..<rowCount,
        columns: 0..<columnCount,
        into: target
      )
    }
  }

  /// Copies a part of the elements, seen as a matrix, in row-major order to the front of `target`, which
  /// has room for them.
  @unsafe private func reorder(
    _ bytes: RawSpan,
    _ axes: [Int],
    _ split: Int,
    rows: Range<Int>,
    columns: Range<Int>,
    into target: UnsafeMutableRawBufferPointer
  ) {
    let size = array.element.byteCount
    unsafe axes.withUnsafeBufferPointer { extents in
      var matrix = unsafe fw_fortran_array(
        extents: extents.baseAddress,
        rank: extents.count,
        split: split,
        element_size: size
      )
      unsafe bytes.withUnsafeBytes { source in
        unsafe fw_row_major(
          &matrix,
          source.baseAddress,
          rows.lowerBound,
          rows.count,
          columns.lowerBound,
          columns.count,
          target.baseAddress,
          columns.count * size
        )
      }
    }
  }

  // MARK: Pieces

  /// Hands out the elements, row-major and little-endian, in memory that does not grow with them.
  ///
  /// - Parameters:
  ///   - storage: What holds them.
  ///   - offset: Where in it they begin.
  ///   - body: Takes the pieces.
  /// - Throws: `malformed` for truth values that are neither true nor false, and what `body` throws.
  func read(
    _ storage: TensorStorage,
    at offset: Int,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let bytes = storage.bytes.extracting(offset..<offset + array.byteCount)
    var pieces = NPYPieces(self)
    guard needReordering else {
      try pieces.take(bytes, body)
      return
    }
    // Here, as what is wrong has another place once it is reordered.
    if array.element == .number(.bool) { try bytes.checkTruthValues(fileOffset: byteOffset) }
    let axes = axes
    let size = array.element.byteCount
    let rowCount = axes[0]
    let columnCount = axes[1...].reduce(1, *)
    let rowsAtOnce = min(rowCount, max(1, Self.pieceByteCount / (columnCount * size)))
    let columnsAtOnce = rowsAtOnce > 1 ? columnCount : max(1, Self.pieceByteCount / size)
    var buffer = [UInt8](
      repeating: 0,
      count: rowsAtOnce * min(columnCount, columnsAtOnce) * size
    )
    for row in stride(from: 0, to: rowCount, by: rowsAtOnce) {
      let rows = row..<min(row + rowsAtOnce, rowCount)
      for column in stride(from: 0, to: columnCount, by: columnsAtOnce) {
        let columns = column..<min(column + columnsAtOnce, columnCount)
        // No more rows and columns than the buffer has room for.
        unsafe buffer.withUnsafeMutableBytes { target in
          unsafe reorder(bytes, axes, 1, rows: rows, columns: columns, into: target)
        }
        try pieces.take(
          buffer.rawBytes.extracting(0..<rows.count * columns.count * size),
          body
        )
      }
    }
  }
}
