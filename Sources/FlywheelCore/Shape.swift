/// The extents of a tensor, outermost first; the last one varies fastest in memory.
///
/// An empty shape is a scalar with one element. A shape is valid by construction: no extent is
/// negative, and the number of elements fits an `Int`.
public struct Shape: Sendable, Hashable {
  /// The extents, outermost first.
  public let extents: [Int]
  /// The product of the extents; 1 for a scalar.
  public let elementCount: Int

  /// The shape of a scalar.
  public static let scalar = Shape()

  private init() {
    extents = []
    elementCount = 1
  }

  /// Creates a shape from extents that may come from a file.
  ///
  /// - Parameter extents: The extents, outermost first.
  /// - Throws: `malformed` for a negative extent, `limitExceeded` if the element count overflows.
  public init(_ extents: [Int]) throws(FlywheelError) {
    var count = 1
    var hasZero = false
    for extent in extents {
      guard extent >= 0 else {
        throw FlywheelError.malformed(found: "a negative extent, \(extent)", expected: "a size")
      }
      if extent == 0 {
        hasZero = true
        continue
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw FlywheelError.overflow("a tensor of shape \(extents)") }
      count = product
    }
    self.extents = extents
    elementCount = hasZero ? 0 : count
  }

  /// Creates the shape of a vector.
  ///
  /// - Precondition: `count` is not negative.
  public init(vector count: Int) {
    precondition(count >= 0, "a vector has no negative number of elements")
    extents = [count]
    elementCount = count
  }

  /// The number of axes; 0 for a scalar.
  public var rank: Int { extents.count }

  /// The number of bytes that elements of `dtype` need in this shape.
  ///
  /// - Parameter dtype: The type of the elements.
  /// - Throws: `limitExceeded` if the count overflows.
  /// - Returns: The number of bytes.
  public func byteCount(of dtype: DType) throws(FlywheelError) -> Int {
    let (bytes, overflow) = elementCount.multipliedReportingOverflow(by: dtype.byteCount)
    guard !overflow else {
      throw FlywheelError.overflow("a tensor of shape \(self) and dtype \(dtype.rawValue)")
    }
    return bytes
  }
}

extension Shape: CustomStringConvertible {
  /// The extents as numpy would print them, for example `(30, 784)` or `()`.
  public var description: String {
    extents.count == 1
      ? "(\(extents[0]),)"
      : "(" + extents.map(String.init).joined(separator: ", ") + ")"
  }
}
