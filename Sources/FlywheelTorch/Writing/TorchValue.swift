import FlywheelCore
import FlywheelPickle

/// What a PyTorch file says besides its tensors: a value that Python writes as a literal.
indirect enum TorchValue: Sendable, Hashable {
  case none
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case text(String)
  case list([TorchValue])
  case tuple([TorchValue])
  case set([TorchValue])
  case size([TorchValue])
  case bytes([UInt8])
  case byteArray([UInt8])
  /// What is only named, such as a dtype.
  case global(PickleGlobal)
  case device(String)
  case layout(String)
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

  /// The value that an attribute is to Python; nil as without a form.
  ///
  /// - Parameters:
  ///   - attribute: The attribute.
  ///   - form: What it was to Python before; what does not fit the attribute is not heeded.
  init?(_ attribute: AttributeValue, as form: TorchForm) {
    self.init(attribute)
    switch (form.kind, attribute, self) {
    case (.bytes, .tensor(let tensor), .list), (.byteArray, .tensor(let tensor), .list):
      guard tensor.shape.rank == 1, let bytes = try? tensor.elements(as: UInt8.self) else { return }
      self = form.kind == .bytes ? .bytes(bytes) : .byteArray(bytes)
    case (.name, .string(let text), _):
      guard let global = TorchGlobals.named(text) else { return }
      self = .global(global)
    case (.device, .string(let text), _): self = .device(text)
    case (.layout, .string(let text), _): self = .layout(text)
    case (_, _, .list(var elements)) where form.kind.isSequence:
      for place in form.integers where elements.indices.contains(place) {
        guard case .double(let number) = elements[place], let integer = Int64(exactly: number)
        else { continue }
        elements[place] = .integer(integer)
      }
      self =
        switch form.kind {
        case .tuple: .tuple(elements)
        case .set: .set(elements)
        case .size: .size(elements)
        default: .list(elements)
        }
    default: return
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
