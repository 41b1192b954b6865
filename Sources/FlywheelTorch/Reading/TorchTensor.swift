import FlywheelCore

/// A tensor as a file has it: elements of a storage, at regular distances, with what is to be done to them.
struct TorchTensor: Sendable, Hashable {
  let storage: TorchStorage
  let type: TorchType
  let array: TensorDescription
  /// How many elements further the next one along each axis lies.
  let strides: [Int]
  /// How its elements lie, from the first on.
  let elements: StridedElements
  /// Where in the storage's bytes in the file the first element lies.
  let byteOffset: Int
  /// Which of its numbers' parts have the other sign than those in the file.
  let signs: Signs

  /// Signs that PyTorch changes only when it computes: the bits that `conj()` and `imag` set.
  struct Signs: OptionSet, Sendable, Hashable {
    let rawValue: UInt8

    /// Those of imaginary parts.
    static let conjugate = Signs(rawValue: 1)
    /// All.
    static let negative = Signs(rawValue: 2)
  }

  /// Looks where the elements of a tensor lie.
  ///
  /// - Parameters:
  ///   - storage: The storage that it views.
  ///   - type: What the elements are.
  ///   - offset: How many elements of the storage lie before its own.
  ///   - extents: Its extents.
  ///   - strides: How many elements further the next one along each axis lies.
  ///   - signs: Which of the numbers' parts have the other sign.
  /// - Throws: `malformed` if elements lie outside of the storage, or strides do not fit the extents;
  ///   `limitExceeded` if a size overflows; `unsupported` for signs that its type does not have.
  init(
    _ storage: TorchStorage,
    _ type: TorchType,
    offset: Int,
    extents: [Int],
    strides: [Int],
    signs: Signs = []
  ) throws(FlywheelError) {
    guard extents.count == strides.count else {
      throw FlywheelError.malformed(
        found: "\(extents.count) extents and \(strides.count) strides",
        expected: "as many of both"
      )
    }
    if let stride = strides.first(where: { $0 < 0 }) {
      throw FlywheelError.malformed(found: "the stride \(stride)", expected: "no negative one")
    }
    guard offset >= 0 else {
      throw FlywheelError.malformed(found: "the offset \(offset)", expected: "no negative one")
    }
    self.strides = strides
    let shape = try Shape(extents)
    array = try TensorDescription(element: type.element, shape: shape)
    elements = StridedElements(
      shape: shape,
      strides: strides,
      elementByteCount: type.element.byteCount
    )
    let size = type.element.byteCount
    let count = storage.bytes.count / size
    guard let reach = elements.reach, reach == 0 || offset < count && reach <= count - offset else {
      throw FlywheelError.malformed(
        found: "a tensor of shape \(shape) and strides \(Self.text(strides)), from element "
          + "\(offset) on",
        expected: "one within the \(count) elements of the storage \(quoted(storage.key))"
      )
    }
    try Self.requireSigns(signs, type)
    self.storage = storage
    self.type = type
    self.signs = signs
    byteOffset = reach == 0 ? 0 : storage.bytes.lowerBound + offset * size
  }

  /// The most axes that a tensor of PyTorch has in all of its functions.
  static let rankLimit = 64

  private static func requireSigns(_ signs: Signs, _ type: TorchType) throws(FlywheelError) {
    guard signs.isEmpty || type.hasSigns && (type.partCount == 2 || signs == .negative) else {
      throw FlywheelError(
        .unsupported,
        "The tensor of \(type.name) has a bit by which PyTorch negates parts that such numbers do not have; "
          + "save tensor.resolve_conj().resolve_neg()."
      )
    }
  }

  /// How its elements lie in the storage, for people; empty if one behind the other, as they are.
  var arrangement: String {
    var words: [String] = []
    if !elements.areContiguous {
      words.append("strides \(Self.text(strides))")
    }
    if signs.contains(.conjugate) { words.append("conjugate") }
    if signs.contains(.negative) { words.append("negative") }
    return words.joined(separator: ", ")
  }

  private static func text(_ numbers: [Int]) -> String {
    "(" + numbers.map(String.init).joined(separator: ", ") + (numbers.count == 1 ? ",)" : ")")
  }
}
