internal import FlywheelCore

/// Elements of a dataset: in memory of their own, or where they lie in the file.
struct HDF5Elements {
  let description: TensorDescription
  private let storage: TensorStorage
  private let byteOffset: Int

  /// Throws if the storage ends before the elements do.
  init(
    _ description: TensorDescription,
    _ storage: TensorStorage,
    byteOffset: Int = 0
  ) throws(FlywheelError) {
    guard byteOffset <= storage.byteCount,
      description.byteCount <= storage.byteCount - byteOffset
    else {
      throw FlywheelError.truncated(
        "an array of shape \(description.shape) and type \(description.element)",
        needed: UInt64(description.byteCount),
        available: UInt64(max(0, storage.byteCount - byteOffset)),
        at: .init(byteOffset: UInt64(byteOffset))
      )
    }
    self.description = description
    self.storage = storage
    self.byteOffset = byteOffset
  }

  var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = storage.bytes.extracting(byteOffset..<byteOffset + description.byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The elements with their place in the file, as far as they lie there.
  var stored: StoredBytes {
    StoredBytes(
      storage: storage,
      range: byteOffset..<byteOffset + description.byteCount,
      fileOffset: byteOffset
    )
  }

  /// The elements as a tensor, truth values checked.
  func tensor() throws(FlywheelError) -> Tensor {
    let tensor = try uncheckedTensor()
    try tensor.checkTruthValues()
    return tensor
  }

  /// The elements as a tensor, whose truth values may be neither true nor false.
  func uncheckedTensor() throws(FlywheelError) -> Tensor {
    guard case .number(let dtype) = description.element else {
      throw FlywheelError(.unsupported, "\(description.element) are no numbers.")
    }
    return try Tensor(
      dtype: dtype,
      shape: description.shape,
      storage: storage,
      byteOffset: byteOffset
    )
  }
}
