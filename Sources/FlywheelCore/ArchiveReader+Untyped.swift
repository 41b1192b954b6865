extension DType {
  /// Whether numpy has no such type, so that .npy files hold it as bytes that do not say what they are.
  package var isOnlyBytesInNumPy: Bool {
    switch self {
    case .bfloat16, .float8E4M3FN, .float8E5M2: true
    default: false
    }
  }
}

extension ElementType {
  /// Whether elements are the bytes of a dtype that the file has no name for.
  package func isBytes(of dtype: DType) -> Bool {
    guard case .opaque(let type) = self else { return false }
    // ml_dtypes gives its types a byte order, which bytes of no type do not have.
    let names = ["<V\(dtype.byteCount)", "|V\(dtype.byteCount)"]
    return dtype.isOnlyBytesInNumPy && names.contains(type.name)
  }
}

extension ArchiveReader {
  /// Reads an array as a tensor of a dtype that another source than the file's own type knows.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - description: What its bytes are; as many as the array has.
  /// - Throws: As `read(_:_:)`; `mismatch` if the description has no dtype, or the array has another
  ///   number of bytes.
  /// - Returns: The tensor, in memory of its own unless the file knows the dtype.
  package func tensor(
    _ key: String,
    as description: TensorDescription
  ) throws(FlywheelError) -> Tensor {
    let found = try member(key)?.array()
    if found == description, let tensor = try tensor(key) { return tensor }
    guard let dtype = description.element.dtype, found?.byteCount == description.byteCount else {
      throw FlywheelError(
        .mismatch,
        "The array cannot be \(description.element) \(description.shape).",
        at: .init(path: path, tensor: key)
      )
    }
    var count = 0
    let storage = try unsafe TensorStorage(byteCount: description.byteCount) {
      (buffer) throws(FlywheelError) in
      try read(key) { (piece) throws(FlywheelError) in
        let end = count + piece.byteCount
        if end <= buffer.count {
          // The destination has as many bytes as the piece.
          let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count..<end])
          unsafe piece.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
        count = end
      }
      guard count == buffer.count else {
        throw FlywheelError.malformed(
          found: "\(count) bytes",
          expected: "\(buffer.count) bytes",
          at: .init(path: path, tensor: key)
        )
      }
    }
    return try Tensor(dtype: dtype, shape: description.shape, storage: storage)
  }
}
