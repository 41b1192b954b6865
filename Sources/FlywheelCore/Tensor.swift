/// A view of elements in row-major order: a dtype, a shape, and bytes in a shared storage.
///
/// Copying a tensor copies the view, never the bytes. Elements are little-endian, like every file
/// that Flywheel writes.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The extents, outermost first.
  public let shape: Shape
  /// The owner of the bytes.
  public let storage: TensorStorage
  /// Where in the storage the first element lies.
  public let byteOffset: Int
  /// The number of bytes of all elements.
  public let byteCount: Int

  /// Creates a view of part of a storage.
  ///
  /// - Parameters:
  ///   - dtype: The type of the elements.
  ///   - shape: The extents.
  ///   - storage: The owner of the bytes.
  ///   - byteOffset: Where in `storage` the first element lies.
  /// - Throws: `truncated` if the storage ends before the view does.
  public init(
    dtype: DType,
    shape: Shape,
    storage: TensorStorage,
    byteOffset: Int = 0
  ) throws(FlywheelError) {
    let byteCount = try shape.byteCount(of: dtype)
    guard byteOffset >= 0, byteOffset <= storage.byteCount,
      byteCount <= storage.byteCount - byteOffset
    else {
      throw FlywheelError.truncated(
        "a tensor of shape \(shape) and dtype \(dtype.rawValue)",
        needed: UInt64(byteCount),
        available: UInt64(max(0, storage.byteCount - max(0, byteOffset))),
        at: .init(byteOffset: UInt64(max(0, byteOffset)))
      )
    }
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.byteOffset = byteOffset
    self.byteCount = byteCount
  }

  /// Creates a tensor that holds a copy of an array's elements.
  ///
  /// - Parameters:
  ///   - elements: The elements in row-major order.
  ///   - shape: The extents.
  /// - Throws: `mismatch` if the shape has another number of elements.
  public init<Element: TensorElement>(_ elements: [Element], shape: Shape) throws(FlywheelError) {
    guard elements.count == shape.elementCount else {
      throw FlywheelError(
        .mismatch,
        "\(elements.count) elements do not fill shape \(shape), which has \(shape.elementCount)."
      )
    }
    let byteCount = try shape.byteCount(of: Element.dtype)
    let storage = try TensorStorage(byteCount: byteCount) { (output) throws(FlywheelError) in
      for element in elements { unsafe output.append(element, as: Element.self) }
    }
    try self.init(dtype: Element.dtype, shape: shape, storage: storage)
  }

  /// Creates a vector that holds a copy of an array's elements.
  ///
  /// - Parameter elements: The elements.
  /// - Throws: `limitExceeded` if there is no memory for the copy.
  public init<Element: TensorElement>(vector elements: [Element]) throws(FlywheelError) {
    try self.init(elements, shape: Shape(vector: elements.count))
  }

  /// The bytes of the elements.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = storage.bytes.extracting(byteOffset..<byteOffset + byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The elements as an array.
  ///
  /// - Parameter type: The Swift type of the elements.
  /// - Throws: `mismatch` if the tensor's dtype is another; `malformed` for a byte of a `bool` tensor that
  ///   is neither 0 nor 1.
  /// - Returns: A copy of the elements in row-major order.
  public func elements<Element: TensorElement>(
    as type: Element.Type = Element.self
  ) throws(FlywheelError) -> [Element] {
    guard Element.dtype == dtype else {
      throw FlywheelError(
        .mismatch,
        "The tensor holds \(dtype.rawValue), not \(Element.dtype.rawValue); ask for its own dtype."
      )
    }
    try checkTruthValues()
    return unsafe [Element](unsafeUninitializedCapacity: shape.elementCount) { buffer, count in
      let target = UnsafeMutableRawBufferPointer(buffer)
      unsafe bytes.withUnsafeBytes { source in unsafe target.copyMemory(from: source) }
      count = shape.elementCount
    }
  }

  /// The checksum that a checkpoint's index holds: CRC-32 over the elements' bytes.
  public var crc32: UInt32 { CRC32.checksum(bytes) }
}
