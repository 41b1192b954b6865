import FlywheelCore

extension Tensor {
  /// Some of the elements, without looking at the others.
  ///
  /// - Parameter indices: Which, in row-major order; each less than the number of elements.
  /// - Throws: `limitExceeded` if there is no memory for them.
  /// - Returns: A vector of them.
  func picking(_ indices: [Int]) throws(FlywheelError) -> Tensor {
    let size = dtype.byteCount
    let storage = try TensorStorage(byteCount: indices.count * size) {
      (output) throws(FlywheelError) in
      let bytes = bytes
      for index in indices where index < shape.elementCount {
        for place in index * size..<(index + 1) * size {
          // Within the tensor: the element is one of its own.
          output.append(unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self))
        }
      }
    }
    return try Tensor(dtype: dtype, shape: Shape(vector: indices.count), storage: storage)
  }
}
