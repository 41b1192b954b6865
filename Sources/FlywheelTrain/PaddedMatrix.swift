import FlywheelCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A matrix that training reads and writes in place, laid out for the kernels.
///
/// Every row starts on a 64-byte boundary and is padded with zeros to a multiple of 16 elements, so
/// that kernels work on whole vectors and never look at an edge.
@safe final class PaddedMatrix<Scalar: TrainingScalar> {
  let rows: Int
  let columns: Int
  /// The distance between the starts of two rows, in elements.
  let stride: Int
  /// The first element.
  ///
  /// Unsafe: valid for `rows * stride` elements while the matrix lives.
  @unsafe let base: UnsafeMutablePointer<Scalar>

  /// A matrix of zeros.
  init(rows: Int, columns: Int) throws(FlywheelError) {
    let stride = (columns + 15) & ~15
    let shape = try Shape([rows, stride])
    let byteCount = try shape.byteCount(of: Scalar.dtype)
    var block: UnsafeMutableRawPointer?
    let status = unsafe posix_memalign(&block, TensorStorage.alignment, max(byteCount, 64))
    guard status == 0, let block = unsafe block else {
      throw FlywheelError(
        .limitExceeded,
        "There is no memory for a matrix of \(rows) x \(columns) \(Scalar.dtype.rawValue)s."
      )
    }
    unsafe memset(block, 0, byteCount)
    self.rows = rows
    self.columns = columns
    self.stride = stride
    unsafe base = block.bindMemory(to: Scalar.self, capacity: shape.elementCount)
  }

  deinit {
    unsafe free(base)
  }

  /// A copy of the elements, without the padding.
  ///
  /// - Parameter shape: `[rows, columns]`, or `[columns]` for a matrix of one row.
  /// - Throws: `limitExceeded` if there is no memory for it.
  /// - Returns: The copy.
  func tensor(shape: Shape) throws(FlywheelError) -> Tensor {
    let byteCount = try shape.byteCount(of: Scalar.dtype)
    let rowBytes = columns * MemoryLayout<Scalar>.stride
    let storage = try unsafe TensorStorage(
      byteCount: byteCount,
      unsafeFilledBy: { buffer throws(FlywheelError) in
        guard let target = buffer.baseAddress else { return }
        for row in 0..<rows {
          unsafe memcpy(target + row * rowBytes, base + row * stride, rowBytes)
        }
      }
    )
    return try Tensor(dtype: Scalar.dtype, shape: shape, storage: storage)
  }

  /// Copies a tensor's elements in; the padding stays zero.
  func load(_ tensor: Tensor) throws(FlywheelError) {
    guard tensor.dtype == Scalar.dtype, tensor.shape.elementCount == rows * columns else {
      throw FlywheelError(
        .mismatch,
        "The tensor is \(tensor.dtype.rawValue) \(tensor.shape); this network needs "
          + "\(Scalar.dtype.rawValue) with \(rows) x \(columns) elements."
      )
    }
    let rowBytes = columns * MemoryLayout<Scalar>.stride
    unsafe tensor.bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      for row in 0..<rows {
        unsafe memcpy(base + row * stride, start + row * rowBytes, rowBytes)
      }
    }
  }

  /// Sets every element, row by row; the padding stays zero.
  func fill(_ next: () -> Double) {
    for row in 0..<rows {
      for column in 0..<columns { unsafe base[row * stride + column] = Scalar(next()) }
    }
  }
}
