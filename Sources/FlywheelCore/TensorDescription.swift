/// What an array in a file is, without its elements.
public struct TensorDescription: Sendable, Hashable {
  /// The type of the elements.
  public let element: ElementType
  /// The extents, outermost first.
  public let shape: Shape
  /// The number of bytes of all elements.
  public let byteCount: Int

  /// Describes an array.
  ///
  /// - Parameters:
  ///   - element: The type of the elements.
  ///   - shape: The extents.
  /// - Throws: `limitExceeded` if the number of bytes overflows.
  public init(element: ElementType, shape: Shape) throws(FlywheelError) {
    let (byteCount, overflow) = shape.elementCount
      .multipliedReportingOverflow(by: element.byteCount)
    guard !overflow else {
      throw FlywheelError.overflow("an array of shape \(shape) and type \(element)")
    }
    self.element = element
    self.shape = shape
    self.byteCount = byteCount
  }

  /// Describes a tensor.
  ///
  /// - Parameter tensor: The tensor.
  public init(of tensor: Tensor) {
    element = .number(tensor.dtype)
    shape = tensor.shape
    byteCount = tensor.byteCount
  }
}
