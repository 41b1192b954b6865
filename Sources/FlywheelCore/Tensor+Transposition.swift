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
    let walk = StridedWalk(extents: result.extents, strides: axes.map { strides[$0] })
    let storage = try unsafe TensorStorage(byteCount: byteCount) { target in
      unsafe bytes.withUnsafeBytes { source in
        // Both have as many elements as the shape says; the walk visits each element of it once.
        switch dtype.byteCount {
        case 1: unsafe walk.gather(from: source, into: target, as: UInt8.self)
        case 2: unsafe walk.gather(from: source, into: target, as: UInt16.self)
        case 4: unsafe walk.gather(from: source, into: target, as: UInt32.self)
        case 8: unsafe walk.gather(from: source, into: target, as: UInt64.self)
        default: unsafe walk.gather(from: source, into: target, as: UInt128.self)
        }
      }
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

/// Elements at regular distances along each axis, in row-major order.
private struct StridedWalk {
  let extents: [Int]
  let strides: [Int]

  /// Copies the elements, wherever they lie in the source, one behind the other.
  func gather<Element: FixedWidthInteger & BitwiseCopyable>(
    from source: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer,
    as type: Element.Type
  ) {
    let size = MemoryLayout<Element>.size
    let count = target.count / size
    guard count > 0, let inner = extents.last, let step = strides.last else {
      unsafe target.copyMemory(from: source)
      return
    }
    var position = [Int](repeating: 0, count: extents.count)
    var start = 0
    for row in 0..<count / inner {
      for column in 0..<inner {
        let element = unsafe source.loadUnaligned(
          fromByteOffset: (start + column * step) * size,
          as: type
        )
        unsafe target.storeBytes(of: element, toByteOffset: (row * inner + column) * size, as: type)
      }
      // One row on: the axes before the last one count like an odometer.
      for axis in extents.indices.dropLast().reversed() {
        position[axis] += 1
        start += strides[axis]
        guard position[axis] == extents[axis] else { break }
        start -= strides[axis] * extents[axis]
        position[axis] = 0
      }
    }
  }
}
