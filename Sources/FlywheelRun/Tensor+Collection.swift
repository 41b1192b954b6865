import FlywheelCore

// Elements as other programs hold them: in a row of memory wherever they do, one by one otherwise.
extension Tensor {
  /// Creates a tensor that holds a copy of a collection's elements.
  ///
  /// - Throws: `mismatch` if the shape has another number of elements, `invalidArgument` if the type of
  ///   the elements is not as large as its dtype.
  init<Values: Collection>(
    copying values: Values,
    shape: Shape
  ) throws(FlywheelError) where Values.Element: TensorElement {
    try Self.require(values, shape)
    let byteCount = try shape.byteCount(of: Values.Element.dtype)
    let storage = try unsafe TensorStorage(
      byteCount: byteCount,
      // Every byte is written: the collection has been checked to have as many elements as the shape.
      unsafeFilledBy: { (target) throws(FlywheelError) in
        let isCopied: Void? = values.withContiguousStorageIfAvailable { source in
          unsafe target.copyMemory(from: UnsafeRawBufferPointer(source))
        }
        guard isCopied == nil else { return }
        unsafe Array(values).withUnsafeBytes { unsafe target.copyMemory(from: $0) }
      }
    )
    try self.init(dtype: Values.Element.dtype, shape: shape, storage: storage)
  }

  /// Overwrites a collection's elements with the tensor's.
  ///
  /// - Throws: `mismatch` if the collection or the tensor has another shape or dtype.
  func copy<Values: MutableCollection>(
    to values: inout Values,
    shape: Shape
  ) throws(FlywheelError) where Values.Element: TensorElement {
    try Self.require(values, shape)
    guard self.shape == shape, dtype == Values.Element.dtype else {
      throw FlywheelError(
        .mismatch,
        "The checkpoint holds \(dtype.rawValue) \(self.shape), the trainer asks for "
          + "\(Values.Element.dtype.rawValue) \(shape)."
      )
    }
    let isCopied: Void? = unsafe values.withContiguousMutableStorageIfAvailable { target in
      unsafe bytes.withUnsafeBytes { source in
        // As many bytes as elements: the shapes are equal, and so are the dtypes.
        unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
      }
    }
    guard isCopied == nil else { return }
    var index = values.startIndex
    for element in try elements(as: Values.Element.self) {
      values[index] = element
      values.formIndex(after: &index)
    }
  }

  private static func require<Values: Collection>(
    _ values: Values,
    _ shape: Shape
  ) throws(FlywheelError) where Values.Element: TensorElement {
    guard values.count == shape.elementCount else {
      throw FlywheelError(
        .mismatch,
        "\(values.count) elements do not fill shape \(shape), which has \(shape.elementCount)."
      )
    }
    guard MemoryLayout<Values.Element>.stride == Values.Element.dtype.byteCount else {
      throw FlywheelError(
        .invalidArgument,
        "\(Values.Element.self) takes \(MemoryLayout<Values.Element>.stride) bytes, its dtype "
          + "\(Values.Element.dtype.rawValue) \(Values.Element.dtype.byteCount)."
      )
    }
  }
}
