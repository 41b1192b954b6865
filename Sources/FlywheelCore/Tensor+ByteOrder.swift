internal import CFlywheelKernels

extension Tensor {
  /// The same elements with their bytes in the other order, each part of a complex number by itself:
  /// what makes a tensor of elements that a file holds big-endian.
  ///
  /// - Returns: A tensor of its own memory.
  /// - Throws: `limitExceeded` if there is no memory for it.
  package func byteSwapped() throws(FlywheelError) -> Tensor {
    let storage = try unsafe TensorStorage(byteCount: byteCount) {
      (target) throws(FlywheelError) in
      unsafe bytes.withUnsafeBytes { source in
        // Both have as many bytes as the elements.
        unsafe fw_swap_bytes(
          source.baseAddress,
          target.baseAddress,
          shape.elementCount * dtype.partCount,
          dtype.part.byteCount
        )
      }
    }
    return try Tensor(dtype: dtype, shape: shape, storage: storage)
  }
}
