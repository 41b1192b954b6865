import FlywheelCore

/// What a PyTorch file says besides its tensors: a value that Python writes as a literal.
indirect enum TorchValue: Sendable, Hashable {
  case none
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case text(String)
  case list([TorchValue])
  case tuple([TorchValue])
}

extension TorchValue {
  /// The value that an attribute is to Python; nil for complex numbers, which PyTorch's restricted reader takes
  /// only as calls, and for integers of more than 63 bits.
  init?(_ attribute: AttributeValue) {
    switch attribute {
    case .string(let text): self = .text(text)
    case .integer(let number): self = .integer(number)
    case .double(let number): self = .double(number)
    case .strings(let texts): self = .list(texts.map { .text($0) })
    case .tensor(let tensor):
      guard let elements = Self.elements(of: tensor) else { return nil }
      self = Self.nested(elements[...], tensor.shape.extents[...])
    }
  }

  private static func elements(of tensor: Tensor) -> [TorchValue]? {
    switch tensor.dtype.kind {
    case .bool:
      guard let numbers: [UInt8] = try? tensor.converted(to: .uint8).elements() else { return nil }
      return numbers.map { .bool($0 != 0) }
    case .signedInteger, .unsignedInteger:
      guard let numbers: [Int64] = try? tensor.converted(to: .int64).elements() else { return nil }
      return numbers.map { .integer($0) }
    case .floatingPoint:
      guard let numbers: [Double] = try? tensor.converted(to: .float64).elements() else {
        return nil
      }
      return numbers.map { .double($0) }
    case .complex: return nil
    }
  }

  /// Elements in row-major order as lists of lists.
  private static func nested(
    _ elements: ArraySlice<TorchValue>,
    _ extents: ArraySlice<Int>
  ) -> TorchValue {
    guard let count = extents.first else { return elements.first ?? .none }
    guard count > 0 else { return .list([]) }
    let size = elements.count / count
    return .list(
      (0..<count).map { index in
        let start = elements.startIndex + index * size
        return nested(elements[start..<start + size], extents.dropFirst())
      }
    )
  }
}
