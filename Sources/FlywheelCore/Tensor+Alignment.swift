extension Tensor {
  /// Takes elements where they lie in a file, or a copy of them if they lie there as no processor has them.
  ///
  /// - Parameters:
  ///   - dtype: The type of the elements.
  ///   - shape: The extents.
  ///   - storage: What holds the file.
  ///   - offset: Where in it the first element lies.
  /// - Throws: `truncated` if the storage ends before the elements do, `limitExceeded` if there is no memory for
  ///   a copy.
  package init(
    aligned dtype: DType,
    shape: Shape,
    in storage: TensorStorage,
    at offset: Int
  ) throws(FlywheelError) {
    let view = try Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: offset)
    guard !offset.isMultiple(of: dtype.part.byteCount) else {
      self = view
      return
    }
    let copy = try unsafe TensorStorage(byteCount: view.byteCount) {
      (target) throws(FlywheelError) in
      // The target has as many bytes as the view.
      unsafe view.bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
    }
    try self.init(dtype: dtype, shape: shape, storage: copy)
  }
}
