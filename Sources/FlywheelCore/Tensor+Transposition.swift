extension Tensor {
  /// The same elements with the axes in another order, as numpy's `transpose` gives them.
  ///
  /// - Parameter axes: For each axis of the result, which one of this tensor it is.
  /// - Throws: `limitExceeded` if there is no memory for the result.
  /// - Returns: A tensor of its own memory.
  /// - Precondition: `axes` is a permutation of the numbers of the axes.
  package func transposed(_ axes: [Int]) throws(FlywheelError) -> Tensor {
    precondition(axes.sorted() == Array(0..<shape.rank), "each axis once")
    var strides = [Int](repeating: 1, count: shape.rank)
    for axis in strides.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape.extents[axis + 1]
    }
    let result = try Shape(axes.map { shape.extents[$0] })
    let elements = StridedElements(
      shape: result,
      strides: axes.map { strides[$0] },
      elementByteCount: dtype.byteCount
    )
    let storage = try unsafe TensorStorage(byteCount: byteCount) { target in
      // Both have as many elements as the shape says; the strides lead to each of them once.
      unsafe elements.gather(from: bytes, into: target)
    }
    return try Tensor(dtype: dtype, shape: result, storage: storage)
  }

  /// Whether both have the same bytes, whatever they mean.
  package func hasSameBytes(as other: Tensor) -> Bool {
    guard byteCount == other.byteCount else { return false }
    return unsafe bytes.withUnsafeBytes { left in
      unsafe other.bytes.withUnsafeBytes { right in unsafe left.elementsEqual(right) }
    }
  }
}
