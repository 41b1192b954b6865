extension Tensor {
  /// Whether no element is an infinity or a NaN; integers always are finite.
  package var isFinite: Bool {
    // A view may begin anywhere in a mapped file; a span of elements may not.
    let isAligned = unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
      .isMultiple(of: UInt(dtype.byteCount))
    switch dtype {
    case .float32 where isAligned: return Self.allFinite(Span<UInt32>(_bytes: bytes))
    case .float64 where isAligned: return Self.allFinite(Span<UInt64>(_bytes: bytes))
    case .float32: return (try? elements(as: Float.self))?.allSatisfy(\.isFinite) ?? false
    case .float64: return (try? elements(as: Double.self))?.allSatisfy(\.isFinite) ?? false
    default: return true
    }
  }

  // Two concrete loops over bit patterns: integer reductions vectorise, floating-point ones do not.

  private static func allFinite(_ patterns: Span<UInt32>) -> Bool {
    var bad: UInt32 = 0
    for index in patterns.indices {
      bad |= patterns[index] & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
    }
    return bad == 0
  }

  private static func allFinite(_ patterns: Span<UInt64>) -> Bool {
    var bad: UInt64 = 0
    for index in patterns.indices {
      bad |= patterns[index] & 0x7FF0_0000_0000_0000 == 0x7FF0_0000_0000_0000 ? 1 : 0
    }
    return bad == 0
  }
}
