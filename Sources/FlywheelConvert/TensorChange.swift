public import FlywheelCore

/// What happens to a tensor on its way from one file to another, in this order: its axes are permuted, it
/// gets another shape, its numbers another dtype.
public struct TensorChange: Sendable, Hashable {
  /// How the axes are permuted; nil if they stay.
  public var transposition: Transposition?
  /// The new extents, of which one may be -1 for what is left; nil if they stay.
  public var extents: [Int]?
  /// The new dtype; nil if it stays.
  public var dtype: DType?
  /// Whether every number must survive the way to the new dtype and back, bit for bit.
  public var isExact: Bool

  /// How axes are permuted.
  public enum Transposition: Sendable, Hashable {
    /// The last one becomes the first, and so on.
    case reversed
    /// For each axis of the result, which one of the source it is.
    case axes([Int])
  }

  /// Describes a change; none if nothing is given.
  ///
  /// - Parameters:
  ///   - transposition: How the axes are permuted.
  ///   - extents: The new extents, of which one may be -1 for what is left.
  ///   - dtype: The new dtype.
  ///   - isExact: Whether every number must survive the way to the new dtype and back, bit for bit.
  public init(
    transposition: Transposition? = nil,
    extents: [Int]? = nil,
    dtype: DType? = nil,
    isExact: Bool = true
  ) {
    self.transposition = transposition
    self.extents = extents
    self.dtype = dtype
    self.isExact = isExact
  }

  /// Whether the bytes stay as they are, so that they need not be held in memory.
  func keepsBytes(of description: TensorDescription) -> Bool {
    (axes(of: description.shape) ?? []).isSorted
      && (dtype.map { .number($0) } ?? description.element) == description.element
  }

  /// What an array becomes.
  ///
  /// - Throws: `invalidArgument` if the change does not fit it.
  package func result(of description: TensorDescription) throws(FlywheelError) -> TensorDescription
  {
    if case .opaque(let type) = description.element, dtype != nil || transposition != nil {
      throw FlywheelError(
        .invalidArgument,
        "Elements of type \(type.name) are only carried; they can be renamed and reshaped."
      )
    }
    var shape = description.shape
    if let axes = axes(of: shape) {
      guard axes.sorted() == Array(0..<shape.rank) else {
        throw FlywheelError(
          .invalidArgument,
          "The axes \(axes) are no permutation of those of shape \(shape), which are numbered from 0."
        )
      }
      shape = try Shape(axes.map { shape.extents[$0] })
    }
    if let extents { shape = try reshaped(shape, to: extents) }
    return try TensorDescription(
      element: dtype.map { .number($0) } ?? description.element,
      shape: shape
    )
  }

  /// The changed tensor.
  ///
  /// - Throws: `invalidArgument` if the change does not fit it, or a number does not fit the new dtype.
  package func apply(to tensor: Tensor) throws(FlywheelError) -> Tensor {
    let description = try result(of: TensorDescription(of: tensor))
    var changed = tensor
    if let axes = axes(of: tensor.shape), !axes.isSorted { changed = try changed.transposed(axes) }
    if let dtype {
      let original = changed
      changed = try original.converted(to: dtype)
      if isExact { try Self.require(changed, isExactly: original) }
    }
    return try Tensor(
      dtype: changed.dtype,
      shape: description.shape,
      storage: changed.storage,
      byteOffset: changed.byteOffset
    )
  }

  private func axes(of shape: Shape) -> [Int]? {
    switch transposition {
    case nil: nil
    case .reversed: (0..<shape.rank).reversed()
    case .axes(let axes): axes
    }
  }

  private func reshaped(_ shape: Shape, to extents: [Int]) throws(FlywheelError) -> Shape {
    let known = try Shape(extents.filter { $0 >= 0 }).elementCount
    var extents = extents
    if let open = extents.firstIndex(of: -1), known > 0 {
      extents[open] = shape.elementCount / known
    }
    guard !extents.contains(-1), let result = try? Shape(extents),
      result.elementCount == shape.elementCount
    else {
      throw FlywheelError(
        .invalidArgument,
        "Shape \(shape) has \(shape.elementCount) elements and cannot become \(extents)."
      )
    }
    return result
  }

  private static func require(
    _ converted: Tensor,
    isExactly original: Tensor
  ) throws(FlywheelError) {
    // What does not even come back has not survived either.
    let back = try? converted.converted(to: original.dtype)
    guard let back, back.hasSameBytes(as: original) else {
      throw FlywheelError(
        .invalidArgument,
        "Not every number is the same in \(converted.dtype.rawValue) as it is in "
          + "\(original.dtype.rawValue); \"exact\": false in the rule rounds them."
      )
    }
  }
}

extension [Int] {
  /// Whether this permutation leaves everything where it is.
  fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { $0 < $1 } }
}
